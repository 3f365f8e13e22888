"""One line of the table: what was tried, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`said`: what a reader wants to know of it; of a failure, the reason."""

    ident: str
    passed: bool
    said: str
