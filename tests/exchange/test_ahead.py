"""The look ahead: what is asked of whom after a start, and that nothing follows of what could not be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector.errors import PeerUnreachable
from connector.exchange.ahead import Ahead
from connector.model import Did
from connector.peers.resolver import Resolver
from connector.peers.verifier import FetchingVerifier
from tests.edges.peers.test_resolver import Clock, Web, quotas_of
from tests.edges.peers.test_verifier import (
    DOCUMENT,
    FORGER,
    ISSUER,
    KEY,
    NOW,
    STATUS,
    Alone,
    permit,
    verifier,
    web,
)

__all__ = ["web"]  # the fixture

SOMEBODY = Did("did:web:somebody.example")
ALL = sorted([DOCUMENT, STATUS, f"{STATUS}/changes"])


def ahead(web: Web, shown: Sequence[bytes], *trusted: Did) -> tuple[Ahead, FetchingVerifier]:
    """The look of who shows these, and the verifier that peers' credentials meet afterwards."""
    clock = Clock(NOW)
    resolver = Resolver(http=web, clock=clock, quotas=quotas_of(clock))
    later = replace(verifier(web, *trusted), resolver=resolver, clock=clock, reads=Alone())
    return Ahead(later, resolver, lambda: shown), later


async def test_what_a_peers_credential_needs_is_at_hand(web: Web) -> None:
    """Another one of the same issuer costs no request."""
    look, later = ahead(web, [permit(KEY)], ISSUER)
    await look.look()
    assert sorted(web.asked) == ALL
    report = await later.verify(permit(KEY), trusted_only=True)
    assert report.verdict == "valid", report
    assert sorted(web.asked) == ALL


async def test_only_an_issuer_whom_we_trust_is_asked(web: Web) -> None:
    """Not one that our lists do not name, and not one that is perhaps a member: that would be asked of the party."""
    for trusted in ((), (SOMEBODY,), (Did("members"),)):
        look, _ = ahead(web, [permit(KEY), b"no credential"], *trusted)
        await look.look()
    assert web.asked == []


async def test_who_issued_something_else_is_not_asked_for_its_membership(web: Web) -> None:
    """It is named for one type, and for this one the members are."""
    look, later = ahead(web, [permit(KEY)], Did("members"))
    later.trusted_issuers = {**later.trusted_issuers, "RoleCredential": (ISSUER,)}
    await look.look()  # `Alone` would have raised
    assert set(web.asked) <= set(ALL)


async def test_a_refusal_is_not_remembered(web: Web) -> None:
    """An issuer that starts together with us says "no such page", or nothing: the next peer has it asked again."""
    for answer in (404, 500, PeerUnreachable("away")):
        look, later = ahead(web, [permit(KEY)], ISSUER)
        good = dict(web.answers)
        for url in ALL:
            web.put(url, b"", answer) if isinstance(answer, int) else web.answers.update({url: answer})
        await look.look()
        web.answers = good
        assert (await later.verify(permit(KEY), trusted_only=True)).verdict == "valid"


async def test_one_list_that_is_away_takes_nothing_else_with_it(web: Web) -> None:
    """What was good is kept, what was not is asked for again."""
    look, later = ahead(web, [permit(KEY)], ISSUER)
    good = dict(web.answers)
    web.answers[STATUS] = PeerUnreachable("away")
    await look.look()
    web.answers = good
    web.asked.clear()
    assert (await later.verify(permit(KEY), trusted_only=True)).verdict == "valid"
    assert web.asked == [STATUS]


async def test_what_is_not_good_of_ours_ends_nothing(web: Web) -> None:
    """A credential that somebody else signed: told by `doctor`, and of no consequence here."""
    look, _ = ahead(web, [permit(FORGER), permit(KEY)], ISSUER)
    await look.look()
    assert sorted(web.asked) == ALL
