"""Credentials that holders ask us for: taken once, shown to nobody else, issued by a person's word alone, delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest
from aiohttp import web

from connector.config import Issue, Limits
from connector.credentials import jose, token
from connector.credentials.did import MethodKey, Service, build_document
from connector.credentials.query import DCP_CONTEXT
from connector.errors import BadConfig, BadInput, IllegalTransition, NotFound
from connector.exchange import issuer as journey
from connector.exchange.issuer import supported_by
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import said_of
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, JsonObject
from connector.server import decisions, issuances
from connector.server.requests import Decide
from tests.exchange.test_hostile import play, proof, say, services
from tests.network import handled
from tests.simulator import Node, World

BUDGET = 600
PORT = 6_999
TWO = {
    "member": Issue(type="MembershipCredential"),
    "older": Issue(type="RoleCredential", profile="vc11-sl2021/jwt"),
}


@dataclass(slots=True)
class Holder:
    """A company with a credential service of its own, that nobody here knows."""

    world: World
    status: int = 200
    says: bytes = b""
    got: list[JsonObject] = field(default_factory=list)
    count: int = 0

    @property
    def did(self) -> Did:
        return Did(f"did:web:localhost%3A{PORT}")

    @property
    def key(self) -> MemorySigner:
        return signer_from_seed(b"holder", "ES256", f"{self.did}#1")

    def open(self, *, service: bool = True) -> Holder:
        key = MethodKey(key_id=self.key.key_id, public_jwk=self.key.public_jwk)
        place = Service(id=f"{self.did}#c", type="CredentialService", endpoint=f"http://localhost:{PORT}/cs/")
        document = build_document(self.did, assertion=[], authentication=[key], services=[place] if service else [])
        app = web.Application()
        app.router.add_get("/.well-known/did.json", partial(self._document, orjson.dumps(document)))
        app.router.add_post("/cs/credentials", self._take)
        app.freeze()
        self.world.network.sites[f"localhost:{PORT}"] = partial(handled, app)
        return self

    async def _document(self, body: bytes, _: web.Request) -> web.Response:
        return web.Response(body=body)

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append(orjson.loads(await request.read()))
        return web.Response(status=self.status, body=self.says)

    def bearer(self, issuer: Node, jti: str = "") -> str:
        self.count += 1
        said = token.claims(
            issuer=self.did, audience=Did(issuer.config.did), jti=jti or f"urn:{self.count}",
            now=issuer.clock.now(), lifetime_seconds=300,
        )  # fmt: skip
        unsigned = token.token_input(said, key_id=self.key.key_id, alg=self.key.alg)
        return jose.attach(unsigned, self.key.sign_now(unsigned)).decode()

    async def ask(self, issuer: Node, pid: str = "h1", ids: tuple[str, ...] = ("member",)) -> HttpAnswer:
        return await say(issuer, "/issuer/credentials", message(pid, *ids), self.bearer(issuer))

    def claims(self, **others: object) -> JsonObject:
        said: dict[str, Any] = {"id": self.did, "type": "Party", "memberOf": "Association", **others}
        return said


def message(pid: str, *ids: str, **others: object) -> bytes:
    """A CredentialRequestMessage."""
    body = {"@context": [DCP_CONTEXT], "type": "CredentialRequestMessage", "holderPid": pid}
    return orjson.dumps({**body, "credentials": [{"id": one} for one in ids], **others})


async def kept(issuer: Node) -> list[ApprovalRow]:
    return await issuer.store.list_approvals("", "issuance", limit=99)


async def word(issuer: Node, pid: str, decision: str, *claims: JsonObject, **others: object) -> JsonObject:
    """What a person says at the management API."""
    listed = [{"file": "claims.json", "subject": one} for one in claims]
    said = Decide.model_validate({"decision": decision, "claims": listed, **others})
    return await decisions.decided(services(issuer), pid, said, "")


def acted(tmp_path: Path, scene: Callable[[Node, Node, Holder], Awaitable[None]], **more: int) -> None:
    """Between an issuer, another company and a holder."""

    async def whole(world: World) -> None:
        issuer, other = world.nodes
        await scene(issuer, other, Holder(world).open())

    play(tmp_path, whole, issues=TWO, limits=Limits(retry_budget_seconds=BUDGET, retry_cap_seconds=60, **more))


def test_a_request_is_one_however_often_it_comes_and_its_holders_alone(tmp_path: Path) -> None:
    """201 with the address of its status; the same again under a fresh token; nothing of it for anybody else."""

    async def scene(issuer: Node, other: Node, holder: Holder) -> None:
        first, again = await holder.ask(issuer), await holder.ask(issuer)
        (row,) = await kept(issuer)
        assert (first.status, again.status, again.headers["location"]) == (201, 201, first.headers["location"])
        assert first.headers["location"] == f"{issuer.config.public_url}/issuer/requests/{row.pid}"
        assert (await holder.ask(issuer, ids=("member", "older"))).status == 409
        path = f"/issuer/requests/{row.pid}"
        shown = await say(issuer, path, b"", holder.bearer(issuer, "urn:once"), "GET")
        told = {"issuerPid": row.pid, "holderPid": "h1", "status": "RECEIVED", "type": "CredentialStatus"}
        assert (shown.status, orjson.loads(shown.body)) == (200, {"@context": [DCP_CONTEXT], **told})
        assert (await say(issuer, path, b"", holder.bearer(issuer, "urn:once"), "GET")).status == 401
        assert (await say(issuer, path, b"", await proof(other, issuer.config.did), "GET")).status == 404
        assert (await say(issuer, path + "0", b"", holder.bearer(issuer), "GET")).status == 404
        assert (await say(issuer, path, b"", "nobody", "GET")).status == 401
        token_of_other = await proof(other, issuer.config.did)
        theirs = await say(issuer, "/issuer/credentials", message("h1", "member"), token_of_other)
        assert theirs.status == 201
        assert {one.counterparty for one in await kept(issuer)} == {holder.did, other.config.did}
        assert (await say(other, "/issuer/credentials", message("h2", "member"), holder.bearer(issuer))).status == 401

    acted(tmp_path, scene)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        message("", "member"),
        message("x" * 513, "member"),
        message("h1"),
        message("h1", *(f"id{number}" for number in range(17))),
        message("h1", "member", "unknown"),
        message("h1", "MembershipCredential"),
        message("h1", "x" * 513),
        message("h1", "member", credentials=["member"]),
        message("h1", "member", credentials={"id": ["member"]}),
        message("h1", "member", type="CredentialMessage"),
        message("h1", "member", **{"@context": ["https://example.com"]}),
        message("h\x00", "member"),
    ],
)
def test_what_is_no_request_leaves_nothing(tmp_path: Path, body: bytes) -> None:
    """Refused with its reason, before the token is used up."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        answer = await say(issuer, "/issuer/credentials", body, holder.bearer(issuer, "urn:once"))
        assert (answer.status, await kept(issuer)) == (400, [])
        good = await say(issuer, "/issuer/credentials", message("h1", "member"), holder.bearer(issuer, "urn:once"))
        assert good.status == 201

    acted(tmp_path, scene)


