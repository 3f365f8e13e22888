"""What a process is, what can happen to it, and what follows: the values that `machine.step` takes and gives.

A process is one negotiation or one transfer as one side sees it. Everything here is frozen, and orjson makes JSON
of it. The rules stand in `machine.py`, the tables in `negotiation.py` and `transfer.py`; bodies, the store, time
and delivery are the journeys' (exchange/). DSP 2025-1, Contract Negotiation Protocol and Transfer Process Protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from connector.model import Finding, Pid

START = ""
"""The state of a process of which nothing has been said, or whose first message is not answered yet."""


class Role(StrEnum):
    """Which side we are. Keys, names and order of messages all depend on it."""

    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> Role:
        """The peer's role."""
        return Role.PROVIDER if self is Role.CONSUMER else Role.CONSUMER


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a state machine: in `state`, `kind` sent by one of `senders` leads to `target`."""

    state: str
    kind: str
    senders: tuple[Role, ...]
    target: str


class Table:
    """A state machine as data. `rows` is for reading and for tests, `target` for the machine."""

    __slots__ = ("_targets", "name", "rows", "terminal", "termination")

    def __init__(self, *, name: str, rows: Iterable[Row], terminal: Iterable[str], termination: str) -> None:
        self.name = name
        self.rows = tuple(rows)
        self.terminal = frozenset(terminal)
        self.termination = termination
        self._targets: Mapping[tuple[str, str, Role], str] = {
            (row.state, row.kind, sender): row.target for row in self.rows for sender in row.senders
        }

    def target(self, state: str, kind: str, sender: Role) -> str | None:
        """Where the message leads, or None where it is not allowed."""
        return self._targets.get((state, kind, sender))

    def leads_to(self, kind: str) -> str:
        """The state that a message of this kind produces, from wherever it is sent."""
        return next(row.target for row in self.rows if row.kind == kind)

    def happens_once(self, kind: str) -> bool:
        """Whether no way leads from where this kind of message leads back to where it may be sent."""
        sources = {row.state for row in self.rows if row.kind == kind}
        reached, ahead = set[str](), {row.target for row in self.rows if row.kind == kind}
        while ahead:
            reached |= ahead
            ahead = {row.target for row in self.rows if row.state in ahead} - reached
        return not sources & reached

    def target_of_termination(self) -> str:
        """The state in which a terminated process rests."""
        return self.leads_to(self.termination)

    def kinds(self, state: str, sender: Role) -> tuple[str, ...]:
        """What that side may send in that state, in the table's order."""
        return tuple(row.kind for row in self.rows if row.state == state and sender in row.senders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Our message that is under way.

    `polling`: it was refused, and the peer's process is being looked at. `racing`: the refusal spoke about the moment;
    `races`: how often it did.
    """

    kind: str
    message_id: str
    target: str
    polling: bool = False
    racing: bool = False
    races: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The peer's last accepted message, kept while the state that it produced stands. `earlier`: replaced bodies."""

    kind: str
    message_id: str | None
    digest: str
    status: int
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One side's view. `state` counts what both sides know; `closing` is the `@id` of a termination that waits."""

    role: Role
    pid: Pid
    peer_pid: Pid | None = None
    state: str = START
    pending: Pending | None = None
    accepted: Accepted | None = None
    closing: str | None = None

    @property
    def consumer_pid(self) -> Pid | None:
        """`consumerPid` on the wire."""
        return self.pid if self.role is Role.CONSUMER else self.peer_pid

    @property
    def provider_pid(self) -> Pid | None:
        """`providerPid` on the wire."""
        return self.pid if self.role is Role.PROVIDER else self.peer_pid

    @property
    def shown_state(self) -> str:
        """What `GET` of the process answers. An unanswered first message counts: a peer that asks has read it."""
        return self.pending.target if self.state == START and self.pending is not None else self.state


# --- what can happen -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Our own side wants to send. `message_id` is the fresh `@id`."""

    kind: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the store holds of a received message, by its `@id` or its words: its body's digest and the answer it got.

    `anew`: it comes now made anew, an agreement of the same rules under other ids.
    """

    digest: str
    status: int
    anew: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A peer's message. `seen` is what the store holds of it; `objections` are the findings on its content."""

    kind: str
    message_id: str | None
    digest: str
    peer_pid: Pid | None = None
    seen: Seen | None = None
    objections: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One delivery attempt of our message ended. `status` 0: nothing came back."""

    message_id: str
    status: int
    peer_pid: Pid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """`GET` of the peer's process ended. `state` None: it knows no such process. `fresh_id`: for a termination."""

    message_id: str
    state: str | None
    fresh_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """The deadline of the process has passed. `fresh_id`: for the termination."""

    fresh_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """An operator ends the process on our side alone, because the peer is gone for good."""


Event: TypeAlias = Ask | Received | Answered | Observed | Timeout | GiveUp


# --- what follows ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Put our message into the outbox."""

    kind: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answer the peer. `ack`: the process; `stored`: what this message was answered before; `error`: an error body."""

    status: int
    what: Literal["ack", "stored", "error"]
    code: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def remembered(self) -> bool:
        """Whether message and answer are committed. 503 is never remembered, and consumes no token."""
        return self.what != "stored" and self.status != 503  # noqa: PLR2004 - the status that says "not now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Both sides are in this state now. `by_us`: our message led here."""

    state: str
    kind: str
    by_us: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The same message came with another body, and the later one counts (an agreement under a new id)."""

    kind: str


DropReason: TypeAlias = Literal["acknowledged", "refused", "overtaken", "given-up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPending:
    """Our message is not under way any more: take it out of the outbox."""

    kind: str
    message_id: str
    why: DropReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """`GET` the peer's process, and tell the machine what it said."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Deliver the same bytes again later, with a fresh token."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Our own message is still under way, so this one can't be sent yet: ask again."""

    kind: str


Effect: TypeAlias = Send | Reply | Reached | Replaced | DropPending | Poll | Retry | Later


# --- as JSON ---------------------------------------------------------------------------------------------------------


def from_json(raw: dict[str, Any]) -> Process:
    """The process of the JSON that orjson makes of one. Another shape is our bug or a damaged store, and raises."""
    pending, accepted = raw["pending"], raw["accepted"]
    return Process(
        role=Role(raw["role"]),
        pid=Pid(raw["pid"]),
        peer_pid=raw["peer_pid"],
        state=raw["state"],
        pending=None if pending is None else Pending(**pending),
        accepted=None if accepted is None else Accepted(**{**accepted, "earlier": tuple(accepted["earlier"])}),
        closing=raw["closing"],
    )
