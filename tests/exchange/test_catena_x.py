"""Credentials of Catena-X (CX-0050) that a connector of ours issues: asked for over DCP, approved by a person with the
words that the configuration names, delivered, shown, and believed by a third one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from connector.config import Issue
from connector.credentials.datamodel import parse_credential
from connector.credentials.vc11 import CONTEXT as OLDER_CONTEXT
from connector.errors import BadConfig, BadInput, TooMany
from connector.exchange.draft import Caller
from connector.exchange.issuer import foreign_of, supported_by
from connector.model import Did, JsonObject, objects_in
from connector.peers.messenger import Messenger
from connector.policy.evaluate import Compiled, compile_policy, evaluate
from connector.policy.operands import Stage
from connector.policy.reading import read
from tests.exchange.test_hostile import access_for, play, proof, say, services
from tests.exchange.test_issuer import kept, word
from tests.simulator import AUTHORITY_PORT, Node, World

CONTEXT, OLDER = "https://w3id.org/catenax/credentials/v1.0.0", "vc11-sl2021/jwt"
NUMBER, AGREED = "BPNL000000000001", "DataExchangeGovernanceCredential"
SAID: dict[str, JsonObject] = {
    "MembershipCredential": {"holderIdentifier": NUMBER, "memberOf": "Catena-X"},
    "BpnCredential": {"holderIdentifier": NUMBER, "bpn": NUMBER},
    AGREED: {
        "holderIdentifier": NUMBER, "group": "UseCaseFramework", "useCase": "DataExchangeGovernance",
        "contractTemplate": "https://catena-x.example/governance", "contractVersion": "1.0",
    },
}  # fmt: skip
ISSUES = {
    kind: Issue(type=kind, profile=OLDER, context=CONTEXT, terms=tuple(said), valid_days=365)
    for kind, said in SAID.items()
}
ISSUER = f"did:web:localhost%3A{AUTHORITY_PORT + 1}"


async def asked(issuer: Node, holder: Node) -> str:
    """A request for all three, as the issuer has it."""
    await services(holder).issuance.request(Did(issuer.config.did), [*SAID], [])
    (row,) = await kept(issuer)
    return row.pid


def claims(issuer: Node, holder: Node) -> list[JsonObject]:
    """A file for each, in the order in which they were asked for."""
    assert [*services(issuer).issuer.supported] == [*SAID]
    return [{"id": holder.config.did, **said} for said in SAID.values()]


def test_a_member_asks_a_person_approves_and_a_third_party_believes(tmp_path: Path) -> None:
    """All the way, between three connectors of ours."""

    async def scene(world: World) -> None:
        issuer, holder, third = world.nodes
        pid = await asked(issuer, holder)
        await word(issuer, pid, "approve", *claims(issuer, holder))
        await asyncio.sleep(60)
        held = map(parse_credential, services(holder).issuance.wallet())
        got = {one.types[1]: one for one in held if one.issuer == issuer.config.did}
        assert {kind: one.subject for kind, one in got.items()} == {
            kind: {"id": holder.config.did, **said} for kind, said in SAID.items()
        }
        assert [one.payload["@context"] for one in got.values()] == [[OLDER_CONTEXT, CONTEXT]] * 3
        header = f"Bearer {await proof(holder, third.config.did, access=access_for(holder, third))}"
        caller = await services(third).authenticate.caller(header, method="GET", path="/", body=b"", once=True)
        proved = {(one.name, one.value) for one in caller.facts.claims if one.name != "role"}
        assert proved == {
            ("membership", "active"), ("businessPartnerNumber", NUMBER),
            ("frameworkAgreement", "DataExchangeGovernance"), ("frameworkAgreement", "DataExchangeGovernance:1.0"),
        }  # fmt: skip

    trusted = dict.fromkeys(SAID, (ISSUER,))
    play(tmp_path, scene, 3, issues=ISSUES, trusted_issuers=trusted)


def test_what_one_message_does_not_open_the_next_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Tractus-X token opens what its message is about. What came not is remembered for a while, and refuses nothing
    before the party was asked anew, by a token that may open it; a running transfer keeps what it was given for.
    """
    opened, asked_for, presentations = set[str](), list[int](), Messenger.presentations

    async def by_token(self: Messenger, peer: Did, access_token: str, scopes: Sequence[str]) -> list[str]:
        asked_for.append(len(scopes))
        some = [scope for scope in scopes if any(kind in scope for kind in opened)]
        return await presentations(self, peer, access_token, some) if some else []

    monkeypatch.setattr(Messenger, "presentations", by_token)
    policy = needs_the_agreement()

    async def scene(world: World) -> None:
        issuer, holder, third = world.nodes
        await word(issuer, await asked(issuer, holder), "approve", *claims(issuer, holder))
        await asyncio.sleep(60)
        asked_for.clear()
        here = services(third).authenticate

        async def said() -> Caller:
            header = f"Bearer {await proof(holder, third.config.did, access=access_for(holder, third))}"
            return await here.caller(header, method="GET", path="/", body=b"", once=True)

        async def refused(caller: Caller) -> bool:
            at, stage = third.clock.now(), Stage.NEGOTIATION
            caller = await caller.for_policy(policy, (), at, stage=stage)
            return not evaluate(policy, caller.facts, at, stage=stage).permit

        opened.add("MembershipCredential")
        assert {one.name for one in (await said()).facts.claims} == {"membership", "businessPartnerNumber"}
        assert (await refused(await said()), len(asked_for)) == (True, 2)
        opened.add(AGREED)
        caller = await said()
        assert (await refused(caller), len(asked_for)) == (False, 3), "by this very token"
        given = (await said()).shown
        assert (await refused(await said()), len(given), len(asked_for)) == (False, 2, 3)
        opened.remove(AGREED)
        await asyncio.sleep(21)
        assert (len((await said()).shown), len(asked_for)) == (1, 4), "so long it counts"
        assert "frameworkAgreement" in {one.name for one in (await here.facts_from(caller.facts.party, given)).claims}
        callers = [await said() for _ in range(20)]
        results = await asyncio.gather(*map(refused, callers), return_exceptions=True)
        assert (len(asked_for), [*map(type, results)]) == (14, [bool] * 10 + [TooMany] * 10)

    play(tmp_path, scene, 3, issues=ISSUES, trusted_issuers=dict.fromkeys(SAID, (ISSUER,)))


