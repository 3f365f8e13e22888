"""Whether a message was heard before: by its `@id`, by its bytes where it has none, or by all that it says but the id.

What a repeat is answered is `protocol.machine`'s. DECISIONS, "The protocol's step".
"""

from __future__ import annotations

import orjson

from connector.exchange.draft import Incoming
from connector.exchange.ports import Store
from connector.exchange.rows import MessageRow, ProcessRow
from connector.model import JsonObject
from connector.protocol.process import START, Role, Table

_REFUSED = 400


async def heard_before(store: Store, table: Table, row: ProcessRow, incoming: Incoming) -> MessageRow | None:
    """What the store holds of this message: by its `@id`, or by its bytes where it has none.

    Or it comes again under another `@id`: a real EDC repeats itself so when our next message met its transaction. That
    holds for what opened the process, and for what can be said but once in a process, such as a verification. A second
    request or offer is none: whoever sends one wants something (DSP TCK CN:03-04).
    """
    if incoming.message_id is not None:
        known = await store.find_message(row.tenant, row.kind, row.pid, row.counterparty, incoming.message_id)
        peer = Role(row.role).other
        opens = table.target(START, incoming.kind, peer) is not None
        # A look at all messages is for those that come too late, not for each that comes as it should.
        late = table.target(row.state, incoming.kind, peer) is None and table.happens_once(incoming.kind)
        if known is not None or not (opens or late):
            return known
    said = await store.messages(row.tenant, row.kind, row.pid)
    if incoming.message_id is not None:
        kept = _but_its_id(incoming.kept if incoming.kept is not None else incoming.body)
        again = [*said[:1], *(one for one in said if late and _was_taken(one, incoming.kind))]
        return next((one for one in again if _but_its_id(one.body) == kept), None)
    same = [one for one in said if one.direction == "in" and one.sha256 == incoming.digest]
    return same[-1] if same else None


def _was_taken(one: MessageRow, kind: str) -> bool:
    return (one.direction, one.message_type) == ("in", kind) and one.status < _REFUSED


def _but_its_id(body: bytes) -> JsonObject:
    said: JsonObject = orjson.loads(body)
    said.pop("@id", None)
    return said
