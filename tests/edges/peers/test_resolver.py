"""The resolver: what is kept for how long, what is asked once, and which error means what."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import orjson
import pytest

from connector.credentials.did import DidDocument
from connector.credentials.refused import Refused
from connector.errors import AddressBlocked, CannotCheck, ConnectorError, PeerUnreachable, TooLarge
from connector.exchange.ports import HttpAnswer
from connector.exchange.quotas import Quotas
from connector.model import Did
from connector.peers.caching import FetchCache
from connector.peers.resolver import Resolver, _weight
from tests.loop_time import all_wait

PEER = Did("did:web:peer.example")
KNOWN = Did("did:web:victim.example:known")
LIST = "https://peer.example/status/0"


@dataclass(slots=True)
class Clock:
    """A clock that a test moves."""

    time: datetime = datetime(2027, 3, 15, 9, tzinfo=UTC)

    def now(self) -> datetime:
        """Now."""
        return self.time

    def move(self, seconds: float) -> None:
        """Later."""
        self.time += timedelta(seconds=seconds)


@dataclass(slots=True)
class Web:
    """Answers by URL; counts what it is asked."""

    answers: dict[str, HttpAnswer | ConnectorError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    gate: asyncio.Event | None = None

    def put(self, url: str, body: bytes, status: int = 200) -> None:
        """Serve this."""
        self.answers[url] = HttpAnswer(status=status, headers={}, body=body)

    async def request(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit_bytes: int = 1 << 20,
        timeout_seconds: float = 10.0,
    ) -> HttpAnswer:
        """The answer that was put there."""
        self.asked.append(url)
        self.limits.append(limit_bytes)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers[url]
        if isinstance(answer, ConnectorError):
            raise answer
        return answer


def quotas_of(clock: Clock) -> Quotas:
    """Quotas that know one party."""
    return Quotas(clock=clock, known_per_second=1, strangers_per_minute=1, configured={KNOWN})


@pytest.fixture
def clock() -> Clock:
    """The clock."""
    return Clock()


@pytest.fixture
def web() -> Web:
    """The web, with one DID document."""
    made = Web()
    made.put("https://peer.example/.well-known/did.json", orjson.dumps({"id": PEER}))
    return made


@pytest.fixture
def resolver(web: Web, clock: Clock) -> Resolver:
    """The resolver between them."""
    return Resolver(http=web, clock=clock, quotas=quotas_of(clock))


async def test_a_document_is_kept_for_five_minutes(resolver: Resolver, web: Web, clock: Clock) -> None:
    """One fetch, then none until it is old; at most 256 kB are read."""
    for _ in range(3):
        assert (await resolver.did_document(PEER)).id == PEER
    clock.move(299)
    await resolver.did_document(PEER)
    assert len(web.asked) == 1
    clock.move(2)
    await resolver.did_document(PEER)
    assert len(web.asked) == 2
    assert web.limits[0] == 256 * 1024


async def test_callers_at_once_share_one_fetch(resolver: Resolver, web: Web) -> None:
    """Single flight, also when the first caller goes away."""
    web.gate = asyncio.Event()
    first, *others = [asyncio.create_task(resolver.did_document(PEER)) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    web.gate.set()
    assert {document.id for document in await asyncio.gather(*others)} == {PEER}
    assert len(web.asked) == 1


def with_keys(*names: str) -> bytes:
    """The peer's document with these keys."""
    return orjson.dumps({
        "id": PEER, "verificationMethod": [{"id": f"#{name}", "type": "Odd", "controller": PEER} for name in names]
    })  # fmt: skip