def test_who_has_shown_nothing_yet_is_asked_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that gets its membership now: within a moment its next message counts, and a refusal never waits."""
    times, presentations, empty = list[int](), Messenger.presentations, [True]

    async def by_now(self: Messenger, peer: Did, access_token: str, scopes: Sequence[str]) -> list[str]:
        times.append(len(scopes))
        return [] if empty[0] else await presentations(self, peer, access_token, scopes)

    monkeypatch.setattr(Messenger, "presentations", by_now)

    async def scene(world: World) -> None:
        holder, third = world.nodes
        for wait, names in ((0, set[str]()), (10, set[str]()), (11, {"membership"}), (200, {"membership"})):
            await asyncio.sleep(wait)
            header = f"Bearer {await proof(holder, third.config.did, access=access_for(holder, third))}"
            caller = await services(third).authenticate.caller(header, method="GET", path="/", body=b"", once=True)
            assert {one.name for one in caller.facts.claims} & {"membership"} == names
            empty[0] = False
        assert len(times) == 2

    play(tmp_path, scene)


def needs_the_agreement() -> Compiled:
    """A policy for those who signed it."""
    signed: JsonObject = {
        "leftOperand": "FrameworkAgreement",
        "operator": "eq",
        "rightOperand": "DataExchangeGovernance",
    }
    context = "https://w3id.org/catenax/2025/9/policy/context.jsonld"
    rule: JsonObject = {"action": "use", "constraint": signed}
    policy, _ = read({"@context": [context], "@type": "Set", "permission": [rule]})
    assert policy is not None
    return compile_policy(policy)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"nickname": "x"}, "nickname is not known here"),
        ({"contractVersion": None}, "contractVersion has to be a text"),
        ({"contractVersion": 1}, "contractVersion has to be a text"), ({"group": " "}, "group has to be a text"),
        ({"id": "did:web:other.example"}, "not about the holder"),
    ],
)  # fmt: skip
def test_nothing_is_signed_but_the_words_of_the_configuration(tmp_path: Path, change: JsonObject, told: str) -> None:
    """Each of them, and no other; of three that are asked for none is signed where one is wrong."""

    async def scene(world: World) -> None:
        issuer, holder = world.nodes
        pid = await asked(issuer, holder)
        *good, last = claims(issuer, holder)
        with pytest.raises(BadInput) as caught:
            await word(issuer, pid, "approve", *good, {**last, **change})
        assert told in caught.value.detail
        (row,) = await kept(issuer)
        assert row.decision == ""

    play(tmp_path, scene, issues=ISSUES, trusted_issuers=dict.fromkeys(SAID, (ISSUER,)))


def test_a_word_with_a_question_mark_may_be_left_out() -> None:
    """But not be empty, nor be no text; the question mark is no part of its name."""
    words = foreign_of(Issue(type="X", profile=OLDER, context=CONTEXT, terms=("bpn", "memberOf?")))
    assert words is not None
    for said, wrong in (
        ({"bpn": "1"}, []), ({"bpn": "1", "memberOf": "y"}, []), ({"memberOf": "y"}, ["bpn"]),
        ({"bpn": "1", "memberOf": ""}, ["memberOf"]), ({"bpn": "1", "memberOf": None}, ["memberOf"]),
        ({"bpn": "1", "memberOf?": "y"}, ["memberOf?"]),
    ):  # fmt: skip
        found = words.check("X", {"id": "did:web:a.example", **said})
        assert [one.term for one in found] == wrong
        assert {one.hint for one in found} <= {"a X says bpn, memberOf (may be left out), and nothing else"}
    with pytest.raises(ValueError, match="terms"):
        Issue(type="X", profile=OLDER, context=CONTEXT, terms=("?bpn",))


def test_a_type_of_elsewhere_needs_its_context_its_words_and_the_older_model(tmp_path: Path) -> None:
    """Of 2.0 nobody here could verify it; the metadata says where its words are."""
    for lacking in ({"terms": ()}, {"context": ""}, {"profile": "vc20-bssl/jwt"}):
        with pytest.raises(BadConfig, match=r"issues\.x: context and terms go together"):
            supported_by({"x": ISSUES[AGREED].model_copy(update=lacking)}, [], "")

    async def scene(world: World) -> None:
        answer = await say(world.nodes[0], "/issuer/metadata", b"", "", "GET")
        listed = objects_in(orjson.loads(answer.body)["credentialsSupported"])
        assert {one["credentialSchema"] for one in listed} == {CONTEXT}

    play(tmp_path, scene, issues=ISSUES)
