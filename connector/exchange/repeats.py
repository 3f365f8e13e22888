"""Whether a message was heard before: by its `@id`, by its bytes where it has none, or by what it says.

What a repeat is answered is `protocol.machine`'s. DECISIONS, "The protocol's step".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import orjson

from connector.exchange.draft import Incoming
from connector.exchange.ports import Store
from connector.exchange.rows import MessageRow, ProcessRow
from connector.model import JsonObject
from connector.protocol.process import START, Role, Table

_REFUSED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What was heard before. `how`: the message that comes now is it by its id, says the same, or says it anew."""

    row: MessageRow
    how: Literal["id", "words", "anew"]


async def heard_before(store: Store, table: Table, row: ProcessRow, state: str, incoming: Incoming) -> Earlier | None:
    """What the store holds of this message: by its `@id`, or by its bytes where it has none. `state`: of the process.

    Or it comes again under another `@id`: a real EDC repeats itself so when our next message met its transaction. That
    holds for what opened the process, and for what can be said but once in a process, such as a verification; of an
    agreement, which that EDC then makes anew, its own id and time may be others. A second request or offer is none:
    whoever sends one wants something (DSP TCK CN:03-04).
    """
    if incoming.message_id is None:
        said = await store.messages(row.tenant, row.kind, row.pid)
        same = [one for one in said if one.direction == "in" and one.sha256 == incoming.digest]
        return Earlier(row=same[-1], how="words") if same else None
    known = await store.find_message(row.tenant, row.kind, row.pid, row.counterparty, incoming.message_id)
    if known is None or known.sha256 != incoming.digest:
        by_words = await _said_before(store, table, row, state, incoming)
        if by_words is not None:
            return by_words
    return Earlier(row=known, how="id") if known is not None else None


async def _said_before(store: Store, table: Table, row: ProcessRow, state: str, incoming: Incoming) -> Earlier | None:
    peer = Role(row.role).other
    opens = table.target(START, incoming.kind, peer) is not None
    # A look at all messages is for those that come too late, not for each that comes as it should.
    late = table.target(state, incoming.kind, peer) is None and table.happens_once(incoming.kind)
    if not (opens or late):
        return None
    said = await store.messages(row.tenant, row.kind, row.pid)
    words = _words(incoming.kept if incoming.kept is not None else incoming.body)
    heard = [*said[:1], *(one for one in said if late and _was_taken(one, incoming.kind))]
    for one in heard:
        if (before := _words(one.body)) == words:
            return Earlier(row=one, how="words")
        if late and _of_what(before) == _of_what(words):
            return Earlier(row=one, how="anew")
    return None


def _was_taken(one: MessageRow, kind: str) -> bool:
    return (one.direction, one.message_type) == ("in", kind) and one.status < _REFUSED


def _words(body: bytes) -> JsonObject:
    """All that a message says but its id; nothing, where it was refused and only its beginning is kept."""
    try:
        said: JsonObject = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    said.pop("@id", None)
    return said


def _of_what(words: JsonObject) -> JsonObject:
    """The same without what makes an agreement this one: parties, dataset and rules are left (DSP 2025-1, 7.3)."""
    agreement = words.get("agreement")
    if not isinstance(agreement, dict):
        return words
    return {**words, "agreement": {name: part for name, part in agreement.items() if name not in {"@id", "timestamp"}}}
