"""Memberships of VC Data Model 1.1, as today's dataspaces issue them, through whole negotiations."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from connector.credentials import jose
from connector.credentials.access import check_access, mint_access
from connector.credentials.datamodel import time_text
from connector.credentials.presentation import verify_presentation
from connector.credentials.query import query_message, read_response, type_scope
from connector.credentials.vc11 import CONTEXT
from connector.errors import NotAuthenticated, NotFound
from connector.model import Did, JsonObject
from tests.bench.authority import Authority
from tests.exchange.test_hostile import access_for, play, proof, say, services, settled
from tests.simulator import Node, World

LATER = timedelta(hours=1)


def older(
    authority: Authority, party: Did, index: int, lifetime: timedelta = LATER, kind: str = "MembershipCredential",
    **said: str,
) -> bytes:  # fmt: skip
    """A membership as a JWT with a `vc` claim."""
    now, signer = authority.now, authority.signer
    stated: JsonObject = {
        "@context": [CONTEXT, "https://dataspace.example/credentials/v1"],
        "type": ["VerifiableCredential", kind], "issuer": authority.did,
        "issuanceDate": time_text(now - LATER), "credentialSubject": {"id": party, "memberOf": "Bench", **said},
        "credentialStatus": {
            "id": f"{authority.list_url}#{index}", "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
            "statusListIndex": str(index), "statusListCredential": authority.list_url,
        },
    }  # fmt: skip
    claims: JsonObject = {
        "iss": authority.did, "sub": party, "exp": int((now + lifetime).timestamp()), "vc": stated
    }  # fmt: skip
    unsigned = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": "JWT"}, orjson.dumps(claims))
    return jose.attach(unsigned, signer.sign_now(unsigned))


def holds(node: Node, octets: bytes) -> None:
    (node.config.path(node.config.held) / "MembershipCredential.jwt").write_bytes(octets)


@pytest.mark.parametrize("issuer", ["trusted", "another"])
def test_who_has_an_older_membership_is_a_member(tmp_path: Path, issuer: str) -> None:
    """Beside a role of 2.0, so both presentations count; of an issuer that nobody trusts it is nothing."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        signing = world.authority if issuer == "trusted" else replace(world.authority, port=9)
        holds(customer, older(signing, customer.config.did, 100))
        if issuer == "trusted":
            assert (await settled(customer, supplier))["state"] == "FINALIZED"
            return
        with pytest.raises(NotFound, match="shows us no dataset"):
            await settled(customer, supplier)

    play(tmp_path, scene)


@pytest.mark.parametrize(("lifetime", "shown"), [(LATER, 1), (-timedelta(seconds=1), 0)])
def test_what_is_shown_is_of_one_data_model_each_and_not_expired(
    tmp_path: Path, lifetime: timedelta, shown: int
) -> None:
    """DCP 1.0.1: a presentation holds one model; an answer should hold valid credentials only (5.4.2)."""

    async def scene(world: World) -> None:
        holder, verifier = world.nodes
        holds(holder, older(world.authority, holder.config.did, 100, lifetime))
        scopes = [type_scope("MembershipCredential"), type_scope("RoleCredential")]
        token = await proof(verifier, holder.config.did, access=access_for(holder, verifier))
        answer = await say(holder, "/dcp/presentations/query", orjson.dumps(query_message(scopes)), token)
        document = await services(verifier).authenticate.resolver.did_document(holder.config.did)
        found = [
            verify_presentation(
                one, document, holder=holder.config.did, audience=verifier.config.did, now=holder.clock.now(),
                leeway_seconds=20,
            ).credentials
            for one in read_response(orjson.loads(answer.body))
        ]  # fmt: skip
        assert [len(each) for each in found] == [1, *[1] * shown]
        assert [jose.parse(one, 1 << 20).type for each in found for one in each] == ["vc+jwt", *["jwt"] * shown]

    play(tmp_path, scene)


