"""What waits for a person's word: the turns of negotiations that are held, what a person says, and the ends of waiting.

A held turn is a row of the queue (`ApprovalRow`) in the same commit as the message that made it, and an alarm: without
a word it is refused when the time is over. A word may have a time of its own (`not_before`), until which it can be
replaced by another one; whatever else moves the process ends the waiting. What may be said stands in `protocol.turns`;
what is said, and what follows, is the topic's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, cast

from connector.errors import IllegalTransition
from connector.exchange.draft import Draft
from connector.exchange.rows import ApprovalRow
from connector.model import JsonObject
from connector.protocol.turns import COUNTERS, Turn

LIMIT, WORD = "limit", "word"
"""The two alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says to a held turn. `terms`: an offer, for `counter`. `not_before` in microseconds; 0: at once."""

    decision: Literal["approve", "counter", "reject"]
    terms: JsonObject | None = None
    agreement_id: str = ""
    code: str = ""
    reason: str = ""
    not_before: int = 0

    def as_json(self) -> JsonObject:
        """For the process's content."""
        return cast("JsonObject", asdict(self))


def hold(draft: Draft, tenant: str, turn: Turn, limit_seconds: int, note: str = "") -> None:
    """The turn waits for a person."""
    due = draft.at + limit_seconds * 1_000_000
    waits: JsonObject = {"turn": turn.value, "asked": draft.at, "due": due}
    draft.content["waits"] = {**waits, "note": note} if note else waits
    draft.alarms = {LIMIT: due}
    draft.approval, draft.approval_done = _row(draft, tenant), False
    draft.note(tenant, "negotiation-held", {"turn": turn.value, "dataset": draft.content.get("dataset")})


def _row(draft: Draft, tenant: str, decision: str = "", not_before: int = 0) -> ApprovalRow:
    waits = draft.content["waits"]
    return ApprovalRow(
        tenant=tenant, kind="negotiation", pid=draft.process.pid, turn=waits["turn"], counterparty=draft.counterparty,
        subject=str(draft.content.get("dataset")), asked=waits["asked"], due=waits["due"], decision=decision,
        not_before=not_before,
    )  # fmt: skip


def held(draft: Draft) -> Turn | None:
    """The turn that waits."""
    waits = draft.content.get("waits")
    return Turn(waits["turn"]) if waits else None


def release(draft: Draft) -> None:
    """Nothing waits any more."""
    if draft.content.pop("waits", None) is not None:
        draft.content.pop("word", None)
        draft.alarms, draft.approval, draft.approval_done = {}, None, True


def postpone(draft: Draft, tenant: str, word: Word) -> None:
    """The word is kept until its time; another one may take its place until then."""
    draft.content["word"] = word.as_json()
    draft.alarms = {WORD: word.not_before}
    draft.approval = _row(draft, tenant, word.decision, word.not_before)


def check_word(draft: Draft, word: Word) -> Turn:
    """The held turn that this word answers. `IllegalTransition`: nothing waits, or it can't be answered so."""
    turn = held(draft)
    if turn is None:
        raise IllegalTransition(
            "nothing waits for a decision here", place=draft.process.pid,
            hint=f"battery-connector why {draft.process.pid} says how it stands",
        )  # fmt: skip
    if word.decision == "counter" and turn not in COUNTERS:
        raise IllegalTransition(f"{turn} can be approved or rejected, not countered", place=draft.process.pid)
    return turn


def kept_word(draft: Draft) -> Word | None:
    """The word whose time has come."""
    kept = draft.content.get("word")
    return Word(**kept) if kept else None
