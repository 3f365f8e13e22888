"""Our catalogue as callers see it, and peers' catalogues as we read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from connector.errors import BadMessage, ConnectorError, NotAllowed, NotFound, PeerUnreachable
from connector.exchange import offer as offer_journey
from connector.exchange.browse import Browse, Elsewhere, Shown
from connector.exchange.offer import Offer, Page
from connector.exchange.policies import Policies
from connector.exchange.ports import HttpAnswer, Sent
from connector.exchange.rows import DatasetRow
from connector.model import Claim, Did, Facts, Json, JsonObject
from connector.policy.evaluate import evaluate as policy_evaluate
from connector.policy.odrl import digest
from connector.policy.reading import load
from connector.protocol.catalog import Offered, Service, catalog_page, dataset, offer, read_links
from connector.protocol.catalog_query import EVERYTHING, Selection
from connector.stores.memory import MemoryStore

US, PEER = Did("did:web:us.example"), Did("did:web:peer.example")
BASE = "https://us.example/dsp/2025-1"
CALLER = Did("did:web:caller.example")


# --- given -----------------------------------------------------------------------------------------------------------


def policy(role: str, number: int = 0) -> bytes:
    """One for parties of a role; the number makes it another policy."""
    constraints = [
        {"leftOperand": "role", "operator": "eq", "rightOperand": role},
        {"leftOperand": "retentionDays", "operator": "lteq", "rightOperand": str(number + 1)},
    ]
    return orjson.dumps({"@type": "Set", "permission": [{"action": "use", "constraint": constraints}]})


def facts(*roles: str) -> Facts:
    return Facts(party=CALLER, claims=tuple(Claim(name="role", value=role, source="c") for role in roles))


@dataclass
class Provider:
    """A connector's catalogue."""

    store: MemoryStore = field(default_factory=MemoryStore)

    def now(self) -> datetime:
        """The clock."""
        return datetime(2027, 3, 15, tzinfo=UTC)

    @property
    def offer(self) -> Offer:
        """The journey."""
        return Offer(
            tenant="", did=US, base=BASE, store=self.store, clock=self, policies=Policies(), link_key=bytes(32)
        )

    async def put(self, name: str, terms: bytes, title: str = "", types: tuple[str, ...] = ("Lot",)) -> None:
        """Offer something."""
        await self.store.commit_dataset(
            DatasetRow(
                tenant="", dataset_id=name, title=title or f"title {name}", plan="", record_types=types, policy=terms,
                policy_digest=digest(load(terms)), at=1,
            )
        )  # fmt: skip

    async def walk(self, who: Facts, *filters: Json, relation: str = "next", token: str | None = None) -> list[Page]:
        """All pages in one direction."""
        pages = [await self.offer.catalog(who, [*filters], token)]
        while (link := read_links(pages[-1].link).get(relation)) is not None:
            assert link.startswith(f"{BASE}/catalog/request?")
            pages.append(await self.offer.catalog(who, [], token_of(link)))
        return pages


def token_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["continuationToken"][0]


def ids(page: Page) -> list[str]:
    listed = page.body.get("dataset", [])
    assert isinstance(listed, list)
    return [str(one["@id"]) for one in listed if isinstance(one, dict)]


@pytest.fixture
async def provider() -> Provider:
    """Two hundred datasets for refiners under two policies, three hundred for others under three."""
    here = Provider()
    for number in range(500):
        role = "refiner" if number % 5 < 2 else "recycler"
        await here.put(f"d{number:03}", policy(role, number % 5))
    return here


@contextmanager
def counted() -> Iterator[mock.Mock]:
    """How often a policy is decided."""
    with mock.patch.object(offer_journey, "evaluate", wraps=policy_evaluate) as evaluate:
        yield evaluate


async def test_pages_lead_forth_and_back(provider: Provider) -> None:
    """Everything that may be seen, each once; back the same pages, and none before the first."""
    pages = await provider.walk(facts("refiner"))
    assert [len(ids(page)) for page in pages] == [100, 100]
    assert sorted(one for page in pages for one in ids(page)) == [f"d{n:03}" for n in range(500) if n % 5 < 2]
    assert "previous" not in read_links(pages[0].link)
    back = read_links(pages[1].link)["previous"]
    again = await provider.walk(facts("refiner"), relation="previous", token=token_of(back))
    assert [ids(page) for page in again] == [ids(pages[0])]
    forth = await provider.offer.catalog(facts("refiner"), [], token_of(read_links(again[0].link)["next"]))
    assert ids(forth) == ids(pages[1])


