"""A negotiation or transfer as a picture: two lines, ours and the peer's, and between them what was said, in order.

Here is only where things stand; the template draws them, and a table beside the picture says the same in words. The
process is as `processes` shows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from connector.model import JsonObject, objects_in

WIDTH, LEFT, RIGHT = 360, 66, 346
_ROW: Final = 46
_TOP: Final = 58
_MOST: Final = 60
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GOOD: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One message, or one or more attempts in vain to deliver it (`lost`), at this height of the picture.

    `day` stands above it where it differs from the one before.
    """

    y: int
    ours: bool
    lost: bool
    good: bool
    word: str
    answer: str
    day: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The arrows, how high all is, and how many more only the table tells."""

    arrows: tuple[Arrow, ...]
    height: int
    more: int


def lay_out(process: JsonObject) -> Picture:
    """What was said and tried, one below the other, the oldest on top; of too much, the newest."""
    found = [*_said(process), *_tried(process)]
    found.sort(key=lambda one: str(one["at"]))
    shown = found[-_MOST:]
    y, day, arrows = _TOP, "", list[Arrow]()
    for one in shown:
        today, _, time = str(one["at"]).partition("T")
        arrows.append(
            Arrow(
                y=y, ours=bool(one["ours"]), lost=bool(one["lost"]), good=bool(one["good"]), word=str(one["word"]),
                answer=str(one["answer"]), day=today if today != day else "", time=time[:8],
            )
        )  # fmt: skip
        y, day = y + _ROW, today
    return Picture(arrows=tuple(arrows), height=y, more=len(found) - len(shown))


def message_in_words(name: str) -> str:
    """`ContractAgreementVerificationMessage` as people read it; of an event also which."""
    kind, colon, event = name.partition(":")
    return _WORD.sub(" ", kind.removesuffix("Message")).capitalize() + (f": {event}" if colon else "")


def _said(process: JsonObject) -> list[JsonObject]:
    return [
        {
            "at": one["at"], "ours": one["direction"] == "out", "lost": False, "good": one["status"] in _GOOD,
            "word": message_in_words(str(one["message"])),
            "answer": f"HTTP {one['status']}" + (f", receipt {one['receipt']}" if one["receipt"] else ""),
        }
        for one in objects_in(process["messages"])
    ]  # fmt: skip


def _tried(process: JsonObject) -> list[JsonObject]:
    """Attempts one after the other with the same outcome are one arrow, at the time of the last."""
    found: list[JsonObject] = []
    times = 0
    for one in objects_in(process["attempts"]):
        same, good = bool(found) and found[-1]["answer"] == one["detail"], one["status"] in _GOOD
        times = times + 1 if same else 1
        word = "Told again" if good else "Tried in vain"
        told: JsonObject = {
            "at": one["at"], "ours": True, "lost": not good, "good": good, "answer": one["detail"],
            "word": f"{word}, {times} times" if times > 1 else word,
        }  # fmt: skip
        found[-1 if same else len(found) :] = [told]
    return found
