"""What peers and strangers may try between messages: each is refused, changes nothing, and costs a bounded effort."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import orjson
import pytest

from connector.credentials import jose, token
from connector.credentials.datamodel import VC_CONTEXT
from connector.credentials.issue import attach, prepare
from connector.errors import CannotCheck, Conflict, NotAuthenticated
from connector.exchange.ports import AuditAnswer, HttpAnswer
from connector.exchange.rows import ReplayRow, StepCommit
from connector.exchange.stored import token_digest, without_token
from connector.model import Did, JsonObject, Pid
from connector.peers.verifier import FetchingVerifier
from connector.protocol import compose, negotiation
from connector.protocol.process import Process, Role
from connector.server import commands, fetching, site
from connector.server.problems import dsp_error
from connector.server.services import Services
from connector.vocabulary.bundle import load_bundle
from tests.network import GOOD, Request, VirtualLoop, handled
from tests.simulator import SHARED, Node, World

T = TypeVar("T")


def play(folder: Path, scene: Callable[[World], Awaitable[T]], nodes: int = 2, **settings: object) -> T:
    """A scene between connectors over a good network, in virtual time; `settings`: parts of their configuration."""

    async def whole() -> T:
        world = World(folder=folder, seed=7, weather=GOOD, settings=settings)
        await world.populate(nodes, 2)
        try:
            return await scene(world)
        finally:
            await world.end()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())


def services(node: Node) -> Services:
    """What runs there."""
    assert node.services is not None
    return node.services


async def proof(node: Node, audience: str, *, access: str | None = None) -> str:
    """A token of this company."""
    here = services(node)
    said = token.claims(
        issuer=Did(node.config.did), audience=Did(audience), jti=here.ids.urn(), now=node.clock.now(),
        lifetime_seconds=300, access_token=access,
    )  # fmt: skip
    signer = node.keys.own.authentication(node.clock.now())
    unsigned = token.token_input(said, key_id=signer.key_id, alg=signer.alg)
    return jose.attach(unsigned, await signer.sign(unsigned)).decode("ascii")


def access_for(caller: Node, asked: Node) -> str:
    """What a caller lets the asked see its credentials by."""
    return str(services(caller).outbox.peers._access(Did(asked.config.did)))  # type: ignore[attr-defined]  # a look inside


async def say(node: Node, path: str, body: bytes, bearer: str, method: str = "POST") -> HttpAnswer:
    """One request at a connector's public face."""
    assert node.app is not None
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    url = node.config.public_url + path
    request = Request(method=method, url=url, headers=headers, body=body or None, timeout_seconds=10)
    return await handled(node.app, request)


async def settled(customer: Node, supplier: Node, key: str = "k") -> JsonObject:
    """A contract between the two."""
    return await commands.request(services(customer), Did(supplier.config.did), SHARED, key, 60)


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_what_could_not_be_checked_uses_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 503 for a read leaves the caller's token good for the repeat; then it is used up."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        here = services(asked)
        header = f"Bearer {await proof(caller, asked.config.did, access=access_for(caller, asked))}"

        async def once() -> None:
            await here.authenticate.caller(header, method="GET", path="/x", body=b"", once=True)

        async def away(*_: object) -> list[str]:
            raise CannotCheck("away")

        with monkeypatch.context() as patch:
            patch.setattr(type(here.outbox.peers), "presentations", away)
            with pytest.raises(CannotCheck):
                await once()
        await once()
        with pytest.raises(NotAuthenticated):
            await once()

    play(tmp_path, scene)


def test_used_tokens_are_forgotten_when_they_have_expired(tmp_path: Path) -> None:
    """The replay memory does not grow for ever: the outbox's worker drops what is past its time."""

    async def scene(world: World) -> None:
        node = world.nodes[0]
        now = int(node.clock.now().timestamp() * 1_000_000)
        for jti, expires in (("old", now - 1), ("young", now + 10**12)):
            await node.store.commit_replay(
                ReplayRow(tenant="", issuer="did:web:x", jti=jti, request_digest="", expires=expires)
            )
        await asyncio.sleep(200)
        assert await node.store.find_replay("", "did:web:x", "old") is None
        assert await node.store.find_replay("", "did:web:x", "young") is not None

    play(tmp_path, scene)


