"""A look at a peer's process: `GET`, and of what it shows the state alone. What follows is for who looks to say."""

from __future__ import annotations

from urllib.parse import quote

from connector.errors import AddressBlocked, BadMessage, CannotCheck
from connector.exchange.ports import Peers
from connector.exchange.rows import ProcessKind
from connector.model import Did
from connector.vocabulary.admission import admit_message

WORDS: dict[ProcessKind, str] = {"negotiation": "negotiations", "transfer": "transfers"}
"""How the addresses of a kind of process are called (DSP 2025-1, 8.2 and 10.2)."""
_ANSWER_LIMIT_BYTES = 1 << 20
_OK, _UNKNOWN_THERE = 200, frozenset({404, 410})


def address_of(kind: ProcessKind, base: str, peer_pid: str | None, path: str = "") -> str:
    """Where a peer's process is, or takes a message. `base`: its versioned DSP address; no pid: for a first message."""
    return "/".join(filter(None, (base, WORDS[kind], quote(peer_pid or "", safe=":"), path)))


async def look(peers: Peers, kind: ProcessKind, counterparty: str, base: str, peer_pid: str) -> str | None:
    """The state that a peer shows of a process; None: it knows none of that pid, or is where we never ask.

    Any `ConnectorError` otherwise: nobody can say now.
    """
    try:
        sent = await peers.get(Did(counterparty), address_of(kind, base, peer_pid))
    except AddressBlocked:
        return None
    if sent.answer.status in _UNKNOWN_THERE:
        return None
    if sent.answer.status != _OK:
        raise CannotCheck(f"HTTP {sent.answer.status}")
    match admit_message(sent.answer.body, _ANSWER_LIMIT_BYTES):
        # The state alone counts: a real EDC leaves out our pid as long as it has not kept it.
        case {"@type": "ContractNegotiation" | "TransferProcess", "state": str(state)}:
            return state
    raise BadMessage("the peer answered something else than its process")
