"""What is kept of others when the clock is set right."""

from __future__ import annotations

import orjson

from connector.peers.resolver import Resolver
from tests.edges.peers.test_resolver import PEER, Clock, Web, quotas_of


async def test_a_clock_that_jumps_back_keeps_nothing_for_longer() -> None:
    """What came while it was a day ahead is not good for a day: a key that was revoked meanwhile would count."""
    web, clock = Web(), Clock()
    web.put("https://peer.example/.well-known/did.json", orjson.dumps({"id": PEER}))
    resolver = Resolver(http=web, clock=clock, quotas=quotas_of(clock))
    clock.move(86_400)
    await resolver.did_document(PEER)
    clock.move(-86_400)
    await resolver.did_document(PEER)
    await resolver.did_document(PEER)
    assert len(web.asked) == 2
    clock.move(-86_400)
    await resolver.did_document(PEER, f"{PEER}#new")
    await resolver.did_document(PEER, f"{PEER}#newer")
    assert len(web.asked) == 3, "and no oftener for a made-up key"
