"""Credentials got from who issues them: asked for, delivered, offered; and everything that may not come in this way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from connector.credentials import jose, token
from connector.credentials.did import MethodKey, Service, build_document
from connector.credentials.digest import digest_multibase
from connector.credentials.issuance import Delivery
from connector.credentials.query import DCP_CONTEXT
from connector.errors import BadInput, CannotCheck, NotFound, PeerUnreachable
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import EvidenceEntry
from connector.exchange.stored import micros
from connector.keys.held import HeldCredentials
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, Json, JsonObject
from tests.bench.authority import Authority
from tests.exchange.test_hostile import play, proof, say, services, settled
from tests.exchange.test_older_credentials import LATER, older
from tests.network import handled
from tests.simulator import AUTHORITY_PORT, Node, World

MEMBERSHIP, ROLE = "MembershipCredential", "RoleCredential"


@dataclass(slots=True)
class Issuer:
    """The membership body with an issuer's service."""

    world: World = field(repr=False)
    status: int = 201
    asked: list[JsonObject] = field(default_factory=list)
    count: int = 0
    types: dict[str, str] = field(default_factory=lambda: {MEMBERSHIP: MEMBERSHIP, "Other": "Other"})
    """The first word of its ids -> what it issues under them."""
    says: str = ""
    """How far a request is, where it tells that; `looked`: for which it was asked."""
    looked: list[str] = field(default_factory=list)
    location: str | None = None
    meanwhile: Callable[[str], Awaitable[object]] | None = None
    """What it does with a request's id before it answers."""

    @property
    def authority(self) -> Authority:
        return self.world.authority

    @property
    def key(self) -> MemorySigner:
        return signer_from_seed(b"issuer", "ES256", f"{self.authority.did}#authentication-1")

    def open(self, *, service: bool = True) -> Issuer:
        """Its site, with what the ordinary one does not have."""
        address, signer = f"http://localhost:{AUTHORITY_PORT}", self.authority.signer
        document = build_document(
            self.authority.did, assertion=[MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk)],
            authentication=[MethodKey(key_id=self.key.key_id, public_jwk=self.key.public_jwk)],
            services=[Service(id=f"{self.authority.did}#i", type="IssuerService", endpoint=address)] if service else [],
        )  # fmt: skip
        files = {**self.authority.files(), "/.well-known/did.json": (orjson.dumps(document), "application/json")}
        app = web.Application()
        for path, (body, _) in files.items():
            app.router.add_get(path, partial(self._file, body))
        app.router.add_get("/metadata", partial(self._file, orjson.dumps(self.metadata())))
        app.router.add_post("/credentials", self._request)
        app.router.add_get("/requests/{id}", self._state)
        app.freeze()
        self.world.network.sites[f"localhost:{AUTHORITY_PORT}"] = partial(handled, app)
        return self

    def metadata(self) -> JsonObject:
        """Each of two types in three forms, and one without a type."""
        listed: list[Json] = [{"id": "untyped"}]
        for form in ("ldp", "vc11-sl2021/jwt", "vc20-bssl/jwt"):
            listed += [
                {"id": f"{name} {form}", "credentialType": kind, "profile": form} for name, kind in self.types.items()
            ]
        whose: JsonObject = {"@context": [DCP_CONTEXT], "type": "IssuerMetadata", "issuer": self.authority.did}
        return {**whose, "credentialsSupported": listed}

    async def _file(self, body: bytes, _: web.Request) -> web.Response:
        return web.Response(body=body)

    async def _request(self, request: web.Request) -> web.Response:
        self.asked.append(orjson.loads(await request.read()))
        if self.meanwhile is not None:
            await self.meanwhile(str(self.asked[-1]["holderPid"]))
        location = f"/requests/of-{len(self.asked)}" if self.location is None else self.location
        where = {"Location": location} if self.says else {}
        return web.Response(status=self.status, body=b"", headers=where)

    async def _state(self, request: web.Request) -> web.Response:
        self.looked.append(request.match_info["id"])
        pids = {"issuerPid": self.looked[-1], "holderPid": self.asked[-1]["holderPid"]}
        return web.json_response({"@context": [DCP_CONTEXT], "type": "CredentialStatus", "status": self.says, **pids})

    def bearer(self, holder: Node, jti: str = "") -> str:
        """A token of the issuer's for a holder."""
        self.count += 1
        said = token.claims(
            issuer=self.authority.did, audience=Did(holder.config.did), jti=jti or f"urn:{self.count}",
            now=holder.clock.now(), lifetime_seconds=300,
        )  # fmt: skip
        unsigned = token.token_input(said, key_id=self.key.key_id, alg=self.key.alg)
        return jose.attach(unsigned, self.key.sign_now(unsigned)).decode()

    def message(self, pid: str, *credentials: bytes, **others: object) -> bytes:
        """A CredentialMessage."""
        listed = [{"credentialType": "x", "format": "jwt", "payload": one.decode()} for one in credentials]
        body = {"@context": [DCP_CONTEXT], "type": "CredentialMessage", "issuerPid": "i", "holderPid": pid}
        return orjson.dumps({**body, "status": "ISSUED", "credentials": listed, **others})