def test_requests_that_wait_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One party's, and those of strangers together: more come later. Decided ones make room."""

    async def scene(issuer: Node, other: Node, holder: Holder) -> None:
        for number in range(16):
            assert (await holder.ask(issuer, f"h{number}")).status == 201
        refused = await holder.ask(issuer, "h16")
        assert (refused.status, refused.headers["retry-after"]) == (503, "3600")
        assert (await holder.ask(issuer, "h3")).status == 201
        await word(issuer, (await kept(issuer))[0].pid, "reject", reason="twice")
        assert (await holder.ask(issuer, "h16")).status == 201
        monkeypatch.setattr(journey, "_MOST", 16)
        asking = partial(say, issuer, "/issuer/credentials", message("o1", "member"))
        assert (await asking(await proof(other, issuer.config.did))).status == 503
        services(issuer).authenticate.quotas.admit(Did(other.config.did), known=True)
        assert (await asking(await proof(other, issuer.config.did))).status == 201

    acted(tmp_path, scene)


def test_what_is_issued_is_delivered_when_the_holder_is_back(tmp_path: Path) -> None:
    """Tried again with pauses, also by a connector that died; then once, and no more."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        holder.status, holder.says = 503, b'[{"message": "Credentials array was null", "type": "ValidationFailure"}]'
        await holder.ask(issuer, ids=("member", "older"))
        (row,) = await kept(issuer)
        role: JsonObject = {"id": holder.did, "type": "Party", "role": ["refiner"], "purpose": ["production"]}
        answer = await word(issuer, row.pid, "approve", holder.claims(), role)
        await asyncio.sleep(60)
        tried = len(holder.got)
        assert tried > 1
        await issuer.die()
        issuer.start()
        await asyncio.sleep(200)
        assert len(holder.got) > tried
        (row,) = await kept(issuer)
        assert (said_of(row)["failed"], row.not_before > 0) == ("HTTP 503: Credentials array was null", True)
        holder.status = 200
        await asyncio.sleep(100)
        got = len(holder.got)
        await asyncio.sleep(300)
        assert len(holder.got) == got
        last = holder.got[-1]
        assert (last["holderPid"], last["issuerPid"], last["status"]) == ("h1", row.pid, "ISSUED")
        listed: Any = last["credentials"]
        assert [(one["credentialType"], one["format"]) for one in listed] == [
            ("MembershipCredential", "VC2_0_JOSE"), ("RoleCredential", "VC1_0_JWT"),
        ]  # fmt: skip
        for one in listed:
            report = await services(issuer).verifier.verify(one["payload"].encode())
            failed = [check.code for check in report.checks if check.outcome == "failed"]
            assert failed == ["issuer-not-anchored"], failed  # nobody here trusts it, and that is all
        (row,) = await kept(issuer)
        shown = issuances.known(services(issuer), row)
        assert (shown["state"], shown["credentials"]) == ("issued", answer["credentials"])
        assert (shown["failed"], shown["next"], bool(shown["delivered"])) == (None, None, True)

    acted(tmp_path, scene)


@pytest.mark.parametrize("silent", ["refuses", "no service"])
def test_a_holder_that_never_takes_it_is_left_alone_until_it_asks_again(tmp_path: Path, silent: str) -> None:
    """After the budget of days; its own repeat has it tried at once."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        holder.status = 400
        holder.open(service=silent != "no service")
        await holder.ask(issuer)
        (row,) = await kept(issuer)
        await word(issuer, row.pid, "reject", reason="who are you?")
        await asyncio.sleep(BUDGET + 200)
        (row,) = await kept(issuer)
        assert (row.not_before, "delivered" in said_of(row)) == (0, False)
        got, holder.status = len(holder.got), 200
        holder.open()
        await asyncio.sleep(200)
        assert len(holder.got) == got
        assert (await holder.ask(issuer)).status == 201
        await asyncio.sleep(5)
        assert [(one["status"], one["rejectionReason"]) for one in holder.got[got:]] == [("REJECTED", "who are you?")]
        events = [one.event for one in await issuer.store.evidence("", limit=1_000) if "issuance" in one.event]
        assert events == ["issuance-requested", "issuance-rejected", "issuance-undelivered", "issuance-delivered"]

    acted(tmp_path, scene)


