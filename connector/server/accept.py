"""Which of the forms that we have of something a caller reads best (RFC 9110, 12.5.1: `Accept`).

Nobody is refused for what they accept: who reads none of them gets the first, as who says nothing does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII | re.IGNORECASE)


def preferred(accepted: str, offered: Sequence[str]) -> str:
    """The media type of highest quality for this header; of equals the earlier one, so the order is our own wish."""
    ranges = dict(map(_range, accepted.split(",")))
    return max(offered, key=lambda one: _quality(one, ranges))


def _quality(media_type: str, ranges: dict[str, float]) -> float:
    """What the most specific range says of it."""
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


def _range(text: str) -> tuple[str, float]:
    """A media range and its weight; parameters of the media type make no difference here."""
    name, *parameters = (part.strip() for part in text.split(";"))
    weights = [part for part in parameters if part.lower().startswith("q=")]
    found = _WEIGHT.fullmatch(weights[0]) if weights else None
    return name.lower(), float(found[1]) if found else 0.0 if weights else 1.0
