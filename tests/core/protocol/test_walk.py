"""The walk over all joint states: both sides agree at rest, and come to rest. Planted faults are found by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.protocol import machine, negotiation, transfer
from connector.protocol.machine import Ruling
from connector.protocol.process import Answered, Process, Received, Role, Table, Timeout
from tests.core.protocol.walk import Walked, World, walk

CONSUMER, PROVIDER = Role.CONSUMER, Role.PROVIDER
BOTH, NEITHER = frozenset(Role), frozenset[Role]()
ONE = (frozenset({CONSUMER}), frozenset({PROVIDER}))
PROCESSES = [
    pytest.param(negotiation.TABLE, CONSUMER, id="negotiation"),
    pytest.param(negotiation.TABLE, PROVIDER, id="negotiation-begun-by-provider"),
    pytest.param(transfer.TABLE, CONSUMER, id="transfer"),
]


def who(sides: frozenset[Role]) -> str:
    """For names of tests, which processes that share them compare."""
    return "+".join(sorted(sides)) or "neither"


def found_nothing(walked: Walked, at_least: int) -> None:
    """The walk is right, and was no stroll."""
    assert not walked.wrong, f"{walked.wrong}: {walked.joint}"
    assert walked.states >= at_least
    print(f"{walked.states} joint states")


# --- all joint states, of any number of counter-offers, suspensions and resumptions ----------------------------------


@pytest.mark.parametrize(("table", "first"), PROCESSES)
def test_two_connectors_agree_over_a_bad_network(table: Table, first: Role) -> None:
    """Loss, repetition at any later time, reordering and crashes never part the sides, and nobody waits for ever."""
    found_nothing(walk(World(table=table, first=first)), 600)


@pytest.mark.parametrize("with_ids", [NEITHER, *ONE], ids=who)
@pytest.mark.parametrize(("table", "first"), PROCESSES)
def test_peers_without_message_ids_agree(table: Table, first: Role, with_ids: frozenset[Role]) -> None:
    """Without `@id` the sides agree as well, as long as the network holds back no old copies."""
    found_nothing(walk(World(table=table, first=first, old_copies=False, with_ids=with_ids)), 500)


@pytest.mark.parametrize("forgetful", [BOTH, *ONE], ids=who)
@pytest.mark.parametrize(("table", "first"), PROCESSES)
def test_a_peer_that_knows_no_repeat_is_joined(table: Table, first: Role, forgetful: frozenset[Role]) -> None:
    """A peer that refuses a repeat of what it has accepted is looked at, and joined."""
    found_nothing(walk(World(table=table, first=first, old_copies=False, forgetful=forgetful)), 700)


@pytest.mark.parametrize("busy", ONE, ids=who)
@pytest.mark.parametrize(("table", "first"), PROCESSES[:2])
def test_a_peer_that_is_busy_with_itself_is_asked_again(table: Table, first: Role, busy: frozenset[Role]) -> None:
    """A peer that answers 409 to what it takes a moment later, as a real EDC does, is neither given up nor joined."""
    found_nothing(walk(World(table=table, first=first, busy=busy)), 2_500)


@pytest.mark.parametrize(("table", "first"), PROCESSES)
def test_repeats_are_not_taken_on_trust(table: Table, first: Role) -> None:
    """The same with every repeat of everything delivered, in any of the orders of 6 messages."""
    found_nothing(walk(World(table=table, first=first, messages=6)), 1_700)


@pytest.mark.long
@pytest.mark.parametrize(("table", "first", "messages"), [
    (negotiation.TABLE, CONSUMER, 12), (negotiation.TABLE, PROVIDER, 12), (transfer.TABLE, CONSUMER, 9),
])  # fmt: skip
def test_repeats_are_not_taken_on_trust_for_longer(table: Table, first: Role, messages: int) -> None:
    """The same through two rounds of counter-offers, or of suspension and resumption."""
    found_nothing(walk(World(table=table, first=first, messages=messages)), 30_000)


@pytest.mark.long
@pytest.mark.parametrize("busy", [*ONE, BOTH], ids=who)
@pytest.mark.parametrize("forgetful", [NEITHER, BOTH], ids=who)
def test_transfers_with_a_busy_peer(busy: frozenset[Role], forgetful: frozenset[Role]) -> None:
    """Suspensions and starts come round to the same states: what a busy peer shows of them may be the former round."""
    found_nothing(
        walk(World(table=transfer.TABLE, first=CONSUMER, old_copies=not forgetful, forgetful=forgetful, busy=busy)),
        10_000,
    )


# --- planted faults: a walk that finds nothing proves something only if it finds these --------------------------------


def _rule_with(monkeypatch: pytest.MonkeyPatch, instead: dict[Ruling, Ruling], *, crossing_only: bool = True) -> None:
    right = machine.rule

    def wrong(table: Table, process: Process, kind: str) -> Ruling:
        ruling = right(table, process, kind)
        crosses = process.pending is not None and table.target(process.state, kind, process.role.other) is not None
        return instead.get(ruling, ruling) if crosses or not crossing_only else ruling

    monkeypatch.setattr(machine, "rule", wrong)


def test_mutual_not_now_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If both sides say "not now" to crossing messages, they wait for each other for ever."""
    _rule_with(monkeypatch, {Ruling.REFUSE: Ruling.NOT_NOW})
    assert "never come to rest" in walk(World(table=transfer.TABLE, first=CONSUMER)).wrong