def test_a_word_is_one_person_s_and_said_once(tmp_path: Path) -> None:
    """Claims are about the holder, one set for each; the same word again changes nothing, another one is refused."""

    async def scene(issuer: Node, other: Node, holder: Holder) -> None:
        await holder.ask(issuer)
        (row,) = await kept(issuer)
        bad: list[tuple[str, list[JsonObject], dict[str, object]]] = [
            ("approve", [], {}),
            ("approve", [holder.claims(), holder.claims()], {}),
            ("approve", [holder.claims(id=other.config.did)], {}),
            ("approve", [holder.claims(type="Mine")], {}),
            ("approve", [holder.claims(favouriteColour="red")], {}),
            ("approve", [holder.claims()], {"not_before": "2030-01-01T00:00:00Z"}),
            ("counter", [], {"terms": {}}),
            ("reject", [], {}),
        ]
        for decision, claims, others in bad:
            with pytest.raises(BadInput):
                await word(issuer, row.pid, decision, *claims, **others)
        assert (await kept(issuer))[0].decision == ""
        claim = Decide.model_validate({"decision": "approve", "claims": [{"file": "f", "subject": holder.claims()}]})
        made = await issuances._signed(services(issuer), row, claim.claims)  # then it died
        answer = await word(issuer, row.pid, "approve", holder.claims())
        assert answer["credentials"] == [*made]
        assert await word(issuer, row.pid, "approve", holder.claims()) == answer
        for decision, claims in (("approve", [holder.claims(membershipNumber="8")]), ("reject", [])):
            with pytest.raises(IllegalTransition):
                await word(issuer, row.pid, decision, *claims, reason="no")
        with pytest.raises(BadInput):
            await word(issuer, "urn:uuid:nothing", "approve", holder.claims())
        with pytest.raises(NotFound):
            await word(issuer, "urn:uuid:nothing", "approve")
        await holder.ask(issuer, "h2")
        second = await word(issuer, (await kept(issuer))[1].pid, "approve", holder.claims())
        assert second["credentials"] != answer["credentials"]

    acted(tmp_path, scene)


