"""Hostile messages at every address, in every state: the code that DESIGN promises, an error object, nothing moved,
nobody asked. What can be wrong with a message is taken from the wire models (`attacks`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from connector.credentials import jose
from connector.exchange.alarms import REMINDER
from connector.exchange.ports import HttpAnswer
from connector.model import JsonObject, Pid
from connector.protocol import compose, negotiation, transfer
from connector.protocol.process import START, Process, Role
from connector.server import dsp
from tests.exchange.attacks import WRONG, Attack, attacks, shape_of, with_value
from tests.exchange.besieged import BASE, BY_HAND, PATHS, TABLES, WORDS, Siege, besieged
from tests.exchange.test_hostile import say
from tests.kept import Kept, named
from tests.network import GOOD, VirtualLoop
from tests.simulator import World

CATALOG = "CatalogRequestMessage"
FIRST = {
    negotiation.Kind.REQUEST: "negotiations/request", negotiation.Kind.OFFER: "negotiations/offers",
    transfer.Kind.REQUEST: "transfers/request",
}  # fmt: skip
EVIL = (
    "https://10.0.0.1/dsp", "https://192.168.1.1:8443", "http://127.0.0.1:1", "http://169.254.169.254/latest",
    "https://[fd00::1]/", "https://[::ffff:10.0.0.1]/", "https://0x7f.1/", "https://2130706433/", "file:///etc/passwd",
    "https://user@example.com/", "https://example.com/?x=", "https://example.com/#x", "gopher://example.com", "x",
)  # fmt: skip


@contextmanager
def scene(folder: Path) -> Iterator[tuple[asyncio.Runner, Siege]]:
    """The siege, on a loop that goes on."""

    async def made() -> Siege:
        world = World(folder=folder, seed=7, weather=GOOD, settings={"approvals": BY_HAND})
        await world.populate(3, 1)
        return await besieged(world)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        siege = runner.run(made())
        yield runner, siege
        runner.run(siege.world.end())


# --- what must hold --------------------------------------------------------------------------------------------------


def error_type(path: str) -> str:
    """The error object of the protocol that lives at this path."""
    if "/negotiations" in path:
        return "ContractNegotiationError"
    return "TransferError" if "/transfers" in path else "CatalogError"


def is_error(answer: HttpAnswer, path: str) -> bool:
    """Whether the body is the protocol's error object, with a code."""
    said = orjson.loads(answer.body)
    return bool(said["@type"] == error_type(path) and said["code"] and said["@context"])


def moved(kept: Kept) -> dict[str, Any]:
    """What a refused message must leave alone: processes that have begun, and all that follows from their moves; not
    that whoever says what came before is looked at once more (`reminders`).
    """
    processes = {(row["kind"], row["pid"]): row["body"] for row in named(kept, "process") if row["state"] != START}
    timers = [row for row in named(kept, "timer") if row["name"] != REMINDER]
    followed = ("outbox", "approval", "agreement", "agreement_claim", "data_token", "command", "attempt")
    return {"processes": processes, "timers": timers, **{name: kept[name] for name in followed}}


async def withstood(siege: Siege, attack: Attack) -> None:
    """Send it, and see that it got what it deserves."""
    before = siege.kept()
    answer = await siege.send(attack.path, attack.said)
    after = siege.kept()
    told = f"{attack.path} {attack.told}: {answer}"
    assert siege.asked == [], told
    if not attack.shape:
        assert answer.status == 400, told
        used = after["replay"] if "/catalog/" in attack.path else before["replay"]  # a token is for one read
        assert after == {**before, "replay": used}, told
    if answer.status >= 400:
        assert answer.status == 400, told
        assert is_error(answer, attack.path), told
        assert moved(after) == moved(before), told
    elif after != before:
        await siege.put_back(before)


def openings(siege: Siege) -> Iterator[tuple[str, str, JsonObject]]:
    """(kind, address, message) that begin something."""
    for kind, path in FIRST.items():
        role = Role.PROVIDER if kind == negotiation.Kind.OFFER else Role.CONSUMER
        yield kind, f"{BASE}/{path}", siege.message(kind, Process(role=role, pid=Pid(siege.fresh())))
    yield CATALOG, f"{BASE}/catalog/request", compose.catalog_request(siege.fresh())


