"""Keys change while peers keep our DID document for long: nothing fails, and what was signed before stays good."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from connector.app import SystemClock
from connector.credentials import base64url
from connector.credentials.datamodel import time_text
from connector.credentials.jose import key_id_in
from connector.credentials.own_methods import OwnMethod, Purpose, revoked, rotated
from connector.errors import BadInput, NotAllowed
from connector.exchange.rekey import Rekey
from connector.exchange.rows import CredentialRow
from connector.keys.memory import MemoryKeys, keys_from_seed, signer_from_seed
from connector.peers.resolver import Resolver
from connector.server import fetching, statements
from connector.stores.memory import MemoryStore
from tests.exchange.test_hostile import play, services, settled
from tests.exchange.test_receipts import said
from tests.simulator import Node, World

LONG = timedelta(hours=1)
"""How long peers keep documents here; a day would take long to simulate, and is no other case."""


def rotate(node: Node, purpose: Purpose, name: str, overlap: timedelta) -> None:
    """A new key of this node, as `did rotate` makes it."""
    own, now = node.keys.own, node.clock.now()
    assert isinstance(own, MemoryKeys)
    signer = signer_from_seed(name.encode(), "ES256", f"{node.config.did}#{name}")
    new = OwnMethod(
        name=name, purpose=purpose, public_jwk=signer.public_jwk, published=now, signs_from=now + overlap
    )  # fmt: skip
    own.known, own.signers[name] = rotated(own.known, new, now), signer


def keep_documents(node: Node, lifetime: timedelta) -> None:
    """A peer that keeps DID documents longer than we do."""
    resolver = services(node).outbox.receipts.resolver
    assert isinstance(resolver, Resolver)
    resolver._did_documents.lifetime = lifetime


@pytest.fixture
def stubborn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers that do not ask anew for a key that they do not know."""
    monkeypatch.setattr("connector.peers.resolver.UNKNOWN_KEY_PAUSE", 2 * LONG)


async def trade(customer: Node, supplier: Node) -> None:
    """A negotiation and a pull, from the first request to the last receipt."""
    key = services(customer).ids.urn()
    asked = await settled(customer, supplier, key)
    await fetching.fetch(services(customer), str(asked["agreement"]), key + "f", 60, lambda _: None)
    await asyncio.sleep(5)


async def credentials(node: Node) -> list[CredentialRow]:
    """What it signed itself."""
    rows = await node.store.list_records("", origin="own")
    return [one for row in rows for one in await node.store.credentials("", row.holder, row.record_id, row.version)]


@pytest.mark.usefixtures("stubborn")
def test_no_peer_that_keeps_documents_for_the_overlap_fails(tmp_path: Path) -> None:
    """Both keys of both companies; trade before, on both sides of the switch; old evidence stays good."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        for node in (customer, supplier):
            keep_documents(node, LONG)
        await trade(customer, supplier)
        for node in (customer, supplier):
            rotate(node, "authentication", "authentication-2", LONG)
            rotate(node, "assertionMethod", "assertion-2", LONG)
        for minutes in (50, 15):
            await asyncio.sleep(minutes * 60)
            await trade(customer, supplier)
        ours = [row for node in (customer, supplier) for row in await said(node) if row.direction == "out"]
        assert {row.receipt for row in ours} == {"verified"}
        keys = {key_id_in(orjson.loads(row.answer_headers)["message-receipt"].encode()) for row in ours}
        assert {str(one).partition("#")[2] for one in keys} == {"authentication-1", "authentication-2"}
        assert key_id_in(await statements.status_octets(services(supplier), 0)) == f"{supplier.config.did}#assertion-2"
        for old in await credentials(supplier):
            assert key_id_in(old.octets) == f"{supplier.config.did}#assertion-1"
            report = await services(customer).verifier.verify(old.octets, customer.clock.now())
            assert report.verdict == "valid", report

    play(tmp_path, scene)


@pytest.mark.usefixtures("stubborn")
def test_without_the_overlap_such_a_peer_does_fail(tmp_path: Path) -> None:
    """So the time before a key signs is what the other test lives on."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        keep_documents(supplier, LONG)
        await trade(customer, supplier)
        rotate(customer, "authentication", "authentication-2", timedelta())
        with pytest.raises(NotAllowed, match="401"):
            await trade(customer, supplier)

    play(tmp_path, scene)


