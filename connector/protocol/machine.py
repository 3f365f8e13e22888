"""The engine of both processes: `step(table, process, event) -> (process, effects)`. State moves nowhere else.

The rules (DECISIONS, "the protocol's step"), in the order in which they apply to a received message:

1. The first peer pid that the other side names binds the process; another one is refused.
2. A repeat gets the answer that it got before. With an `@id`: the same id and body, for ever; the same id with another
   body replaces the earlier one while the state that it produced stands, and is refused afterwards; what is made anew
   (`Seen.anew`) does so until the process has ended. Without an `@id`: only the peer's last accepted message, while
   the state that it produced stands.
3. What is legal only after our message that is under way acknowledges ours.
4. Crossing messages: a termination is always accepted and drops ours; our pending termination refuses all else; a
   message that ends the process beats one that doesn't; equal ones that end it are both accepted; of two others the
   provider refuses (400) and the consumer says "not now" (503) until its own is answered.

For our own message: nothing is withdrawn before it is answered, unless the process has ended. 2xx moves the state;
after a 4xx the peer's process is looked at (`Poll`) and joined; anything else is tried again, and so is what was
refused with 409 while the peer stands where it could take it: a real EDC refuses so while it is busy with itself, and
the first time it is not looked at either. A termination that is asked for while another message is under way waits in
`closing`. The walk in tests/core/protocol/test_walk.py visits every joint state of two such machines and decides over
any better rule.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

from connector.errors import IllegalTransition
from connector.model import Finding, Pid
from connector.protocol.process import (
    START,
    Accepted,
    Answered,
    Ask,
    DropPending,
    DropReason,
    Effect,
    Event,
    GiveUp,
    Later,
    Observed,
    Pending,
    Poll,
    Process,
    Reached,
    Received,
    Replaced,
    Reply,
    Retry,
    Role,
    Send,
    Table,
    Timeout,
)

Stepped = tuple[Process, tuple[Effect, ...]]

_CREATED, _OK, _BAD_REQUEST, _NOT_NOW = 201, 200, 400, 503
_ASK_AGAIN = frozenset({408, 425, 429})
"""4xx that speak about the moment, not about the message (RFC 9110 15.5.9, RFC 8470, RFC 6585)."""
_CONFLICT = 409
_MOST_BODIES = 32
"""How often one message may come with another body; each is kept."""
_MOST_RACES = 8
"""How often a 409 is taken for one that passes; after that it is a refusal."""


class Ruling(Enum):
    """What happens to a received message that is no repeat."""

    TAKE = auto()
    TAKE_AS_ANSWER = auto()
    REFUSE = auto()
    NOT_NOW = auto()


def step(table: Table, process: Process, event: Event) -> Stepped:
    """The process after the event, and what has to be done. Raises `IllegalTransition` for an illegal `Ask` only."""
    match event:
        case Received():
            return _received(table, process, event)
        case Ask():
            return _asked(table, process, event)
        case Answered():
            return _answered(table, process, event)
        case Observed():
            return _observed(table, process, event)
        case Timeout():
            return _timed_out(table, process, event)
        case GiveUp():
            return _given_up(table, process)


# --- the peer's messages ---------------------------------------------------------------------------------------------


def _received(table: Table, process: Process, event: Received) -> Stepped:
    if process.peer_pid is not None and event.peer_pid is not None and event.peer_pid != process.peer_pid:
        return process, (_refusal("pid-mismatch", "The process belongs to another pid of yours."),)
    repeat = _repeated(process, event) if event.seen is None or not event.seen.anew else _renewed(table, process, event)
    if repeat is not None:
        return repeat
    ruling = rule(table, process, event.kind)
    if ruling is Ruling.NOT_NOW:
        return process, (Reply(status=_NOT_NOW, what="error", code="crossing"),)
    if ruling is Ruling.REFUSE:
        detail = f"{event.kind} is not possible in the state {process.state or 'before the first message'}."
        return process, (_refusal("illegal-transition", detail),)
    if event.objections:
        return process, (_objection(event.objections),)
    return _accepted(table, process, event, ruling)


def _repeated(process: Process, event: Received) -> Stepped | None:
    last = process.accepted
    if event.message_id is None:
        if last is not None and (last.kind, last.message_id, last.digest) == (event.kind, None, event.digest):
            return process, (Reply(status=last.status, what="stored"),)
        return None
    if event.seen is None:
        return None
    if event.seen.digest == event.digest:
        return process, (Reply(status=event.seen.status, what="stored"),)
    if last is None or (last.kind, last.message_id) != (event.kind, event.message_id):
        return process, (_refusal("message-id-reused", "This @id came before with another body."),)
    if event.digest in last.earlier:
        return process, (Reply(status=last.status, what="stored"),)  # a late copy of a body that was replaced
    if len(last.earlier) >= _MOST_BODIES:
        return process, (_refusal("message-id-reused", "This @id has come with too many bodies."),)
    if event.objections:
        return process, (_objection(event.objections),)
    newest = replace(last, digest=event.digest, earlier=(*last.earlier, last.digest))
    return replace(process, accepted=newest), (Replaced(kind=event.kind), Reply(status=last.status, what="ack"))


def _renewed(table: Table, process: Process, event: Received) -> Stepped | None:
    """What was made anew takes the place of what was said, whatever came since, until the process has ended."""
    if process.state in table.terminal:
        return None
    if event.objections:
        return process, (_objection(event.objections),)
    return process, (Replaced(kind=event.kind), Reply(status=_OK, what="ack"))


def rule(table: Table, process: Process, kind: str) -> Ruling:
    """What becomes of a message of that kind from the peer, were it to arrive now (rules 3 and 4)."""
    peer, pending = process.role.other, process.pending
    now = table.target(process.state, kind, peer)
    if pending is None:
        return Ruling.REFUSE if now is None else Ruling.TAKE
    if process.state == START:
        now = None  # we began this process, so the peer can only follow
    after = table.target(pending.target, kind, peer)
    if now is None and after is None:
        return Ruling.REFUSE
    if now is None:
        return Ruling.TAKE_AS_ANSWER
    if kind == table.termination:
        return Ruling.TAKE
    if now in table.terminal:
        return Ruling.TAKE if pending.target not in table.terminal or pending.kind == kind else Ruling.REFUSE
    if pending.target in table.terminal:
        return Ruling.REFUSE
    return Ruling.REFUSE if process.role is Role.PROVIDER else Ruling.NOT_NOW


def _accepted(table: Table, process: Process, event: Received, ruling: Ruling) -> Stepped:
    effects: list[Effect] = []
    state, pending = process.state, process.pending
    if ruling is Ruling.TAKE_AS_ANSWER and pending is not None:
        effects += [_dropped(pending, "acknowledged"), Reached(state=pending.target, kind=pending.kind, by_us=True)]
        state, pending = pending.target, None
    target = table.target(state, event.kind, process.role.other)
    assert target is not None, "the ruling has read the same row"
    if pending is not None and target in table.terminal:
        effects.append(_dropped(pending, "overtaken"))
        pending = None
    status = _CREATED if state == START else _OK
    # Written out here and below, because `replace` takes four times as long, and this happens at every message.
    after = Process(
        role=process.role, pid=process.pid, peer_pid=process.peer_pid or event.peer_pid, state=target, pending=pending,
        accepted=Accepted(kind=event.kind, message_id=event.message_id, digest=event.digest, status=status),
        closing=process.closing,
    )  # fmt: skip
    effects += [Reached(state=target, kind=event.kind, by_us=False), Reply(status=status, what="ack")]
    return _settled(table, after, effects)


# --- our own messages ------------------------------------------------------------------------------------------------


def _asked(table: Table, process: Process, event: Ask) -> Stepped:
    pending, closes = process.pending, event.kind == table.termination
    if pending is not None:
        # Nothing is withdrawn before it is answered, so a termination waits; the second one changes nothing.
        waits = closes and process.closing is None and pending.kind != table.termination
        return (replace(process, closing=event.message_id) if waits else process), (Later(kind=event.kind),)
    target = table.target(process.state, event.kind, process.role)
    if target is None:
        raise IllegalTransition(
            f"A {process.role} can't send {event.kind} in the state {process.state or 'before the first message'}.",
            place=process.pid,
        )
    sent = Process(
        role=process.role, pid=process.pid, peer_pid=process.peer_pid, state=process.state,
        pending=Pending(kind=event.kind, message_id=event.message_id, target=target), accepted=process.accepted,
        closing=process.closing,
    )  # fmt: skip
    return sent, (Send(kind=event.kind, message_id=event.message_id),)


def _answered(table: Table, process: Process, event: Answered) -> Stepped:
    pending = process.pending
    if pending is None or pending.message_id != event.message_id:
        return process, ()  # settled meanwhile by the peer's own message
    if 200 <= event.status < 300:  # noqa: PLR2004 - the class of success
        return _moved(table, process, pending, [], peer_pid=process.peer_pid or event.peer_pid)
    if pending.polling:
        return process, (Poll(message_id=pending.message_id),)
    if not 400 <= event.status < 500 or event.status in _ASK_AGAIN:  # noqa: PLR2004 - the class of refusals
        return process, (Retry(message_id=pending.message_id),)
    racing = event.status == _CONFLICT and pending.races < _MOST_RACES
    if racing and (process.peer_pid is None or not pending.races):
        return _once_more(process, pending)  # at first without a look: what is still being written can't be shown
    if process.peer_pid is not None:
        looking = replace(pending, polling=True, racing=racing)
        return replace(process, pending=looking), (Poll(message_id=pending.message_id),)
    # The first message was refused and there is nothing to look at: the process never began.
    return _ended(table, process, "refused")


def _observed(table: Table, process: Process, event: Observed) -> Stepped:
    pending = process.pending
    if pending is None or pending.message_id != event.message_id or not pending.polling:
        return process, ()
    if pending.racing and event.state not in {None, *table.terminal}:
        # It may be a state from before our last answer arrived there: while the peer is busy, it proves nothing.
        return _once_more(process, pending)
    if pending.kind == table.termination or event.state in {None, table.target_of_termination()}:
        # A termination that a peer refuses has nothing left to end there.
        return _ended(table, process, "refused")
    if event.state == process.state:
        return _settled(table, replace(process, pending=None), [_dropped(pending, "refused")])
    if event.state == pending.target:
        return _moved(table, process, pending, [_dropped(pending, "acknowledged")], peer_pid=process.peer_pid)
    # The two states can't be joined by any message that is under way.
    closed = replace(process, pending=None, closing=process.closing or event.fresh_id)
    return _settled(table, closed, [_dropped(pending, "refused")])


def _timed_out(table: Table, process: Process, event: Timeout) -> Stepped:
    if process.state in table.terminal:
        return process, ()
    if process.pending is None and process.state == START:
        return _ended(table, process, "given-up")
    return _asked(table, process, Ask(kind=table.termination, message_id=event.fresh_id))


def _given_up(table: Table, process: Process) -> Stepped:
    return (process, ()) if process.state in table.terminal else _ended(table, process, "given-up")


# --- shared endings --------------------------------------------------------------------------------------------------


def _moved(table: Table, process: Process, pending: Pending, effects: list[Effect], *, peer_pid: Pid | None) -> Stepped:
    """Our message was accepted. What the peer's last one produced stands no more, unless the state is the same."""
    stands = process.accepted if pending.target == process.state else None
    after = Process(
        role=process.role, pid=process.pid, peer_pid=peer_pid, state=pending.target, pending=None, accepted=stands,
        closing=process.closing,
    )  # fmt: skip
    effects.append(Reached(state=pending.target, kind=pending.kind, by_us=True))
    return _settled(table, after, effects)