def continuings(siege: Siege) -> Iterator[tuple[str, str, JsonObject]]:
    """(kind, address, message) that go on with something, where the peer may say it."""
    for table in TABLES.values():
        for kind in dict.fromkeys(row.kind for row in table.rows if row.state != START):
            place, path = siege.at(kind)
            yield kind, path, siege.message(kind, place.theirs)


def test_every_field_of_every_message_may_be_wrong(tmp_path: Path) -> None:
    """400 with an error object for what has no message's shape, and nothing at all is kept of it; for a field that is
    only unfitting the same, or it is none of our business; never a fault of ours.
    """

    async def all_of_them(siege: Siege) -> dict[str, int]:
        counts: dict[str, int] = {}
        for kind, path, said in [*openings(siege), *continuings(siege)]:
            for attack in attacks(path, said):
                await withstood(siege, attack)
                counts[f"{kind} {path[-12:]}"] = counts.get(f"{kind} {path[-12:]}", 0) + 1
        return counts

    with scene(tmp_path) as (runner, siege):
        counts = runner.run(all_of_them(siege))
    assert len(counts) == 3 + 1 + 11
    assert min(counts.values()) > 40, counts


def test_a_message_in_another_state_or_of_another_pid_moves_nothing(tmp_path: Path) -> None:
    """Every kind at every place: 400 where the table has no row for it, or the stored answer for what can be said but
    once and was; with a pid that is not this process's 400, also where the table has a row.
    """

    async def all_of_them(siege: Siege) -> int:
        count = 0
        for place in siege.places:
            table = TABLES[place.kind]
            for kind in dict.fromkeys(row.kind for row in table.rows if row.state != START):
                said = siege.message(kind, place.theirs)
                swapped = {**said, "consumerPid": said["providerPid"], "providerPid": said["consumerPid"]}
                foreign = [{**said, name: siege.fresh()} for name in ("consumerPid", "providerPid")]
                legal = table.target(place.state, kind, place.role.other) is not None
                again = kind in {one.message_type for one in await siege.heard(place)} and table.happens_once(kind)
                anew = again and kind == negotiation.Kind.AGREEMENT  # its id is another, and it takes the other's place
                illegal = [] if legal or anew else [said]
                for wrong in [*illegal, swapped, *foreign]:
                    answer = await unmoved(siege, place.path(kind), wrong)
                    assert answer.status == (200 if again and wrong is said else 400), (str(place), kind, answer)
                    count += 1
        return count

    with scene(tmp_path) as (runner, siege):
        assert runner.run(all_of_them(siege)) > 400


def test_a_first_message_that_was_refused_may_come_again(tmp_path: Path) -> None:
    """The same answer, also under another id, and nothing to be reminded of: no process has begun."""

    async def twice(siege: Siege) -> None:
        before = siege.kept()
        said = siege.message(
            negotiation.Kind.REQUEST, Process(role=Role.CONSUMER, pid=Pid(siege.fresh()), peer_pid=Pid(siege.fresh()))
        )
        first = await siege.send(f"{BASE}/negotiations/request", said)
        again = await siege.send(f"{BASE}/negotiations/request", {**said, "@id": siege.fresh()})
        assert (first.status, again.status, again.body) == (400, 400, first.body)
        assert siege.kept()["timer"] == before["timer"]
        assert moved(siege.kept()) == moved(before)

    with scene(tmp_path) as (runner, siege):
        runner.run(twice(siege))


