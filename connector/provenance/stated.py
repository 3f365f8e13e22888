"""The footprint claims of a walk: which node states what, and which of them count in a roll-up.

Counted is what a verified record states of a lot or batch, in its passport or in a declaration by the same signer. What
does not count is told with its reason. What a claim says is read in `footprints.py`; adding is `rollup.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from connector.provenance.events import Thing
from connector.provenance.footprints import Footprint
from connector.provenance.nodes import Node
from connector.provenance.origin import Chain
from connector.provenance.rollup import Claimed, FootprintReport, Stated, claimed, roll_up
from connector.provenance.statements import Content

_UNSOUND = "its record, or what proves it, is not verified"
_SEVERAL = "several figures are stated for the same thing: which one holds is left open"
_BATTERIES = frozenset({"BatteryPassport"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """A verified passport: what the books call its thing, and the thing."""

    name: str
    thing: Thing


def footprints_of(
    nodes: Mapping[str, Node], root_key: str, *, sound: Collection[str], passports: Mapping[str, Passport], chain: Chain
) -> FootprintReport:
    """What the chain states about the node `root_key`. `sound`: keys of nodes that are verified, proofs included."""
    root = nodes[root_key]
    own: list[Stated] = []
    stated: list[Stated] = []
    claims: dict[str, dict[Footprint, Claimed]] = {}
    owners = {
        (content.id, content.issuer): passports[key] for key in passports if (content := nodes[key].content) is not None
    }
    for key, node in sorted(nodes.items(), key=lambda item: (item[1].depth, item[0])):
        content = node.content
        for footprint in content.footprints if content is not None else ():
            one = Stated(node=key, footprint=footprint, open="" if key in sound else _UNSOUND)
            if content is not None and not one.open:
                if root.type in _BATTERIES and _is_about(content, root):
                    own.append(one)
                else:
                    one = _count(one, owners.get((content.id, content.issuer)), claims, content.issuer)
            stated.append(one)
    single = {name: next(iter(found.values())) for name, found in claims.items() if len(found) == 1}
    torn = {one.node for found in claims.values() if len(found) > 1 for one in found.values()}
    told = tuple(replace(one, open=one.open or _SEVERAL) if one.node in torn else one for one in stated)
    if root_key not in sound or root_key not in passports:
        return FootprintReport(stated=told)
    return roll_up(chain, passports[root_key].name, single, own, told)


def _count(one: Stated, passport: Passport | None, claims: dict[str, dict[Footprint, Claimed]], issuer: str) -> Stated:
    """Put the claim beside the others about its thing; what can't be added is told why."""
    if passport is None:
        return replace(one, open="no verified passport of the same signer says what it is about")
    try:
        found = claimed(one.node, one.footprint, passport.thing, issuer=issuer)
    except ValueError as problem:
        return replace(one, open=str(problem))
    claims.setdefault(passport.name, {}).setdefault(found.footprint, found)  # another holder's copy counts once
    return one


def _is_about(content: Content, root: Node) -> bool:
    """The battery that is audited, or its model: its maker's word on both."""
    if root.content is None or content.issuer != root.content.issuer:
        return False
    return content.id in {root.content.id, root.content.model}
