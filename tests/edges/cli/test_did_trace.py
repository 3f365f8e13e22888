"""Resolving step by step: each step that can end it says so in words, and the real guard decides."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web

from connector.app import SystemClock
from connector.cli.certificates import ends_soon, sentence
from connector.cli.companies import free_ports
from connector.cli.did_trace import Trace, keys_of, trace
from connector.keys.memory import signer_from_seed
from connector.model import Did

CLOCK = SystemClock()


class Site:
    """A company's address on loopback, with an answer of one's choice."""

    def __init__(self, port: int) -> None:
        self.did = Did(f"did:web:localhost%3A{port}")
        self.answer: dict[str, Any] = {}

    def document(self, **changes: Any) -> bytes:
        """A good DID document, changed."""
        jwk = signer_from_seed(b"x", "EdDSA", "").public_jwk
        method = {"id": f"{self.did}#k", "type": "JsonWebKey", "controller": self.did, "publicKeyJwk": jwk}
        odd = {"id": f"{self.did}#odd", "type": "SomethingElse2030", "controller": self.did}
        said = {
            "id": self.did, "verificationMethod": [method, odd], "assertionMethod": [f"{self.did}#k"],
            "authentication": [f"{self.did}#odd"],
        }  # fmt: skip
        return orjson.dumps(said | changes)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """It listens."""
    (port,) = free_ports(1)
    made = Site(port)

    async def serve(_: web.Request) -> web.Response:
        return web.Response(**made.answer)

    app = web.Application()
    app.router.add_get("/{any:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield made
    await runner.cleanup()


def last(found: Trace) -> tuple[str, str, str]:
    step = found.steps[-1]
    return step.name, step.outcome, step.says


async def test_a_good_document_says_what_each_key_may_sign(site: Site) -> None:
    """And why one may sign nothing."""
    site.answer = {"body": site.document(), "content_type": "application/did+json"}
    found = await trace(site.did, allow_http=True, clock=CLOCK)
    assert last(found)[:2] == ("document", "passed")
    assert found.document is not None
    good, odd = keys_of(found.document)
    assert (good["kind"], good["uses"]) == ("Ed25519", ["assertionMethod"])
    assert (odd["kind"], odd["uses"]) == ("not used here", [])
    assert f"key-unsupported: {site.did}#odd" in str(odd["refused"])


@pytest.mark.parametrize(
    ("status", "headers", "changes", "told"),
    [
        (301, {"Location": "https://elsewhere.example/"}, {}, ("answer", "failed", "redirect to https://elsewhere")),
        (404, {}, {}, ("answer", "unchecked", "404 instead")),
        (503, {}, {}, ("answer", "unchecked", "503 instead")),
        (200, {}, {"id": "did:web:other.example"}, ("document", "failed", "document of did:web:other.example")),
        (200, {}, {"verificationMethod": {}}, ("document", "failed", "verificationMethod is not a list")),
    ],
)
async def test_what_ends_it_is_told(
    site: Site, status: int, headers: dict[str, str], changes: dict[str, Any], told: tuple[str, str, str]
) -> None:
    """By its step; what was refused and what could not be had are two things."""
    site.answer = {"status": status, "headers": headers, "body": site.document(**changes)}
    found = await trace(site.did, allow_http=True, clock=CLOCK)
    name, outcome, says = last(found)
    assert (name, outcome) == told[:2]
    assert told[2] in says
    assert found.document is None


async def test_an_inner_address_is_named_and_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name leads inside: the guard says so."""

    class Inside:
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
            return [{
                "hostname": host, "host": "10.0.0.7", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0,
            }]  # fmt: skip

        async def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr("connector.peers.client.Names", Inside)
    found = await trace(Did("did:web:inside.example"), allow_http=False, clock=CLOCK)
    steps = [(one.name, one.outcome) for one in found.steps]
    assert steps == [("did", "passed"), ("guard", "failed"), ("connection", "failed")]
    assert "10.0.0.7 is not public" in found.steps[1].says


@pytest.mark.parametrize("did", ["did:web:localhost%3A9999", "did:web:10.0.0.7", "did:key:z6Mk", "did:web:A.example"])
async def test_what_is_no_address_is_never_asked(did: str) -> None:
    """The first step is the last."""
    found = await trace(Did(did), allow_http=False, clock=CLOCK)
    assert [(one.name, one.outcome) for one in found.steps] == [("did", "failed")]


def test_a_certificate_is_told_of_three_weeks_before_its_end() -> None:
    """Not a day later; an end that is past is no time that is left."""
    now = datetime(2027, 3, 15, 9, tzinfo=UTC)
    assert not ends_soon(now + timedelta(days=21), now)
    assert ends_soon(now + timedelta(days=20, hours=23), now)
    assert sentence("a.example", now + timedelta(days=1, hours=1), now) == (
        "the certificate of a.example is good until 2027-03-16T10:00:00Z: it ends in one day"
    )