@pytest.mark.parametrize("kind", ["START", "SUSPENSION", "COMPLETION", "TERMINATION"])
def test_a_request_that_was_refused_is_followed_by_nothing(tmp_path: Path, kind: str) -> None:
    """Under no agreement it is about no dataset. Its id is told, and what comes with it is refused like any other."""

    async def follows(siege: Siege) -> None:
        ours = Process(role=Role.CONSUMER, pid=Pid(siege.fresh()))
        request = {**siege.message(transfer.Kind.REQUEST, ours), "agreementId": "urn:none"}
        refused = await siege.send(f"{BASE}/transfers/request", request)
        there = replace(ours, peer_pid=Pid(orjson.loads(refused.body)["providerPid"]))
        said = siege.message(transfer.Kind[kind], there)
        answer = await siege.send(f"{BASE}/transfers/{there.peer_pid}/{kind.lower()}", said)
        assert (refused.status, answer.status) == (400, 400)
        assert orjson.loads(answer.body)["code"] == "illegal-transition"

    with scene(tmp_path) as (runner, siege):
        runner.run(follows(siege))


async def unmoved(siege: Siege, path: str, said: JsonObject) -> HttpAnswer:
    """Send it; whatever is answered, nothing may move."""
    before = siege.kept()
    answer = await siege.send(path, said)
    assert answer.status == 200 or is_error(answer, path), (path, said, answer)
    assert moved(siege.kept()) == moved(before), (path, said, answer)
    assert siege.asked == []
    return answer


# --- who says it -----------------------------------------------------------------------------------------------------


def addresses(siege: Siege) -> Iterator[tuple[str, str]]:
    """(method, path) of every route of the protocol, with a process of ours where one is named."""
    pids = {WORDS[place.kind]: place.pid for place in siege.places}
    for route in dsp.routes(siege.here.config):
        words = next((words for words in pids if f"/{words}/" in route.path), "")
        path = route.path.replace("{pid}", pids.get(words, "")).replace("{id}", "urn:x")
        if "dspace-version" not in path:
            yield route.method, path


async def bad_tokens(siege: Siege) -> dict[str, str]:
    """Tokens that prove nothing to the besieged one."""
    good = await siege.bearer()
    head, claims, signature = good.split(".")
    mine = await siege.bearer(siege.other)
    return {
        "none": "", "no token": "x", "for somebody else": await siege.bearer(audience="did:web:somebody.example"),
        "signed by another": f"{head}.{claims}.{mine.split('.')[2]}", "unsigned": f"{head}.{claims}.",
        "of another's claims": f"{head}.{mine.split('.')[1]}.{signature}", "cut": good[:-9],
        "of no algorithm": jose.attach(b"eyJhbGciOiJub25lIn0.e30", b"").decode(),
    }  # fmt: skip


def test_a_wrong_token_opens_no_address(tmp_path: Path) -> None:
    """At every route: 404 with an error object on negotiations and transfers, 401 on the catalogue; nothing is kept."""

    async def all_of_them(siege: Siege) -> None:
        for method, path in addresses(siege):
            for told, bearer in (await bad_tokens(siege)).items():
                before = siege.kept()
                body = compose.dump(siege.message(negotiation.Kind.REQUEST, Process(role=Role.CONSUMER, pid=Pid("x"))))
                answer = await say(siege.here, path, body if method == "POST" else b"", bearer, method)
                assert answer.status == (401 if "/catalog/" in path else 404), (path, told, answer)
                assert is_error(answer, path), (path, told, answer)
                assert siege.kept() == before, (path, told)
        assert siege.asked == []

    with scene(tmp_path) as (runner, siege):
        runner.run(all_of_them(siege))


def test_a_process_of_others_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    """Another member, with the right message at the right moment: the bytes of the answer for a pid that nobody has."""

    async def all_of_them(siege: Siege) -> None:
        for kind, path, said in continuings(siege):
            before = siege.kept()
            theirs = await siege.send(path, said, siege.other)
            words = path.removeprefix(BASE).split("/")[1]
            nobodys = await siege.send(f"{BASE}/{words}/urn:nobody/{PATHS[kind]}", said, siege.other)
            assert theirs.status == nobodys.status == 404, (kind, theirs, nobodys)
            assert theirs.body == nobodys.body
            assert is_error(theirs, path)
            assert siege.kept() == before
        for place in siege.places:
            looks = [
                await say(siege.here, f"{BASE}/{WORDS[place.kind]}/{pid}", b"", await siege.bearer(siege.other), "GET")
                for pid in (place.pid, "urn:nobody")
            ]
            assert [one.status for one in looks] == [404, 404]
            assert looks[0].body == looks[1].body

    with scene(tmp_path) as (runner, siege):
        runner.run(all_of_them(siege))


