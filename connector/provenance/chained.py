"""From a judged walk to what may be followed back: make events that carry origin, permits of mines, attestations.

How shares are followed is `origin.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from connector.model import Json
from connector.provenance.balance import Books
from connector.provenance.events import MakeEvent, MoveEvent, each, read_time
from connector.provenance.origin import Chain, Ground
from connector.provenance.outcomes import Outcome
from connector.provenance.seen import GROUNDS, Seen
from connector.provenance.statements import Content
from connector.vocabulary.bundle import load_bundle

_DATE_LENGTH: Final = len("2027-03-01")
_USED: Final = frozenset({"BatteryPassport", "CellPassport"})
_TAKEN_BACK: Final = frozenset({Outcome.REVOKED, Outcome.SUSPENDED})


def chain_of(seen: Seen) -> Chain:
    """What may be followed back, and how far."""
    things: dict[str, Ground] = {}
    links: dict[str, Ground] = {}
    made: dict[str, Ground] = {}
    used: set[str] = set()
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
        used |= {name} if node.type in _USED else set()
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
        minerals=_minerals(seen),
        bought=frozenset(
            product.thing
            for event in usable
            if isinstance(event, MoveEvent) and event.direction == "received"
            for product in event.moved
            if not product.link
        ),
        used=frozenset(used),
        widest=seen.widest,
    )


def _proven_makes(seen: Seen) -> Iterator[MakeEvent]:
    """The make events that carry origin."""
    for node, event in seen.usable(frozenset({Outcome.VERIFIED})):
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
    return Ground.VERIFIED if ours and held and _then(seen, key) else Ground.UNPROVEN


def _then(seen: Seen, key: str) -> list[Content]:
    """The permits of a make event's site that say of themselves that they held at its time, or say nothing of it."""
    event = seen.walk.nodes[key].content
    led = (one for site in _led_to(seen, key, "facilityRecord") for one in _led_to(seen, site, "permit"))
    given = (seen.walk.nodes[one].content for one in led)
    return [one for one in given if one and event and event.time and _held(one.subject.get("validity"), event.time)]


def _held(validity: Json, time: datetime) -> bool:
    """Whether a time lies in a Period. One that can't be read is none; a date means its whole day."""
    for period in each(validity):
        start, end = period.get("start"), period.get("end")
        try:
            if start is not None and time < read_time(start):
                return False
            last = time if end is None else read_time(end)
            if last < time and not (len(str(end)) == _DATE_LENGTH and last.date() == time.date()):
                return False
        except ValueError:
            return False
    return True


def _minerals(seen: Seen) -> dict[str, frozenset[str]]:
    """By id of a make event the metals for which its site has permits, where these name nothing but metals: of a
    mineral that is called by another name nobody here can say what is in it.
    """
    found: dict[str, frozenset[str]] = {}
    codes = load_bundle().terms.codes["Metal"]
    called = {word.lower(): one.name for one in codes for word in (one.name, *one.labels.values())}
    for key, node in seen.walk.nodes.items():
        if node.content is None or not isinstance(node.content.event, MakeEvent):
            continue
        said = [permit.subject.get("mineral") for permit in _then(seen, key)]
        names = [str(one).strip().lower() for each_said in said for one in _listed(each_said)]
        if names and called.keys() >= set(names):
            ident, metals = seen.called(node.content), frozenset(called[name] for name in names)
            found[ident] = metals & found.get(ident, metals)
    return found


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def attested(seen: Seen) -> dict[str, frozenset[str]]:
    """Key of an attestation -> the sites for which it was given, as the books call them.

    Several sites: companies that call one id theirs all lean on it, and it does not say whose site was judged.
    """
    return _by_attestation(
        (one, site)
        for site, making, place, one in _attestations(seen)
        if seen.ground(making) is Ground.VERIFIED and seen.ground(place) is Ground.VERIFIED
    )


def withdrawn(seen: Seen) -> dict[str, frozenset[str]]:
    """The same for what its signer has taken back."""
    return _by_attestation((one, site) for site, _, _, one in _attestations(seen) if seen.word(one) in _TAKEN_BACK)


def runners(seen: Seen) -> dict[str, frozenset[str]]:
    """Site -> who runs it: who signs what is made there, and whom the record of the site names."""
    found: dict[str, frozenset[str]] = {}
    for site, key in _makings(seen):
        places = [seen.walk.nodes[one].content for one in (key, *_led_to(seen, key, "facilityRecord"))]
        found[site] = found.get(site, frozenset()).union(one.operator or one.issuer for one in places if one)
    return found


def _by_attestation(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for one, site in pairs:
        found[one] = found.get(one, frozenset()) | {site}
    return found


def _attestations(seen: Seen) -> Iterator[tuple[str, str, str, str]]:
    """Site, and keys: a making there, the record of the site on which it leans, an attestation on which that leans.

    Who runs the site signs what was made there; what it attests to itself is no attestation.
    """
    for site, key in _makings(seen):
        making = seen.walk.nodes[key].content
        for target in _led_to(seen, key, "facilityRecord"):
            place = seen.walk.nodes[target].content
            if making is None or place is None or making.issuer != (place.operator or place.issuer):
                continue
            for one in _led_to(seen, target, "attestation"):
                said = seen.walk.nodes[one].content
                if said is not None and said.issuer != making.issuer and said.id == place.id:
                    yield site, key, target, one


def _makings(seen: Seen) -> Iterator[tuple[str, str]]:
    """The site of each verified make event, as the books call it, and the node's key."""
    for key, node in seen.walk.nodes.items():
        content = node.content
        if content is not None and isinstance(content.event, MakeEvent) and seen.word(key) is Outcome.VERIFIED:
            yield seen.names.event(content, content.event).site, key


def _led_to(seen: Seen, key: str, relation: str) -> list[str]:
    return [edge.target for edge in seen.children.get(key, ()) if edge.relation == relation]