def test_an_outcome_that_was_delivered_stays_so(tmp_path: Path) -> None:
    """The holder asks again while it is on its way: one try is taken, the other one refused, whichever comes last."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        await holder.ask(issuer)
        (row,) = await kept(issuer)
        began, slow, tries = asyncio.Event(), asyncio.Event(), list[str]()

        async def hand_over(_: journey.Issuer, row: ApprovalRow) -> str:
            tries.append(row.pid)
            if len(tries) > 1:
                return ""
            began.set()
            await slow.wait()
            return "HTTP 409"

        with mock.patch.object(journey.Issuer, "_hand_over", hand_over):
            await word(issuer, row.pid, "reject", reason="no")
            await began.wait()
            assert (await holder.ask(issuer)).status == 201
            await asyncio.sleep(5)
            assert "delivered" in said_of((await kept(issuer))[0])
            slow.set()
            await asyncio.sleep(100)
        (row,) = await kept(issuer)
        assert (row.not_before, said_of(row)["failed"], len(tries)) == (0, "", 2)

    acted(tmp_path, scene)


def test_of_two_words_at_once_one_is_signed(tmp_path: Path) -> None:
    """Two persons approve with different claims, and one rejects: what is not said in the end was not signed either."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        await holder.ask(issuer)
        (row,) = await kept(issuer)
        sign, signed = issuances._signed, list[object]()

        async def slowly(*given: Any) -> dict[str, str]:
            signed.append(given)
            await asyncio.sleep(1)
            return await sign(*given)

        with mock.patch.object(issuances, "_signed", slowly):
            said = await asyncio.gather(
                word(issuer, row.pid, "approve", holder.claims()),
                word(issuer, row.pid, "approve", holder.claims(membershipNumber="8")),
                word(issuer, row.pid, "reject", reason="no"),
                return_exceptions=True,
            )
        assert [isinstance(one, IllegalTransition) for one in said] == [False, True, True]
        assert len(signed) == 1

    acted(tmp_path, scene)


def test_a_request_that_nobody_decides_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time: the holder reads REJECTED, and no word counts."""
    monkeypatch.setattr(journey, "_OPEN", timedelta(minutes=10))

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        await holder.ask(issuer)
        (row,) = await kept(issuer)
        assert await decisions.held(services(issuer), row.pid) == [row]
        await asyncio.sleep(700)
        shown = await say(issuer, f"/issuer/requests/{row.pid}", b"", holder.bearer(issuer), "GET")
        assert (orjson.loads(shown.body)["status"], await decisions.held(services(issuer), row.pid)) == ("REJECTED", [])
        with pytest.raises(IllegalTransition):
            await word(issuer, row.pid, "approve", holder.claims())

    acted(tmp_path, scene)


def test_who_issues_nothing_has_no_issuer_service(tmp_path: Path) -> None:
    """By default: no address, no word of it in the DID document. A type that the vocabulary lacks is no start."""

    async def scene(world: World) -> None:
        node, holder = world.nodes[0], Holder(world).open()
        assert (await holder.ask(node)).status == 404
        assert (await say(node, "/issuer/metadata", b"", "", "GET")).status == 404
        assert b"IssuerService" not in (await say(node, "/.well-known/did.json", b"", "", "GET")).body

    play(tmp_path, scene)
    with pytest.raises(BadConfig, match="SensitiveDataCredential"):
        supported_by({"x": Issue(type="SensitiveDataCredential")}, ["MembershipCredential"], "")