def _ended(table: Table, process: Process, why: DropReason) -> Stepped:
    """The process rests in the terminated state without the peer's word."""
    state = table.target_of_termination()
    effects: list[Effect] = []
    if process.pending is not None:
        effects.append(_dropped(process.pending, why))
    effects.append(Reached(state=state, kind=table.termination, by_us=True))
    return replace(process, state=state, pending=None, accepted=None, closing=None), tuple(effects)


def _settled(table: Table, process: Process, effects: list[Effect]) -> Stepped:
    """Nothing of ours is under way now, so a termination that waited goes out, unless the process has ended."""
    if process.closing is None:
        return process, tuple(effects)
    if process.state in table.terminal:
        return replace(process, closing=None), tuple(effects)
    asked, more = _asked(table, replace(process, closing=None), Ask(kind=table.termination, message_id=process.closing))
    return asked, (*effects, *more)


def _once_more(process: Process, pending: Pending) -> Stepped:
    """The peer was busy and could take the message still."""
    again = replace(pending, polling=False, racing=False, races=pending.races + 1)
    return replace(process, pending=again), (Retry(message_id=pending.message_id),)


def _dropped(pending: Pending, why: DropReason) -> DropPending:
    return DropPending(kind=pending.kind, message_id=pending.message_id, why=why)


def _objection(findings: tuple[Finding, ...]) -> Reply:
    return Reply(status=_BAD_REQUEST, what="error", code=findings[0].code, findings=findings)


def _refusal(code: str, sentence: str) -> Reply:
    return Reply(status=_BAD_REQUEST, what="error", code=code, findings=(Finding(code=code, message=sentence),))