async def test_an_unknown_key_is_looked_for_once_more(resolver: Resolver, web: Web, clock: Clock) -> None:
    """Twice a minute at most, by many callers as by one; a known key asks for nothing."""
    address = "https://peer.example/.well-known/did.json"
    web.put(address, with_keys("a"))
    await resolver.did_document(PEER)
    web.put(address, with_keys("b"))
    clock.move(29)
    assert f"{PEER}#b" not in (await resolver.did_document(PEER, f"{PEER}#b")).methods
    clock.move(1)
    await resolver.did_document(PEER, f"{PEER}#a")
    assert len(web.asked) == 1
    found = await asyncio.gather(*(resolver.did_document(PEER, f"{PEER}#b") for _ in range(9)))
    assert all(f"{PEER}#b" in document.methods for document in found)
    for _ in range(9):
        await resolver.did_document(PEER, f"{PEER}#made-up")
    assert len(web.asked) == 2


async def test_a_document_is_not_lost_by_looking_for_a_key(resolver: Resolver, web: Web, clock: Clock) -> None:
    """Whoever makes up a key while the peer is away takes nothing from the peer; nor does it count as younger."""
    address = "https://peer.example/.well-known/did.json"
    web.put(address, with_keys("a"))
    await resolver.did_document(PEER)
    web.answers[address] = PeerUnreachable("away")
    clock.move(200)
    assert f"{PEER}#a" in (await resolver.did_document(PEER, f"{PEER}#made-up")).methods
    clock.move(20)
    await resolver.did_document(PEER, f"{PEER}#made-up")
    assert len(web.asked) == 2
    clock.move(81)
    with pytest.raises(PeerUnreachable):
        await resolver.did_document(PEER)


async def test_the_document_of_somebody_else_is_refused(resolver: Resolver, web: Web) -> None:
    """The id inside has to be the one that was asked for."""
    web.put("https://peer.example/.well-known/did.json", b'{"id": "did:web:other.example"}')
    with pytest.raises(Refused) as caught:
        await resolver.did_document(PEER)
    assert caught.value.reason == "document-id-mismatch"


@pytest.mark.parametrize("did", ["did:key:z6Mk", "did:web:127.0.0.1", "did:web:a%2Fb", "did:web:u@h.example", "x", ""])
async def test_a_did_that_is_not_taken_is_not_fetched(resolver: Resolver, web: Web, did: str) -> None:
    """Refused before anything is asked."""
    with pytest.raises(Refused):
        await resolver.did_document(Did(did))
    assert web.asked == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (HttpAnswer(status=404, headers={}, body=b""), CannotCheck),
        (HttpAnswer(status=302, headers={"location": "http://10.0.0.1/"}, body=b""), CannotCheck),
        (HttpAnswer(status=200, headers={}, body=b"<html>"), Refused),
        (HttpAnswer(status=200, headers={}, body=b"[]"), Refused),
        (AddressBlocked("no"), AddressBlocked),
        (TooLarge("big"), Refused),
    ],
)
async def test_a_wrong_answer_counts_for_half_a_minute(
    resolver: Resolver, web: Web, clock: Clock, answer: HttpAnswer | ConnectorError, expected: type[ConnectorError]
) -> None:
    """The same error again without asking, then it is asked again."""
    web.answers["https://peer.example/.well-known/did.json"] = answer
    for _ in range(3):
        with pytest.raises(expected):
            await resolver.did_document(PEER)
    assert len(web.asked) == 1
    clock.move(31)
    web.put("https://peer.example/.well-known/did.json", orjson.dumps({"id": PEER}))
    assert (await resolver.did_document(PEER)).id == PEER


async def test_a_peer_that_was_down_is_asked_again_soon(resolver: Resolver, web: Web, clock: Clock) -> None:
    """A restart takes seconds; nobody waits half a minute for it."""
    web.answers["https://peer.example/.well-known/did.json"] = PeerUnreachable("down")
    for _ in range(3):
        with pytest.raises(PeerUnreachable):
            await resolver.did_document(PEER)
    assert len(web.asked) == 1
    clock.move(2)
    web.put("https://peer.example/.well-known/did.json", orjson.dumps({"id": PEER}))
    assert (await resolver.did_document(PEER)).id == PEER