async def requested(holder: Node, issuer: Issuer) -> str:
    row = await services(holder).issuance.request(issuer.authority.did, [MEMBERSHIP], [])
    assert (row.decision, row.subject) == ("", MEMBERSHIP)
    return row.pid


def kept(holder: Node) -> set[bytes]:
    return {path.read_bytes() for path in holder.config.path(holder.config.held).glob("*-*.jwt")}


async def state(holder: Node, pid: str) -> str:
    row = await holder.store.load_approval("", "credential", pid)
    assert row is not None
    return row.decision


def test_a_company_becomes_a_member_by_asking(tmp_path: Path) -> None:
    """Asked for, delivered, shown at once; delivered again it takes the place of the first; a token is good once."""

    async def scene(world: World) -> None:
        holder, supplier = world.nodes
        issuer = Issuer(world).open()
        (holder.config.path(holder.config.held) / f"{MEMBERSHIP}.jwt").unlink()
        with pytest.raises(NotFound):
            await settled(holder, supplier)
        pid = await requested(holder, issuer)
        form = {"id": f"{MEMBERSHIP} vc20-bssl/jwt"}
        assert [(one["holderPid"], one["credentials"]) for one in issuer.asked] == [(pid, [form])]
        first, second = (older(world.authority, Did(holder.config.did), 100, days * LATER) for days in (24, 48))
        body = issuer.message(pid, first)
        assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder, "urn:once"))).status == 200
        assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder, "urn:once"))).status == 401
        assert (kept(holder), await state(holder, pid)) == ({first}, "issued")
        supplier.services.authenticate._known.clear()  # type: ignore[union-attr]  # what it knew of the stranger
        assert (await settled(holder, supplier, "again"))["state"] == "FINALIZED"
        await say(holder, "/dcp/credentials", issuer.message(pid, second), issuer.bearer(holder))
        assert kept(holder) == {second}
        rejected = issuer.message(pid, status="REJECTED", rejectionReason="too late")
        assert (await say(holder, "/dcp/credentials", rejected, issuer.bearer(holder))).status == 200
        assert (kept(holder), await state(holder, pid)) == ({second}, "issued")
        rows = [row for row in await holder.store.evidence("", limit=1_000) if row.event.startswith("credential-")]
        assert [row.event for row in rows] == ["credential-requested", "credential-issued", "credential-issued"]
        said = {"pid": pid, "issuer": issuer.authority.did, "types": [MEMBERSHIP]}
        assert orjson.loads(rows[0].body) == {**said, "ids": [form["id"]]}
        came = {"issuerPid": "i", "reason": "", "digests": [digest_multibase(first)]}
        assert orjson.loads(rows[1].body) == {**said, **came}

    play(tmp_path, scene)


Change = Callable[[Issuer, Node, str], tuple[bytes, int]]


def member(issuer: Issuer, about: str, index: int = 100) -> bytes:
    return older(issuer.authority, Did(about), index)


def unread(issuer: Issuer, about: str) -> bytes:
    """With a status that nobody here can look up."""
    claims = orjson.loads(jose.parse(member(issuer, about), 1 << 20).payload)
    claims["vc"]["credentialStatus"]["type"] = "TokenStatusList"
    signer = issuer.authority.signer
    unsigned = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": "JWT"}, orjson.dumps(claims))
    return jose.attach(unsigned, signer.sign_now(unsigned))


def elsewhere(issuer: Issuer) -> Authority:
    return Authority(9, issuer.authority.at)


