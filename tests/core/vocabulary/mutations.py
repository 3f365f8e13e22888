"""Random changes of a document that can be seen in RDF too: some leave it good, most don't.

Left out, because RDF has no image of it: keys that are no terms, empty lists, one value in place of a list, JSON
numbers and booleans; and a line feed at the end of a text, where Python's `$` (pyshacl's patterns) matches too early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connector.model import Json, JsonObject
from connector.vocabulary.contract import Contract, NodeShape
from connector.vocabulary.examples import Examples
from connector.vocabulary.patterns import Draw
from connector.vocabulary.terms import Terms

TEXTS = (
    "", "x\u0001y", "a\u007fb", "x" * 5000, "plain", "1e3", "01", "+1", "1.", "12.50", "-0", "0", "7", "1" * 70, "true",
    "TRUE", "2027-02-28", "2027-02-30", "2027-13-01", "0000-01-01", "20270301", "2027-03-01T09:30:00Z",
    "2027-03-01T09:30:00.123456789Z", "2027-03-01T09:30:00+01:00", "2027-03-01T09:30:00", "2027-03-01T24:00:00Z",
    "2027-02-29T09:30:00Z", "2027-06-30T23:59:60Z", "KGM", "TNE", "kg", "MWH", "KWH", "P1", "C62", "wet", "dry", "ev",
    "item", "PUB", "FI", "fi", "uEiBabc", "Quantity", "Battery", "urn:uuid:00000000-0000-8000-8000-0000000000ff",
    "did:web:x.example", "ftp://x.example/y", "https://x.example/y", "https://x.example/a b", "mailto:x@example.org",
)  # fmt: skip


@dataclass(frozen=True)
class Site:
    """One object of a document, with the shape that it has to have."""

    node: JsonObject
    shape: NodeShape
    is_root: bool


class Mutations:
    """Changes documents; knows what stands where."""

    def __init__(self, contract: Contract, terms: Terms, draw: Draw, anywhere: list[str]) -> None:
        self._contract = contract
        self._terms = terms
        self._draw = draw
        self._anywhere = anywhere
        self._kinds: tuple[Callable[[Site], bool], ...] = (
            self._drop, self._text, self._text, self._text, self._retype, self._foreign, self._add, self._double,
            self._swap,
        )  # fmt: skip

    def mutate(self, root: JsonObject, shape: NodeShape) -> str:
        """Change one thing in the subject; what was done."""
        sites = list(self._sites(root, shape, is_root=True))
        while True:
            site = sites[self._draw(len(sites))]
            kind = self._kinds[self._draw(len(self._kinds))]
            if kind(site):
                return f"{kind.__name__} in {site.shape.name}"

    def _sites(self, node: JsonObject, shape: NodeShape, *, is_root: bool = False) -> Iterator[Site]:
        yield Site(node, shape, is_root)
        for one in shape.properties:
            value = node.get(one.term.name)
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    yield from self._sites(inner, self._contract.nodes[one.term.range.name])

    def _key(self, site: Site) -> str:
        """A key of the node; the id of the root says which node is judged, so it stays."""
        keys = [key for key in site.node if not (site.is_root and key == "id") and not key.startswith("@")]
        return keys[self._draw(len(keys))]

    def _drop(self, site: Site) -> bool:
        del site.node[self._key(site)]
        return True

    def _text(self, site: Site) -> bool:
        """Another text in the place of one."""
        key = self._key(site)
        value, text = site.node[key], TEXTS[self._draw(len(TEXTS))]
        if isinstance(value, str):
            site.node[key] = text
        elif isinstance(value, list) and isinstance(value[0], str):
            value[0] = text
        else:
            return False
        return True

    def _retype(self, site: Site) -> bool:
        """Another class."""
        names = list(self._terms.classes)
        site.node["type"] = names[self._draw(len(names))]
        return True

    def _foreign(self, site: Site) -> bool:
        """A term of the vocabulary that may not stand here, or may."""
        site.node[self._anywhere[self._draw(len(self._anywhere))]] = TEXTS[self._draw(len(TEXTS))]
        return True

    def _add(self, site: Site) -> bool:
        """A term that may stand here, with a good value; two of a choice are too many."""
        absent = [one for one in site.shape.properties if one.term.name not in site.node]
        if not absent:
            return False
        one = absent[self._draw(len(absent))]
        lone = NodeShape(name="", types=("Quantity",), identity=site.shape.identity, properties=(one,))
        made = Examples(self._contract, self._draw, first_id=1_000_000).node(lone, certain=True)
        site.node[one.term.name] = made[one.term.name]
        return True

    def _double(self, site: Site) -> bool:
        """Two different values where one is meant."""
        key = self._key(site)
        value = site.node[key]
        if not isinstance(value, str) or key in {"id", "type"}:
            return False
        other: list[Json] = [value, TEXTS[self._draw(len(TEXTS))]]
        site.node[key] = other
        return other[0] != other[1]

    def _swap(self, site: Site) -> bool:
        """An id in the place of a node, or a node in the place of a text."""
        key = self._key(site)
        value = site.node[key]
        if key in {"id", "type"} or isinstance(value, list):
            return False
        node: JsonObject = {"type": "Quantity", "value": "1", "unit": "KGM"}
        site.node[key] = "urn:uuid:00000000-0000-8000-8000-0000000000fe" if isinstance(value, dict) else node
        return True
