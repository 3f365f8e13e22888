"""From a finished walk to the audit's result: each node's word, what rests on what, balances, origin, verdict.

Only nodes that are `verified` (or `unchecked`, which the verdict tells) enter balances; only verified ones carry
origin. The result's values and their JSON are in `report.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from connector.provenance.balance import Books, site_balances
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import Event, MakeEvent, MoveEvent, StocktakeEvent, Thing, each
from connector.provenance.links import LEAVES, PROOFS
from connector.provenance.naming import Names, names_of
from connector.provenance.nodes import Edge, Judged, Node, Scope, judge
from connector.provenance.origin import RECYCLED, Chain, Coverage, Ground, coverage
from connector.provenance.outcomes import FAILED, GAPS, USABLE, Outcome, verdict
from connector.provenance.report import AuditReport, NodeResult
from connector.provenance.rollup import FootprintReport
from connector.provenance.stated import Passport, footprints_of
from connector.provenance.statements import Content
from connector.provenance.walk import Walk
from connector.vocabulary.bundle import load_tolerances
from connector.vocabulary.tolerances import known_at

_GROUNDS: Mapping[Outcome, Ground] = {
    Outcome.VERIFIED: Ground.VERIFIED,
    Outcome.UNCHECKED: Ground.UNCHECKED,
    Outcome.SEALED: Ground.SEALED,
    Outcome.PENDING: Ground.PENDING,
    Outcome.MISSING: Ground.MISSING,
}
_SIGNED = USABLE | {Outcome.REVOKED, Outcome.SUSPENDED, Outcome.EXPIRED}
"""Words of records that their issuer signed, whatever they are worth now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A walk with every node judged. `children`: edges by the key of the node that holds the link.

    `widest`: the share of what is balanced up to which uncertainties count, as was known at the time of the audit.
    """

    walk: Walk
    judged: Mapping[str, Judged]
    names: Names
    edges: tuple[Edge, ...]
    children: Mapping[str, tuple[Edge, ...]]
    widest: Decimal

    def word(self, key: str) -> Outcome:
        return self.judged[key].outcome

    def usable(self, words: Collection[Outcome] = USABLE) -> Iterator[tuple[Node, Event]]:
        """Nodes whose event may enter a balance, with the ids of the events that it corrects.

        Of one record that several hold the copy that says most counts.
        """
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


def assemble(walk: Walk) -> AuditReport:
    """The result of a finished walk."""
    _compare_subjects(walk)
    _compare_root(walk)
    judged = {key: judge(node, walk.now) for key, node in walk.nodes.items()}
    edges = tuple(_proven(walk, edge) for edge in walk.edges.values())
    children: dict[str, tuple[Edge, ...]] = {}
    for edge in edges:
        children[edge.source] = (*children.get(edge.source, ()), edge)
    widest = known_at(load_tolerances(), walk.now.date()).widest
    signed = [node for key, node in walk.nodes.items() if judged[key].outcome in _SIGNED]
    names = names_of(signed, edges)
    seen = _Seen(walk=walk, judged=judged, names=names, edges=edges, children=children, widest=widest)
    books = _books(seen)
    chain = _chain(seen)
    footprint = _footprint(seen, chain)
    findings = (*all_findings(books), *footprint.findings())
    unreached = _unreached(seen)
    words = [result.outcome for result in judged.values()]
    return AuditReport(
        root=walk.root_key,
        at=walk.now,
        verdict=verdict(words, findings=len(findings), unreached=unreached),
        nodes=_results(seen),
        edges=edges,
        unreached=unreached,
        coverage=_coverage(seen, chain),
        balances=site_balances(books.standing()),
        findings=findings,
        parties={str(did): name for did, name in walk.names.items()},
        places=_places(seen),
        footprint=footprint,
    )


def _compare_subjects(walk: Walk) -> None:
    """A facility record, permit or attestation counts only for the very site that leans on it."""
    for edge in walk.edges.values():
        source, target = walk.nodes[edge.source], walk.nodes[edge.target]
        if source.content is None or target.content is None:
            continue
        about = source.content.site if edge.relation == "facilityRecord" else source.content.id
        relevant = edge.relation in {"facilityRecord", "permit", "attestation"}
        if relevant and about and target.content.id and about != target.content.id:
            source.faults.append(f"its {edge.relation} is about another facility")


def _compare_root(walk: Walk) -> None:
    """What was asked for is what was given: else a good battery's chain would stand for a bad one's."""
    root = walk.nodes[walk.root_key]
    if root.content is None or walk.asked in {root.record, root.content.id}:
        return
    numbers = [str(one["value"]) for one in each(root.content.subject.get("identifier")) if "value" in one]
    if not numbers:
        root.notes.append(f"nothing that was given to us says that this is {walk.asked}")
    elif walk.asked not in numbers:
        root.faults.append(f"{walk.asked} was asked for, and the record is about {', '.join(numbers)}")


def _proven(walk: Walk, edge: Edge) -> Edge:
    """A later record is told by its holder; its own signed link back proves it."""
    if edge.relation != "later":
        return edge
    later, earlier = walk.nodes[edge.source], walk.nodes[edge.target]
    if later.content is None or earlier.page is None:
        return edge
    for link in later.content.links:
        if link.digests == earlier.page.lasting:
            return Edge(source=edge.source, target=edge.target, relation=link.relation)
    later.notes.append(f"no link that was given to us proves that it came of {earlier.record}")
    return edge


def _results(seen: _Seen) -> tuple[NodeResult, ...]:
    resting, taken = _resting(seen), _recycled(seen)
    results = [_result(seen, node, resting[key], taken) for key, node in seen.walk.nodes.items()]
    return tuple(sorted(results, key=lambda result: (result.depth, result.type, result.key)))


def _recycled(seen: _Seen) -> dict[str, str]:
    """Things that a recycler took in -> as what."""
    inputs = [product for _, event in seen.usable() if isinstance(event, MakeEvent) for product in event.inputs]
    return {product.thing: product.source_kind for product in inputs if product.source_kind in RECYCLED}


def _result(seen: _Seen, node: Node, rests_on: tuple[str, ...], recycled: Mapping[str, str]) -> NodeResult:
    judged, content = seen.judged[node.key], node.content
    return NodeResult(
        key=node.key,
        id=node.record,
        version=node.version,
        type=node.type,
        holder=node.holder,
        outcome=judged.outcome,
        reasons=tuple(dict.fromkeys((*judged.reasons, *node.notes))),
        rests_on=rests_on,
        depth=node.depth,
        links=tuple(sorted(node.links)),
        subject=content.id if content else "",
        name=content.name if content else "",
        site=content.site if content else "",
        time=content.time if content else None,
        what=content.what if content else "",
        issuer=content.issuer if content else "",
        source_kind=recycled.get(seen.names.thing(content), "") if content and content.thing else "",
        scopes=tuple(sorted(node.scopes)),
    )


def _resting(seen: _Seen) -> dict[str, tuple[str, ...]]:
    """For each node the failed ones that it reaches along links."""
    parents: dict[str, list[str]] = {}
    for edge in seen.edges:
        parents.setdefault(edge.target, []).append(edge.source)
    resting: dict[str, list[str]] = {key: [] for key in seen.walk.nodes}
    for bad in (key for key in sorted(seen.walk.nodes) if seen.word(key) in FAILED):
        reached, queue = {bad}, [bad]
        while queue:
            for parent in parents.get(queue.pop(), []):
                if parent not in reached:
                    reached.add(parent)
                    queue.append(parent)
                    resting[parent].append(bad)
    return {key: tuple(bad) for key, bad in resting.items()}


def _unreached(seen: _Seen) -> int:
    """Ends behind which more lies: gaps of things and events, what was held back, what a cap cut off."""
    open_ended = {edge.target for edge in seen.edges if edge.relation not in LEAVES}
    open_ended.add(seen.walk.root_key)
    behind = sum(seen.word(key) in GAPS for key in open_ended)
    return behind + seen.walk.unreached + seen.walk.capped


def _books(seen: _Seen) -> Books:
    events: list[Event] = []
    covers: dict[str, frozenset[str]] = {}
    gaps: dict[str, tuple[str, ...]] = {}
    for node, event in seen.usable():
        events.append(event)
        if isinstance(event, StocktakeEvent) and event.kind == "closing" and Scope.STOCKTAKE in node.scopes:
            named = [edge for edge in seen.children.get(node.key, ()) if edge.relation == "covers"]
            usable = [edge.target for edge in named if seen.word(edge.target) in USABLE]
            contents = [seen.walk.nodes[key].content for key in usable]
            covers[event.id] = frozenset(seen.called(content) for content in contents if content is not None)
            absent = [edge.target for edge in named if seen.word(edge.target) not in USABLE]
            gaps[event.id] = tuple(f"{key} is {seen.word(key)}" for key in absent)
    things = {name: thing for _, name, thing in seen.passports(USABLE)}
    return Books(events=tuple(events), things=things, covers=covers, gaps=gaps, widest=seen.widest)


def _coverage(seen: _Seen, chain: Chain) -> tuple[Coverage, ...]:
    root = seen.walk.nodes[seen.walk.root_key]
    if root.content is None or seen.word(root.key) is not Outcome.VERIFIED:
        return ()
    return _named(seen, coverage(chain, seen.names.thing(root.content)))


def _footprint(seen: _Seen, chain: Chain) -> FootprintReport:
    sound = {key for key in seen.walk.nodes if _ground(seen, key) is Ground.VERIFIED}
    passports = {
        node.key: Passport(name=name, thing=thing)
        for node, name, thing in seen.passports(frozenset({Outcome.VERIFIED}))
        if node.key in sound
    }
    return footprints_of(seen.walk.nodes, seen.walk.root_key, sound=sound, passports=passports, chain=chain)


def _chain(seen: _Seen) -> Chain:
    """What may be followed back, and how far."""
    things: dict[str, Ground] = {}
    links: dict[str, Ground] = {}
    made: dict[str, Ground] = {}
    for key, node in seen.walk.nodes.items():
        ground = _ground(seen, key)
        for link in node.links:  # one id that leads to two records gives what the worse of them gives
            links[link] = ground if links.get(link, Ground.VERIFIED) is Ground.VERIFIED else links[link]
        content = node.content
        if content is not None and isinstance(content.event, MakeEvent):
            event = seen.names.event(content, content.event)
            made |= {product.thing: ground for product in event.outputs} if isinstance(event, MakeEvent) else {}
    for node, name, _ in seen.passports(frozenset(Outcome)):
        things[name] = _ground(seen, node.key)
        for edge in seen.children.get(node.key, ()):
            if edge.relation == "madeIn":
                made.setdefault(name, _ground(seen, edge.target))
    usable = [event for _, event in seen.usable()]
    standing = {event.id for event in Books(events=tuple(usable), widest=seen.widest).standing().events}
    return Chain(
        events=tuple(event for event in _proven_makes(seen) if event.id in standing),
        things=things,
        links=links,
        made=made,
        extraction=_extraction(seen),
        bought=frozenset(
            product.thing
            for event in usable
            if isinstance(event, MoveEvent) and event.direction == "received"
            for product in event.moved
            if not product.link
        ),
        widest=seen.widest,
    )


def _proven_makes(seen: _Seen) -> Iterator[MakeEvent]:
    """The make events that carry origin."""
    for node, event in seen.usable({Outcome.VERIFIED}):
        if isinstance(event, MakeEvent) and _ground(seen, node.key) is Ground.VERIFIED:
            yield event


def _named(seen: _Seen, found: tuple[Coverage, ...]) -> tuple[Coverage, ...]:
    """Each share with what people call the thing at its end."""
    names: dict[str, str] = {}
    for node, event in seen.usable():
        called = node.content.name if node.content is not None else ""
        if isinstance(event, MakeEvent):
            going_round = (product.thing for product in event.inputs if product.source_kind == "runAround")
            names |= dict.fromkeys(going_round, f"rework that goes round in {called}")
        elif isinstance(event, MoveEvent) and event.direction == "received":
            bought = (product.thing for product in event.moved if not product.link)
            names |= dict.fromkeys(bought, f"lot bought with delivery {called}")
    for node in seen.walk.nodes.values():
        if node.content is not None and node.content.thing is not None:
            names[seen.names.thing(node.content)] = node.content.name
    return tuple(
        replace(item, shares=tuple(replace(share, name=names.get(share.thing, "")) for share in item.shares))
        for item in found
    )


def _ground(seen: _Seen, key: str) -> Ground:
    """What a node gives to those that rest on it. A failed assay or facility record takes its word along."""
    supports = [edge.target for edge in seen.children.get(key, ()) if edge.relation in PROOFS]
    if any(seen.word(target) in FAILED for target in supports):
        return Ground.FAILED
    return _GROUNDS.get(seen.word(key), Ground.FAILED)


def _extraction(seen: _Seen) -> dict[str, Ground]:
    """By id of a make event the ground of its extraction. Of two with one id, which others choose: the worse."""
    found: dict[str, set[Ground | None]] = {}
    for key, node in seen.walk.nodes.items():
        if node.content is not None and isinstance(node.content.event, MakeEvent):
            found.setdefault(seen.called(node.content), set()).add(_permit(seen, key))
    return {
        ident: next(iter(grounds)) or Ground.UNPROVEN if len(grounds) == 1 else Ground.UNPROVEN
        for ident, grounds in found.items()
        if grounds != {None}
    }


def _permit(seen: _Seen, key: str) -> Ground | None:
    """The ground of an extraction: the permits of the event's site, which must have held at its time. None: no mine.

    Another company's mine proves nothing: whoever runs the site signs what came out of it.
    """
    event = seen.walk.nodes[key].content
    permits = [
        _GROUNDS.get(seen.word(permit.target), Ground.FAILED)
        for facility in seen.children.get(key, ())
        if facility.relation == "facilityRecord"
        for permit in seen.children.get(facility.target, ())
        if permit.relation == "permit"
    ]
    if not permits:
        return None
    bad = [ground for ground in permits if ground is not Ground.VERIFIED]
    if bad:
        return bad[0]
    sites = [seen.walk.nodes[edge.target].content for edge in seen.children[key] if edge.relation == "facilityRecord"]
    ours = all(site is None or event is None or event.issuer == (site.operator or site.issuer) for site in sites)
    return Ground.VERIFIED if ours else Ground.UNPROVEN


def _places(seen: _Seen) -> dict[str, str]:
    """Names of sites, as their facility records say."""
    found = {
        node.content.id: node.content.name
        for node in seen.walk.nodes.values()
        if node.type == "FacilityRecord" and node.content is not None and node.content.name
    }
    contested = [
        (called, f"{found[site]} of {signer}")
        for site, claims in seen.names.sites.items()
        for signer, called in claims.items()
        if site in found
    ]
    return found | dict(contested)
