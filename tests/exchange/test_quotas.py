"""Quotas: who asks too much is asked to come later, before anything is written; everybody else is served."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from connector.config import Approvals, Limits
from connector.credentials.query import query_message, type_scope
from connector.errors import CannotCheck, PeerUnreachable, Unavailable
from connector.exchange.crowd import Crowd
from connector.exchange.patience import asked_to_wait
from connector.exchange.ports import HttpAnswer
from connector.exchange.quotas import Bucket
from connector.exchange.rows import ProcessRow
from connector.model import Did, JsonObject, Pid
from connector.protocol import compose
from connector.protocol.process import Process, Role
from connector.server import fetching
from connector.stores.memory import MemoryStore
from tests.exchange.deals import ask
from tests.exchange.test_hostile import access_for, play, proof, say, services, settled
from tests.kept import kept
from tests.loop_time import all_wait
from tests.simulator import Node, World

START = datetime(2027, 3, 15, 9, tzinfo=UTC)
CATALOG = "/dsp/2025-1/catalog/request"
BURST = 5


async def asks(caller: Node, asked: Node, *, known: bool, times: int = 1) -> list[HttpAnswer]:
    """So many catalogue requests, each with a token of its own; a stranger lets nobody see its credentials."""
    access = access_for(caller, asked) if known else None
    body = compose.dump(compose.catalog_request("urn:uuid:1"))
    return [await say(asked, CATALOG, body, await proof(caller, asked.config.did, access=access)) for _ in range(times)]


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    """Nothing is given beyond; time fills it up to the burst and no further; a clock that jumps back fills nothing."""
    bucket = Bucket(rate=2.0, burst=3.0, at=START)
    assert [bucket.take(START) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(START - timedelta(hours=1)) == 0.5
    assert bucket.take(START - timedelta(hours=1) + timedelta(seconds=0.5)) == 0.0
    assert [bucket.take(START + timedelta(hours=1)) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_what_takes_room_on_the_disk_counts_by_its_size() -> None:
    """A megabyte is kept for each refused request, so it counts as many; what is beyond the burst is not for ever."""
    bucket = Bucket(rate=1.0, burst=100.0, at=START)
    assert [bucket.take(START, 65.0), bucket.take(START, 65.0)] == [0.0, 30.0]
    assert bucket.take(START + timedelta(seconds=100), 10_000.0) == 0.0


def test_large_messages_of_strangers_do_not_fill_the_disk(tmp_path: Path) -> None:
    """Of thirty requests of a megabyte each, all refused, few are kept; a small one is answered soon."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        offer: JsonObject = {"@type": "Offer", "@id": "x" * 4_000, "target": "none"}
        offer["permission"] = [{"action": "use", "constraint": [], "note": "x" * 900_000}]
        for number in range(30):
            process = Process(role=Role.CONSUMER, pid=Pid(f"urn:uuid:{number}"))
            body = compose.dump(
                compose.contract_request(
                    f"urn:uuid:m{number}", process, offer=offer, callback_address="https://x.example"
                )
            )
            answer = await say(asked, "/dsp/2025-1/negotiations/request", body, await proof(caller, asked.config.did))
        assert answer.status == 503
        assert 5 < len(await asked.store.newest_processes("", "negotiation")) < 15
        await asyncio.sleep(5)
        assert [answer.status for answer in await asks(caller, asked, known=False)] == [200]

    play(tmp_path, scene)


def test_strangers_whose_credential_services_hang_keep_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their queries have a room of their own: our own messages and known parties have the connections."""

    async def scene(world: World) -> None:
        asked, *callers = world.nodes
        under_way, most = 0, 0

        async def hangs(_: object, party: Did, *__: object) -> list[str]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(10)
            under_way -= 1
            raise PeerUnreachable(f"{party} did not answer")

        await asyncio.gather(*(asks(caller, asked, known=True) for caller in callers[:1]))
        monkeypatch.setattr(type(services(asked).peers), "presentations", hangs)
        began = asyncio.get_running_loop().time()
        flood = [asyncio.create_task(asks(caller, asked, known=True)) for caller in callers[1:] * 20]
        known = await asks(callers[0], asked, known=True)
        assert asyncio.get_running_loop().time() == began
        assert [answer.status for answer in known] == [200]
        refused = [answer.status for told in await asyncio.gather(*flood) for answer in told]
        assert set(refused) == {503}
        assert most == 4
        assert asyncio.get_running_loop().time() <= began + 30

    play(tmp_path, scene, nodes=4)


def test_strangers_together_are_bounded_before_a_row_is_written(tmp_path: Path) -> None:
    """Two names of strangers have one bucket. Beyond it: 503, when to come again, no row, and the token stays good."""

    async def scene(world: World) -> None:
        asked, one, two = world.nodes
        served = [*await asks(one, asked, known=False, times=3), *await asks(two, asked, known=False, times=2)]
        assert [answer.status for answer in served] == [200] * BURST
        before, token = kept(asked.store), await proof(two, asked.config.did)
        body = compose.dump(compose.catalog_request("urn:uuid:1"))
        answer = await say(asked, CATALOG, body, token)
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")
        assert orjson.loads(answer.body)["code"] == "too-many-requests"
        assert (await say(asked, "/audit/records/x/1", b"", await proof(one, asked.config.did), "GET")).status == 503
        assert kept(asked.store) == before
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


async def _started(customer: Node, supplier: Node) -> ProcessRow:
    """A transfer of the supplier's data, as its consumer has it."""
    agreement = str((await settled(customer, supplier))["agreement"])
    await fetching.start_transfer(services(customer), agreement, "t", 60)
    await asyncio.sleep(5)
    return (await customer.store.newest_processes("", "transfer"))[0]