@pytest.mark.parametrize("count", [17, 60])
def test_who_holds_many_is_not_locked_out(tmp_path: Path, count: int) -> None:
    """They go into several presentations; the newest of each kind is among them."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        folder = customer.config.path(customer.config.held)
        for number in range(count):
            octets = older(world.authority, customer.config.did, 100 + number)
            (folder / f"m{number}.jwt").write_bytes(octets)
        assert (await settled(customer, supplier))["state"] == "FINALIZED"

    play(tmp_path, scene)


def test_only_what_could_count_is_asked_for(tmp_path: Path) -> None:
    """A credential service refuses whoever asks for more than it was told to show; of a type that nobody is trusted
    for, nothing would be believed.
    """

    async def scene(world: World) -> None:
        asking, caller = world.nodes
        asked: list[list[str]] = []

        async def presentations(_: object, _peer: str, _token: str, scopes: list[str]) -> list[str]:
            asked.append(scopes)
            return []

        authenticate = services(asking).authenticate
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(authenticate.peers), "presentations", presentations)
            for trusted in ({"RoleCredential": ("did:web:x",), "MandateCredential": (), "Other": ("did:web:x",)}, {}):
                authenticate.trusted = trusted
                header = f"Bearer {await proof(caller, asking.config.did, access=access_for(caller, asking))}"
                await authenticate.caller(header, method="GET", path="/", body=b"", once=True)
                authenticate._known.clear()
        assert asked == [[type_scope("RoleCredential")]]

    play(tmp_path, scene)


def test_whatever_is_held_may_be_asked_for(tmp_path: Path) -> None:
    """A dataspace has types of its own: who holds one lets its peers see it at once, though one had a token already."""

    async def scene(world: World) -> None:
        holder, verifier = world.nodes
        assert "BpnCredential" not in access_for(holder, verifier)
        holds(holder, older(world.authority, holder.config.did, 100, kind="BpnCredential"))
        key, peer = holder.keys.access_token_key, verifier.config.did
        access = check_access(key, access_for(holder, verifier), verifier=peer, now=holder.clock.now())
        kinds = ("BpnCredential", "MandateCredential", "MembershipCredential", "RoleCredential")
        assert access.scopes == tuple(map(type_scope, kinds))

    play(tmp_path, scene)


@pytest.mark.parametrize("named", [["https://w3id.org/catenax#BpnCredential"], [f"T{n:0>60}" for n in range(90)]])
def test_types_that_no_token_can_name_keep_nobody_out(tmp_path: Path, named: list[str]) -> None:
    """An address is no scope's discriminator, and a header has an end: the other credentials are shown all the same."""

    async def scene(world: World) -> None:
        holder, verifier = world.nodes
        folder = holder.config.path(holder.config.held)
        for kind in named:
            octets = older(world.authority, holder.config.did, 100, kind=kind)
            (folder / f"{len(list(folder.iterdir()))}.jwt").write_bytes(octets)
        access = access_for(holder, verifier)
        assert len(access) < 5_000
        body = orjson.dumps(query_message([type_scope("RoleCredential")]))
        answer = await say(
            holder, "/dcp/presentations/query", body, await proof(verifier, holder.config.did, access=access)
        )
        assert (answer.status, len(read_response(orjson.loads(answer.body)))) == (200, 1)

    play(tmp_path, scene)


KINDS = ("MembershipCredential", "BpnCredential", "DataExchangeGovernanceCredential")
NUMBER = "BPNL000000000001"
PROVED = {"membership": {"active"}, "businessPartnerNumber": {NUMBER}}
SIGNED = {"frameworkAgreement": {"DataExchangeGovernance", "DataExchangeGovernance:1.0"}}


def in_catena_x(world: World) -> tuple[Node, Node]:
    """One that believes the credentials of Catena-X, and one that holds nothing else."""
    believing, holder = world.nodes
    authenticate = services(believing).authenticate
    authenticate.trusted = dict.fromkeys(KINDS, (world.authority.did,))
    setattr(authenticate.verifier, "trusted_issuers", authenticate.trusted)  # noqa: B010 - the port has no such word
    folder = holder.config.path(holder.config.held)
    for file in folder.iterdir():
        file.unlink()
    for index, kind in enumerate(KINDS):
        octets = older(
            world.authority, holder.config.did, 100 + index, kind=kind, holderIdentifier=NUMBER, contractVersion="1.0"
        )
        (folder / f"{kind}.jwt").write_bytes(octets)
    return believing, holder


async def claims(believing: Node, holder: Node, opened: Sequence[str]) -> dict[str, set[str]]:
    """What a message proves whose token opens these types."""
    access = mint_access(
        holder.keys.access_token_key, verifier=believing.config.did, scopes=tuple(map(type_scope, opened)),
        expires=holder.clock.now() + LATER,
    )  # fmt: skip
    header = f"Bearer {await proof(holder, believing.config.did, access=access)}"
    caller = await services(believing).authenticate.caller(header, method="GET", path="/", body=b"", once=True)
    found: dict[str, set[str]] = {}
    for one in caller.facts.claims:
        found.setdefault(one.name, set()).add(one.value)
    return found


def test_a_token_may_open_less_than_could_count(tmp_path: Path) -> None:
    """A Tractus-X connector lets each message's token open what the policy of that message speaks of; its wallet
    refuses who asks for more. So it is asked one by one, and again after a moment (before, where a policy would refuse:
    `test_catena_x`); what is all there is kept.
    """

    async def scene(world: World) -> None:
        believing, holder = in_catena_x(world)
        everything = {**PROVED, **SIGNED}
        for wait, opened, known in (
            (0, KINDS[:1], PROVED), (19, KINDS[::2], PROVED), (2, KINDS[::2], everything), (21, KINDS[:1], PROVED),
            (21, KINDS, everything), (60, KINDS[:1], everything),
        ):  # fmt: skip
            await asyncio.sleep(wait)
            assert await claims(believing, holder, opened) == known

    play(tmp_path, scene)


def test_who_lets_nothing_be_seen_is_refused(tmp_path: Path) -> None:
    """However often it is asked."""

    async def scene(world: World) -> None:
        believing, holder = in_catena_x(world)
        with pytest.raises(NotAuthenticated, match="gives nothing"):
            await claims(believing, holder, ["OtherCredential"])

    play(tmp_path, scene)


def test_a_number_is_believed_of_who_issues_numbers(tmp_path: Path) -> None:
    """Any association may write one into its memberships."""

    async def scene(world: World) -> None:
        believing, holder = in_catena_x(world)
        services(believing).authenticate.trusted = {KINDS[0]: (world.authority.did,), KINDS[1]: ("did:web:other",)}
        assert await claims(believing, holder, KINDS) == {"membership": {"active"}}

    play(tmp_path, scene)