REFUSED: dict[str, Change] = {
    "for no request": lambda i, h, _: (i.message("urn:uuid:none", member(i, h.config.did)), 404),
    "about another": lambda i, _, pid: (i.message(pid, member(i, "did:web:other.example")), 400),
    "changed": lambda i, h, pid: (i.message(pid, member(i, h.config.did)[:-8] + b"AAAAAAAA"), 400),
    "of a type not asked for": lambda i, h, pid: (
        i.message(pid, i.authority.party_credential(Did(h.config.did), ROLE, 3)), 400
    ),
    "of another issuer": lambda i, h, pid: (i.message(pid, older(elsewhere(i), Did(h.config.did), 3)), 400),
    "one bad beside a good one": lambda i, h, pid: (
        i.message(pid, member(i, h.config.did), member(i, "did:web:other.example")), 400
    ),
    "revoked": lambda i, h, pid: (i.message(pid, member(i, h.config.did, 666)), 400),
    "beyond its status list": lambda i, h, pid: (i.message(pid, member(i, h.config.did, 1 << 30)), 400),
    "of a status not read here": lambda i, h, pid: (i.message(pid, unread(i, h.config.did)), 503),
    "too large": lambda i, h, pid: (i.message(pid, older(i.authority, Did(h.config.did), 9, note="x" * 65_536)), 400),
    "no credential": lambda i, _, pid: (i.message(pid, b"a.b.c"), 400),
    "none": lambda i, _, pid: (i.message(pid), 400),
    "in no known state": lambda i, h, pid: (i.message(pid, member(i, h.config.did), status="PENDING"), 400),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_was_not_asked_for_or_is_not_good_is_not_kept(tmp_path: Path, case: str) -> None:
    """Nothing of such a delivery, and its request stays open; nor does it use the issuer's token up."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        world.authority.revoked.append(666)
        issuer = Issuer(world).open()
        world.authority.revoked.clear()
        pid = await requested(holder, issuer)
        body, status = REFUSED[case](issuer, holder, pid)
        assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder, "urn:same"))).status == status
        assert (kept(holder), await state(holder, pid)) == (set(), "")
        good = issuer.message(pid, member(issuer, holder.config.did))
        assert (await say(holder, "/dcp/credentials", good, issuer.bearer(holder, "urn:same"))).status == 200

    play(tmp_path, scene)


def test_only_who_was_asked_delivers_and_not_for_ever(tmp_path: Path) -> None:
    """A request's id is no secret: another party's token gets nowhere with it, nor does the issuer's after its time."""

    async def scene(world: World) -> None:
        holder, other = world.nodes
        issuer = Issuer(world).open()
        pid = await requested(holder, issuer)
        body = issuer.message(pid, member(issuer, holder.config.did))
        assert (await say(holder, "/dcp/credentials", body, await proof(other, holder.config.did))).status == 404
        row = await holder.store.load_approval("", "credential", pid)
        assert row is not None
        entry = EvidenceEntry(tenant="", at=0, event="credential-requested", body=b"{}")
        await holder.store.commit_approval(replace(row, due=micros(holder.clock.now())), entry)
        assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder))).status == 404
        assert kept(holder) == set()

    play(tmp_path, scene)


def test_of_two_deliveries_at_once_one_stands(tmp_path: Path) -> None:
    """Whole: the row tells of the files that are there."""

    class Slow:
        kept: Sequence[bytes] = ()

        def __call__(self) -> Sequence[bytes]:
            return self.kept

        async def keep(self, _: str, credentials: Sequence[bytes], instead_of: Collection[bytes] = ()) -> None:
            assert not instead_of
            self.kept = credentials
            await asyncio.sleep(len(credentials))

    async def scene(world: World) -> None:
        holder, wallet = world.nodes[0], Slow()
        journey = replace(services(holder).issuance, wallet=wallet)
        pid = await requested(holder, Issuer(world).open())
        row = await holder.store.load_approval("", "credential", pid)
        assert row is not None
        said = Delivery(holder_pid=pid, issuer_pid="i", status="ISSUED", credentials=(b"a", b"b"), reason="")
        refused = replace(said, status="REJECTED", credentials=())
        deliveries = (said, replace(said, credentials=(b"c",)), refused)
        await asyncio.gather(*(journey.keep(row, one) for one in deliveries))
        row = await holder.store.load_approval("", "credential", pid)
        assert row is not None
        assert (row.decision, orjson.loads(row.detail)["digests"]) == ("issued", [*map(digest_multibase, wallet.kept)])

    play(tmp_path, scene)


