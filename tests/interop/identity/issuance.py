"""A hub asks our issuer for its membership over DCP, a person says yes, we deliver; it counts until we revoke it.

Between the first and the second its EDC trades with that membership (`trade`), and before the third comes what leaves
the hub alone.
"""

from __future__ import annotations

import time

from tests.interop.identity.hub import digest_of
from tests.interop.identity.refusals import Members, edc_asks, outcome_of, why_refused

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


def we_revoke_it(members: Members) -> str:
    """The hub goes on to show it: it looks at no status."""
    (digest,) = map(digest_of, members.hub.held())
    members.issuer.revoke(digest)
    return digest


def the_trade_ends(members: Members) -> str:
    """Who keeps the issuer's list, for a minute at most, looks again. What came between took some of that minute."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while outcome_of(members.scene.edc, ident := edc_asks(members)) == "FINALIZED":
        assert time.monotonic() < deadline, "it still counts"
        time.sleep(_PAUSE_SECONDS)
    return why_refused(members, ident, "revoked")
