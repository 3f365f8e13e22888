"""Credentials that are shown in vain: a decision's owner reads why they do not count, its asker does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from connector.model import Did, JsonObject
from connector.policy.evaluate import compile_policy, evaluate
from connector.policy.operands import Stage
from connector.policy.reading import load
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


def test_who_showed_one_in_vain_is_asked_anew_before_a_refusal(tmp_path: Path) -> None:
    """A credential that does not count has not come: its holder may have got a good one by now."""

    async def scene(world: World) -> None:
        caller, asked = world.nodes
        met, party = services(asked).authenticate, Did(caller.config.did)
        held = caller.config.path(caller.config.held) / "MembershipCredential.jwt"
        good, doubtful = held.read_bytes(), ISSUED["issuer-not-anchored"](world.authority, party)
        constraint: JsonObject = {"leftOperand": "membership", "operator": "eq", "rightOperand": "active"}
        rule: JsonObject = {"action": "use", "constraint": constraint}
        policy = compile_policy(load(orjson.dumps({"permission": rule})))

        async def permitted() -> bool:
            bearer = await proof(caller, asked.config.did, access=access_for(caller, asked))
            known = await met.caller(f"Bearer {bearer}", method="POST", path="/", body=b"", once=True)
            now, stage = asked.clock.now(), Stage.NEGOTIATION
            return evaluate(
                policy, (await known.for_policy(policy, (), now, stage=stage)).facts, now, stage=stage
            ).permit

        held.write_bytes(doubtful)
        assert not await permitted()
        held.write_bytes(good)
        await asyncio.sleep(21)
        assert await permitted()

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