def test_who_has_a_data_token_has_the_same_quota(tmp_path: Path) -> None:
    """Each data request is put on record, so a token is no way around; what was put off is given later."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        token = orjson.loads((await _started(customer, supplier)).body)["content"]["address"]["authorization"]
        before = len(await supplier.store.evidence("", after=0, limit=1_000))
        answers = [await say(supplier, "/data", b"", token, "GET") for _ in range(40)]
        assert {answer.status for answer in answers} == {200, 503}
        assert len(await supplier.store.evidence("", after=0, limit=1_000)) < before + 10
        await asyncio.sleep(1)
        assert (await say(supplier, "/data", b"", token, "GET")).status == 200

    play(tmp_path, scene, limits=Limits(requests_per_second=1))


def test_who_was_given_a_token_has_a_quota_for_what_it_opens(tmp_path: Path) -> None:
    """A query makes a row and signatures, a renewal an entry on record; and who queries becomes no known party."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        row = await _started(customer, supplier)
        before = len(await supplier.store.evidence("", after=0, limit=1_000))
        answers: list[HttpAnswer] = []
        for _ in range(12):
            address = orjson.loads(row.body)["content"]["address"]
            with suppress(CannotCheck):
                await services(customer).renew._renewed(row.pid, Did(supplier.config.did), address)
            body = orjson.dumps(query_message([type_scope("MembershipCredential")]))
            token = await proof(customer, supplier.config.did, access=access_for(supplier, customer))
            answers.append(await say(supplier, "/dcp/presentations/query", body, token))
            row = (await customer.store.newest_processes("", "transfer"))[0]
        assert {answer.status for answer in answers} == {200, 503}
        assert before < len(await supplier.store.evidence("", after=0, limit=1_000)) < before + 10
        services(supplier).authenticate.quotas.admit_bearer(Did("did:web:somebody.example"))
        assert not services(supplier).authenticate.quotas.knows("did:web:somebody.example")

    play(tmp_path, scene, limits=Limits(requests_per_second=1))


@pytest.mark.parametrize("access", [None, "never-given"])
def test_who_shows_no_right_makes_no_row_at_the_credential_service(tmp_path: Path, access: str | None) -> None:
    """A token of one's own is free; what opens our credentials we have given (DCP 1.0.1, 5.4)."""

    async def scene(world: World) -> None:
        asked, caller = world.nodes
        before = kept(asked.store)
        body = orjson.dumps(query_message([type_scope("MembershipCredential")]))
        token = await proof(caller, asked.config.did, access=access)
        assert (await say(asked, "/dcp/presentations/query", body, token)).status == 401
        assert kept(asked.store) == before

    play(tmp_path, scene)


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("", 0), ("soon", 0), ("9" * 40, 0), ("-3", 0)])
def test_a_peer_that_says_when_is_not_asked_before(said: str, seconds: int) -> None:
    """`Retry-After` in seconds; anything else leaves our own pauses."""
    assert asked_to_wait({"retry-after": said}) == seconds


def test_who_has_very_much_open_opens_no_more_until_something_ends(tmp_path: Path) -> None:
    """The third request is kept nowhere, is no refusal either, and goes through by itself once one of the two ended;
    what belongs to an open one is heard all the while.
    """

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        first, second = await ask(customer, supplier), await ask(customer, supplier)
        third = await ask(customer, supplier)
        assert [await deal.states() for deal in (first, second)] == [("REQUESTED", "REQUESTED")] * 2
        assert (await third.row(customer)).state == "", "not answered yet"
        assert await supplier.store.find_process("", "negotiation", customer.config.did, third.pid) is None
        [tried, *_] = await customer.store.attempts("", "negotiation", third.pid)
        assert tried.status == 503

        await services(customer).negotiate.terminate(first.pid, "done", "not needed")
        await asyncio.sleep(120)
        assert await first.states() == ("TERMINATED", "TERMINATED")
        assert await third.states() == ("REQUESTED", "REQUESTED")

    play(tmp_path, scene, approvals=Approvals(request="hold"), limits=Limits(max_open_processes=2))


async def test_what_is_let_in_and_not_written_yet_counts_too() -> None:
    """However many ask at once; whoever was let in and opened nothing leaves the place to the next."""
    crowd = Crowd(tenant="", store=MemoryStore(), most=2)
    written = asyncio.Event()

    async def opens(party: str) -> None:
        async with crowd.admitted(party):
            await written.wait()

    asked = [asyncio.create_task(opens(party)) for party in ["did:web:peer"] * 8 + ["did:web:else"]]
    await all_wait()
    assert [type(one.exception()) for one in asked if one.done()] == [Unavailable] * 6
    written.set()
    assert [type(one) for one in await asyncio.gather(*asked, return_exceptions=True)].count(Unavailable) == 6
    await opens("did:web:peer")
