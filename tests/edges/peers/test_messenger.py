"""How a peer's address is found: by its DID document, by what it publishes there, or by the configuration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
import pytest

from connector.credentials.did import DidDocument, Service
from connector.credentials.query import response_message, type_scope
from connector.errors import BadMessage, CannotCheck, ConnectorError
from connector.exchange.ports import AuditAnswer, HttpAnswer
from connector.model import Did, Json, JsonObject
from connector.peers.identity import Claimed
from connector.peers.messenger import Messenger

PEER = Did("did:web:peer.example")
ROOT = "https://peer.example/dsp"
VERSIONS = f"{ROOT}/.well-known/dspace-version"


@dataclass
class World:
    """One peer with a DID document and a version document; also the clock."""

    services: tuple[Service, ...]
    versions: Json = None
    asked: list[Json] = field(default_factory=list)

    async def did_document(self, did: Did, key_id: str | None = None) -> DidDocument:
        """Its document."""
        self.asked.append(did)
        return DidDocument(id=did, methods={}, relationships={}, services=self.services)

    async def request(self, method: str, url: str, **_: object) -> HttpAnswer:
        """Its version document."""
        self.asked.append(url)
        return HttpAnswer(status=200, headers={}, body=orjson.dumps({"protocolVersions": self.versions}))

    def now(self) -> datetime:
        """Always the same."""
        return datetime(2027, 3, 15, tzinfo=UTC)

    def messenger(self, addresses: dict[str, str] | None = None) -> Messenger:
        """Ours."""
        return Messenger(
            http=self, identity=Claimed(did=Did("did:web:us.example")), resolver=self, clock=self,
            token_lifetime_seconds=60, access_token_key=b"", scopes=tuple, addresses=addresses or {},
        )  # fmt: skip


def service(kind: str, endpoint: str) -> Service:
    return Service(id=f"{PEER}#{kind}", type=kind, endpoint=endpoint)


def entry(path: str, **others: Json) -> Json:
    return {"version": "2025-1", "binding": "HTTPS", "path": path, **others}


DCP: JsonObject = {"protocol": "DCP", "version": "1.0"}


@pytest.mark.parametrize(
    ("versions", "path"),
    [
        ([entry("/2025-1")], "/2025-1"),
        ([entry("/2025-1/")], "/2025-1"),
        ([entry("/old", version="2024-1"), entry("/new", auth=DCP)], "/new"),
        # several entries of one version: the one whose authentication we can do
        ([entry("/oauth", auth={"protocol": "OAuth2", "version": "2"}), entry("/dcp", auth=DCP)], "/dcp"),
        ([entry("/any"), entry("/dcp", auth=DCP)], "/dcp"),
    ],
)
async def test_the_version_document_names_the_path(versions: Json, path: str) -> None:
    """Found by the DataService, with or without the well-known path behind it; asked once."""
    for endpoint in (VERSIONS, ROOT, f"{ROOT}/"):
        world = World((service("Other", "https://x.example"), service("DataService", endpoint)), versions)
        messenger = world.messenger()
        assert await messenger.dsp_base(PEER) == await messenger.dsp_base(PEER) == ROOT + path
        assert world.asked == [PEER, VERSIONS]


@pytest.mark.parametrize(
    "versions",
    [
        None,
        [],
        [entry("/x", version="2024-1")],
        [entry("/x", binding="MQTT")],
        [entry("/x", auth={"protocol": "OAuth2"})],
        ["2025-1", {"version": "2025-1"}],
    ],
)
async def test_a_peer_without_our_version_is_not_spoken_to(versions: Json) -> None:
    """DSP 2025-1, 4.3: the client ends communication."""
    with pytest.raises(BadMessage, match="2025-1"):
        await World((service("DataService", VERSIONS),), versions).messenger().dsp_base(PEER)


async def test_a_catalogue_service_alone_names_the_address() -> None:
    """Its endpoint ends in `/catalog`, below the versioned address."""
    world = World((service("CatalogService", f"{ROOT}/2025-1/catalog"),))
    assert await world.messenger().dsp_base(PEER) == f"{ROOT}/2025-1"
    assert world.asked == [PEER]


async def test_a_document_without_either_is_not_that_of_a_connector() -> None:
    """Nothing is guessed."""
    with pytest.raises(CannotCheck, match="DataService"):
        await World((service("AuditService", ROOT),)).messenger().dsp_base(PEER)


async def test_a_configured_address_is_not_looked_up() -> None:
    """For peers without a DID document."""
    world = World(())
    messenger = world.messenger({"provider": "https://edc.example/protocol/2025-1"})
    assert await messenger.dsp_base(Did("provider")) == "https://edc.example/protocol/2025-1"
    assert world.asked == []


@pytest.mark.parametrize(
    ("status", "error"), [(400, BadMessage), (401, BadMessage), (403, BadMessage), (404, CannotCheck)]
)
async def test_a_credential_service_that_refuses_its_owner_s_token_has_answered(
    status: int, error: type[ConnectorError]
) -> None:
    """That will not change; whatever else keeps credentials from us may."""

    class Final(World):
        async def request(self, method: str, url: str, **_: object) -> HttpAnswer:
            self.asked.append(f"{method} {url}")
            return HttpAnswer(status=status, headers={}, body=b"")

    world = Final((service("CredentialService", "https://peer.example/dcp"),))
    with pytest.raises(error, match=str(status)):
        await world.messenger().presentations(PEER, "access", ())
    assert world.asked[-1] == "POST https://peer.example/dcp/presentations/query"


@pytest.mark.parametrize(
    ("alias", "refusal", "queries"),
    [
        ("org.eclipse.edc.vc.type", 400, 2), ("org.eclipse.edc.vc.type", 403, 2), ("org.eclipse.edc.vc.type", 503, 1),
        ("org.eclipse.tractusx.vc.type", 403, 3),
    ],
)  # fmt: skip
async def test_a_hub_that_knows_scopes_of_its_own_alone_is_asked_in_its_words(
    alias: str, refusal: int, queries: int
) -> None:
    """An Eclipse IdentityHub, and a wallet of Catena-X, answer 403 to the alias of DCP 1.0."""

    class Hub(World):
        async def request(self, method: str, url: str, **said: object) -> HttpAnswer:
            body = said["body"]
            assert isinstance(body, bytes)
            self.asked.append(orjson.loads(body)["scope"])
            if self.asked[-1] == [f"{alias}:MembershipCredential:read"]:
                return HttpAnswer(status=200, headers={}, body=orjson.dumps(response_message(["a.b.c"])))
            return HttpAnswer(status=refusal, headers={}, body=b"")

    world = Hub((service("CredentialService", "https://hub.example"),))
    asking = world.messenger().presentations(PEER, "access", [type_scope("MembershipCredential")])
    if queries == 1:
        with pytest.raises(ConnectorError):
            await asking
    else:
        assert await asking == ["a.b.c"]
    assert len([one for one in world.asked if isinstance(one, list)]) == queries


class Refusing(World):
    """Answers some requests so before it answers as it should."""

    refusals: list[int]

    async def request(self, method: str, url: str, **said: object) -> HttpAnswer:
        """To each address apart."""
        self.asked.append(url)
        if self.refusals:
            return HttpAnswer(status=self.refusals.pop(0), headers={}, body=b"")
        return HttpAnswer(status=200, headers={}, body=orjson.dumps(response_message(["a.b.c"])))


def refusing(*refusals: int) -> Refusing:
    world = Refusing((service("CredentialService", "https://peer.example/dcp"), service("AuditService", ROOT)))
    world.refusals = [*refusals]
    return world


async def _presented(messenger: Messenger) -> int:
    return 200 if await messenger.presentations(PEER, "access", ()) == ["a.b.c"] else 0


QUESTIONS: dict[str, Callable[[Messenger], Awaitable[int]]] = {
    "presentations": _presented,
    "audit": lambda messenger: _status(messenger.read(PEER, "party")),
    "renewal": lambda messenger: _status(messenger.renew(PEER, f"{ROOT}/token", "refresh", "access")),
}


async def _status(answer: Awaitable[AuditAnswer | HttpAnswer]) -> int:
    return (await answer).status


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_question_whose_token_was_used_up_on_the_way_is_repeated_once(question: str) -> None:
    """A network that repeats a request lets its copy use up our token: the question itself is then answered 401."""
    world = refusing(401)
    assert await QUESTIONS[question](world.messenger()) == 200
    assert len(world.asked) == (2 if question == "renewal" else 3)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_who_refuses_a_fresh_token_too_has_answered(question: str) -> None:
    """Twice is an answer."""
    world = refusing(401, 401, 200)
    if question == "presentations":
        with pytest.raises(BadMessage, match="401"):
            await QUESTIONS[question](world.messenger())
    else:
        assert await QUESTIONS[question](world.messenger()) == 401


async def test_a_look_is_repeated_with_the_token_that_it_tells() -> None:
    """What is kept beside the answer is the token that got it."""
    world = refusing(401)
    sent = await world.messenger().get(PEER, f"{ROOT}/negotiations/x")
    assert (sent.answer.status, len(world.asked)) == (200, 2)


@pytest.mark.parametrize("busy", [429, 408, 503])
async def test_an_audit_read_at_a_busy_holder_is_made_again(busy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only speaks of the moment is not what the holder says of its record."""

    async def at_once(_: float) -> None:
        return

    monkeypatch.setattr("connector.peers.messenger.asyncio.sleep", at_once)
    assert (await refusing(busy, busy).messenger().read(PEER, "record/x/latest")).status == 200
    assert (await refusing(404).messenger().read(PEER, "record/x/latest")).status == 404
