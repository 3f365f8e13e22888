"""Battery connector: one process per company that maps its records to the shared battery vocabulary, signs them, and
exchanges them with other companies under its own policies.

The house, from the top down; each row may use the rows below it (import-linter, `pyproject.toml`):

    __main__, cli      commands: parse, call a connector or a journey, render
    app                the composition: configuration in, running connector out; the only file that knows everybody
    server             HTTP in: Dataspace Protocol, credential service, data, audit reads, management, pages
    stores             what is kept: SQLite, on the disk or in memory, or PostgreSQL; SQL in named files
    peers              HTTP out: the one guarded client, DID documents and status lists, messages with tokens
    keys               where private keys are, and which of them signs when; the credentials that prove who we are
    exchange           the journeys, one file each: load, decide, commit, hand over effects; `ports` and `rows` beside
    protocol           DSP messages, one table-driven engine `step`, negotiation and transfer, catalogue
    bridges            other data models: UNTP, EN 18223, Catena-X, BatteryPass, EPCIS; there and back, with every loss
    config             the configuration, one frozen model
    credentials        W3C credentials as JWT or with a proof, DIDs, tokens, status lists: issue and verify
    policy             ODRL read, compiled, evaluated; decisions with reasons
    mapping            export bytes -> rows with positions -> documents with lineage
    provenance         evidence log, chain walk, mass balance, origin and recycled shares, the audit's report
    vocabulary         terms, contexts, shapes, the strict reading of JSON
    model, errors      values that all share; the one error tree

From protocol down nothing waits, reads a clock, draws lots or touches a file (but `config`, which reads the company's,
and `vocabulary.bundle`, which reads its own data, the vocabulary's versions among them).
Five files tell the rest: `exchange/publish.py`, `protocol/negotiation.py`, `exchange/negotiate.py`,
`credentials/verify.py`, `app.py`.
"""

from typing import Final

__version__ = "0.1.0"

DATASPACE_PROTOCOL: Final = "2025-1"
"""Dataspace Protocol, HTTPS binding."""
DECENTRALIZED_CLAIMS_PROTOCOL: Final = "1.0"
"""Decentralized Claims Protocol, profiles `vc20-bssl/jwt`, and `vc11-sl2021/jwt` for who we and peers are."""
VERIFIABLE_CREDENTIALS: Final = "2.0"
"""W3C Verifiable Credentials Data Model, as `vc+jwt` (VC-JOSE-COSE), with a proof inside, or in part as `vc+sd-jwt`."""
DATA_INTEGRITY: Final = "1.0"
"""W3C Verifiable Credential Data Integrity, cryptosuites `eddsa-jcs-2022` and `ecdsa-jcs-2019`."""
BITSTRING_STATUS_LIST: Final = "1.0"
"""W3C Bitstring Status List."""
ODRL: Final = "2.2"
"""W3C ODRL Information Model."""