def test_a_key_that_had_to_go_at_once_is_understood_by_our_own(tmp_path: Path) -> None:
    """Both keys replaced without overlap: a connector that meets an unknown key looks for it once more."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        await trade(customer, supplier)
        await asyncio.sleep(31)
        for node in (customer, supplier):
            own, now = node.keys.own, node.clock.now()
            assert isinstance(own, MemoryKeys)
            rotate(node, "authentication", "authentication-2", timedelta())
            own.known = revoked(own.known, "authentication-1", now=now, reason="stolen", successor=None)
        await trade(customer, supplier)
        ours = [row for node in (customer, supplier) for row in await said(node) if row.direction == "out"]
        assert {row.receipt for row in ours} == {"verified"}

    play(tmp_path, scene)


def test_a_former_key_logs_in_no_more(tmp_path: Path) -> None:
    """An hour after the switch whoever has it is nobody; the same company trades on with its new one."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        await trade(customer, supplier)
        rotate(customer, "authentication", "authentication-2", timedelta())
        own = customer.keys.own
        assert isinstance(own, MemoryKeys)
        new, own.signers["authentication-2"] = own.signers["authentication-2"], own.signers["authentication-1"]
        await asyncio.sleep(50 * 60)
        await trade(customer, supplier)
        await asyncio.sleep(15 * 60)
        with pytest.raises(NotAllowed, match="401"):
            await trade(customer, supplier)
        own.signers["authentication-2"] = new
        await trade(customer, supplier)

    play(tmp_path, scene)


def test_what_a_revoked_key_signed_counts_no_more(tmp_path: Path) -> None:
    """Its credentials fail by their key as soon as a list shows that the document is old; the list is new at once."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        verifier, old = services(customer).verifier, (await credentials(supplier))[0]
        assert (await verifier.verify(old.octets)).verdict == "valid"
        await asyncio.sleep(61)
        before = await statements.status_octets(services(supplier), 0)
        own, now = supplier.keys.own, supplier.clock.now()
        assert isinstance(own, MemoryKeys)
        rotate(supplier, "assertionMethod", "assertion-2", timedelta())
        own.known = revoked(own.known, "assertion-1", now=now, reason="stolen", successor=None)
        assert await statements.status_octets(services(supplier), 0) != before
        report = await verifier.verify(old.octets)
        key = next(check for check in report.checks if check.name == "key")
        assert (report.verdict, key.outcome, key.code) == ("invalid", "failed", "method-not-found")

    play(tmp_path, scene)


async def test_what_is_put_on_record_of_a_key(tmp_path: Path) -> None:
    """Its own times and thumbprints, and what signs beside it; of a key of the first day, or of none, nothing."""
    store, clock = MemoryStore(), SystemClock()
    own = keys_from_seed("us", "did:web:us.example")
    rekey, now = Rekey(tenant="", store=store, keys=own, clock=clock), clock.now()
    for name, told in (("assertion-1", "of the first day"), ("assertion-7", "no key")):
        with pytest.raises(BadInput, match=told):
            await rekey.note(name, by="")
    new = signer_from_seed(b"new", "ES256", "did:web:us.example#assertion-2")
    second = OwnMethod(
        name="assertion-2", purpose="assertionMethod", public_jwk=new.public_jwk, published=now, signs_from=now
    )  # fmt: skip
    own.known = revoked(own.known, "assertion-1", now=now, reason="stolen", successor=second)
    await rekey.note("assertion-1", by="ann")
    await rekey.note("assertion-2", by="")
    first, made = [orjson.loads(row.body) for row in await store.evidence("")]
    assert (first["by"], first["reason"], first["revoked"]) == ("ann", "stolen", time_text(now))
    assert (first["successor"], first["successor_thumbprint"]) == ("assertion-2", made["thumbprint"])
    assert "former" not in made, "the one before is revoked"
    members = orjson.dumps(new.public_jwk, option=orjson.OPT_SORT_KEYS)
    assert made["thumbprint"] == base64url.encode(sha256(members).digest()).decode()
