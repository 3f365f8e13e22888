"""The rules of the step for our own messages: answers, looks at the peer's process, ends."""

from __future__ import annotations

import pytest

from connector.model import Pid
from connector.protocol.machine import step
from connector.protocol.process import (
    Answered,
    Ask,
    DropPending,
    Effect,
    GiveUp,
    Later,
    Observed,
    Poll,
    Process,
    Reached,
    Retry,
    Send,
    Timeout,
)
from tests.core.protocol.test_machine import NK, NS, TK, TS, C, N, P, T, at, message, reply_of


@pytest.mark.parametrize("status", [0, 199, 300, 399, 408, 425, 429, 500, 502, 503])
def test_what_is_not_answered_is_tried_again(status: int) -> None:
    """Nothing, a redirect, a server's trouble, and the 4xx that speak of the moment: the same bytes go out again."""
    process = at(C, NS.AGREED, NK.VERIFICATION, NS.VERIFIED)
    assert step(N, process, Answered(message_id="ours", status=status)) == (process, (Retry(message_id="ours"),))


def test_every_success_is_one_and_names_the_peer_once() -> None:
    """2xx, whichever (RFC 9110 15.3). Who is bound stays bound, whatever pid a later answer names."""
    first, _ = step(N, Process(role=C, pid=Pid("own")), Ask(kind=NK.REQUEST, message_id="ours"))
    for status in (200, 201, 299):
        assert step(N, first, Answered(message_id="ours", status=status, peer_pid=Pid("new")))[0].peer_pid == "new"
        verified, _ = step(
            N,
            at(C, NS.AGREED, NK.VERIFICATION, NS.VERIFIED),
            Answered(message_id="ours", status=status, peer_pid=Pid("other")),
        )
        assert (verified.state, verified.peer_pid) == (NS.VERIFIED, "peer")


def test_a_termination_that_is_refused_ends_here_all_the_same() -> None:
    """Whatever the peer shows: there is nothing left to say."""
    process = at(P, TS.STARTED, TK.TERMINATION, TS.TERMINATED)
    assert step(T, process, Ask(kind=TK.TERMINATION, message_id="second"))[0] == process
    looking, _ = step(T, process, Answered(message_id="ours", status=499))
    for state in (TS.STARTED, TS.SUSPENDED, TS.COMPLETED):
        ended, effects = step(T, looking, Observed(message_id="ours", state=state, fresh_id="f"))
        assert (ended.state, ended.pending) == (TS.TERMINATED, None)
        assert effects[0] == DropPending(kind=TK.TERMINATION, message_id="ours", why="refused")


def test_a_refusal_is_followed_by_a_look_and_joined() -> None:
    """After a 4xx the peer's process decides: accepted, not accepted, ended, or beyond joining."""
    process = at(P, NS.REQUESTED, NK.AGREEMENT, NS.AGREED)
    polling, effects = step(N, process, Answered(message_id="ours", status=400))
    assert effects == (Poll(message_id="ours"),)
    assert step(N, polling, Answered(message_id="ours", status=0))[1] == (Poll(message_id="ours"),)

    def seen(state: str | None) -> tuple[Process, tuple[Effect, ...]]:
        return step(N, polling, Observed(message_id="ours", state=state, fresh_id="fresh"))

    accepted, effects = seen(NS.AGREED)
    assert accepted.state == NS.AGREED
    assert DropPending(kind=NK.AGREEMENT, message_id="ours", why="acknowledged") in effects
    refused, effects = seen(NS.REQUESTED)
    assert (refused.state, refused.pending) == (NS.REQUESTED, None)
    assert effects == (DropPending(kind=NK.AGREEMENT, message_id="ours", why="refused"),)
    for gone in (NS.TERMINATED, None):
        ended, effects = seen(gone)
        assert ended.state == NS.TERMINATED
        assert effects[0] == DropPending(kind=NK.AGREEMENT, message_id="ours", why="refused")
    dropped = DropPending(kind=NK.AGREEMENT, message_id="ours", why="refused")
    parted, effects = seen(NS.VERIFIED)
    assert effects == (dropped, Send(kind=NK.TERMINATION, message_id="fresh"))
    assert parted.pending is not None
    closing, _ = step(N, polling, Ask(kind=NK.TERMINATION, message_id="end"))
    _, effects = step(N, closing, Observed(message_id="ours", state=NS.VERIFIED, fresh_id="fresh"))
    assert effects == (dropped, Send(kind=NK.TERMINATION, message_id="end")), "the one that waits is the one that goes"


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    """It belongs to a message that is settled: the one that is under way now is neither accepted nor refused by it."""
    process = at(C, NS.AGREED, NK.VERIFICATION, NS.VERIFIED)
    looking, _ = step(N, process, Answered(message_id="ours", status=400))
    for current in (process, looking, at(C, NS.AGREED), at(C, NS.FINALIZED)):
        for status in (200, 400, 409, 503):
            assert step(N, current, Answered(message_id="earlier", status=status)) == (current, ())
        for state in (NS.AGREED, NS.VERIFIED, NS.TERMINATED, None):
            assert step(N, current, Observed(message_id="earlier", state=state, fresh_id="f")) == (current, ())
    unasked = Observed(message_id="ours", state=NS.TERMINATED, fresh_id="f")
    assert step(N, process, unasked) == (process, ())