async def test_small_pages_lead_both_ways_across_policies(provider: Provider) -> None:
    """Pages of 30 end within a policy and between two; the way back meets the same datasets."""
    who = facts("refiner", "recycler")
    spec: JsonObject = {"@type": "QuerySpec", "limit": 30}
    pages = await provider.walk(who, spec)
    assert [len(ids(page)) for page in pages] == [30] * 16 + [20]
    there = [one for page in pages for one in ids(page)]
    assert len(set(there)) == 500
    back = await provider.walk(who, relation="previous", token=token_of(read_links(pages[-1].link)["previous"]))
    assert [one for page in reversed(back) for one in ids(page)] == there[:480]


async def test_a_policy_is_decided_once_and_hidden_datasets_are_never_read(provider: Provider) -> None:
    """Five policies, five decisions for the first pages; a caller without rights gets an empty page and no link."""
    with counted() as evaluate:
        await provider.offer.catalog(facts("refiner"), [], None)
    assert evaluate.call_count <= 5
    with counted() as evaluate, mock.patch.object(provider.store, "find_datasets", side_effect=AssertionError):
        page = await provider.offer.catalog(facts("miner"), [], None)
    assert evaluate.call_count == 5
    assert (ids(page), page.link) == ([], "")
    assert "dataset" not in page.body


async def test_very_many_policies_give_empty_pages_with_a_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page costs a bounded effort; whoever goes on finds the one that it may see, each policy decided once."""
    monkeypatch.setattr(offer_journey, "_MOST_DECISIONS", 20)
    here = Provider()
    for number in range(130):
        await here.put(f"d{number}", policy("refiner" if number == 77 else "recycler", number))
    with counted() as evaluate:
        pages = await here.walk(facts("refiner"))
    assert [one for page in pages for one in ids(page)] == ["d77"]
    assert len(pages) == 7
    assert evaluate.call_count == 130
    back = await here.walk(
        facts("refiner"), relation="previous", token=token_of(read_links(pages[-1].link)["previous"])
    )
    assert [one for page in back for one in ids(page)] == ["d77"]


async def test_a_query_with_an_offset_is_answered_from_there(provider: Provider) -> None:
    """What a real EDC's crawler sends: batches by offset, until one is short."""
    who, found = facts("refiner"), list[str]()
    for start in (0, 70, 140, 210):
        spec: JsonObject = {"@type": "QuerySpec", "limit": 70, "offset": start}
        page = await provider.offer.catalog(who, [spec], None)
        found += ids(page)
        assert ("next" in read_links(page.link)) == (start < 130)
        assert ("previous" in read_links(page.link)) == (0 < start < 200)
    assert found == [one for page in await provider.walk(who) for one in ids(page)]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ({"operandLeft": "id", "operator": "in", "operandRight": ["d001", "d002", "none"]}, ["d001"]),
        ({"operandLeft": "name", "operator": "like", "operandRight": "title d49_"}, ["d490", "d491", "d495", "d496"]),
        ({"operandLeft": "name", "operator": "=", "operandRight": "title d005"}, ["d005"]),
        ({"operandLeft": "recordType", "operator": "=", "operandRight": "Battery"}, []),
    ],
)
async def test_a_filter_shows_what_may_be_seen_of_what_is_asked(
    provider: Provider, expression: Json, found: list[str]
) -> None:
    """Hidden datasets are not there, also by their id; the next page needs no filter of its own."""
    spec: JsonObject = {"@type": "QuerySpec", "filterExpression": [expression], "limit": 3}
    pages = await provider.walk(facts("refiner"), spec)
    assert sorted(one for page in pages for one in ids(page)) == found


async def test_a_dataset_request_shows_what_the_catalogue_shows(provider: Provider) -> None:
    """And hides what it hides."""
    document = await provider.offer.dataset(facts("refiner"), "d000")
    assert (document["@id"], document["@type"]) == ("d000", "Dataset")
    for hidden in ("d002", "none"):
        with pytest.raises(NotFound):
            await provider.offer.dataset(facts("refiner"), hidden)


# --- read ------------------------------------------------------------------------------------------------------------

