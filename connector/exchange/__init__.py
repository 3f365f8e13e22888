"""The journeys: one file each, always four beats: load, decide (core), commit, hand over effects.

    publish       an export -> documents, credentials, records, a dataset with its offer
    offer         a catalogue request -> what this caller may see
    negotiate     contract negotiation, both roles
    transfer      transfer process, both roles; the data token and what it opens
    receive       pages of a transfer, or a file -> verified, checked, kept
    audit         the auditor's walk through the peers' connectors
    answer        the owner's answer to an audit read
    authenticate  a caller's token and presentation -> Facts
    outbox        committed effects -> delivered, answers -> step
    reminders     a silent peer -> looked at, told again what it lost

Journeys do not call each other; what they need from outside stands in `ports`.
"""
