"""The rules of the step, one by one, and the tables row by row."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import orjson
import pytest

from connector.errors import IllegalTransition
from connector.model import Finding, Pid
from connector.protocol import negotiation, transfer
from connector.protocol.machine import step
from connector.protocol.process import (
    START,
    Accepted,
    Answered,
    Ask,
    DropPending,
    Effect,
    Pending,
    Process,
    Reached,
    Received,
    Replaced,
    Reply,
    Role,
    Seen,
    Send,
    Table,
    from_json,
)

NK, NS, TK, TS = negotiation.Kind, negotiation.State, transfer.Kind, transfer.State
N, T = negotiation.TABLE, transfer.TABLE
C, P = Role.CONSUMER, Role.PROVIDER


def at(role: Role, state: str, kind: str | None = None, target: str = "") -> Process:
    """A process with known pids, and a message under way where `kind` is given."""
    pending = None if kind is None else Pending(kind=kind, message_id="ours", target=target)
    return Process(role=role, pid=Pid("own"), peer_pid=Pid("peer"), state=state, pending=pending)


def message(kind: str, message_id: str | None = "m1", digest: str = "d1", **more: object) -> Received:
    """A message of the peer."""
    return replace(Received(kind=kind, message_id=message_id, digest=digest, peer_pid=Pid("peer")), **more)  # type: ignore[arg-type]  # any of its fields


def reply_of(effects: tuple[Effect, ...]) -> Reply:
    """The one answer among the effects."""
    (reply,) = (effect for effect in effects if isinstance(effect, Reply))
    return reply


# What DSP 2025-1 allows, written down a second time and independently: "state kind sender -> state".
NEGOTIATION_ROWS = """
- REQUEST c REQUESTED; - OFFER p OFFERED; REQUESTED OFFER p OFFERED; REQUESTED AGREEMENT p AGREED;
REQUESTED TERMINATION cp TERMINATED; OFFERED REQUEST c REQUESTED; OFFERED ACCEPT c ACCEPTED;
OFFERED TERMINATION cp TERMINATED; ACCEPTED AGREEMENT p AGREED; ACCEPTED TERMINATION cp TERMINATED;
AGREED VERIFICATION c VERIFIED; AGREED TERMINATION cp TERMINATED; VERIFIED FINALIZE p FINALIZED;
VERIFIED TERMINATION cp TERMINATED
"""
TRANSFER_ROWS = """
- REQUEST c REQUESTED; REQUESTED START p STARTED; REQUESTED TERMINATION cp TERMINATED; STARTED START p STARTED;
STARTED SUSPENSION cp SUSPENDED; STARTED COMPLETION cp COMPLETED; STARTED TERMINATION cp TERMINATED;
SUSPENDED START cp STARTED; SUSPENDED TERMINATION cp TERMINATED
"""


def expected(rows: str) -> dict[tuple[str, str, str], str]:
    """The rows above, by state, kind and letter of the sender."""
    allowed = {}
    for row in rows.replace("\n", " ").split(";"):
        state, kind, senders, target = row.split()
        for sender in senders:
            allowed[("" if state == "-" else state, kind, sender)] = target
    return allowed


CELLS = [
    (table, rows, state, kind, role)
    for table, rows, states, kinds in (
        (N, expected(NEGOTIATION_ROWS), NS, NK),
        (T, expected(TRANSFER_ROWS), TS, TK),
    )
    for state, kind, role in product((START, *states), kinds, Role)
]


@pytest.mark.parametrize(("table", "rows", "state", "kind", "role"), CELLS)
def test_each_cell_of_the_tables(
    table: Table, rows: dict[tuple[str, str, str], str], state: str, kind: negotiation.Kind, role: Role
) -> None:
    """State x message x receiving role: exactly the rows of the specification are accepted, all else is 400."""
    process = at(role, state)
    after, effects = step(table, process, message(kind))
    target = rows.get((state, kind.name, role.other.value[0]))
    if target is None:
        assert after == process
        reply = reply_of(effects)
        assert (reply.status, reply.what, reply.code) == (400, "error", "illegal-transition")
        assert reply.findings[0].message.endswith(f"in the state {state or 'before the first message'}.")
    else:
        status = 201 if state == START else 200
        taken = Accepted(kind=kind, message_id="m1", digest="d1", status=status)
        assert after == replace(at(role, target), accepted=taken)
        assert reply_of(effects) == Reply(status=status, what="ack")
        assert Reached(state=target, kind=kind, by_us=False) in effects


@pytest.mark.parametrize(("table", "rows", "state", "kind", "role"), CELLS)
def test_each_cell_for_our_own_side(
    table: Table, rows: dict[tuple[str, str, str], str], state: str, kind: negotiation.Kind, role: Role
) -> None:
    """State x message x sending role: the same rows decide what we may send."""
    target = rows.get((state, kind.name, role.value[0]))
    assert (kind in table.kinds(state, role)) is (target is not None)
    if target is None:
        with pytest.raises(IllegalTransition, match=f"in the state {state or 'before the first message'}"):
            step(table, at(role, state), Ask(kind=kind, message_id="ours"))
        return
    sent, effects = step(table, at(role, state), Ask(kind=kind, message_id="ours"))
    assert (sent, effects) == (at(role, state, kind, target), (Send(kind=kind, message_id="ours"),))
    after, effects = step(table, sent, Answered(message_id="ours", status=204))
    assert after == at(role, target)
    assert effects == (Reached(state=target, kind=kind, by_us=True),)


# --- repeats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 400])
@pytest.mark.parametrize("state", list(NS))
def test_a_repeat_by_id_gets_its_answer_for_ever(state: str, status: int) -> None:
    """The same `@id` and body get the stored answer in whatever state, also while ours is under way."""
    for process in (at(C, state), at(C, state, NK.TERMINATION, NS.TERMINATED)):
        after, effects = step(N, process, message(NK.AGREEMENT, seen=Seen(digest="d1", status=status)))
        assert after == process
        assert effects == (Reply(status=status, what="stored"),)


def test_one_message_has_not_bodies_without_end() -> None:
    """Each is kept with the process: a peer that waits for nothing could make it grow with every request."""
    process, _ = step(N, at(P, NS.OFFERED), message(NK.REQUEST, digest="d0"))
    for number in range(1, 100):
        again = message(NK.REQUEST, digest=f"d{number}", seen=Seen(digest=f"d{number - 1}", status=200))
        process, effects = step(N, process, again)
    assert process.accepted is not None
    assert len(process.accepted.earlier) == 32
    assert (reply_of(effects).status, reply_of(effects).code) == (400, "message-id-reused")


def test_the_same_id_with_another_body_replaces_while_its_state_stands() -> None:
    """A real EDC repeats an agreement under a new agreement id: the later one counts, until we have moved on."""
    agreed, _ = step(N, at(C, NS.REQUESTED), message(NK.AGREEMENT))
    again = message(NK.AGREEMENT, digest="d2", seen=Seen(digest="d1", status=200))
    later, effects = step(N, agreed, again)
    assert effects == (Replaced(kind=NK.AGREEMENT), Reply(status=200, what="ack"))
    assert later.accepted is not None
    assert (later.state, later.accepted.digest) == (NS.AGREED, "d2")
    late_copy = message(NK.AGREEMENT, seen=Seen(digest="d2", status=200))
    assert step(N, later, late_copy) == (later, (Reply(status=200, what="stored"),))

    latest, _ = step(N, later, replace(again, digest="d3"))
    for digest, kept in (("d1", "d3"), ("d2", "d3")):
        earlier = message(NK.AGREEMENT, digest=digest, seen=Seen(digest=kept, status=200))
        assert step(N, latest, earlier) == (latest, (Reply(status=200, what="stored"),)), "a late copy"

    asked, _ = step(N, later, Ask(kind=NK.VERIFICATION, message_id="ours"))
    assert reply_of(step(N, asked, replace(again, digest="d3"))[1]).status == 200
    verified, _ = step(N, asked, Answered(message_id="ours", status=200))
    after, effects = step(N, verified, replace(again, digest="d3"))
    assert after == verified
    assert (reply_of(effects).status, reply_of(effects).code) == (400, "message-id-reused")


def test_a_changed_repeat_of_what_came_before_the_last_is_refused() -> None:
    """The peer's start stands no more once it has suspended: another body under the start's `@id` changes nothing."""
    started, _ = step(T, at(C, TS.REQUESTED), message(TK.START))
    suspended, _ = step(T, started, message(TK.SUSPENSION, "m2", digest="d2"))
    again = message(TK.START, digest="d3", seen=Seen(digest="d1", status=200))
    for late in (again, replace(again, kind=TK.SUSPENSION), replace(again, message_id="m2")):
        after, effects = step(T, suspended, late)
        assert after == suspended
        assert (reply_of(effects).status, reply_of(effects).code) == (400, "message-id-reused")


def test_what_is_made_anew_counts_until_the_end() -> None:
    """Whatever was said since, nothing moves; after the end it is refused as anything is."""
    said = replace(message(NK.AGREEMENT, digest="d2"), seen=Seen(digest="d1", status=200, anew=True))
    for process in (at(C, NS.AGREED, NK.VERIFICATION, NS.VERIFIED), at(C, NS.VERIFIED)):
        after, effects = step(N, process, said)
        assert after == process
        assert effects == (Replaced(kind=NK.AGREEMENT), Reply(status=200, what="ack"))
        _, effects = step(N, process, replace(said, objections=(Finding(code="no", message="No."),)))
        assert (reply_of(effects).status, reply_of(effects).code) == (400, "no")
    for process in (at(C, NS.FINALIZED), at(C, NS.TERMINATED)):
        assert reply_of(step(N, process, said)[1]).code == "illegal-transition"


def test_a_replacement_is_checked_like_the_first() -> None:
    """A later body with findings is refused, and the earlier one stays."""
    agreed, _ = step(N, at(C, NS.REQUESTED), message(NK.AGREEMENT))
    wrong = Finding(code="agreement-mismatch", message="other rules")
    again = message(NK.AGREEMENT, digest="d2", seen=Seen(digest="d1", status=200), objections=(wrong,))
    after, effects = step(N, agreed, again)
    assert after == agreed
    assert reply_of(effects) == Reply(status=400, what="error", code="agreement-mismatch", findings=(wrong,))


def test_without_id_only_the_last_message_repeats_and_only_while_its_state_stands() -> None:
    """Without `@id` the last accepted message is known by its body, until the state that it produced is left."""
    started, _ = step(T, at(C, TS.REQUESTED), message(TK.START, None))
    assert step(T, started, message(TK.START, None)) == (started, (Reply(status=200, what="stored"),))
    asked, _ = step(T, started, Ask(kind=TK.SUSPENSION, message_id="ours"))
    assert step(T, asked, message(TK.START, None))[1] == (Reply(status=200, what="stored"),)
    suspended, _ = step(T, asked, Answered(message_id="ours", status=200))
    resumed, effects = step(T, suspended, message(TK.START, None))
    assert reply_of(effects).what == "ack"
    assert resumed.state == TS.STARTED


def test_our_own_start_of_what_runs_leaves_the_peers_last_word_standing() -> None:
    """A real EDC is resumed from both sides: its start, sent again after ours, is still the one that we took."""
    resumed, _ = step(T, at(P, TS.SUSPENDED), message(TK.START, None))
    asked, _ = step(T, resumed, Ask(kind=TK.START, message_id="ours"))
    restarted, _ = step(T, asked, Answered(message_id="ours", status=200))
    assert step(T, restarted, message(TK.START, None)) == (restarted, (Reply(status=200, what="stored"),))


def test_with_and_without_id_are_not_mixed() -> None:
    """A message with an `@id` is never taken for a repeat of one without, nor the other way round."""
    agreed, _ = step(N, at(C, NS.REQUESTED), message(NK.AGREEMENT, None))
    assert reply_of(step(N, agreed, message(NK.AGREEMENT, "m1"))[1]).code == "illegal-transition"
    agreed, _ = step(N, at(C, NS.REQUESTED), message(NK.AGREEMENT, "m1"))
    assert reply_of(step(N, agreed, message(NK.AGREEMENT, None))[1]).code == "illegal-transition"


def test_503_is_not_remembered() -> None:
    """Acknowledgements and refusals are committed, "not now" is not, and a stored answer needs no second commit."""
    assert Reply(status=200, what="ack").remembered
    assert Reply(status=400, what="error").remembered
    assert not Reply(status=503, what="error").remembered
    assert not Reply(status=400, what="stored").remembered


# --- crossing --------------------------------------------------------------------------------------------------------


def test_a_message_that_is_legal_only_after_ours_acknowledges_it() -> None:
    """The agreement shows that our request has arrived, although its answer has not."""
    asked, _ = step(N, Process(role=C, pid=Pid("own")), Ask(kind=NK.REQUEST, message_id="ours"))
    agreed, effects = step(N, asked, message(NK.AGREEMENT))
    assert (agreed.state, agreed.pending, agreed.peer_pid) == (NS.AGREED, None, "peer")
    assert effects == (
        DropPending(kind=NK.REQUEST, message_id="ours", why="acknowledged"),
        Reached(state=NS.REQUESTED, kind=NK.REQUEST, by_us=True),
        Reached(state=NS.AGREED, kind=NK.AGREEMENT, by_us=False),
        Reply(status=200, what="ack"),
    )
    assert step(N, agreed, Answered(message_id="ours", status=201, peer_pid=Pid("peer"))) == (agreed, ())


@pytest.mark.parametrize("role", list(Role))
def test_a_termination_is_always_accepted_and_drops_ours(role: Role) -> None:
    """Whatever of ours is under way, also a termination."""
    for kind, target in ((TK.COMPLETION, TS.COMPLETED), (TK.SUSPENSION, TS.SUSPENDED), (TK.TERMINATION, TS.TERMINATED)):
        after, effects = step(T, at(role, TS.STARTED, kind, target), message(TK.TERMINATION))
        assert (after.state, after.pending) == (TS.TERMINATED, None)
        assert effects[0] == DropPending(kind=kind, message_id="ours", why="overtaken")


@pytest.mark.parametrize(
    ("role", "ours", "target", "theirs", "status"),
    [
        (C, TK.TERMINATION, TS.TERMINATED, TK.COMPLETION, 400),
        (P, TK.TERMINATION, TS.TERMINATED, TK.SUSPENSION, 400),
        (C, TK.COMPLETION, TS.COMPLETED, TK.COMPLETION, 200),
        (P, TK.COMPLETION, TS.COMPLETED, TK.COMPLETION, 200),
        (P, TK.COMPLETION, TS.COMPLETED, TK.SUSPENSION, 400),
        (C, TK.COMPLETION, TS.COMPLETED, TK.SUSPENSION, 400),
        (C, TK.TERMINATION, TS.TERMINATED, TK.START, 400),
        (C, TK.SUSPENSION, TS.SUSPENDED, TK.COMPLETION, 200),
        (C, TK.SUSPENSION, TS.SUSPENDED, TK.SUSPENSION, 503),
        (P, TK.SUSPENSION, TS.SUSPENDED, TK.SUSPENSION, 400),
        (C, TK.SUSPENSION, TS.SUSPENDED, TK.START, 503),
        (P, TK.START, TS.STARTED, TK.SUSPENSION, 400),
        (P, TK.START, TS.STARTED, TK.COMPLETION, 200),
        (P, TK.SUSPENSION, TS.SUSPENDED, TK.REQUEST, 400),
        (P, TK.COMPLETION, TS.COMPLETED, TK.REQUEST, 400),
        (C, TK.SUSPENSION, TS.SUSPENDED, TK.REQUEST, 400),
    ],
)
def test_crossing_messages_in_a_started_transfer(role: Role, ours: str, target: str, theirs: str, status: int) -> None:
    """Who gives way to whom, case by case."""
    process = at(role, TS.STARTED, ours, target)
    after, effects = step(T, process, message(theirs))
    assert reply_of(effects).status == status
    assert (after == process) == (status != 200)


@pytest.mark.parametrize(("role", "status"), [(C, 503), (P, 400)])
def test_start_against_start(role: Role, status: int) -> None:
    """Both resume at once: the provider refuses, the consumer waits for its own answer."""
    process = at(role, TS.SUSPENDED, TK.START, TS.STARTED)
    after, effects = step(T, process, message(TK.START))
    assert (after, reply_of(effects).status) == (process, status)
    assert (reply_of(effects).what, reply_of(effects).code) == (
        "error",
        "crossing" if status == 503 else "illegal-transition",
    )


# --- pids, content, codec --------------------------------------------------------------------------------------------


def test_the_first_pid_of_the_peer_binds() -> None:
    """A second providerPid for the same consumerPid is refused, in messages and in answers."""
    asked, _ = step(N, Process(role=C, pid=Pid("own")), Ask(kind=NK.REQUEST, message_id="ours"))
    bound, _ = step(N, asked, message(NK.OFFER))
    assert bound.provider_pid == "peer"
    after, effects = step(N, bound, message(NK.AGREEMENT, "m2", peer_pid=Pid("other")))
    assert (after, reply_of(effects).code) == (bound, "pid-mismatch")
    agreed, effects = step(N, at(C, NS.REQUESTED), message(NK.AGREEMENT, peer_pid=None))
    assert (agreed.peer_pid, reply_of(effects).status) == ("peer", 200)


def test_content_with_findings_is_refused_and_moves_nothing() -> None:
    """The first finding gives the code, all of them are reported, and ours under way stays under way."""
    wrong = Finding(code="agreement-mismatch", message="other rules")
    undated = Finding(code="agreement-undated", message="no time")
    process = at(C, START, NK.REQUEST, NS.REQUESTED)
    after, effects = step(N, process, message(NK.AGREEMENT, objections=(wrong, undated)))
    assert after == process
    assert effects == (Reply(status=400, what="error", code="agreement-mismatch", findings=(wrong, undated)),)


def test_get_shows_what_the_peer_must_have_read() -> None:
    """A peer that asks about our process has read our first message, answered or not."""
    assert at(C, START, NK.REQUEST, NS.REQUESTED).shown_state == NS.REQUESTED
    assert at(C, NS.AGREED, NK.VERIFICATION, NS.VERIFIED).shown_state == NS.AGREED


def test_a_process_survives_the_store() -> None:
    """Its JSON gives it back, and plain text stays plain."""
    full = replace(
        at(P, TS.STARTED, TK.START, TS.STARTED),
        accepted=Accepted(kind=TK.REQUEST, message_id=None, digest="d", status=201, earlier=("c",)),
        closing="end",
    )
    for process in (full, Process(role=C, pid=Pid("ü"))):
        assert from_json(orjson.loads(orjson.dumps(process))) == process