async def test_a_peer_that_wants_a_moment_says_how_long(resolver: Resolver, web: Web, clock: Clock) -> None:
    """An answer about the moment is no refusal: it is kept as short as silence is."""
    url = "https://peer.example/.well-known/did.json"
    web.answers[url] = HttpAnswer(status=503, headers={"retry-after": "7"}, body=b"")
    with pytest.raises(PeerUnreachable, match="HTTP 503") as told:
        await resolver.did_document(PEER)
    assert told.value.again_after == 7
    clock.move(2)
    web.put(url, orjson.dumps({"id": PEER}))
    assert (await resolver.did_document(PEER)).id == PEER


async def test_status_lists_and_their_changes(resolver: Resolver, web: Web, clock: Clock) -> None:
    """Octets as served, kept for a minute, each under its own address."""
    web.put(LIST, b"list")
    web.put(f"{LIST}/changes", b"changes")
    assert await resolver.status_list(LIST) == b"list"
    assert await resolver.status_changes(LIST) == b"changes"
    web.put(LIST, b"newer")
    assert await resolver.status_list(LIST) == b"list"
    clock.move(61)
    assert await resolver.status_list(LIST) == b"newer"
    assert len(web.asked) == 3


async def test_a_list_that_cannot_be_had_cannot_be_checked(resolver: Resolver, web: Web) -> None:
    """Too large or not there: neither yes nor no."""
    web.answers[LIST] = TooLarge("big")
    with pytest.raises(CannotCheck):
        await resolver.status_list(LIST)
    web.put(f"{LIST}/changes", b"", status=404)
    with pytest.raises(CannotCheck, match="answered 404"):
        await resolver.status_changes(LIST)


async def test_loopback_by_the_unsafe_setting(web: Web, clock: Clock) -> None:
    """The demo's identities lie on plain http; elsewhere they are refused."""
    did = Did("did:web:localhost%3A8081")
    web.put("http://localhost:8081/.well-known/did.json", orjson.dumps({"id": did}))
    assert (await Resolver(http=web, clock=clock, quotas=quotas_of(clock), allow_http=True).did_document(did)).id == did
    with pytest.raises(Refused):
        await Resolver(http=web, clock=clock, quotas=quotas_of(clock)).did_document(did)


async def test_the_cache_is_bounded(clock: Clock) -> None:
    """By weight; what was used last stays."""
    seconds = timedelta(seconds=60)
    cache: FetchCache[bytes] = FetchCache(
        lifetime=seconds, refusal_lifetime=seconds, unreachable_lifetime=seconds, max_weight=25, weigh=len
    )
    asked: list[str] = []

    async def fetch(key: str) -> bytes:
        asked.append(key)
        return b"x" * 10

    for key in ("a", "b", "a", "c", "a"):
        await cache.get(key, clock.now, fetch)
    assert asked == ["a", "b", "c"]
    await cache.get("b", clock.now, fetch)
    assert asked == ["a", "b", "c", "b"]


async def test_a_bug_in_a_fetch_stays_a_bug(clock: Clock) -> None:
    """It is raised as it is, and not kept."""
    seconds = timedelta(seconds=60)
    cache: FetchCache[bytes] = FetchCache(
        lifetime=seconds, refusal_lifetime=seconds, unreachable_lifetime=seconds, max_weight=25, weigh=len
    )

    async def broken(key: str) -> bytes:
        raise KeyError(key)

    for _ in range(2):
        with pytest.raises(KeyError):
            await cache.get("a", clock.now, broken)


async def test_a_host_full_of_names_without_documents_is_left_alone(resolver: Resolver, web: Web, clock: Clock) -> None:
    """Anybody can send us tokens of names that they made up at somebody's host: it is asked twenty times, then once a
    second; other hosts, and what is known of this one, are not concerned.
    """
    names = [Did(f"did:web:victim.example:{number}") for number in range(40)]
    for did in names:
        web.put(f"https://victim.example/{did.rpartition(':')[2]}/did.json", b"", status=404)
    real = Did("did:web:victim.example:real")
    web.put("https://victim.example/real/did.json", orjson.dumps({"id": real}))
    await resolver.did_document(real)
    for did in names[:-2]:
        with pytest.raises(CannotCheck):
            await resolver.did_document(did)
    assert len(web.asked) == 1 + 20
    assert (await resolver.did_document(real)).id == real
    assert (await resolver.did_document(PEER)).id == PEER
    asked = len(web.asked)
    clock.move(1)
    for did in names[-2:]:
        with pytest.raises(CannotCheck):
            await resolver.did_document(did)
    assert len(web.asked) == asked + 1


