"""What the newest version of a record says of a statement that an earlier one makes.

Links lead to the version that its signer meant, and what that states counts: it was so then. Who reads it years later
has to know that its maker no longer says so. Only a version that is verified, wholly seen and of the same signer tells
that; of any other it is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from connector.provenance.nodes import Node, judge
from connector.provenance.outcomes import Outcome
from connector.provenance.sourcing import Sourcing
from connector.provenance.walk import Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest version where it is another. `leans`: digests of the attestations to which it leads. `why`: what it
    does not say is not known. `version`: 0 where none was obtained.
    """

    version: int
    why: str
    states: Collection[Sourcing] = ()
    leans: Collection[frozenset[str]] = ()

    def note(self, record: str, verb: str, *, still: bool) -> str:
        """What an auditor has to know; nothing where it still does."""
        which = f"version {self.version}" if self.version else "a newer version"
        if still:
            return ""
        if self.why:
            return f"whether {which} of {record} still {verb} it is not known ({self.why})"
        return f"{which} of {record} no longer {verb} it"


def newest_of(walk: Walk) -> dict[str, Newest]:
    """Key of a node -> the newest version of its record, where that is another than the node's, or was not obtained."""
    return {node.key: found for node in walk.nodes.values() for found in _newest(walk, node)}


def leaning_notes(walk: Walk, newest: dict[str, Newest]) -> dict[str, str]:
    """Key of an attestation -> that the newest record of the site no longer leads to it."""
    found: dict[str, str] = {}
    for edge in walk.edges.values():
        page, later = walk.nodes[edge.target].page, newest.get(edge.source)
        if edge.relation == "attestation" and page is not None and later is not None:
            note = later.note("the record of the site", "leans on", still=page.lasting in later.leans)
            found |= {edge.target: note} if note else {}
    return found


def _newest(walk: Walk, node: Node) -> Iterator[Newest]:
    other = walk.newest.get((node.record, node.holder))
    if other is not None and node.content is not None and (other.page is None or other.version > node.version):
        yield _read(other, node.content.issuer, walk)


def _read(other: Node, signer: str, walk: Walk) -> Newest:
    word = judge(other, walk.now).outcome
    content, page = other.content, other.page
    if content is None or page is None or word is not Outcome.VERIFIED:
        return Newest(version=other.version, why=word.value)
    why = "partly sealed" if len(other.given) < len(page.credentials) else ""
    why = why if content.issuer == signer else "another party signs it"
    leans = [link.digests for link in content.links if link.relation == "attestation"]
    return Newest(version=other.version, states=content.sourcing, leans=leans, why=why)
