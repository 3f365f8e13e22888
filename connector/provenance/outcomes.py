"""The words of an audit: one outcome per node, its precedence, and the verdict over all (DECISIONS, "Outcomes").

Holds the words and their order. Who earns which is `nodes.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """One word per node, in the order in which the first that applies is taken."""

    PENDING = "pending"
    MISSING = "missing"
    SEALED = "sealed"
    DIGEST_MISMATCH = "digest-mismatch"
    UNCHECKED = "unchecked"
    BAD_SIGNATURE = "bad-signature"
    CONTEXT_ERROR = "context-error"
    SCHEMA_ERROR = "schema-error"
    ISSUER_NOT_ANCHORED = "issuer-not-anchored"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    EXPIRED = "expired-at-event-time"
    RULE_VIOLATION = "rule-violation"
    VERIFIED = "verified"


class Verdict(StrEnum):
    """The whole audit in one word."""

    VERIFIED = "verified"
    QUALIFIED = "qualified"
    FAILED = "failed"


ORDER: Final = tuple(Outcome)
GAPS: Final = frozenset({Outcome.PENDING, Outcome.MISSING, Outcome.SEALED})
"""Nothing of the node was obtained, so what lies behind it is unreached."""
FAILED: Final = frozenset(ORDER) - GAPS - {Outcome.UNCHECKED, Outcome.VERIFIED}
"""The node was obtained and is not what it should be."""
USABLE: Final = frozenset({Outcome.VERIFIED, Outcome.UNCHECKED})
"""Its statements may enter a balance; an unchecked one still makes the verdict `qualified`."""

MOST_RESTED: Final = 100
"""So many failed nodes are named of those on which one rests. All of them stand in the report, each with its word; all
beside each that leads to them would be a report of gigabytes."""


def first(words: Iterable[Outcome]) -> Outcome:
    """The first that applies; `verified` when none does."""
    return min(words, key=ORDER.index, default=Outcome.VERIFIED)


def verdict(words: Iterable[Outcome], *, findings: int, unreached: int) -> Verdict:
    """`failed` before `qualified` before `verified`."""
    seen = set(words)
    if seen & FAILED:
        return Verdict.FAILED
    if seen - {Outcome.VERIFIED} or findings or unreached or not seen:
        return Verdict.QUALIFIED
    return Verdict.VERIFIED
