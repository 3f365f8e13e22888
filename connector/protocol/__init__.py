"""The Dataspace Protocol 2025-1: messages, processes, catalogue. Values in, values out.

- `process.py`      what a process is, what can happen to it, what follows from it
- `machine.py`      `step(table, process, event)`: the only place where a process moves
- `negotiation.py`  the table of contract negotiations, and what their messages must contain
- `transfer.py`     the same for transfer processes
- `terms.py`        offers and agreements on the wire (the ODRL profile), and when two are equal
- `messages.py`     what peers send us: strict models, every wrong field named at once
- `compose.py`      what we send: one function per message
- `catalog.py`      offer ids, datasets and pages of the catalogue
- `catalog_query.py`  what a catalogue request asks for: filter, page, the link to the next one

Who sends, stores, signs and keeps time: exchange/. What a policy means: policy/.
"""
