"""A finished walk with every node judged: what the parts of a report are made from.

Holds the nodes' words, what counts of several copies, and what a node gives to those that rest on it. Judging one node
is `nodes.py`'s; the report is put together in `assemble.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from connector.provenance.events import Event, Thing
from connector.provenance.links import PROOFS
from connector.provenance.naming import Names
from connector.provenance.nodes import Edge, Judged, Node
from connector.provenance.origin import Ground
from connector.provenance.outcomes import FAILED, USABLE, Outcome
from connector.provenance.statements import Content
from connector.provenance.walk import Walk

GROUNDS: Final[Mapping[Outcome, Ground]] = {
    Outcome.VERIFIED: Ground.VERIFIED,
    Outcome.UNCHECKED: Ground.UNCHECKED,
    Outcome.SEALED: Ground.SEALED,
    Outcome.PENDING: Ground.PENDING,
    Outcome.MISSING: Ground.MISSING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A walk with every node judged. `children`: edges by the key of the node that holds the link.

    `widest`: the share of what is balanced up to which uncertainties count, as was known at the time of the audit.
    """

    walk: Walk
    judged: Mapping[str, Judged]
    names: Names
    edges: tuple[Edge, ...]
    children: Mapping[str, Sequence[Edge]]
    widest: Decimal
    _usable: dict[frozenset[Outcome], tuple[tuple[Node, Event], ...]] = field(default_factory=dict, repr=False)

    def word(self, key: str) -> Outcome:
        """The node's outcome."""
        return self.judged[key].outcome

    def usable(self, words: frozenset[Outcome] = USABLE) -> tuple[tuple[Node, Event], ...]:
        """Nodes whose event may enter a balance, with the ids of the events that it corrects.

        Of one record that several hold the copy that says most counts.
        """
        if words not in self._usable:
            self._usable[words] = tuple(self._events(words))
        return self._usable[words]

    def _events(self, words: frozenset[Outcome]) -> Iterator[tuple[Node, Event]]:
        by_digests = {node.page.lasting: node for node in self.walk.nodes.values() if node.page is not None}
        counted: dict[frozenset[str], Node] = {}
        for key, node in self.walk.nodes.items():
            if self.word(key) in words and node.page is not None:
                same = node.page.lasting or frozenset({key})
                if same not in counted or len(counted[same].given) < len(node.given):
                    counted[same] = node
        for node in counted.values():
            content = node.content
            if content is None or content.event is None:
                continue
            linked = [by_digests.get(link.digests) for link in content.links if link.relation == "corrects"]
            corrected = [other.content for other in linked if other is not None and other.content is not None]
            # Nobody takes another's event out of the books.
            earlier = tuple(self.called(other) for other in corrected if other.issuer == content.issuer)
            yield node, replace(self.names.event(content, content.event), corrects=earlier)

    def called(self, content: Content) -> str:
        """What the books call the event that a record is about."""
        return self.names.event(content, content.event).id if content.event is not None else content.id

    def passports(self, words: Collection[Outcome]) -> Iterator[tuple[Node, str, Thing]]:
        """Nodes about a thing with its name in the books; of several about one the maker's last: that counts."""
        found = [
            (node, content, content.thing)
            for key, node in self.walk.nodes.items()
            if (content := node.content) is not None and content.thing is not None and self.word(key) in words
        ]
        for node, content, thing in sorted(found, key=lambda one: (one[1].id, one[1].issuer) in self.names.makers):
            yield node, self.names.thing(content), thing

    def ground(self, key: str) -> Ground:
        """What a node gives to those that rest on it. A failed assay or facility record takes its word along."""
        supports = [edge.target for edge in self.children.get(key, ()) if edge.relation in PROOFS]
        if any(self.word(target) in FAILED for target in supports):
            return Ground.FAILED
        return GROUNDS.get(self.word(key), Ground.FAILED)