def test_a_conflict_at_a_peer_that_could_take_the_message_passes() -> None:
    """409 at a peer that has not ended: the same bytes again, eight times; then it is a refusal like any other.

    The first one is met without a look: a real EDC can't show what it is still writing. What its process shows later
    may be older than what it is; only an end is one for sure.
    """
    process, effects = step(N, at(P, NS.REQUESTED, NK.AGREEMENT, NS.AGREED), Answered(message_id="ours", status=409))
    assert effects == (Retry(message_id="ours"),)
    for races in range(1, 8):
        polling, effects = step(N, process, Answered(message_id="ours", status=409))
        assert effects == (Poll(message_id="ours"),)
        for gone in (NS.TERMINATED, None):
            ended, _ = step(N, polling, Observed(message_id="ours", state=gone, fresh_id="f"))
            assert (ended.state, ended.pending) == (NS.TERMINATED, None)
        for state in (NS.AGREED, NS.OFFERED):
            assert step(N, polling, Observed(message_id="ours", state=state, fresh_id="f"))[1] == (
                Retry(message_id="ours"),
            )
        process, effects = step(N, polling, Observed(message_id="ours", state=NS.REQUESTED, fresh_id="f"))
        assert effects == (Retry(message_id="ours"),)
        assert process.pending is not None
        assert (process.pending.polling, process.pending.races) == (False, races + 1)
    polling, _ = step(N, process, Answered(message_id="ours", status=409))
    process, effects = step(N, polling, Observed(message_id="ours", state=NS.REQUESTED, fresh_id="f"))
    assert effects == (DropPending(kind=NK.AGREEMENT, message_id="ours", why="refused"),)


def test_a_conflict_about_a_first_message_passes_too() -> None:
    """There is nothing to look at yet, so it is said again, eight times; then it never began."""
    process, _ = step(N, Process(role=C, pid=Pid("own")), Ask(kind=NK.REQUEST, message_id="ours"))
    for _ in range(8):
        process, effects = step(N, process, Answered(message_id="ours", status=409))
        assert effects == (Retry(message_id="ours"),)
    assert step(N, process, Answered(message_id="ours", status=409))[0].state == NS.TERMINATED


def test_a_refused_first_message_ends_the_process() -> None:
    """There is nothing to look at: the peer never made a process."""
    asked, _ = step(N, Process(role=C, pid=Pid("own")), Ask(kind=NK.REQUEST, message_id="ours"))
    after, effects = step(N, asked, Answered(message_id="ours", status=400))
    assert after.state == NS.TERMINATED
    assert DropPending(kind=NK.REQUEST, message_id="ours", why="refused") in effects


def test_a_termination_waits_for_the_message_before_it() -> None:
    """Nothing is withdrawn before it is answered; then the termination goes out by itself."""
    asked, _ = step(N, Process(role=C, pid=Pid("own")), Ask(kind=NK.REQUEST, message_id="ours"))
    waiting, effects = step(N, asked, Timeout(fresh_id="end"))
    assert effects == (Later(kind=NK.TERMINATION),)
    assert step(N, waiting, Ask(kind=NK.TERMINATION, message_id="other"))[0] == waiting
    created, effects = step(N, waiting, Answered(message_id="ours", status=201, peer_pid=Pid("peer")))
    assert effects[-1] == Send(kind=NK.TERMINATION, message_id="end")
    assert (created.closing, created.state) == (None, NS.REQUESTED)


