"""What goes into a conversation and comes out: callers, messages, answers, the draft of a process's next version.

A topic (negotiation, transfer) knows what messages mean; `conversation` runs the four beats.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import orjson

from connector.exchange.rows import (
    AgreementRow,
    ApprovalRow,
    AttemptRow,
    CommandRow,
    DataTokenRow,
    EvidenceEntry,
    MessageRow,
    OutboxRow,
    ProcessKind,
    ProcessRow,
    ReplayRow,
)
from connector.exchange.stored import Content, micros
from connector.model import Claim, Facts, JsonObject
from connector.policy.evaluate import Compiled, evaluate
from connector.policy.operands import Stage
from connector.protocol.process import Event, Process, Reached, Reply, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, proven, and the token's entry in the replay memory, if it is good for one request only.

    `shown`: the credentials that its facts rest on. `repeat`: this very request came before with this very token.
    `anew` asks it once more what it can prove, where that is remembered and may be more by now.
    """

    facts: Facts
    token: str
    verification_key: str
    replay: ReplayRow | None
    shown: tuple[bytes, ...] = ()
    repeat: bool = False
    anew: Callable[[], Awaitable[Caller]] | None = None

    async def for_policy(self, policy: Compiled, about: Collection[Claim], now: datetime, *, stage: Stage) -> Caller:
        """The caller with these claims besides, asked anew where the policy would refuse what is remembered of it."""
        known = replace(self, facts=self.facts.with_claims(*about))
        if self.anew is None or evaluate(policy, known.facts, now, stage=stage).permit:
            return known
        asked = await self.anew()
        return replace(asked, facts=asked.facts.with_claims(*about))


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A peer's message: what it says, and its exact bytes."""

    kind: str
    message_id: str | None
    peer_pid: str | None
    body: bytes
    caller: Caller
    kept: bytes | None = None
    """What is stored instead of the bytes, where these hold a secret."""

    digest: str = field(init=False)
    """SHA-256 of the body."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.body).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What leaves: status and body, and for an accepted message our receipt."""

    status: int
    body: bytes
    receipt: str = ""


@dataclass(slots=True, kw_only=True)
class Draft:
    """The next version of a process while it is being decided. A topic adds to it; nothing is written before commit."""

    row: ProcessRow | None
    process: Process
    content: Content
    counterparty: str
    now: datetime
    at: int = field(init=False)
    """The same time in microseconds."""
    caller: Caller | None = None
    heard: Content = field(default_factory=dict)
    """What the message that is being decided adds to the content, if it is accepted."""
    asks: deque[str] = field(default_factory=deque)
    reply: Reply | None = None
    sends: list[OutboxRow] = field(default_factory=list)
    dropped: bool = False
    retry: bool = False
    poll: str = ""
    messages: list[MessageRow] = field(default_factory=list)
    evidence: list[EvidenceEntry] = field(default_factory=list)
    agreement: AgreementRow | None = None
    replaced_agreement: tuple[str, str] | None = None
    claim: str = ""
    """The id that the agreement of this negotiation is to have."""
    offered: str = ""
    """The id of the dataset of ours on whose offer this was decided: it has to be offered still at the commit."""
    data_token: DataTokenRow | None = None
    secrets: tuple[str, str] = ("", "")
    """The data token and its refresh token in clear: they go into the start message, and into no row of their own."""
    token_live: bool | None = None
    alarms: dict[str, int] | None = None
    """When something is due beside the end of our patience, by name; None: as before."""
    over: bool = False
    """Nobody owes an answer any more, so nothing is due."""
    approval: ApprovalRow | None = None
    approval_done: bool = False
    command: CommandRow | None = None
    attempt: AttemptRow | None = None
    """A delivery that was refused, for the record. One that is tried again is recorded with its next time."""
    delivered: OutboxRow | None = None
    """The delivery that ends with this step."""
    acknowledged: Acknowledged | None = None
    """Where it ends beside what the step is about: who waits for that."""

    def __post_init__(self) -> None:
        self.at = micros(self.now)

    def note(self, tenant: str, event: str, body: JsonObject) -> None:
        """Put something on record."""
        record: JsonObject = {"pid": self.process.pid, "counterparty": self.counterparty, **body}
        self.evidence.append(EvidenceEntry(tenant=tenant, at=self.at, event=event, body=orjson.dumps(record)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acknowledged:
    """A message of ours that the peer took, while that is not kept yet. `kept`: by whose step it was."""

    row: OutboxRow
    change: Callable[[Draft], Event]
    kept: asyncio.Future[Draft]


class Topic(Protocol):
    """What a journey knows of its kind of process."""

    kind: ProcessKind
    table: Table
    at_rest: frozenset[str]
    """States in which nobody owes an answer."""
    reminds: bool
    """Whether a peer that is silent is told again what it may have lost."""

    def reached(self, draft: Draft, reached: Reached) -> None:
        """A state was reached: put what follows into the draft (next messages into `asks`)."""

    def replaced(self, draft: Draft, kind: str) -> None:
        """The peer's last message came again with another body, and that one counts."""

    def refused(self, draft: Draft, kind: str) -> None:
        """The peer did not take our message, and stands where it stood: put what follows into the draft."""

    def due(self, draft: Draft, alarm: str) -> Event | None:
        """One of the draft's alarms went off."""

    def compose(self, draft: Draft, kind: str, message_id: str) -> tuple[str, bytes]:
        """Address and bytes of a message of ours."""


Change = Callable[[Draft], Event | None]
"""Decides on a freshly loaded process what happens to it, and may prepare the draft. None: nothing but that."""
