"""A peer that restarts, or asks for a moment, is asked again while somebody waits, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connector.errors import ConnectorError, PeerUnreachable
from connector.exchange.patience import Patient
from connector.exchange.ports import HttpAnswer, Sent
from connector.model import Did
from connector.protocol.catalog_query import EVERYTHING
from connector.server import commands
from tests.exchange.test_hostile import play, services, settled
from tests.network import VirtualLoop
from tests.simulator import KEPT, SHARED, World

T = TypeVar("T")
PEER = Did("did:web:peer.example")
URL = "https://peer.example/dsp/catalog/request"
REFUSED = PeerUnreachable("peer.example could not be reached: connection refused.")


def in_virtual_time(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """What came of it, and how many seconds it took."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work), loop.time()
    finally:
        loop.close()


@dataclass
class Moody:
    """A peer that answers so in turn, the last for ever; also chance."""

    answers: list[int | tuple[int, str] | PeerUnreachable]
    asked: int = 0
    said: list[str] = field(default_factory=list)

    async def post(self, peer: Did, url: str, body: bytes, *, limit_bytes: int = 1 << 20) -> Sent:
        """A catalogue request."""
        assert (peer, url, body, limit_bytes) == (PEER, URL, b"{}", 5)
        return Sent(answer=self._answer(), token="")

    async def get(self, peer: Did, url: str) -> Sent:
        """A dataset request."""
        assert (peer, url) == (PEER, URL)
        return Sent(answer=self._answer(), token="")

    async def dsp_base(self, _: Did) -> str:
        """The address of a peer that is not there."""
        return str(self._answer().status)

    async def pull(self, url: str, authorization: str, *, limit_bytes: int) -> HttpAnswer:
        """A data page."""
        assert (url, authorization, limit_bytes) == (URL, "token", 5)
        return self._answer()

    def jitter(self) -> float:
        """No chance."""
        return 0.5

    def _answer(self) -> HttpAnswer:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, PeerUnreachable):
            raise answer
        status, after = answer if isinstance(answer, tuple) else (answer, "")
        return HttpAnswer(status=status, headers={"retry-after": after} if after else {}, body=b"")

    async def read(self, how: str = "post") -> int:
        """The status that somebody who waits gets."""
        patient = Patient(peers=self, ids=self, seconds=30).telling(self.said.append)  # type: ignore[arg-type]  # of these ports only what is asked for here
        if how == "pull":
            return (await patient.pull(URL, "token", limit_bytes=5)).status
        if how == "get":
            return (await patient.get(PEER, URL)).answer.status
        return (await patient.post(PEER, URL, b"{}", limit_bytes=5)).answer.status


@pytest.mark.parametrize("how", ["post", "get", "pull"])
@pytest.mark.parametrize("first", [REFUSED, 408, 425, 429, 502, 503, 504])
def test_it_is_asked_again(first: int | PeerUnreachable, how: str) -> None:
    """No answer, and an answer about the moment; whoever waits is told why."""
    peer = Moody([first, first, 200])
    assert in_virtual_time(peer.read(how)) == (200, 1.5)
    assert peer.asked == 3
    why = "connection refused" if isinstance(first, PeerUnreachable) else f"HTTP {first}"
    assert [why in one for one in peer.said] == [True, True]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 410, 500, 501])
def test_an_answer_is_an_answer(status: int) -> None:
    """Whatever is not about the moment is the caller's to judge."""
    peer = Moody([status])
    assert in_virtual_time(peer.read()) == (status, 0)
    assert (peer.asked, peer.said) == (1, [])


def test_it_is_not_asked_before_it_wants_to_be() -> None:
    """`Retry-After` counts where it is longer than our own pause."""
    assert in_virtual_time(Moody([(503, "12"), (429, "7"), 200]).read()) == (200, 19)
    assert in_virtual_time(Moody([(503, "0"), (503, "Wed, 21 Oct 2026 07:28:00 GMT"), 200]).read())[1] < 2


def failed(peer: Moody) -> tuple[PeerUnreachable, float]:
    async def read() -> PeerUnreachable:
        with pytest.raises(PeerUnreachable) as raised:
            await peer.read()
        return raised.value

    return in_virtual_time(read())


@pytest.mark.parametrize("last", [REFUSED, 503])
def test_patience_ends(last: int | PeerUnreachable) -> None:
    """With what is wrong, how long it was tried, and what to do."""
    peer = Moody([last])
    error, seconds = failed(peer)
    assert 25 < seconds <= 30
    assert peer.asked <= 12
    assert "asked again for 30 s" in error.detail
    assert error.hint


@pytest.mark.parametrize(
    ("did", "slip"),
    [("did:web:127.0.0.1:9401", True), ("did:web:127.0.0.1%3A9401", False), ("did:web:example.com:refiner", False)],
)
def test_a_port_that_is_written_as_in_an_address_is_told(did: str, *, slip: bool) -> None:
    """It is a path of the DID, so another port was asked, and nobody would guess why."""
    peer = Moody([REFUSED])

    async def read() -> str:
        patient = Patient(peers=peer, ids=peer, seconds=30)  # type: ignore[arg-type]  # as above
        with pytest.raises(PeerUnreachable) as raised:
            await patient.dsp_base(Did(did))
        return raised.value.hint

    assert ("a port is written so in a DID: did:web:127.0.0.1%3A9401" in in_virtual_time(read())[0]) is slip


def test_who_asks_for_longer_is_left_alone() -> None:
    """Nobody waits for what can't come in time."""
    peer = Moody([503, (503, "120")])
    error, seconds = failed(peer)
    assert (peer.asked, seconds < 1) == (2, True)
    assert "120 s" in error.detail
    assert error.hint == "repeat the command in 120 s"


def test_what_no_restart_mends_is_said_at_once() -> None:
    """A name that does not exist."""
    error, seconds = failed(Moody([PeerUnreachable("no such name", again_after=None)]))
    assert (error.detail, seconds) == ("no such name", 0)


# --- between connectors ----------------------------------------------------------------------------------------------


async def after(seconds: float, work: Callable[[], None]) -> None:
    await asyncio.sleep(seconds)
    work()


def test_a_supplier_that_restarts(tmp_path: Path) -> None:
    """Catalogue, request and fetch wait for it; one that stays away is an error in words."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        here, peer = services(customer), Did(supplier.config.did)
        told: list[object] = []

        async def restarts() -> asyncio.Task[None]:
            await supplier.die()
            return asyncio.create_task(after(12, supplier.start))

        back = await restarts()
        shown = [line async for line in commands.catalog(here.telling(told.append), peer, EVERYTHING, 10)]
        assert {line["title"] for line in shown if "dataset" in line} == {SHARED, KEPT}
        assert told
        await back
        back = await restarts()
        asked = await settled(customer, supplier)
        assert asked["state"] == "FINALIZED"
        await back
        await supplier.die()
        with pytest.raises(ConnectorError, match="asked again for 30 s"):
            await settled(customer, supplier, "again")

    play(tmp_path, scene)
