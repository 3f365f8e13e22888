"""Quotas: who asks too much is asked to come later, before anything is written; everybody else is served."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from connector.config import Limits
from connector.credentials.query import query_message, type_scope
from connector.exchange.patience import asked_to_wait
from connector.exchange.ports import HttpAnswer
from connector.exchange.quotas import Bucket
from connector.protocol import compose
from tests.exchange.test_hostile import play, proof, say, services, settled
from tests.simulator import Node, World

START = datetime(2027, 3, 15, 9, tzinfo=UTC)
CATALOG = "/dsp/2025-1/catalog/request"
BURST = 5


async def asks(caller: Node, asked: Node, *, known: bool, times: int = 1) -> list[HttpAnswer]:
    """So many catalogue requests, each with a token of its own; a stranger lets nobody see its credentials."""
    access = services(caller).outbox.peers._access(services(asked).authenticate.did) if known else None  # type: ignore[attr-defined]  # a look inside
    body = compose.dump(compose.catalog_request("urn:uuid:1"))
    return [await say(asked, CATALOG, body, await proof(caller, asked.config.did, access=access)) for _ in range(times)]


def kept(node: Node) -> str:
    """Everything in its store."""
    return repr({name: value for name, value in vars(node.store).items() if isinstance(value, dict | list)})


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    """Nothing is given beyond; time fills it up to the burst and no further; a clock that jumps back fills nothing."""
    bucket = Bucket(rate=2.0, burst=3.0, at=START)
    assert [bucket.take(START) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(START - timedelta(hours=1)) == 0.5
    assert bucket.take(START - timedelta(hours=1) + timedelta(seconds=0.5)) == 0.0
    assert [bucket.take(START + timedelta(hours=1)) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_strangers_together_are_bounded_before_a_row_is_written(tmp_path: Path) -> None:
    """Two names of strangers have one bucket. Beyond it: 503, when to come again, no row, and the token stays good."""

    async def scene(world: World) -> None:
        asked, one, two = world.nodes
        served = [*await asks(one, asked, known=False, times=3), *await asks(two, asked, known=False, times=2)]
        assert [answer.status for answer in served] == [200] * BURST
        before, token = kept(asked), await proof(two, asked.config.did)
        body = compose.dump(compose.catalog_request("urn:uuid:1"))
        answer = await say(asked, CATALOG, body, token)
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")
        assert orjson.loads(answer.body)["code"] == "too-many-requests"
        assert (await say(asked, "/audit/records/x/1", b"", await proof(one, asked.config.did), "GET")).status == 503
        assert kept(asked) == before
        assert [answer.status for answer in await asks(one, asked, known=True)] == [200]
        assert services(asked).clock.now() < START + timedelta(seconds=40)
        services(asked).authenticate.quotas._strangers.left = 1.0  # type: ignore[union-attr]  # as a minute later
        assert (await say(asked, CATALOG, body, token)).status == 200

    play(tmp_path, scene, nodes=3, limits=Limits(stranger_requests_per_minute=1))


def test_a_known_party_has_a_quota_of_its_own(tmp_path: Path) -> None:
    """One that asks too fast is put off, and no other one with it; what it has to say comes through all the same."""

    async def scene(world: World) -> None:
        asked, busy, other = world.nodes
        hasty = await asks(busy, asked, known=True, times=40)
        assert {answer.status for answer in hasty} == {200, 503}
        assert {answer.headers["retry-after"] for answer in hasty if answer.status == 503} == {"1"}
        assert [answer.status for answer in await asks(other, asked, known=True, times=2)] == [200, 200]
        await asyncio.sleep(1)  # as the answer says
        assert (await settled(busy, asked))["state"] == "FINALIZED"

    play(tmp_path, scene, nodes=3, limits=Limits(requests_per_second=1))


@pytest.mark.parametrize("access", [None, "never-given"])
def test_who_shows_no_right_makes_no_row_at_the_credential_service(tmp_path: Path, access: str | None) -> None:
    """A token of one's own is free; what opens our credentials we have given (DCP 1.0.1, 5.4)."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        before = kept(asked)
        body = orjson.dumps(query_message([type_scope("MembershipCredential")]))
        token = await proof(caller, asked.config.did, access=access)
        assert (await say(asked, "/dcp/presentations/query", body, token)).status == 401
        assert kept(asked) == before

    play(tmp_path, scene)


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("", 0), ("soon", 0), ("9" * 40, 0), ("-3", 0)])
def test_a_peer_that_says_when_is_not_asked_before(said: str, seconds: int) -> None:
    """`Retry-After` in seconds; anything else leaves our own pauses."""
    assert asked_to_wait({"retry-after": said}) == seconds
