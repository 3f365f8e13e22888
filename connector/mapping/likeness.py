"""How alike the heading of a column and the words for a term are, between 0 and 1.

Deterministic and plain: words of both, without units, metals and filling words; equal words, words that begin alike
(SAP's shortened ones), the last part of a compound. No model, no network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from connector.mapping.units import unit_named

Words = tuple[str, ...]

_FILLING = frozenset([
    "of", "the", "in", "at", "on", "by", "for", "and", "a", "an", "or", "no", "nr", "nro", "num", "number",
    "numbers", "nummer", "numero", "id", "code", "key", "iso", "symbol", "list", "der", "die", "das",
    "des", "am", "im", "von", "zu", "zur", "zum", "und", "oder", "de", "du", "la", "le", "les",
    "l", "d", "au", "en", "et", "kind", "art", "mukaan", "value", "wert", "valeur", "arvo",
])  # fmt: skip
_LETTERS = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "é": "e", "è": "e", "ê": "e", "ë": "e", "à": "a",
                          "â": "a", "ç": "c", "î": "i", "ï": "i", "ô": "o", "ù": "u", "û": "u", "å": "a"})  # fmt: skip
_SPELT = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_SHORT, _COMPOUND = 4, 5
_JOINED = re.compile(r"([A-Z]{3,})(ID|NO|NR|NUM|NUMBER|CODE|DATE|QTY)")
"""Headings in capitals that are written as one word: LOTID, PRODDATE."""
_NUMBER_SIGN = re.compile(r"\b[nN][°º]|№")
_OF_NUMBERS = re.compile(r"(?<=\w{3})n(?:umme)?r$")
"""`Chargennummer` and `Chargennr` are `Chargen-Nr.`: a filling word again, joined to the word before it."""
EQUAL, RUN_TOGETHER, PART, WITHIN = 0.9, 0.86, 0.8, 0.58


@lru_cache(maxsize=8192)
def split(heading: str) -> Words:
    """The words of a heading or label, in small letters and without marks; camelCase is split."""
    joined = _JOINED.fullmatch(heading)
    text = " ".join(joined.groups()) if joined else re.sub(r"(?<=[a-zäöüéè])(?=[A-ZÄÖÜ])", " ", heading)
    return tuple(word for word in re.split(r"(?:[^\w%]|_)+", _NUMBER_SIGN.sub(" ", text).lower()) if word)


@lru_cache(maxsize=8192)
def telling(heading: str) -> Words:
    """The words that say something: no units, no filling words, not the Z of a company's own field; without marks."""
    words = split(heading)
    units = {part.lower() for part in re.split(r"[\s_/()\[\]]+", heading)[1:] if unit_named(part)}
    kept = [word for word in words if word not in _FILLING | units]
    return tuple(_plain(word.removeprefix("zz") if heading.isupper() else word) for word in (kept or words))


def _plain(word: str) -> str:
    word = _OF_NUMBERS.sub("", word.translate(_LETTERS)) if word.endswith("r") else word.translate(_LETTERS)
    for two, one in _SPELT:
        word = word.replace(two, one)
    return word


@lru_cache(maxsize=1 << 17)
def alike(words: Words, phrase: Words) -> float:
    """How alike the two are: 0.9 where all words are the same, less for parts."""
    if not words or not phrase:
        return 0.0
    if words == phrase or sorted(words) == sorted(phrase):
        return EQUAL
    if "".join(words) == "".join(phrase):
        return RUN_TOGETHER
    if set(phrase) < set(words):
        return max(WITHIN, PART * 2 * len(phrase) / (len(words) + len(phrase)))
    forth = sum(max(_word(one, other) for other in phrase) for one in words) / len(words)
    back = sum(max(_word(other, one) for one in words) for other in phrase) / len(phrase)
    return PART * 2 * forth * back / (forth + back) if forth and back else 0.0


def best(words: Words, phrases: Sequence[Words]) -> float:
    """The likeness with the likest phrase."""
    return max((alike(words, phrase) for phrase in phrases), default=0.0)


@lru_cache(maxsize=65536)
def _word(one: str, other: str) -> float:
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    if len(short) >= _SHORT and long.startswith(short):
        return 0.9 if len(short) * 2 >= len(long) else 0.75
    if len(short) >= _COMPOUND and long.endswith(short):
        return 0.6
    return 0.0
