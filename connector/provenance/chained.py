"""From a judged walk to what may be followed back: make events that carry origin, permits of mines, attestations.

How shares are followed is `origin.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.provenance.balance import Books
from connector.provenance.events import MakeEvent, MoveEvent
from connector.provenance.origin import Chain, Ground
from connector.provenance.outcomes import Outcome
from connector.provenance.seen import GROUNDS, Seen


def chain_of(seen: Seen) -> Chain:
    """What may be followed back, and how far."""
    things: dict[str, Ground] = {}
    links: dict[str, Ground] = {}
    made: dict[str, Ground] = {}
    for key, node in seen.walk.nodes.items():
        ground = seen.ground(key)
        for link in node.links:  # one id that leads to two records gives what the worse of them gives
            links[link] = ground if links.get(link, Ground.VERIFIED) is Ground.VERIFIED else links[link]
        content = node.content
        if content is not None and isinstance(content.event, MakeEvent):
            event = seen.names.event(content, content.event)
            made |= {product.thing: ground for product in event.outputs} if isinstance(event, MakeEvent) else {}
    for node, name, _ in seen.passports(frozenset(Outcome)):
        things[name] = seen.ground(node.key)
        for edge in seen.children.get(node.key, ()):
            if edge.relation == "madeIn":
                made.setdefault(name, seen.ground(edge.target))
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


def _proven_makes(seen: Seen) -> Iterator[MakeEvent]:
    """The make events that carry origin."""
    for node, event in seen.usable({Outcome.VERIFIED}):
        if isinstance(event, MakeEvent) and seen.ground(node.key) is Ground.VERIFIED:
            yield event


def _extraction(seen: Seen) -> dict[str, Ground]:
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


def _permit(seen: Seen, key: str) -> Ground | None:
    """The ground of an extraction: the permits of the event's site, which must have held at its time. None: no mine.

    Another company's mine proves nothing: whoever runs the site, and got the permit, signs what came out of it.
    """
    event = seen.walk.nodes[key].content
    facilities = _led_to(seen, key, "facilityRecord")
    permits = [permit for facility in facilities for permit in _led_to(seen, facility, "permit")]
    if event is None or not permits:
        return None
    bad = [ground for one in permits if (ground := GROUNDS.get(seen.word(one), Ground.FAILED)) is not Ground.VERIFIED]
    if bad:
        return bad[0]
    sites, given = ([seen.walk.nodes[one].content for one in keys] for keys in (facilities, permits))
    ours = all(site is None or event.issuer == (site.operator or site.issuer) for site in sites)
    held = all(permit is not None and event.issuer == permit.permit_holder for permit in given)
    return Ground.VERIFIED if ours and held else Ground.UNPROVEN


def attested(seen: Seen) -> dict[str, frozenset[str]]:
    """Key of an attestation -> the sites for which it was given, as the books call them.

    Who runs the site signs what was made there; what it attests to itself is no attestation. Several sites: companies
    that call one id theirs all lean on it, and it does not say whose site was judged.
    """
    found: dict[str, frozenset[str]] = {}
    for key, node in seen.walk.nodes.items():
        content = node.content
        if content is None or not isinstance(content.event, MakeEvent) or seen.ground(key) is not Ground.VERIFIED:
            continue
        site = seen.names.event(content, content.event).site
        for target in _led_to(seen, key, "facilityRecord"):
            place = seen.walk.nodes[target].content
            if place is None or seen.ground(target) is not Ground.VERIFIED:
                continue
            if content.issuer == (place.operator or place.issuer):
                given = ((one, seen.walk.nodes[one].content) for one in _led_to(seen, target, "attestation"))
                for one, said in given:
                    if said is not None and said.issuer != content.issuer and said.id == place.id:
                        found[one] = found.get(one, frozenset()) | {site}
    return found


def _led_to(seen: Seen, key: str, relation: str) -> list[str]:
    return [edge.target for edge in seen.children.get(key, ()) if edge.relation == relation]
