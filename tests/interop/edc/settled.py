"""A wait for EDC's state that knows what EDC itself loses.

The lease of its store in memory has one holder for all threads, so it keeps none of them apart: what its state machine
writes after our answer can cover what our next message, some milliseconds later, has just written. It may go on by what
it has in its hands, and tell of the covered state for ever after.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from http import HTTPStatus
from urllib.parse import quote

from connector.model import JsonObject, objects_in
from tests.interop.company import Company
from tests.interop.edc import actions
from tests.interop.edc.runtime import Edc

_LOOK = "looking at the peer's process: "


class LostByEdcError(Exception):
    """EDC has acknowledged a message and stands before it all the same. It says so to nobody."""


def negotiation(edc: Edc, us: Company, ident: str, states: Collection[str] = actions.NEGOTIATED) -> JsonObject:
    """EDC's negotiation with us, by its id there, once it is in one of these states."""
    return _unless_lost(us, ident, lambda: actions.negotiation(edc, ident, states))


def finalized(edc: Edc, us: Company, ident: str) -> JsonObject:
    """The same, once it is FINALIZED."""
    row = negotiation(edc, us, ident)
    if row["state"] != "FINALIZED" and _forgotten(us, ident):
        raise LostByEdcError(f"{ident} is REQUESTED there, after its own verification of the agreement")
    assert row["state"] == "FINALIZED", row
    return row


def transfer(edc: Edc, us: Company, ident: str, states: Collection[str]) -> JsonObject:
    """EDC's transfer with us, by its id there, once it is in one of these states."""
    return _unless_lost(us, ident, lambda: actions.transfer(edc, ident, states))


def _unless_lost(us: Company, ident: str, wait: Callable[[], JsonObject]) -> JsonObject:
    try:
        return wait()
    except TimeoutError as error:
        if not _acknowledged(us, ident):
            raise
        raise LostByEdcError(str(error)) from error


def _acknowledged(us: Company, ident: str) -> bool:
    """Whether the last word in a process is ours, and EDC has answered it with success."""
    match us.get(f"/v1/processes/{quote(ident, safe=':')}")["messages"]:
        case [*_, {"direction": "out", "status": HTTPStatus.OK}]:
            return True
    return False


def _forgotten(us: Company, ident: str) -> bool:
    """Whether EDC has verified our agreement, and told of REQUESTED whenever it was asked later."""
    ours = us.get(f"/v1/processes/{quote(ident, safe=':')}")
    heard = {str(one["message"]) for one in objects_in(ours["messages"]) if one["direction"] == "in"}
    looks = [told for one in objects_in(ours["attempts"]) if (told := str(one["detail"])).startswith(_LOOK)]
    return "ContractAgreementVerificationMessage" in heard and {*looks} == {f"{_LOOK}REQUESTED"}
