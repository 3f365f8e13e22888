"""Every joint state of two connectors over a bad network, breadth first.

Since `step` is pure and the tables are finite, no luck is needed: all orders of asking, delivering, losing, repeating,
answering and crashing are visited. Either side may ask for whatever its table allows, at once or at any later time, so
a rule that answers, a person who decides days later, and a time that is over are all among the orders. In each joint
state in which nothing is under way both sides must agree; from each joint state they must come to rest once the network
heals (two schedules are tried); and from each rest that is no end, a time-out on either side must end both.

The network either keeps a copy of all that was ever sent and delivers any of it at any time again, or (for a peer whose
messages carry no `@id`) loses requests and answers but holds nothing back. Answers and the results of `GET` travel too:
much may happen between their being made and their being read. A crash loses what travels to the one that crashes, and
whatever it had not committed; a connector of ours commits before it answers, so that is nothing.

`messages` limits how much is asked for. Without a limit the walk is closed: all joint states of any number of rounds.
It then trusts that a repeat of what was answered for good changes nothing (the limited walk does not), and uses ids
again that nobody remembers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple

from connector.model import Pid
from connector.protocol import machine
from connector.protocol.process import (
    START,
    Answered,
    Ask,
    Effect,
    Event,
    Observed,
    Pending,
    Process,
    Received,
    Reply,
    Role,
    Seen,
    Send,
    Table,
    Timeout,
)

_CONFLICT = 409
_MOST_BUSY = 2
"""How often a side is busy with itself when the same message comes: the first time is no reason for a look yet."""
_LONGEST_WAY = 60
"""More deliveries than any two sides need to come to rest."""


class Side(NamedTuple):
    """One connector and what of its messages is in the network."""

    process: Process
    stored: tuple[tuple[str, int], ...] = ()
    """What it answered the peer's messages, by `@id`."""
    sent: tuple[tuple[str, str], ...] = ()
    """(kind, `@id`) of what it sent and what may come again."""
    answer: int | None = None
    """The status that travels back to it."""
    seen_state: str | None = None
    """The result of `GET` that travels back to it."""
    committed: tuple[Process, tuple[tuple[str, int], ...]] | None = None
    """What a crash takes it back to, where that is not what it is now."""


class Joint(NamedTuple):
    """Consumer and provider, and how many messages were asked for, as far as that is limited."""

    sides: tuple[Side, Side]
    asked: int


@dataclass(frozen=True, kw_only=True)
class World:
    """What is walked: the table, who begins, how bad the network is, whose messages carry an `@id`."""

    table: Table
    first: Role
    messages: int | None = None
    """How many are asked for; None: no limit."""
    old_copies: bool = True
    with_ids: frozenset[Role] = frozenset(Role)
    forgetful: frozenset[Role] = frozenset()
    """Sides that know no repeat when they see one, save that of a first message (as some real peers)."""
    busy: frozenset[Role] = frozenset()
    """Sides that may answer 409 to what they could take, and take it later (as a real EDC)."""
    hasty: frozenset[Role] = frozenset()
    """Sides that answer before they commit: a planted fault."""


@dataclass(frozen=True, kw_only=True)
class Walked:
    """How many joint states there are, and the first that is wrong."""

    states: int
    wrong: str = ""
    joint: Joint | None = None


def walk(world: World) -> Walked:
    """Visit everything. Stops at the first wrong joint state."""
    return _Walk(world=world).run()


