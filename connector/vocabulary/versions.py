"""The versions of the vocabulary and what is fixed with them.

Read from `vocab/versions.csv`, oldest first; the last row is current: what is made now names its context. A row with a
date is published: the digests beside it hold for ever, whoever builds. Without a date a version is still in work.
Two things of a version are fixed: the octets of its context, and its rules, which is what its JSON Schemas ask, without
the texts for people in them (a slip of the pen in a definition may be mended).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.vocabulary.tables import rows

_HOME = "https://w3id.org/battery-connector/v1/"
_COLUMNS = ["version", "published", "context", "rules"]
_TEXTS = frozenset({"title", "description"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version. `context` and `rules` are SHA-256 in hex, empty until `published` (a day)."""

    number: str
    published: str = ""
    context: str = ""
    rules: str = ""

    @property
    def context_url(self) -> str:
        """The address of the context: what a credential names."""
        return f"{_HOME}context/{self.number}.jsonld"

    @property
    def context_file(self) -> str:
        """Where the context lies in `vocab/`."""
        return f"contexts/battery-connector/{self.number}.jsonld"

    @property
    def schemas_url(self) -> str:
        """What the ids of the JSON Schemas begin with."""
        return f"{_HOME}schemas/{self.number}/"

    @property
    def shapes_file(self) -> str:
        """Where the SHACL shapes lie in `vocab/`."""
        return f"shapes/{self.number}.ttl"

    @property
    def shapes_url(self) -> str:
        """What the names of the SHACL shapes begin with."""
        return f"{_HOME}shapes/{self.number}#"

    def differs(self, context: bytes, schemas: Mapping[str, JsonObject]) -> str:
        """What of a published version these would change; empty where nothing."""
        if not self.published:
            return ""
        if hashlib.sha256(context).hexdigest() != self.context:
            return "context"
        return "rules" if rules_digest(schemas) != self.rules else ""


def read_versions(table: bytes) -> tuple[Version, ...]:
    """The table from the bytes of `versions.csv`."""
    versions = tuple(
        Version(number=row["version"], published=row["published"], context=row["context"], rules=row["rules"])
        for _, row in rows(table, "versions.csv", _COLUMNS)
    )
    if not versions or not all(one.published and one.context and one.rules for one in versions[:-1]):
        raise BadInput("versions.csv: every version but the last has a date and both digests", place="versions.csv")
    return versions


def write_versions(versions: tuple[Version, ...]) -> bytes:
    """The table again."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((one.number, one.published, one.context, one.rules) for one in versions)
    return out.getvalue().encode()


def rules_digest(schemas: Mapping[str, JsonObject]) -> str:
    """SHA-256 over what the schemas ask, in one spelling (sorted keys, no blanks)."""
    plain = json.dumps(_without_texts(dict(schemas)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).hexdigest()


def _without_texts(schema: Json) -> Json:
    """A copy without titles and descriptions; a property of such a name holds an object and stays."""
    if isinstance(schema, dict):
        return {
            key: _without_texts(inner)
            for key, inner in schema.items()
            if not (key in _TEXTS and isinstance(inner, str))
        }
    return [_without_texts(inner) for inner in schema] if isinstance(schema, list) else schema
