"""Upstream links inside a record's subject, and what each of them means for a walk.

A link in a signed body is {id, recordVersion, mediaType, digest}: it names neither supplier nor host (DECISIONS, "Links
keep secrets"). The term under which it stands is its relation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from connector.model import Json, JsonObject, is_number

LINEAGE: Final = frozenset({"upstream", "contains", "madeIn", "input", "moved", "predecessor", "passport", "corrects"})
"""Relations along which material came, or that lead to an earlier record of the same thing or event."""
BOOKS: Final = frozenset({"covers"})
"""Relations from a stocktake to what it counts."""

STANDING: Final = frozenset({"MinePermit", "SchemeAttestation"})
"""Records that give a standing (a permit, an attested scheme): what counts is whether they held at the event's time.
All others, facility records too, state what was; withdrawn now, they prove nothing any more."""

PROOFS: Final = frozenset({"assay", "facilityRecord", "permit", "attestation", "inputFootprint", "balanceAttestation"})
"""Relations to what proves something about the record itself."""
LEAVES: Final = PROOFS | BOOKS
"""Relations behind which no material lies: a gap there leaves nothing unreached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One signed link. `relation` is the term that holds it."""

    relation: str
    id: str
    digests: frozenset[str]


def find_links(subject: JsonObject) -> tuple[Link, ...]:
    """All links of a subject, in the order in which they stand."""
    return tuple(dict.fromkeys(_search("", subject)))


def _search(term: str, value: Json) -> Iterator[Link]:
    if isinstance(value, list):
        for item in value:
            yield from _search(term, item)
    elif isinstance(value, dict):
        link = _read(term, value)
        if link is not None:
            yield link
            return
        for name, inner in value.items():
            # `link` only names the place within an event's product: the relation is input, output or moved.
            yield from _search(term if name == "link" else name, inner)


def _read(term: str, node: JsonObject) -> Link | None:
    kinds = node.get("type")
    if kinds != "UpstreamLink" and not (isinstance(kinds, list) and "UpstreamLink" in kinds):
        return None
    ident, digests = node.get("id"), node.get("digest")
    if not isinstance(ident, str) or not is_number(str(node.get("recordVersion"))):
        return None
    listed = digests if isinstance(digests, list) else [digests]
    return Link(
        relation=term,
        id=ident,
        digests=frozenset(digest for digest in listed if isinstance(digest, str)),
    )
