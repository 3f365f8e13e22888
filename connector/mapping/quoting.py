"""Text written as YAML, so that the plan's strict reader gives it back as it was."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-zÀ-ÿ_=][\wÀ-ÿ.%/()=+-]*(?: [\wÀ-ÿ.%/()=+&-]+)*")


def flow(text: str) -> str:
    """The text as a scalar within braces: plain where that is safe, else in quotes."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not text.isprintable())


def plan_line(text: str) -> str:
    """A line of a plan that stays one, whatever an export's cells say in its comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def plain_text(column: str) -> bool:
    """Whether a column can be named in a plan as it is: no template, no constant, no outer row."""
    return bool(column) and "{" not in column and "}" not in column and not column.startswith(("=", ".."))
