"""The vocabulary as shipped: reads `vocab/` once, holds each context to its digest, hands out frozen values.

The one module of this room that reads files. Without a folder it takes the repository's `vocab/` (a checkout) or
`connector/_data/vocab` (an installed wheel). Nothing is ever fetched.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from connector.errors import BadInput
from connector.model import AccessClass, Finding, Json, JsonObject, Level
from connector.vocabulary.check import Checker
from connector.vocabulary.headings import Headings, read_headings
from connector.vocabulary.matches import Match, read_matches
from connector.vocabulary.rules import RULE_TABLES, Rules, read_rules
from connector.vocabulary.shapes import Shapes, read_shapes
from connector.vocabulary.terms import Terms, read_terms
from connector.vocabulary.tolerances import Tolerance, read_tolerances
from connector.vocabulary.versions import Version, read_versions
from connector.vocabulary.views import split
from connector.vocabulary.wording import Wording, read_words

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Contexts by URL (`contexts`, and the exact bytes as served), terms, shapes, and the checks made from them.

    `context_url` is the one that new credentials name. A credential of an earlier version is held to that version.
    `words`: by language, how units, figures, dates and countries are said.
    """

    context_url: str
    contexts: Mapping[str, Json]
    context_bytes: Mapping[str, bytes]
    terms: Terms
    shapes: Shapes
    words: Mapping[str, Mapping[str, str]]
    versions: tuple[Version, ...]
    _checkers: Mapping[str, Checker] = field(repr=False)

    @property
    def known_contexts(self) -> frozenset[str]:
        """The context URLs that a credential may name."""
        return frozenset(self.contexts)

    @property
    def definitions(self) -> JsonObject:
        """What the current context says of each name."""
        document = self.contexts[self.context_url]
        assert isinstance(document, dict)
        assert isinstance(document["@context"], dict)
        return document["@context"]

    @property
    def record_types(self) -> Mapping[str, tuple[str, ...]]:
        """Record type -> the classes that its subject may have."""
        return {name: shape.subjects for name, shape in self.shapes.records.items()}

    def wording(self, language: str = "en") -> Wording:
        """How values are said to people in one of the languages of the labels."""
        return Wording(terms=self.terms, language=language, words=self.words[language])

    def check(self, record_type: str, credential_or_subject: JsonObject) -> list[Finding]:
        """What is wrong with a whole subject, or with one credential (of its class and level alone)."""
        url, named = self.context_url, credential_or_subject.get("@context")
        if isinstance(named, list):
            url = next((one for one in named if isinstance(one, str) and one in self._checkers), url)
        return self._checkers[url].check(record_type, credential_or_subject)

    def check_mapped(self, record_type: str, subject: JsonObject) -> list[Finding]:
        """What is wrong with a mapped subject whose links are not made yet."""
        return self._checkers[self.context_url].check_mapped(record_type, subject)

    def split(
        self, record_type: str, subject: JsonObject, *, model_id: str = ""
    ) -> dict[tuple[AccessClass, Level], JsonObject]:
        """The subject's parts, each ready to be a `credentialSubject`."""
        return split(self.terms, record_type, subject, model_id=model_id)


def default_folder() -> Path:
    """Where the vocabulary lies: beside the package in a checkout, within it in a wheel."""
    beside, within = _PACKAGE.parent / "vocab", _PACKAGE / "_data" / "vocab"
    return within if within.is_dir() else beside


def load_matches() -> tuple[Match, ...]:
    """The matches with other data models, for the bridges to them."""
    return read_matches(_read(default_folder() / "matches.csv"), load_bundle().terms)


def load_headings() -> Headings:
    """What the columns of exports are called, for proposals of mapping plans."""
    return read_headings(_read(default_folder() / "headings.csv"), load_bundle().terms)


@cache
def load_bundle(folder: Path | None = None) -> Bundle:
    """The bundle of a folder. A file that is missing or not what its digest says is an error."""
    root = folder or default_folder()
    terms = read_terms(_read(root / "terms.csv"))
    shapes = read_shapes(_read(root / "shapes.csv"), terms)
    context_bytes = _contexts(root)
    versions = read_versions(_read(root / "versions.csv"))
    return Bundle(
        context_url=versions[-1].context_url,
        contexts=MappingProxyType({url: json.loads(found) for url, found in context_bytes.items()}),
        context_bytes=MappingProxyType(context_bytes),
        terms=terms,
        shapes=shapes,
        words=read_words(_read(root / "words.csv")),
        versions=tuple(versions),
        _checkers=MappingProxyType({
            version.context_url: Checker(terms, shapes, _schemas(root, version)) for version in versions
        }),
    )  # fmt: skip


def _schemas(root: Path, version: Version) -> dict[str, bytes]:
    """The JSON Schemas of one version by record type."""
    return {path.stem: path.read_bytes() for path in sorted((root / "schemas" / version.number).glob("*.json"))}


@cache
def load_rules(folder: Path | None = None) -> Rules:
    """What law and guidance ask of a battery passport, from the tables of a folder."""
    root = folder or default_folder()
    return read_rules({name: _read(root / f"{name}.csv") for name in RULE_TABLES}, load_bundle(folder).terms)


@cache
def load_tolerances(folder: Path | None = None) -> tuple[Tolerance, ...]:
    """How wide a mass balance may be, from the table of a folder; oldest edition first."""
    return read_tolerances(_read((folder or default_folder()) / "tolerances.csv"))


def _contexts(root: Path) -> dict[str, bytes]:
    """The listed contexts, each with the digest that the list gives."""
    found: dict[str, bytes] = {}
    for row in csv.DictReader(io.StringIO(_read(root / "contexts.csv").decode("utf-8"))):
        content = _read(root / row["file"])
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise BadInput(f"{row['file']} is not the context that contexts.csv names", place=str(root / row["file"]))
        found[row["url"]] = content
    return found


def _read(path: Path) -> bytes:
    """The bytes of one file."""
    try:
        return path.read_bytes()
    except OSError as bad:
        raise BadInput(f"the vocabulary has no {path.name}: {bad.strerror}", place=str(path)) from bad
