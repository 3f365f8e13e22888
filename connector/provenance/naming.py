"""Whose a thing, a site or an event is, where two companies use one id for what each calls its own.

Ids are chosen by who signs. Else a supplier could sign that a rival's lot came out of an event of its own, or book such
an event at the rival's site. So an id that several signers claim stands for as many: the books have each under the id
with its claimant behind it. A reference means the one whose record its link leads to; without a link the one to which
some other link of the same signer leads, else one's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from connector.provenance.events import Event, MakeEvent, MoveEvent, Product, StocktakeEvent
from connector.provenance.nodes import Edge, Node
from connector.provenance.statements import Content

_Claims = dict[str, set[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Ids that are contested: id -> claimant -> the name in the books. `linked`: link id -> who signs what it names."""

    things: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sites: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    events: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    linked: Mapping[str, str] = field(default_factory=dict)
    makers: frozenset[tuple[str, str]] = frozenset()
    """Things, each with who signs an event that made it."""
    met: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(who signs links, the thing that they lead to) -> who signs its passport."""

    def thing(self, content: Content) -> str:
        """What the books call the thing that a passport is about."""
        return _named(self.things, content.id, content.issuer)

    def event(self, content: Content, event: Event) -> Event:
        """The event as it enters the books."""
        if not (self.things or self.sites or self.events):
            return event
        signer = content.issuer
        site = _named(self.sites, event.site, signer)
        if isinstance(event, StocktakeEvent):
            return replace(event, id=_named(self.events, event.id, signer), site=site)
        if isinstance(event, MoveEvent):  # both sides have one id
            return replace(event, site=site, moved=self._products(event.moved, signer))
        inputs, outputs = self._products(event.inputs, signer), self._products(event.outputs, signer, made=True)
        came = {before.thing: after.thing for before, after in zip(event.inputs, inputs, strict=True)}
        went = {before.thing: after.thing for before, after in zip(event.outputs, outputs, strict=True)}
        attributions = tuple(
            replace(part, source=came.get(part.source, part.source), target=went.get(part.target, part.target))
            for part in event.attributions
        )
        return replace(
            event, id=_named(self.events, event.id, signer), site=site, inputs=inputs, outputs=outputs,
            attributions=attributions,
        )  # fmt: skip

    def _products(self, products: tuple[Product, ...], signer: str, *, made: bool = False) -> tuple[Product, ...]:
        return tuple(
            replace(one, thing=_named(self.things, one.thing, self._whose(one, signer, made=made))) for one in products
        )

    def _whose(self, product: Product, signer: str, *, made: bool) -> str:
        if made:
            return signer
        return self.linked.get(product.link, "") or self.met.get((signer, product.thing), "") or signer


def names_of(nodes: Collection[Node], edges: Collection[Edge]) -> Names:
    """What is contested among these nodes: those whose signatures were not found false."""
    told = {node.key: node.content for node in nodes if node.content is not None and node.content.issuer}
    things, sites, events, made = _Claims(), _Claims(), _Claims(), _Claims()
    for content in told.values():
        if content.thing is not None:
            things.setdefault(content.id, set()).add(content.issuer)
        if content.event is None:
            continue
        sites.setdefault(content.event.site, set()).add(content.issuer)
        if not isinstance(content.event, MoveEvent):
            events.setdefault(content.event.id, set()).add(content.issuer)
        if isinstance(content.event, MakeEvent):
            for product in content.event.outputs:
                made.setdefault(product.thing, set()).add(content.issuer)
    makers = _makers(told, edges, made)
    for thing, issuers in made.items():
        things.setdefault(thing, set()).update(issuers)
    return Names(
        things=_contested(things, makers), sites=_contested(sites), events=_contested(events),
        linked=_linked(told, nodes), met=_met(told, edges),
        makers=frozenset((thing, one) for thing, every in made.items() for one in every),
    )  # fmt: skip


def _makers(told: Mapping[str, Content], edges: Iterable[Edge], made: _Claims) -> dict[tuple[str, str], str]:
    """(thing, who signs its passport) -> who signs the event that the passport names, and made it for that party."""
    makers: dict[tuple[str, str], str] = {}
    for edge in edges:
        source, target = told.get(edge.source), told.get(edge.target)
        if edge.relation != "madeIn" or source is None or target is None or source.thing is None:
            continue
        there = made.get(source.id, set())
        if source.issuer not in there and target.issuer in there:
            makers[source.id, source.issuer] = target.issuer
    return makers


def _contested(claims: _Claims, makers: Mapping[tuple[str, str], str] | None = None) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for ident, issuers in claims.items():
        owners = {issuer: (makers or {}).get((ident, issuer), issuer) for issuer in issuers}
        if ident and len(set(owners.values())) > 1:
            found[ident] = {issuer: f"{ident} of {owner}" for issuer, owner in owners.items()}
    return found


def _linked(told: Mapping[str, Content], nodes: Iterable[Node]) -> dict[str, str]:
    """A link that leads to records of two signers says nothing about whose thing is meant."""
    found: dict[str, str] = {}
    for node in nodes:
        content = told.get(node.key)
        for link in node.links if content is not None else ():
            assert content is not None, "only those are looked at"
            found[link] = content.issuer if found.get(link, content.issuer) == content.issuer else ""
    return found


def _met(told: Mapping[str, Content], edges: Iterable[Edge]) -> dict[tuple[str, str], str]:
    """Nobody puts a link into another's record, so none of these can be a stranger's doing. Of two it is neither."""
    found: dict[tuple[str, str], str] = {}
    for edge in edges:
        source, target = told.get(edge.source), told.get(edge.target)
        if source is not None and target is not None and target.thing is not None:
            met = source.issuer, target.id
            found[met] = target.issuer if found.get(met, target.issuer) == target.issuer else ""
    return found


def _named(names: Mapping[str, Mapping[str, str]], ident: str, issuer: str) -> str:
    return names.get(ident, {}).get(issuer, ident)