@pytest.mark.parametrize("address", EVIL)
def test_an_evil_address_begins_nothing(tmp_path: Path, address: str) -> None:
    """As a callback of any first message, or as the place to push to: 400, nothing is kept, nobody is asked."""

    async def all_of_them(siege: Siege) -> None:
        tried = [
            (path, {**said, "callbackAddress": address}) for kind, path, said in openings(siege) if kind != CATALOG
        ]
        final = next(
            one for one in siege.places if one.state == negotiation.State.FINALIZED and one.role is Role.PROVIDER
        )
        agreement = next(one for one in await siege.here.store.list_agreements("") if one.negotiation_pid == final.pid)
        pushed = siege.message(transfer.Kind.REQUEST, Process(role=Role.CONSUMER, pid=Pid(siege.fresh())))
        to = compose.push_address(address, "t")
        more: JsonObject = {"agreementId": agreement.agreement_id, "format": transfer.PUSH, "dataAddress": to}
        if "?" not in address and "#" not in address:  # an address to push to may have a query
            tried.append((f"{BASE}/transfers/request", {**pushed, **more}))
        for path, said in tried:
            before = siege.kept()
            answer = await siege.send(path, said)
            assert answer.status == 400, answer
            assert is_error(answer, path)
            assert siege.kept() == before
        await siege.here.die()
        siege.here.start()
        await asyncio.sleep(60)
        assert siege.asked == []

    with scene(tmp_path) as (runner, siege):
        runner.run(all_of_them(siege))


# --- at random -------------------------------------------------------------------------------------------------------

SHORT = (Phase.generate, Phase.shrink)
_LEAVES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=12)
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


async def assault(siege: Siege, data: st.DataObject) -> None:
    """A message of some kind, changed in some fields, at some place's address of some kind, by somebody."""
    place = data.draw(st.sampled_from(siege.places))
    kinds = sorted({row.kind for table in TABLES.values() for row in table.rows})
    kind = data.draw(st.sampled_from(kinds))
    goes_to = data.draw(
        st.sampled_from(sorted({row.kind for row in TABLES[place.kind].rows} - {transfer.Kind.REQUEST}))
    )
    said = siege.message(kind, place.theirs)
    shape = shape_of(str(said["@type"]))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.sampled_from(list(dict.fromkeys(shape.places(said)))))
        said = with_value(said, at, data.draw(_JSON | st.sampled_from(WRONG)))
    caller = siege.peer if data.draw(st.integers(0, 2)) else siege.other
    path = data.draw(
        st.sampled_from([*[place.path(goes_to)] * len(FIRST), *(f"{BASE}/{one}" for one in FIRST.values())])
    )
    before = siege.kept()
    answer = await siege.send(path, said, caller)
    after = siege.kept()
    assert siege.asked == []
    assert answer.status in {200, 201, 400, 404}
    if answer.status >= 400:
        assert is_error(answer, path)
        assert moved(after) == moved(before)
        if not shape.fits(said) or answer.status == 404:
            assert after == before
    elif after != before:
        assert shape.fits(said)
        await siege.put_back(before)


@pytest.mark.parametrize("examples", [200, pytest.param(4_000, marks=pytest.mark.long)])
def test_whatever_is_said_wherever_by_whomever(tmp_path: Path, examples: int) -> None:
    """An answer from the list, an error object with each refusal, nothing moved by it, and nobody else asked."""
    with scene(tmp_path) as (runner, siege):

        @settings(max_examples=examples, phases=SHORT)
        @given(data=st.data())
        def attacked(data: st.DataObject) -> None:
            runner.run(assault(siege, data))

        attacked()
