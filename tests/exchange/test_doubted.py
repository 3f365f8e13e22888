"""Credentials that are shown in vain: a decision's owner reads why they do not count, its asker does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.model import Did
from tests.bench.authority import Authority
from tests.exchange.test_hostile import access_for, play, proof, services
from tests.simulator import World

LATER = datetime(2028, 1, 1, tzinfo=UTC)
Issue = Callable[[Authority, Did], bytes]


ISSUED: dict[str, Issue] = {
    "issuer-not-anchored": lambda authority, party: replace(authority, port=9).party_credential(
        party, "MembershipCredential", 5
    ),
    "not-yet-valid": lambda authority, party: replace(authority, at=LATER).party_credential(
        party, "MembershipCredential", 4
    ),
    "holder-binding": lambda authority, _: authority.party_credential(
        Did("did:web:other.example"), "MembershipCredential", 6
    ),
}


@pytest.mark.parametrize("code", ISSUED)
def test_why_a_credential_does_not_count_is_known(tmp_path: Path, code: str) -> None:
    """By its types, its issuer and the check that failed; the role beside it counts on."""

    async def scene(world: World) -> None:
        caller, asked = world.nodes
        octets = ISSUED[code](world.authority, Did(caller.config.did))
        (caller.config.path(caller.config.held) / "MembershipCredential.jwt").write_bytes(octets)
        bearer = await proof(caller, asked.config.did, access=access_for(caller, asked))
        met = services(asked).authenticate
        facts = (await met.caller(f"Bearer {bearer}", method="POST", path="/", body=b"", once=True)).facts
        (doubt,) = facts.doubted
        assert doubt.startswith("VerifiableCredential, MembershipCredential by did:web:"), doubt
        assert f": {code}: " in doubt, doubt
        assert {claim.name for claim in facts.claims} == {"role"}

    play(tmp_path, scene)


def test_claims_are_kept_for_their_time_alone_whatever_the_clock_does(tmp_path: Path) -> None:
    """Gathered by a clock that was a day ahead they would have counted for a day, unseen whether they were revoked."""

    async def scene(world: World) -> None:
        caller, asked = world.nodes
        met, party = services(asked).authenticate, Did(caller.config.did)

        async def claims() -> set[str]:
            bearer = await proof(caller, asked.config.did, access=access_for(caller, asked))
            known = await met.caller(f"Bearer {bearer}", method="POST", path="/", body=b"", once=True)
            return {claim.name for claim in known.facts.claims}

        assert await claims() == {"membership", "role"}
        known, ahead = met._known[party, None], timedelta(days=1)
        met._known[party, None] = replace(known, claims=(), checked=known.checked + ahead, until=known.until + ahead)
        assert await claims() == {"membership", "role"}

    play(tmp_path, scene)
