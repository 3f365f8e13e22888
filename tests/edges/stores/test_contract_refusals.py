"""What a peer answers, with words that not every database keeps: every store takes it alike."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

import orjson

from connector.app import compose
from connector.config import Config, Listen
from connector.config import Keys as KeyNames
from connector.exchange.ports import HttpAnswer, Sent, Store
from connector.keys.memory import keys_from_seed
from connector.keys.ring import Keys
from connector.model import Did, JsonObject
from connector.peers.nowhere import NoNetwork
from connector.server import commands
from tests.edges.stores.rows import PEER
from tests.network import SeededIds


class Morning:
    """A clock that stands."""

    def now(self) -> datetime:
        """One morning."""
        return datetime(2027, 3, 1, 8, tzinfo=UTC)


class Refusing:
    """Peers that refuse everything with one text."""

    async def post(self, peer: Did, url: str, body: bytes, **_options: object) -> Sent:
        """The refusal of DSP, with U+0000 in its reason."""
        error = {"@type": "ContractNegotiationError", "code": "no", "reason": ["a\0b"]}
        return Sent(answer=HttpAnswer(status=400, headers={}, body=orjson.dumps(error)), token="t")


async def test_a_refusal_with_a_character_that_cannot_be_kept_ends_the_process(store: Store, tmp_path: Path) -> None:
    """U+0000 in a reason: the status counts and is on record, once, and the message is not sent for ever."""
    names = KeyNames(assertion="memory:", authentication="memory:", id_key="memory:")
    listen = Listen(port=7443, management_port=7444)
    config = Config(name="m", public_url="https://m.example", folder=tmp_path, keys=names, listen=listen)
    keys = Keys(own=keys_from_seed("m", config.did, assertion="ES256"), id_key=b"k" * 32)
    found = compose(config, store, NoNetwork(), keys, clock=Morning(), ids=SeededIds(random.Random(1)))
    found.outbox.peers = Refusing()  # type: ignore[assignment]  # the rest of the port is not asked
    command = await commands.command_of(found, "", "x")
    offer: JsonObject = {"@type": "Offer", "@id": "urn:o", "permission": [{"action": "use"}]}
    await found.negotiate.request(Did(PEER), "https://peer.example/dsp", "urn:d", offer, command)
    work = asyncio.create_task(found.outbox.run())
    try:
        for _ in range(500):
            row = await store.load_process("", "negotiation", command.pid)
            if row is not None and row.state == "TERMINATED":
                break
            await asyncio.sleep(0.02)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert row is not None
    assert row.state == "TERMINATED"
    tried = await store.attempts("", "negotiation", command.pid)
    assert [(one.status, one.detail) for one in tried] == [(400, "HTTP 400")]