def test_mutual_refusal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the consumer refuses what it should only put off, the sides part."""
    _rule_with(monkeypatch, {Ruling.NOT_NOW: Ruling.REFUSE})
    assert "at rest" in walk(World(table=transfer.TABLE, first=CONSUMER)).wrong


def test_accepting_under_a_pending_termination_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a side that terminates accepts the last message, one ends FINALIZED and the other TERMINATED."""
    _rule_with(monkeypatch, {Ruling.REFUSE: Ruling.TAKE})
    assert "FINALIZED" in walk(World(table=negotiation.TABLE, first=CONSUMER)).wrong


def test_not_taking_a_later_message_as_an_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a message that is legal only after ours is refused, the sides part after a lost answer."""
    _rule_with(monkeypatch, {Ruling.TAKE_AS_ANSWER: Ruling.REFUSE}, crossing_only=False)
    assert walk(World(table=negotiation.TABLE, first=CONSUMER)).wrong


@pytest.mark.parametrize("table", [negotiation.TABLE, transfer.TABLE], ids=["negotiation", "transfer"])
def test_unknown_repeats_are_found(monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
    """If repeats are judged like new messages, a lost answer parts the sides."""

    def no_repeats(process: Process, event: Received) -> None:
        return None

    monkeypatch.setattr(machine, "_repeated", no_repeats)
    assert walk(World(table=table, first=CONSUMER, messages=3)).wrong


def test_forgotten_refusals_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a refusal is not remembered, a late copy of the refused message is accepted."""
    right = machine._repeated

    def forgets(process: Process, event: Received) -> machine.Stepped | None:
        return None if event.seen is not None and event.seen.status == 400 else right(process, event)

    monkeypatch.setattr(machine, "_repeated", forgets)
    assert walk(World(table=transfer.TABLE, first=CONSUMER)).wrong


def test_not_looking_after_a_refusal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a 4xx is believed without a look at the peer's process, a peer that knows no repeat is lost."""
    right = machine._answered

    def believes(table: Table, process: Process, event: Answered) -> machine.Stepped:
        if process.pending is not None and 400 <= event.status < 500:
            return machine._settled(table, replace(process, pending=None), [])
        return right(table, process, event)

    monkeypatch.setattr(machine, "_answered", believes)
    world = World(table=negotiation.TABLE, first=CONSUMER, old_copies=False, forgetful=BOTH)
    assert "at rest" in walk(world).wrong


def test_joining_a_busy_peer_by_what_it_shows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a state that is shown beside a 409 is believed, it may be one from before our last answer arrived."""
    monkeypatch.setattr(machine, "_MOST_RACES", 0)
    assert "at rest" in walk(World(table=transfer.TABLE, first=CONSUMER, busy=frozenset({CONSUMER}))).wrong


@pytest.mark.parametrize("hasty", ONE, ids=who)
@pytest.mark.parametrize(("table", "first"), PROCESSES)
def test_answering_before_committing_is_found(table: Table, first: Role, hasty: frozenset[Role]) -> None:
    """If an answer leaves before its commit, a crash in between makes one side forget what the other one knows."""
    assert "at rest" in walk(World(table=table, first=first, hasty=hasty)).wrong


@pytest.mark.parametrize("table", [negotiation.TABLE, transfer.TABLE], ids=["negotiation", "transfer"])
def test_waiting_for_ever_is_found(monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
    """If a time-out ends nothing, a side that waits for a peer's or a person's word waits for ever."""
    right = machine._timed_out

    def patient(table: Table, process: Process, event: Timeout) -> machine.Stepped:
        return (process, ()) if process.role is PROVIDER else right(table, process, event)

    monkeypatch.setattr(machine, "_timed_out", patient)
    assert "ends nothing" in walk(World(table=table, first=CONSUMER)).wrong
