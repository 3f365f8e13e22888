"""The protocol's face beside its messages: version document, pages, compression, dataset requests."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.exchange.ports import HttpAnswer
from connector.model import Json
from connector.protocol import compose
from connector.protocol.catalog import read_links
from connector.server.dsp import BASE
from tests.exchange.test_hostile import access_for, play, proof, services
from tests.network import Request, handled
from tests.simulator import KEPT, OPEN, SHARED, Node, World, dataset_row


async def ask(asked: Node, caller: Node, path: str, filters: list[Json] | None = None, **headers: str) -> HttpAnswer:
    """A catalogue request, or with a path below it a read."""
    assert asked.app is not None
    bearer = await proof(caller, asked.config.did, access=access_for(caller, asked))
    body = None if "/datasets/" in path else compose.dump(compose.catalog_request("urn:uuid:1", filters or []))
    named = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = path if path.startswith("http") else asked.config.public_url + BASE + path
    method = "GET" if body is None else "POST"
    return await handled(asked.app, Request(method=method, url=url, headers=named, body=body, timeout_seconds=9))


def test_the_case_of_the_scheme_does_not_count(tmp_path: Path) -> None:
    """RFC 9110, 11.1; a token without a scheme is none here."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        for scheme, status in (("bearer ", 200), ("BEARER ", 200), ("", 401), ("Basic ", 401)):
            shown = scheme + await proof(caller, asked.config.did, access=access_for(caller, asked))
            answer = await ask(asked, caller, "/catalog/request", Authorization=shown)
            assert answer.status == status, scheme

    play(tmp_path, scene)


def titles(answer: HttpAnswer) -> list[str]:
    """Of the datasets on a page."""
    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    return sorted(one["dct:title"] for one in orjson.loads(body).get("dataset", []))


def test_a_catalogue_over_the_wire(tmp_path: Path) -> None:
    """Pages with links that are followed as they are, packed for whoever takes that, the same for whoever does not."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        for number in range(30):
            await asked.store.commit_dataset(dataset_row(asked, f"n{number:02}", OPEN))
        first = await ask(asked, caller, "/catalog/request", [{"@type": "QuerySpec", "limit": 20}])
        links = read_links(first.headers["link"])
        second = await ask(asked, caller, links["next"])
        assert sorted(titles(first) + titles(second)) == sorted([*(f"n{n:02}" for n in range(30)), KEPT, SHARED])
        assert (set(links), set(read_links(second.headers["link"]))) == ({"next"}, {"previous"})
        assert "content-encoding" not in first.headers
        for accepted, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False)):
            answer = await ask(asked, caller, "/catalog/request", Accept_Encoding=accepted)
            assert (answer.headers.get("content-encoding") == "gzip") == packed, accepted
            assert answer.headers["vary"] == "Accept-Encoding"
            assert len(titles(answer)) == 32
        ours = [one async for one in services(caller).browse.catalog(services(asked).authenticate.did)]
        assert len(ours) == 32

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("path", "filters", "status", "told"),
    [
        ("/catalog/request", [{"@type": "QuerySpec", "filterExpression": [{"operandLeft": "price"}]}], 400, b"filter"),
        ("/catalog/request", ["lots"], 400, b"filter"),
        ("/catalog/request?continuationToken=eyJ9", None, 400, b"continuationToken"),
        ("/catalog/datasets/none", None, 404, b"not-found"),
        ("/catalog/datasets/..%2f..%2f", None, 404, b"not-found"),
    ],
)
def test_what_the_catalogue_can_not_answer(
    tmp_path: Path, path: str, filters: list[Json] | None, status: int, told: bytes
) -> None:
    """With the catalogue's error object, and what is wrong."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        answer = await ask(asked, caller, path, filters)
        assert answer.status == status, answer
        assert orjson.loads(answer.body)["@type"] == "CatalogError"
        assert told in answer.body

    play(tmp_path, scene)


def test_a_dataset_request_and_the_version_document(tmp_path: Path) -> None:
    """The one needs a token, the other none; both lead to the same address."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        url = asked.config.public_url
        dataset = dataset_row(asked, SHARED, OPEN).dataset_id
        document: Any = orjson.loads((await ask(asked, caller, f"/catalog/datasets/{dataset}")).body)
        assert (document["@id"], document["@type"]) == (dataset, "Dataset")
        assert document["distribution"][0]["accessService"]["endpointURL"] == url + BASE
        assert asked.app is not None
        plain = Request(method="GET", url=f"{url}/.well-known/dspace-version", headers={}, body=None, timeout_seconds=9)
        (entry,) = orjson.loads((await handled(asked.app, plain)).body)["protocolVersions"]
        assert (entry["version"], entry["binding"], entry["path"]) == ("2025-1", "HTTPS", BASE)

    play(tmp_path, scene)