PEER_BASE = "https://peer.example/dsp"
PEER_URL = f"{PEER_BASE}/catalog/request"
SERVICE = Service(service_id="s", endpoint=PEER_BASE)


def listed(*names: str) -> list[Offered]:
    rules: JsonObject = {"permission": [{"action": "use"}]}
    return [
        Offered(
            dataset_id=name, title=f"title {name}", record_types=(), formats=("x",), offers=(offer(name, "p", rules),)
        )
        for name in names
    ]


def page(*names: str, **others: Json) -> JsonObject:
    return {**catalog_page("c", PEER, listed(*names), SERVICE), **others}


def nested(*names: str, **others: Json) -> JsonObject:
    datasets: list[Json] = [dataset(one, SERVICE) for one in listed(*names)]
    return {"@id": "inner", "@type": "Catalog", **({"dataset": datasets} if datasets else {}), **others}


def service(address: str) -> Json:
    return {"@id": "s", "@type": "DataService", "endpointURL": address}


@dataclass
class Peer:
    """A peer with a catalogue of these pages: URL -> body, `Link`."""

    pages: dict[str, tuple[JsonObject, str]]
    takes_filters: bool = True
    asked: list[tuple[str, str, list[Json]]] = field(default_factory=list)

    async def dsp_base(self, peer: Did) -> str:
        """Its address."""
        assert peer == PEER
        return PEER_BASE

    async def post(self, peer: Did, url: str, body: bytes, **_: int) -> Sent:
        """A catalogue request."""
        filters = orjson.loads(body).get("filter", [])
        self.asked.append((peer, url, filters))
        if filters and not self.takes_filters:
            return self._sent(400, {"@type": "CatalogError"})
        if url not in self.pages:
            return self._sent(404, {})
        content, link = self.pages[url]
        return self._sent(200, content, link)

    async def get(self, peer: Did, url: str) -> Sent:
        """A dataset request."""
        self.asked.append((peer, url, []))
        return self._sent(*(200, self.pages[url][0]) if url in self.pages else (404, {}))

    def _sent(self, status: int, body: JsonObject, link: str = "") -> Sent:
        headers = {"link": link} if link else {}
        return Sent(answer=HttpAnswer(status=status, headers=headers, body=orjson.dumps(body)), token="")

    def urn(self) -> str:
        """A message's id."""
        return "urn:uuid:1"

    @property
    def journey(self) -> Browse:
        """Ours."""
        return Browse(peers=self, ids=self)  # type: ignore[arg-type]  # of these ports only what is asked for here

    async def read(self, wanted: Selection = EVERYTHING) -> list[Shown | Elsewhere]:
        """All of it."""
        return [one async for one in self.journey.catalog(PEER, wanted)]


def names(found: list[Shown | Elsewhere]) -> list[str]:
    return [one.dataset.id if isinstance(one, Shown) else one.address for one in found]


def link(url: str, rel: str = "next") -> str:
    return f'<{url}>; rel="{rel}"'


async def test_pages_are_followed_as_peers_link_them() -> None:
    """A real EDC's continuation token and its `prev` are a link like any other; a circle ends."""
    second, third = f"{PEER_URL}?continuationToken=abc", f"{PEER_URL}?page=3"
    peer = Peer({
        PEER_URL: (page("a"), link(second)),
        second: (page("b"), f"{link(PEER_URL, 'prev')}, {link(third)}"),
        third: (page("c"), link(second)),
    })  # fmt: skip
    assert names(await peer.read()) == ["a", "b", "c"]
    assert [url for _, url, _ in peer.asked] == [PEER_URL, second, third]


@pytest.mark.parametrize(
    "address", ["https://evil.example/x", "http://peer.example/x", "//evil.example", "https://[::1"]
)
async def test_a_next_page_at_another_host_is_not_asked_for(address: str) -> None:
    """Our token would go there."""
    peer = Peer({PEER_URL: (page("a"), link(address))})
    with pytest.raises(BadMessage):
        await peer.read()
    assert len(peer.asked) == 1