@pytest.mark.parametrize(
    "body",
    [
        b'{"dataAddress": {"endpointProperties": [{"@type": "X", "value": "s3cret", "name": "authorization"}]}}',
        b'{"dataAddress":{"endpointProperties":[{"name":"https://w3id.org/edc/v0.0.1/ns/authorization","value":"s3cret"}]}}',
        b'{"dataAddress":{"endpointProperties":[{"name":"refreshToken" , "value" : "s3cret"}]}}',
        rb'{"dataAddress":{"endpointPropert\u0069es":[{"name":"\u0061uthorization","value":"s3\u0063ret"}]}}',
    ],
)
def test_no_data_token_is_kept_however_a_peer_writes_its_json(body: bytes) -> None:
    """Order, blanks, IRIs and escapes do not matter: the kept message has the SHA-256 instead."""
    kept = without_token(body)
    assert b"s3cret" not in kept
    assert token_digest("s3cret").encode() in kept
    assert orjson.loads(kept) != orjson.loads(body)


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_refused_message_changes_nothing_but_what_was_said(tmp_path: Path) -> None:
    """A termination of a finalized contract is refused, and leaves no reason of an end in the process."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        asked = await settled(customer, supplier)
        assert asked["state"] == "FINALIZED"
        row = await customer.store.load_process("", "negotiation", str(asked["negotiation"]))
        assert row is not None
        peer = Process(role=Role.PROVIDER, pid=Pid(str(row.peer_pid)), peer_pid=Pid(row.pid))
        body = compose.dump(compose.contract_termination("urn:uuid:1", peer, code="x", reasons=["gone"]))
        path = f"/dsp/2025-1/negotiations/{row.pid}/termination"
        answer = await say(customer, path, body, await proof(supplier, customer.config.did))
        after = await customer.store.load_process("", "negotiation", row.pid)
        assert answer.status == 400
        assert after is not None
        assert after.version == row.version + 1
        assert orjson.loads(after.body)["content"] == orjson.loads(row.body)["content"]

    play(tmp_path, scene)


def test_an_agreement_under_the_id_of_another_is_refused(tmp_path: Path) -> None:
    """Final, with a reason; the agreement that is there stays as it is."""

    async def scene(world: World) -> None:
        customer, supplier, other = world.nodes
        asked = await settled(customer, supplier)
        standing = await customer.store.load_agreement("", str(asked["agreement"]))
        assert standing is not None
        here = services(customer)
        offer: JsonObject = {**orjson.loads(standing.agreement), "@type": "Offer", "@id": "urn:offer"}
        offer = {name: value for name, value in offer.items() if name not in {"assignee", "timestamp"}}
        process = Process(role=Role.CONSUMER, pid=Pid("urn:uuid:mine"))
        content: JsonObject = {"dataset": "d", "offer": {**offer, "assigner": other.config.did}, "peer_base": "x"}
        await here.negotiate.conversation.begin(process, content, other.config.did, negotiation.Kind.REQUEST, None)
        agreement = compose.agreement(
            standing.agreement_id, offer=offer, assigner=Did(other.config.did), assignee=Did(customer.config.did),
            timestamp="2027-03-15T09:00:00Z",
        )  # fmt: skip
        peer = Process(role=Role.PROVIDER, pid=Pid("urn:uuid:theirs"), peer_pid=process.pid)
        body = compose.dump(compose.contract_agreement("urn:uuid:a", peer, agreement=agreement))
        path = f"/dsp/2025-1/negotiations/{process.pid}/agreement"
        answer = await say(customer, path, body, await proof(other, customer.config.did))
        assert answer.status == 400
        assert b"agreement-id-taken" in answer.body
        assert await customer.store.load_agreement("", standing.agreement_id) == standing

    play(tmp_path, scene, nodes=3)


def test_a_conflict_is_never_final_for_a_peer() -> None:
    """Peers take each 4xx as final, so two messages that met are asked for again."""
    answer = dsp_error("ContractNegotiationError", Conflict())
    assert answer.status == 503
    assert answer.headers["Retry-After"]


def test_the_same_command_twice_at_once_is_one(tmp_path: Path) -> None:
    """Both callers get the one negotiation; the key with another wish is refused."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        first, second = await asyncio.gather(settled(customer, supplier), settled(customer, supplier))
        assert first == second
        assert first["state"] == "FINALIZED"
        agreement = str(first["agreement"])
        started = [fetching.start_transfer(services(customer), agreement, "t", 60) for _ in range(2)]
        one, two = await asyncio.gather(*started)
        assert one["transfer"] == two["transfer"]
        with pytest.raises(Conflict):
            await commands.request(services(customer), Did(supplier.config.did), "other", "k", 60)

    play(tmp_path, scene)


# --- who we are, and who they are ------------------------------------------------------------------------------------