async def test_names_made_up_at_its_host_hinder_no_known_party(resolver: Resolver, web: Web, clock: Clock) -> None:
    """Else a stranger would cut anybody off by two bad tokens a second, as soon as its document is five minutes old."""
    web.put("https://victim.example/known/did.json", orjson.dumps({"id": KNOWN}))
    await resolver.did_document(KNOWN)
    clock.move(301)
    for number in range(40):
        web.put(f"https://victim.example/{number}/did.json", b"", status=404)
        with pytest.raises(CannotCheck):
            await resolver.did_document(Did(f"did:web:victim.example:{number}"))
    assert (await resolver.did_document(KNOWN)).id == KNOWN


async def test_the_failures_of_a_host_count_at_all_its_ports(resolver: Resolver, web: Web) -> None:
    """A stranger can't have us try the ports of somebody's host."""
    for port in range(2000, 2060):
        web.put(f"https://victim.example:{port}/.well-known/did.json", b"", status=404)
        with pytest.raises(CannotCheck):
            await resolver.did_document(Did(f"did:web:victim.example%3A{port}"))
    assert len(web.asked) == 20


async def test_silent_names_keep_no_known_party_waiting(resolver: Resolver, web: Web) -> None:
    """Strangers have a room of their own, in which the names below one domain take no more than a part."""
    web.gate = asyncio.Event()
    flood = [Did(f"did:web:h{number}.evil.example") for number in range(200)]
    for did in (*flood, PEER, KNOWN):
        host, _, path = did.removeprefix("did:web:").partition(":")
        web.put(f"https://{host}/{path or '.well-known'}/did.json", orjson.dumps({"id": did}))
    waiting = [asyncio.create_task(resolver.did_document(did)) for did in (*flood, KNOWN)]
    waiting.append(asyncio.create_task(resolver.did_document(Did("did:web:other.test"))))
    web.put("https://other.test/.well-known/did.json", orjson.dumps({"id": "did:web:other.test"}))
    await all_wait()
    evil = [url for url in web.asked if "evil.example" in url]
    assert len(evil) == 4
    assert {url.split("/")[2] for url in web.asked} >= {"victim.example", "other.test"}
    web.gate.set()
    await asyncio.gather(*waiting)


async def test_large_documents_of_strangers_do_not_fill_the_memory(resolver: Resolver, web: Web) -> None:
    """What is kept is bounded by what the documents say, not by their number alone."""
    services = [{"id": f"#{number}", "type": "x" * 1_000, "serviceEndpoint": "y" * 1_000} for number in range(100)]
    for number in range(400):
        did = f"did:web:h{number}.example"
        web.put(f"https://h{number}.example/.well-known/did.json", orjson.dumps({"id": did, "service": services}))
        await resolver.did_document(Did(did))
    assert sum(map(_weight, _kept(resolver))) <= 64 << 20
    assert 100 < len(_kept(resolver)) < 400


async def test_a_kept_refusal_keeps_nothing_of_its_callers(resolver: Resolver, web: Web) -> None:
    """An exception holds the frames it went through, and these hold whole requests of strangers."""
    web.put("https://evil.example/.well-known/did.json", b"{}")

    class Body:
        """What a caller has in hand."""

    async def asks() -> weakref.ref[Body]:
        body = Body()
        with suppress(ConnectorError):
            await resolver.did_document(Did("did:web:evil.example"))
        return weakref.ref(body)

    held = [await asks() for _ in range(2)]
    gc.collect()
    assert [one() for one in held] == [None, None]


def _kept(resolver: Resolver) -> list[DidDocument]:
    return [kept.value for kept in resolver._did_documents._kept.values() if kept.value is not None]