def test_a_refusal_is_told(tmp_path: Path) -> None:
    """At once, or later with a reason; who is not trusted, issues no such thing or nothing is not asked."""

    async def scene(world: World) -> None:
        holder, other = world.nodes
        issuer = Issuer(world).open()
        issuance = services(holder).issuance
        with pytest.raises(BadInput, match="trusted_issuers"):
            await issuance.request(Did(other.config.did), [MEMBERSHIP], [])
        with pytest.raises(NotFound, match="does not issue Unknown"):
            await issuance.request(world.authority.did, [MEMBERSHIP, "Unknown"], [])
        with pytest.raises(BadInput, match="for Other"):
            await issuance.request(world.authority.did, [], ["Other vc20-bssl/jwt"])
        with pytest.raises(NotFound, match="untyped"):
            await issuance.request(world.authority.did, [], ["untyped"])
        with pytest.raises(BadInput, match="types or ids"):
            await issuance.request(world.authority.did, [], [])
        assert issuer.asked == []
        pid = await requested(holder, issuer)
        body = issuer.message(pid, status="REJECTED", rejectionReason="fee not paid")
        assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder))).status == 200
        assert await state(holder, pid) == "rejected"
        issuer.status = 403
        row = await issuance.request(world.authority.did, [], [f"{MEMBERSHIP} vc11-sl2021/jwt"])
        said = orjson.loads(row.detail)["reason"]
        assert (row.decision, said) == ("rejected", "it answered HTTP 403: no reason was given")
        assert [one.decision for one in await issuance.requests()] == ["rejected", "rejected"]

    play(tmp_path, scene)


@pytest.mark.parametrize("status", [202, 403, 504])
def test_a_delivery_that_is_faster_than_the_answer_stands(tmp_path: Path, status: int) -> None:
    """Whatever the answer says then: the credential is there."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, status).open()
        credential = member(issuer, holder.config.did)

        async def deliver(pid: str) -> None:
            body = issuer.message(pid, credential)
            assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder))).status == 200

        issuer.meanwhile = deliver
        row = await services(holder).issuance.request(issuer.authority.did, [MEMBERSHIP], [])
        assert (row.decision, await state(holder, row.pid), kept(holder)) == ("issued", "issued", {credential})

    play(tmp_path, scene)


def test_a_delivery_that_is_being_kept_when_the_answer_comes_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are there before its row is: the answer waits for both."""
    keeping, whole = asyncio.Event(), HeldCredentials.keep

    async def slowly(
        held: HeldCredentials, batch: str, credentials: Sequence[bytes], instead_of: Collection[bytes]
    ) -> None:
        keeping.set()
        await asyncio.sleep(0.2)
        await whole(held, batch, credentials, instead_of)

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, 403).open()
        tasks: list[asyncio.Task[HttpAnswer]] = []

        async def begin(pid: str) -> None:
            body = issuer.message(pid, member(issuer, holder.config.did))
            tasks.append(asyncio.create_task(say(holder, "/dcp/credentials", body, issuer.bearer(holder))))
            await keeping.wait()

        issuer.meanwhile = begin
        row = await services(holder).issuance.request(issuer.authority.did, [MEMBERSHIP], [])
        assert (row.decision, (await tasks[0]).status, len(kept(holder))) == ("issued", 200, 1)

    monkeypatch.setattr(HeldCredentials, "keep", slowly)
    play(tmp_path, scene)


def test_an_issuer_that_does_not_answer_has_not_refused(tmp_path: Path) -> None:
    """Not now, or not reached: it could not be checked, the row says so, and what comes after all is taken."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world).open()
        issuance = services(holder).issuance

        async def lost(_: str) -> None:
            raise PeerUnreachable("gone")

        for issuer.status in (408, 425, 429, 502, 503, 504):
            with pytest.raises(PeerUnreachable, match=str(issuer.status)):
                await issuance.request(world.authority.did, [MEMBERSHIP], [])
        issuer.meanwhile = lost
        with pytest.raises(PeerUnreachable, match="gone"):
            await issuance.request(world.authority.did, [MEMBERSHIP], [])
        rows = await issuance.requests()
        assert [row.decision for row in rows] == ["unanswered"] * 7
        body = issuer.message(rows[-1].pid, member(issuer, holder.config.did))
        assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder))).status == 200
        assert await state(holder, rows[-1].pid) == "issued"

    play(tmp_path, scene)


def test_an_issuer_without_a_service_can_t_be_asked(tmp_path: Path) -> None:
    """Its credentials come as files."""

    async def scene(world: World) -> None:
        Issuer(world).open(service=False)
        with pytest.raises(CannotCheck, match="IssuerService"):
            await services(world.nodes[0]).issuance.request(world.authority.did, [MEMBERSHIP], [])

    play(tmp_path, scene)