def test_strangers_learn_our_membership_only(tmp_path: Path) -> None:
    """Roles and mandates are for those whom we ask something; whoever has a DID gets the membership."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        answer = await say(asked, "/audit/party", b"", await proof(caller, asked.config.did), "GET")
        shown = orjson.loads(answer.body)["credentials"]
        assert [orjson.loads(jose.parse(one.encode(), 1 << 20).payload)["type"][1] for one in shown] == [
            "MembershipCredential"
        ]

    play(tmp_path, scene)


@dataclass
class Vouching:
    """Audit reads at a party that shows what it signed itself as its membership."""

    credential: bytes
    count: int = 0

    async def read(self, _holder: Did, _path: str) -> AuditAnswer:
        """Always the same."""
        self.count += 1
        assert self.count < 5, "asked without end"
        return AuditAnswer(status=200, body=orjson.dumps({"credentials": [self.credential.decode()]}))


@pytest.mark.parametrize("also", [[], ["FacilityRecord"]])
def test_nobody_vouches_for_itself(tmp_path: Path, also: list[str]) -> None:
    """A membership that the party signed itself counts for nothing, also where it is a record that members may sign."""

    async def scene(world: World) -> None:
        judge, liar = world.nodes
        signer, did = liar.keys.own.assertion(liar.clock.now()), liar.config.did
        payload: JsonObject = {
            "@context": [VC_CONTEXT, load_bundle().context_url],
            "type": ["VerifiableCredential", "MembershipCredential", *also],
            "issuer": did, "validFrom": "2027-01-01T00:00:00Z",
            "credentialSubject": {"id": did, "type": "Party", "memberOf": "Us", "memberSince": "2025-01-01"},
        }  # fmt: skip
        unsigned = prepare(payload, key_id=signer.key_id, alg=signer.alg)
        octets = attach(unsigned, await signer.sign(unsigned)).octets
        verifier = services(judge).verifier
        assert isinstance(verifier, FetchingVerifier)
        verifier.reads = Vouching(octets)
        row = (await liar.store.list_records(""))[0]
        for credential in await liar.store.credentials("", row.holder, row.record_id, row.version):
            report = await verifier.verify(credential.octets, judge.clock.now())
            assert report.outcome() == "issuer-not-anchored"

    play(tmp_path, scene)


# --- audit reads -----------------------------------------------------------------------------------------------------


def test_an_agreement_counts_for_audits_while_it_is_in_force(tmp_path: Path) -> None:
    """An agreement whose negotiation was terminated before it was final opens nothing."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        asked = await settled(customer, supplier)
        answers = services(supplier).audit_answers
        dataset = str(asked["dataset"])

        async def held(dataset_id: str = dataset) -> str:
            return (await answers._agreement(Did(customer.config.did), dataset_id)).value

        await asyncio.sleep(5)  # until the supplier knows, too
        assert await held() == "true"
        assert await held("another") == "false"
        standing = await supplier.store.load_agreement("", str(asked["agreement"]))
        assert standing is not None
        row = await supplier.store.load_process("", "negotiation", standing.negotiation_pid)
        assert row is not None
        ended = replace(row, state="TERMINATED", version=row.version + 1)
        await supplier.store.commit_step(StepCommit(process=ended, expected_version=row.version))
        assert await held() == "false"

    play(tmp_path, scene)


def test_a_version_that_no_store_can_hold_is_unknown(tmp_path: Path) -> None:
    """The answer is 404, as for any version that is not there."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        row = (await asked.store.list_records(""))[0]
        for version in ("7", "9" * 30, "9" * 5000):
            path = f"/audit/records/{row.record_id}/{version}"
            answer = await say(asked, path, b"", await proof(caller, asked.config.did), "GET")
            assert answer.status == 404, version

    play(tmp_path, scene)


# --- our own side ----------------------------------------------------------------------------------------------------


def test_a_fault_does_not_end_all_deliveries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round that fails (a full disk) is logged, and the next one goes on."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        store, failures = type(customer.store), 0
        claim = store.claim_outbox

        async def broken(*args: object, **named: object) -> object:
            nonlocal failures
            failures += 1
            if failures < 4:
                raise OSError("disk full")
            return await claim(*args, **named)  # type: ignore[arg-type]  # passed on as they came

        monkeypatch.setattr(store, "claim_outbox", broken)
        await asyncio.sleep(30)
        assert failures > 4
        assert (await settled(customer, supplier))["state"] == "FINALIZED"

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/verify", {"credential": "x", "at": "yesterday"}),
        ("/v1/revoke", {"effective": "soon"}),
        ("/v1/revoke", {"purpose": "revoked"}),
    ],
)
def test_what_no_reader_would_understand_is_refused_at_once(tmp_path: Path, path: str, body: JsonObject) -> None:
    """Times and purposes are checked before they are written: a list of changes with an odd one is worth nothing."""

    async def scene(world: World) -> None:
        node = world.nodes[0]
        row = (await node.store.list_records(""))[0]
        digest = (await node.store.credentials("", row.holder, row.record_id, row.version))[0].digest
        app = site.management_site(services(node), "secret")
        app.freeze()
        headers = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
        asked = Request(
            method="POST", url=f"http://localhost{path}", headers=headers,
            body=orjson.dumps({"digest": digest, **body}), timeout_seconds=10,
        )  # fmt: skip
        assert (await handled(app, asked)).status == 422
        assert await node.store.status_changes("", 0) == []

    play(tmp_path, scene)


@pytest.mark.parametrize("callback", ["https://victim.example/delete?all=", "https://victim.example/x#"])
def test_a_callback_is_an_address_and_no_more(tmp_path: Path, callback: str) -> None:
    """One with a query or fragment would swallow our paths, so that we posted wherever a stranger likes."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        process = Process(role=Role.CONSUMER, pid=Pid("urn:uuid:p"))
        body = compose.dump(
            compose.transfer_request(
                "urn:uuid:1", process, agreement_id="a", data_format="HttpData-PULL", callback_address=callback
            )
        )
        answer = await say(asked, "/dsp/2025-1/transfers/request", body, await proof(caller, asked.config.did))
        assert answer.status == 400
        assert b"callbackAddress" in answer.body
        assert await asked.store.newest_processes("", "transfer") == []

    play(tmp_path, scene)
