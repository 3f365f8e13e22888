"""In which language a page speaks: what the reader asked for, else what the browser prefers (RFC 9110, 12.5.4), else
English; and the page's own sentences in it.

All sentences of a page stand in one table, `templates/<page>.csv`, with a column per language. How values are said is
the vocabulary's (`wording`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from markupsafe import Markup

from connector.vocabulary.terms import LANGUAGES
from connector.vocabulary.wording import read_words

TEMPLATES: Final = Path(__file__).with_name("templates")
_RANGE: Final = re.compile(r"\s*([a-z]{1,8})(?:-[a-z0-9-]{1,35})?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """The sentences of a page in one language, by key. `languages`: each that it can be read in, with its own name."""

    language: str
    said: Mapping[str, str]
    languages: Mapping[str, str]

    def __call__(self, key: str, **slots: object) -> Markup:
        """A sentence, its places filled; what is filled in is text."""
        return Markup(self.said[key]).format(**slots)  # noqa: S704  the sentence is ours; `format` escapes the rest


@cache
def sentences(page: str, language: str) -> Sentences:
    """What a page says."""
    table = read_words((TEMPLATES / f"{page}.csv").read_bytes())
    names = {one: table[one]["name"] for one in LANGUAGES}
    return Sentences(language=language, said=table[language], languages=names)


def chosen(asked: str, accepted: str) -> str:
    """One of our languages. `asked`: the reader's choice, if any; `accepted`: the header `Accept-Language`.

    Of a range such as `de-AT` the language alone counts (RFC 4647, 3.4). What is no range is passed over.
    """
    if asked in LANGUAGES:
        return asked
    found = (_RANGE.fullmatch(one) for one in accepted.split(","))
    weights = [(float(one[2] or 1), one[1].lower()) for one in found if one is not None]
    fitting = [(weight, language) for weight, language in weights if weight and language in LANGUAGES]
    return max(fitting, key=lambda one: one[0], default=(1.0, LANGUAGES[0]))[1]
