"""From a finished walk to the audit's result: each node's word, what rests on what, balances, origin, verdict.

Only nodes that are `verified` (or `unchecked`, which the verdict tells) enter balances; only verified ones carry
origin. The result's values and their JSON are in `report.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connector.provenance.balance import Books, site_balances
from connector.provenance.chained import attested, chain_of, runners, withdrawn
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import Event, MakeEvent, MoveEvent, StocktakeEvent, each
from connector.provenance.links import LEAVES
from connector.provenance.naming import names_of
from connector.provenance.newest import leaning_notes, newest_of
from connector.provenance.nodes import Edge, Node, Scope, judge
from connector.provenance.origin import RECYCLED, Chain, Coverage, Ground, coverage
from connector.provenance.outcomes import FAILED, GAPS, MOST_RESTED, USABLE, Outcome, verdict
from connector.provenance.report import AuditReport, NodeResult
from connector.provenance.rollup import FootprintReport
from connector.provenance.seen import Seen
from connector.provenance.sourced import SourcingReport, sourcing_of
from connector.provenance.stated import Passport, footprints_of
from connector.provenance.statements import Content
from connector.provenance.walk import Walk
from connector.vocabulary.bundle import load_tolerances
from connector.vocabulary.tolerances import known_at

_SIGNED = USABLE | {Outcome.REVOKED, Outcome.SUSPENDED, Outcome.EXPIRED}
"""Words of records that their issuer signed, whatever they are worth now."""


def assemble(walk: Walk) -> AuditReport:
    """The result of a finished walk."""
    _compare_subjects(walk)
    _compare_root(walk)
    _leave_out_strangers(walk)
    judged = {key: judge(node, walk.now) for key, node in walk.nodes.items()}
    edges = tuple(_proven(walk, edge) for edge in walk.edges.values())
    children: dict[str, list[Edge]] = {}
    for edge in edges:
        children.setdefault(edge.source, []).append(edge)
    widest = known_at(load_tolerances(), walk.now.date()).widest
    signed = [node for key, node in walk.nodes.items() if judged[key].outcome in _SIGNED]
    names = names_of(signed, edges)
    seen = Seen(walk=walk, judged=judged, names=names, edges=edges, children=children, widest=widest)
    books = _books(seen)
    chain = chain_of(seen)
    footprint, sourcing = _stated(seen, chain)
    findings = (*all_findings(books), *footprint.findings(), *sourcing.contradictions)
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
        sourcing=sourcing,
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


def _leave_out_strangers(walk: Walk) -> None:
    """A standing is judged as of what was done by whom it was given to, else by who runs its site: a stranger who leans
    on it, and did something later, would let it look as if it had run out.
    """
    leaning: dict[str, list[Node]] = {}
    for source, targets in walk.supports.items():
        for target in targets:
            leaning.setdefault(target, []).append(walk.nodes[source])
    for node in walk.nodes.values():
        if node.standing and node.content is not None:
            own = (_own_times(place, node.content, leaning) for place in leaning.get(node.key, ()))
            node.times = set().union(*own) or node.times


def _own_times(source: Node, given: Content, leaning: Mapping[str, list[Node]]) -> frozenset[datetime]:
    """When its holder, else who runs the site, leaned through `source` on what was `given`."""
    content, holder = source.content, given.permit_holder
    if content is None or not source.depth:  # what was asked about
        return source.own_times()
    if content.time is not None:  # an event leans on it itself
        return source.own_times() if holder in {"", content.issuer} else frozenset()
    if not holder and content.id != given.id:  # it was given to another site
        return frozenset()
    who = holder or content.operator or content.issuer
    done = (one.own_times() for one in leaning.get(source.key, ()) if one.content and one.content.issuer == who)
    return frozenset().union(*done)


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


def _results(seen: Seen) -> tuple[NodeResult, ...]:
    resting, taken = _resting(seen), _recycled(seen)
    results = [_result(seen, node, resting[key], taken) for key, node in seen.walk.nodes.items()]
    return tuple(sorted(results, key=lambda result: (result.depth, result.type, result.key)))


def _recycled(seen: Seen) -> dict[str, str]:
    """Things that a recycler took in -> as what."""
    inputs = [product for _, event in seen.usable() if isinstance(event, MakeEvent) for product in event.inputs]
    return {product.thing: product.source_kind for product in inputs if product.source_kind in RECYCLED}


def _result(seen: Seen, node: Node, rests_on: tuple[str, ...], recycled: Mapping[str, str]) -> NodeResult:
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


def _resting(seen: Seen) -> dict[str, tuple[str, ...]]:
    """For each node the failed ones that it reaches along links, the first by key.

    Whoever leads to a node reaches all that this one does: behind one that has as many as are named nothing is left to
    tell.
    """
    parents: dict[str, list[str]] = {}
    for edge in seen.edges:
        parents.setdefault(edge.target, []).append(edge.source)
    resting: dict[str, list[str]] = {key: [] for key in seen.walk.nodes}
    for bad in (key for key in sorted(seen.walk.nodes) if seen.word(key) in FAILED):
        reached, queue = {bad}, [bad]
        while queue:
            for parent in parents.get(queue.pop(), []):
                if parent not in reached and len(resting[parent]) < MOST_RESTED:
                    reached.add(parent)
                    queue.append(parent)
                    resting[parent].append(bad)
    return {key: tuple(bad) for key, bad in resting.items()}


def _unreached(seen: Seen) -> int:
    """Ends behind which more lies: gaps of things and events, what was held back, what a cap cut off."""
    open_ended = {edge.target for edge in seen.edges if edge.relation not in LEAVES}
    open_ended.add(seen.walk.root_key)
    behind = sum(seen.word(key) in GAPS for key in open_ended)
    return behind + seen.walk.unreached + seen.walk.capped


def _books(seen: Seen) -> Books:
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


def _coverage(seen: Seen, chain: Chain) -> tuple[Coverage, ...]:
    root = seen.walk.nodes[seen.walk.root_key]
    if root.content is None or seen.word(root.key) is not Outcome.VERIFIED:
        return ()
    return _named(seen, coverage(chain, seen.names.thing(root.content)))


def _stated(seen: Seen, chain: Chain) -> tuple[FootprintReport, SourcingReport]:
    """What records state beside masses."""
    nodes, root = seen.walk.nodes, seen.walk.root_key
    sound = {key for key in nodes if seen.ground(key) is Ground.VERIFIED}
    passports = {
        node.key: Passport(name=name, thing=thing)
        for node, name, thing in seen.passports(frozenset({Outcome.VERIFIED}))
        if node.key in sound
    }
    newest = newest_of(seen.walk)
    return (
        footprints_of(nodes, root, sound=sound, passports=passports, chain=chain),
        sourcing_of(
            nodes, root, sound=sound, passports=passports, chain=chain, attested=attested(seen),
            withdrawn=withdrawn(seen), runners=runners(seen), newest=newest, leaning=leaning_notes(seen.walk, newest),
        ),
    )  # fmt: skip


def _named(seen: Seen, found: tuple[Coverage, ...]) -> tuple[Coverage, ...]:
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


def _places(seen: Seen) -> dict[str, str]:
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
