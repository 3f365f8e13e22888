"""A hub asks our issuer for its membership over DCP, a person says yes, we deliver; it counts until we revoke it.

Between the two its EDC trades with that membership (`trade`).
"""

from __future__ import annotations

import time

from tests.interop.edc import settled
from tests.interop.identity.hub import digest_of
from tests.interop.identity.refusals import Members, edc_asks, why_refused

_ASKED = "hub-asks-for-membership"
_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 2.0


def hub_asks_for_a_membership(members: Members) -> str:
    """Its request, our queue, a person's yes, our delivery: the hub says that it was issued, and holds it alone."""
    members.hub.hold(None)
    issuer = members.issuer.company.did
    members.hub.ask(issuer, _ASKED, [{"id": "membership", "type": "MembershipCredential", "format": "VC1_0_JWT"}])
    digest = members.issuer.approve(members.hub.did)
    members.issuer.has_delivered(digest)
    members.hub.until(_ASKED, "ISSUED")
    assert [*map(digest_of, members.hub.held())] == [digest]
    return "asked for, approved, delivered"


def revoking_it_ends_the_trade(members: Members) -> str:
    """The hub goes on to show it: it looks at no status. We look, and keep a list for a minute at most."""
    (digest,) = map(digest_of, members.hub.held())
    members.issuer.revoke(digest)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    try:
        while _is_agreed(members, ident := edc_asks(members)):
            assert time.monotonic() < deadline, "it still counts"
            time.sleep(_PAUSE_SECONDS)
        return why_refused(members, ident, "revoked")
    finally:
        members.all_good()


def _is_agreed(members: Members, ident: str) -> bool:
    """What became of it, by the word of our connector."""
    settled.negotiation(members.scene.edc, members.scene.us, ident)
    return members.scene.us.until(ident, "FINALIZED", "TERMINATED")["state"] == "FINALIZED"
