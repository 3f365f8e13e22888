"""Every joint state of two connectors over a bad network, breadth first.

Since `step` is pure and the tables are finite, no luck is needed: all orders of asking, delivering, losing, repeating
and answering are visited, up to a number of messages. In each joint state in which nothing is under way both sides must
agree, and from each joint state the sides must come to rest once the network heals (two schedules are tried).

The network either keeps a copy of all that was ever sent and delivers any of it at any time again, or (for a peer whose
messages carry no `@id`) loses requests and answers but holds nothing back. Answers and the results of `GET` travel too:
much may happen between their being made and their being read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from connector.model import Pid
from connector.protocol import machine
from connector.protocol.process import (
    START,
    Answered,
    Ask,
    Effect,
    Observed,
    Process,
    Received,
    Reply,
    Role,
    Seen,
    Send,
    Table,
)


class Side(NamedTuple):
    """One connector and what of its messages is in the network."""

    process: Process
    stored: tuple[tuple[str, int], ...] = ()
    """What it answered the peer's messages, by `@id`."""
    sent: tuple[tuple[str, str], ...] = ()
    """(kind, `@id`) of all that it ever sent."""
    answer: int | None = None
    """The status that travels back to it."""
    seen_state: str | None = None
    """The result of `GET` that travels back to it."""


class Joint(NamedTuple):
    """Consumer and provider, and how many messages were asked for."""

    sides: tuple[Side, Side]
    asked: int


@dataclass(frozen=True, kw_only=True)
class World:
    """What is walked: the table, who begins, how bad the network is, whose messages carry an `@id`."""

    table: Table
    first: Role
    messages: int
    old_copies: bool = True
    with_ids: frozenset[Role] = frozenset(Role)
    forgetful: frozenset[Role] = frozenset()
    """Sides that know no repeat when they see one, save that of a first message (as some real peers)."""


@dataclass(frozen=True, kw_only=True)
class Walked:
    """How many joint states there are, and the first that is wrong."""

    states: int
    wrong: str = ""
    joint: Joint | None = None


def walk(world: World) -> Walked:
    """Visit everything. Stops at the first wrong joint state."""
    begin = Joint((Side(Process(role=Role.CONSUMER, pid=Pid("c"))), Side(Process(role=Role.PROVIDER, pid=Pid("p")))), 0)
    known: set[Joint] = {begin}
    todo = deque([begin])
    rests: tuple[set[Joint], set[Joint]] = (set(), set())
    while todo:
        joint = todo.popleft()
        wrong = _disagreement(joint) or _never_rests(world, joint, rests)
        if wrong:
            return Walked(states=len(known), wrong=wrong, joint=joint)
        for after in _moves(world, joint):
            if after not in known:
                known.add(after)
                todo.append(after)
    return Walked(states=len(known))


def _disagreement(joint: Joint) -> str:
    one, two = (side.process for side in joint.sides)
    if one.pending is None and two.pending is None and one.state != two.state:
        return f"at rest, the consumer is {one.state or 'nowhere'} and the provider {two.state or 'nowhere'}"
    return ""


def _never_rests(world: World, joint: Joint, rests: tuple[set[Joint], set[Joint]]) -> str:
    for first, known in enumerate(rests):
        path: list[Joint] = []
        now = joint
        while now not in known and any(side.process.pending for side in now.sides):
            path.append(now)
            if len(path) > 40:
                return "the sides never come to rest, though the network is well"
            for me in (first, 1 - first):
                now = _delivered_well(world, now, me)
        known.update(path)
    return ""


def _delivered_well(world: World, joint: Joint, me: int) -> Joint:
    pending = joint.sides[me].process.pending
    if pending is None:
        return joint
    if pending.polling:
        return _read_state(world, _look(joint, me), me)
    joint = _with(joint, me, joint.sides[me]._replace(answer=None))
    return _read_answer(world, _deliver(world, joint, me, (pending.kind, pending.message_id)), me)