@dataclass(kw_only=True)
class _Walk:
    """One walk. Steps are remembered, because many joint states share those of a side."""

    world: World
    steps: dict[tuple[Process, Event], machine.Stepped] = field(default_factory=dict)
    resting: tuple[set[Joint], set[Joint]] = field(default_factory=lambda: (set(), set()))

    def run(self) -> Walked:
        sides = (Side(Process(role=Role.CONSUMER, pid=Pid("c"))), Side(Process(role=Role.PROVIDER, pid=Pid("p"))))
        begin = Joint(sides, 0)
        known: set[Joint] = {begin}
        todo = deque([begin])
        while todo:
            joint = todo.popleft()
            wrong = _disagreement(joint) or self._never_rests(joint) or self._never_ends(joint)
            if wrong:
                return Walked(states=len(known), wrong=wrong, joint=joint)
            for after in self._moves(joint):
                if after not in known:
                    known.add(after)
                    todo.append(after)
        return Walked(states=len(known))

    # --- what must hold ----------------------------------------------------------------------------------------------

    def _never_rests(self, joint: Joint) -> str:
        return "" if all(self._at_rest(joint, first) for first in (0, 1)) else _NEVER_RESTS

    def _at_rest(self, joint: Joint, first: int) -> Joint | None:
        """Where the sides come to rest over a network that is well, `first` speaking first."""
        known, path = self.resting[first], list[Joint]()
        while any(side.process.pending for side in joint.sides):
            if joint in known:
                return joint
            path.append(joint)
            if len(path) > _LONGEST_WAY:
                return None
            for me in (first, 1 - first):
                joint = self._delivered_well(joint, me)
        known.update(path)
        return joint

    def _never_ends(self, joint: Joint) -> str:
        one, two = (side.process for side in joint.sides)
        if one.pending or two.pending or one.state in self.world.table.terminal or START in {one.state, two.state}:
            return ""
        for me in (0, 1):
            side = joint.sides[me]
            event = Timeout(fresh_id=self._fresh_id(joint, "end"))
            ended = _with(joint, me, self._stepped(side, event)[0])
            for first in (0, 1):
                rest = self._rest_anew(ended, first)
                if rest is None or any(side.process.state not in self.world.table.terminal for side in rest.sides):
                    return f"a time-out in {one.state} ends nothing"
        return ""

    def _rest_anew(self, joint: Joint, first: int) -> Joint | None:
        for _ in range(_LONGEST_WAY):
            if not any(side.process.pending for side in joint.sides):
                return joint
            for me in (first, 1 - first):
                joint = self._delivered_well(joint, me)
        return None

    def _delivered_well(self, joint: Joint, me: int) -> Joint:
        pending = joint.sides[me].process.pending
        if pending is None:
            return joint
        if pending.polling:
            return self._read_state(_look(joint, me), me)
        joint = _with(joint, me, joint.sides[me]._replace(answer=None))
        return self._read_answer(self._deliver(joint, me, (pending.kind, pending.message_id)), me)

    # --- what may happen ---------------------------------------------------------------------------------------------

    def _moves(self, joint: Joint) -> Iterator[Joint]:
        for me in (0, 1):
            side = joint.sides[me]
            pending = side.process.pending
            yield from self._asks(joint, me)
            if self.world.old_copies:
                for message in side.sent:
                    yield self._deliver(joint, me, message)
            elif pending is not None and side.answer is None and not pending.polling:
                yield self._deliver(joint, me, (pending.kind, pending.message_id))
            if side.answer is not None:
                yield self._read_answer(joint, me)
                yield _with(joint, me, side._replace(answer=None))
            if side.seen_state is not None:
                yield self._read_state(joint, me)
                yield _with(joint, me, side._replace(seen_state=None))
            elif pending is not None and pending.polling:
                yield _look(joint, me)
            if pending is not None and self._is_busy(joint, 1 - me, pending):
                yield _with(joint, me, side._replace(answer=_CONFLICT))
            yield _with(joint, me, _crashed(side))
            if side.committed is not None:
                yield _with(joint, me, side._replace(committed=None))

    def _is_busy(self, joint: Joint, peer: int, pending: Pending) -> bool:
        """Whether the peer may answer 409 to what it could take, now or as an answer to its own message."""
        process, table = joint.sides[peer].process, self.world.table
        states = (process.state, process.pending.target) if process.pending is not None else (process.state,)
        able = any(table.target(state, pending.kind, process.role.other) is not None for state in states)
        return able and process.role in self.world.busy and not pending.polling and pending.races < _MOST_BUSY

    def _asks(self, joint: Joint, me: int) -> Iterator[Joint]:
        side, process, limit = joint.sides[me], joint.sides[me].process, self.world.messages
        if process.closing is not None or (limit is not None and joint.asked >= limit):
            return
        if process.state == START and process.pending is None and process.role is not self.world.first:
            return  # the other side's process comes into being when it hears of it
        table = self.world.table
        kinds = table.kinds(process.state, process.role) if process.pending is None else (table.termination,)
        for kind in kinds:
            message_id = self._fresh_id(joint, f"{process.role.value[0]}{'' if limit else kind}")
            after, _ = self._stepped(side, Ask(kind=kind, message_id=message_id))
            if after.process != process:
                yield _with(joint, me, after)._replace(asked=0 if limit is None else joint.asked + 1)

    def _deliver(self, joint: Joint, me: int, message: tuple[str, str]) -> Joint:
        """The peer reads one of our messages; its answer travels back if that is the message under way."""
        kind, message_id = message
        mine, peer = joint.sides[me], joint.sides[1 - me]
        has_id = mine.process.role in self.world.with_ids
        status = dict(peer.stored).get(message_id) if has_id else None
        event = Received(
            kind=kind,
            message_id=message_id if has_id else None,
            digest=message_id,
            peer_pid=mine.process.pid,
            seen=None if status is None else Seen(digest=message_id, status=status),
        )
        known = peer
        if peer.process.role in self.world.forgetful and kind not in self.world.table.kinds(START, self.world.first):
            event, known = replace(event, seen=None), peer._replace(process=replace(peer.process, accepted=None))
        after, effects = self._stepped(known, event)
        reply = next(effect for effect in effects if isinstance(effect, Reply))
        if has_id and reply.remembered:
            stored = {**dict(peer.stored), message_id: reply.status}
            after = after._replace(stored=tuple(sorted(stored.items())))
        if peer.process.role in self.world.hasty and reply.what != "stored":
            after = after._replace(committed=peer.committed or (peer.process, peer.stored))
        joint = _with(joint, 1 - me, after)
        pending = mine.process.pending
        if pending is not None and pending.message_id == message_id and mine.answer is None and not pending.polling:
            joint = _with(joint, me, mine._replace(answer=reply.status))
        return self._without_answered(joint)

    def _read_answer(self, joint: Joint, me: int) -> Joint:
        side, peer = joint.sides[me], joint.sides[1 - me]
        pending, status = side.process.pending, side.answer
        if pending is None or status is None:
            return _with(joint, me, side._replace(answer=None))
        event = Answered(message_id=pending.message_id, status=status, peer_pid=peer.process.pid)
        return self._without_answered(_with(joint, me, self._stepped(side._replace(answer=None), event)[0]))

    def _read_state(self, joint: Joint, me: int) -> Joint:
        side = joint.sides[me]
        pending = side.process.pending
        if pending is None or side.seen_state is None:
            return _with(joint, me, side._replace(seen_state=None))
        fresh = self._fresh_id(joint, pending.message_id + "f")
        event = Observed(message_id=pending.message_id, state=side.seen_state, fresh_id=fresh)
        return self._without_answered(_with(joint, me, self._stepped(side._replace(seen_state=None), event)[0]))

    # --- bookkeeping -------------------------------------------------------------------------------------------------

    def _stepped(self, side: Side, event: Event) -> tuple[Side, tuple[Effect, ...]]:
        """The side after a step: new messages enter the network, answers to what is no more under way are not read."""
        before = side.process
        key = before, event
        done = self.steps.get(key)
        if done is None:
            done = self.steps[key] = machine.step(self.world.table, before, event)
        process, effects = done
        new = tuple((effect.kind, effect.message_id) for effect in effects if isinstance(effect, Send))
        if process.pending is None or before.pending != process.pending:
            side = side._replace(answer=None, seen_state=None)
        return side._replace(process=process, sent=side.sent + new), effects

    def _fresh_id(self, joint: Joint, prefix: str) -> str:
        """An `@id` that nobody remembers."""
        used = {ident for side in joint.sides for ident in _ids(side)}
        return next(ident for number in count() if (ident := f"{prefix}{number}") not in used)

    def _without_answered(self, joint: Joint) -> Joint:
        """Without a limit: what was answered for good and is no more under way is forgotten by the network."""
        if self.world.messages is not None:
            return joint
        for me in (0, 1):
            side, peer = joint.sides[me], joint.sides[1 - me]
            pending = side.process.pending
            ours = pending.message_id if pending is not None else None
            answered = dict(peer.stored)
            again = [one for one in side.sent if one[1] == ours or (self.world.old_copies and one[1] not in answered)]
            kept = {ident for _, ident in again}
            stored = tuple(one for one in peer.stored if one[0] in kept)
            if len(again) != len(side.sent) or len(stored) != len(peer.stored):
                joint = _with(joint, me, side._replace(sent=tuple(again)))
                joint = _with(joint, 1 - me, joint.sides[1 - me]._replace(stored=stored))
        return joint


_NEVER_RESTS = "the sides never come to rest, though the network is well"


def _disagreement(joint: Joint) -> str:
    one, two = (side.process for side in joint.sides)
    if one.pending is None and two.pending is None and one.state != two.state:
        return f"at rest, the consumer is {one.state or 'nowhere'} and the provider {two.state or 'nowhere'}"
    return ""


def _look(joint: Joint, me: int) -> Joint:
    return _with(joint, me, joint.sides[me]._replace(seen_state=joint.sides[1 - me].process.shown_state))


def _crashed(side: Side) -> Side:
    """What was not committed is gone, and so is what nobody was there to read."""
    process, stored = side.committed or (side.process, side.stored)
    return side._replace(process=process, stored=stored, answer=None, seen_state=None, committed=None)


def _ids(side: Side) -> Iterator[str]:
    process = side.process
    yield from (ident for _, ident in side.sent)
    yield from (ident for ident, _ in side.stored)
    if process.closing is not None:
        yield process.closing
    if process.pending is not None:
        yield process.pending.message_id
    if process.accepted is not None:
        yield process.accepted.digest


def _with(joint: Joint, me: int, side: Side) -> Joint:
    return Joint((side, joint.sides[1]) if me == 0 else (joint.sides[0], side), joint.asked)