def test_a_termination_that_waits_goes_out_after_the_peers_word_too() -> None:
    """What the peer says may settle ours before its answer comes; where it ends the process, nothing is left to end."""
    asked, _ = step(N, Process(role=C, pid=Pid("own")), Ask(kind=NK.REQUEST, message_id="ours"))
    waiting, _ = step(N, asked, Timeout(fresh_id="end"))
    agreed, effects = step(N, waiting, message(NK.AGREEMENT))
    assert effects[-1] == Send(kind=NK.TERMINATION, message_id="end")
    assert (agreed.closing, agreed.pending and agreed.pending.kind) == (None, NK.TERMINATION)
    waiting, _ = step(T, at(P, TS.STARTED, TK.SUSPENSION, TS.SUSPENDED), Timeout(fresh_id="end"))
    assert step(T, waiting, message(TK.SUSPENSION))[0] == waiting
    completed, effects = step(T, waiting, message(TK.COMPLETION))
    assert (completed.state, completed.closing, completed.pending) == (TS.COMPLETED, None, None)
    assert reply_of(effects) == effects[-1]


def test_a_deadline_ends_what_has_not_ended() -> None:
    """A process at rest is terminated by message; an ended one is left alone."""
    _, effects = step(T, at(P, TS.STARTED), Timeout(fresh_id="end"))
    assert effects == (Send(kind=TK.TERMINATION, message_id="end"),)
    assert step(T, at(P, TS.COMPLETED), Timeout(fresh_id="end")) == (at(P, TS.COMPLETED), ())
    assert Process(role=C, pid=Pid("own")).shown_state == ""
    unsaid, effects = step(N, Process(role=C, pid=Pid("own")), Timeout(fresh_id="end"))
    assert unsaid.state == NS.TERMINATED, "the peer has heard of nothing, so nobody is told"
    assert effects == (Reached(state=NS.TERMINATED, kind=NK.TERMINATION, by_us=True),)


def test_giving_up_ends_on_our_side_and_the_peer_learns_it_from_its_next_message() -> None:
    """The only ending that the peer isn't told of: its next message is refused, it looks, and joins."""
    gone, effects = step(T, at(C, TS.STARTED, TK.SUSPENSION, TS.SUSPENDED), GiveUp())
    assert (gone.state, gone.pending) == (TS.TERMINATED, None)
    ended = Reached(state=TS.TERMINATED, kind=TK.TERMINATION, by_us=True)
    assert effects == (DropPending(kind=TK.SUSPENSION, message_id="ours", why="given-up"), ended)
    assert step(T, at(C, TS.STARTED), GiveUp())[1] == (ended,)
    said, _ = step(T, at(C, TS.REQUESTED), message(TK.START, None))
    waiting, _ = step(T, step(T, said, Ask(kind=TK.SUSPENSION, message_id="ours"))[0], Timeout(fresh_id="end"))
    assert (waiting.closing, waiting.accepted is None) == ("end", False)
    assert step(T, waiting, GiveUp())[0] == at(C, TS.TERMINATED), "nothing is kept of what was under way or came last"
    assert step(T, gone, GiveUp()) == (gone, ())
    assert reply_of(step(T, gone, message(TK.COMPLETION))[1]).status == 400
    peer, _ = step(T, at(P, TS.STARTED, TK.COMPLETION, TS.COMPLETED), Answered(message_id="ours", status=400))
    peer, _ = step(T, peer, Observed(message_id="ours", state=gone.shown_state, fresh_id="f"))
    assert peer.state == TS.TERMINATED


def test_another_message_waits_its_turn() -> None:
    """One message at a time: the second is put off, and changes nothing."""
    process = at(C, TS.STARTED, TK.SUSPENSION, TS.SUSPENDED)
    assert step(T, process, Ask(kind=TK.COMPLETION, message_id="m")) == (process, (Later(kind=TK.COMPLETION),))