def _moves(world: World, joint: Joint) -> Iterator[Joint]:
    for me in (0, 1):
        side = joint.sides[me]
        pending = side.process.pending
        yield from _asks(world, joint, me)
        if world.old_copies:
            for message in side.sent:
                yield _deliver(world, joint, me, message)
        elif pending is not None and side.answer is None and not pending.polling:
            yield _deliver(world, joint, me, (pending.kind, pending.message_id))
        if side.answer is not None:
            yield _read_answer(world, joint, me)
            yield _with(joint, me, side._replace(answer=None))
        if side.seen_state is not None:
            yield _read_state(world, joint, me)
            yield _with(joint, me, side._replace(seen_state=None))
        elif pending is not None and pending.polling:
            yield _look(joint, me)


def _asks(world: World, joint: Joint, me: int) -> Iterator[Joint]:
    side, process = joint.sides[me], joint.sides[me].process
    if joint.asked >= world.messages or process.closing is not None:
        return
    if process.state == START and process.pending is None and process.role is not world.first:
        return  # the other side's process comes into being when it hears of it
    kinds = world.table.kinds(process.state, process.role) if process.pending is None else (world.table.termination,)
    for kind in kinds:
        message_id = f"{process.role.value[0]}{len(side.sent)}"
        if process.pending is not None:
            message_id += "x"
        after, effects = machine.step(world.table, process, Ask(kind=kind, message_id=message_id))
        if after != process:
            changed = _with(joint, me, _keep(side, after, effects))
            yield changed._replace(asked=joint.asked + 1)


def _deliver(world: World, joint: Joint, me: int, message: tuple[str, str]) -> Joint:
    """The peer reads one of our messages; its answer travels back if that is the message under way."""
    kind, message_id = message
    mine, peer = joint.sides[me], joint.sides[1 - me]
    has_id = mine.process.role in world.with_ids
    status = dict(peer.stored).get(message_id) if has_id else None
    event = Received(
        kind=kind,
        message_id=message_id if has_id else None,
        digest=message_id,
        peer_pid=mine.process.pid,
        seen=None if status is None else Seen(digest=message_id, status=status),
    )
    known = peer.process
    if peer.process.role in world.forgetful and kind != world.table.rows[0].kind:
        event, known = replace(event, seen=None), replace(known, accepted=None)
    process, effects = machine.step(world.table, known, event)
    reply = next(effect for effect in effects if isinstance(effect, Reply))
    stored = peer.stored
    if has_id and reply.remembered:
        stored = tuple(sorted({**dict(stored), message_id: reply.status}.items()))
    joint = _with(joint, 1 - me, _keep(peer, process, effects)._replace(stored=stored))
    pending = mine.process.pending
    if pending is not None and pending.message_id == message_id and mine.answer is None and not pending.polling:
        joint = _with(joint, me, mine._replace(answer=reply.status))
    return joint


def _read_answer(world: World, joint: Joint, me: int) -> Joint:
    side, peer = joint.sides[me], joint.sides[1 - me]
    pending, status = side.process.pending, side.answer
    if pending is None or status is None:
        return _with(joint, me, side._replace(answer=None))
    event = Answered(message_id=pending.message_id, status=status, peer_pid=peer.process.pid)
    process, effects = machine.step(world.table, side.process, event)
    return _with(joint, me, _keep(side._replace(answer=None), process, effects))


def _look(joint: Joint, me: int) -> Joint:
    return _with(joint, me, joint.sides[me]._replace(seen_state=joint.sides[1 - me].process.shown_state))


def _read_state(world: World, joint: Joint, me: int) -> Joint:
    side = joint.sides[me]
    pending = side.process.pending
    if pending is None or side.seen_state is None:
        return _with(joint, me, side._replace(seen_state=None))
    fresh = f"{pending.message_id}f"
    event = Observed(message_id=pending.message_id, state=side.seen_state, fresh_id=fresh)
    process, effects = machine.step(world.table, side.process, event)
    return _with(joint, me, _keep(side._replace(seen_state=None), process, effects))


def _keep(side: Side, process: Process, effects: tuple[Effect, ...]) -> Side:
    """The side after a step: new messages enter the network, answers to what is no more under way are not read."""
    new = tuple((effect.kind, effect.message_id) for effect in effects if isinstance(effect, Send))
    settled = process.pending is None or side.process.pending != process.pending
    return Side(
        process,
        side.stored,
        side.sent + new,
        None if settled else side.answer,
        None if settled else side.seen_state,
    )


def _with(joint: Joint, me: int, side: Side) -> Joint:
    return Joint((side, joint.sides[1]) if me == 0 else (joint.sides[0], side), joint.asked)