async def test_nested_catalogues_are_walked() -> None:
    """In their page, to a depth; at other addresses of the host with the peer's own token; elsewhere only named."""
    deep = nested("deep")
    for _ in range(6):
        deep = nested(catalog=[deep])
    inner, foreign = f"{PEER_BASE}/sub/catalog/request", "https://other.example/dsp"
    peer = Peer({
        PEER_URL: (
            page("a", catalog=[
                nested("b", participantId="did:web:b.example"), deep, nested(),
                nested(service=[service(f"{PEER_BASE}/sub")], participantId="did:web:victim.example"),
                nested(distribution=[{"format": "x", "accessService": service(foreign)}]),
            ]), "",
        ),
        inner: (page("c", catalog=[nested(service=[service(f"{PEER_BASE}/sub")])]), link(f"{inner}?2")),
        f"{inner}?2": (page("d"), ""),
    })  # fmt: skip
    found = await peer.read()
    assert names(found) == ["a", "b", foreign, "c", "d"]
    owners = [one.participant for one in found if isinstance(one, Shown)]
    assert owners == [PEER, "did:web:b.example", PEER, PEER]
    assert {who for who, _, _ in peer.asked} == {PEER}, "a token for another one would be the peer's to use there"


async def test_a_catalogue_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page has a next one: after so many it is enough."""
    monkeypatch.setattr("connector.exchange.browse._MAX_PAGES", 5)
    peer = Peer({f"{PEER_URL}?{n}" if n else PEER_URL: (page(), link(f"{PEER_URL}?{n + 1}")) for n in range(9)})
    with pytest.raises(BadMessage, match="5 pages"):
        await peer.read()


@pytest.mark.parametrize("takes_filters", [True, False])
async def test_a_filter_is_the_peers_work_or_ours(*, takes_filters: bool) -> None:
    """A peer that answers 400 to a filter is asked again without; what comes is sorted here in any case."""
    peer = Peer({PEER_URL: (page("a", "b"), "")}, takes_filters)
    assert names(await peer.read(Selection(names=frozenset({"title b"})))) == ["b"]
    assert [bool(filters) for _, _, filters in peer.asked] == ([True] if takes_filters else [True, False])


@pytest.mark.parametrize(
    ("status", "error"), [(401, NotAllowed), (403, NotAllowed), (404, PeerUnreachable), (500, PeerUnreachable)]
)
async def test_a_refused_catalogue(status: int, error: type[ConnectorError]) -> None:
    """Who we are is not enough, or there is none to be had."""
    peer, answer = Peer({}), HttpAnswer(status=status, headers={}, body=b"")
    with mock.patch.object(peer, "_sent", return_value=Sent(answer=answer, token="")), pytest.raises(error) as told:
        await peer.read()
    assert ("is our clock right" in told.value.hint) == (error is NotAllowed)


async def test_a_page_whose_token_was_used_up_on_the_way_is_asked_for_once_more() -> None:
    """By a copy of our request: that is no refusal of who we are."""
    peer = Peer({PEER_URL: (page("a"), "")})
    with mock.patch.object(peer, "_sent", side_effect=[peer._sent(401, {}), peer._sent(200, page("a"))]):
        assert names(await peer.read()) == ["a"]


async def find(peer: Peer, wanted: str) -> str:
    return (await peer.journey.find(PEER, wanted)).dataset.id


async def test_one_dataset_is_found_by_id_or_name() -> None:
    """By a dataset request where that is answered, else in the catalogue."""
    single: JsonObject = {
        **dataset(listed("urn:x")[0], SERVICE),
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    }
    peer = Peer({f"{PEER_BASE}/catalog/datasets/urn%3Ax": (single, ""), PEER_URL: (page("urn:y", "b", "c"), "")})
    assert await find(peer, "urn:x") == "urn:x"
    assert [url for _, url, _ in peer.asked] == [f"{PEER_BASE}/catalog/datasets/urn%3Ax"]
    assert [await find(peer, wanted) for wanted in ("urn:y", "title b", "c")] == ["urn:y", "b", "c"]
    with pytest.raises(NotFound) as error:
        await find(peer, "d")
    assert error.value.hint == "it shows: title urn:y, title b, title c"


async def test_a_name_of_two_datasets_is_no_answer() -> None:
    """Neither is taken."""
    twice: Any = json.loads(json.dumps(page("a", "b")))
    for one in twice["dataset"]:
        one["dct:title"] = "same"
    with pytest.raises(NotFound, match="2 datasets") as error:
        await find(Peer({PEER_URL: (twice, "")}), "same")
    assert error.value.hint == "say which: a, b"
