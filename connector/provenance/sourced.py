"""What the sourcing statements of a chain give together: per metal who stands behind the place it came from, the
standing of every site on the way, and where statements contradict each other.

Counted is what a verified record states of a lot on the way, and a scheme attestation that another party signed for the
very site and that held when the lot was made. What does not count is told with its reason. A standing says who stands
behind a statement, never that a site is good. What one statement says is `sourcing.py`'s, how far a way may be followed
`origin.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from connector.model import JsonObject
from connector.provenance.balance import BalanceFinding
from connector.provenance.events import read_time
from connector.provenance.masses import ZERO, plain
from connector.provenance.newest import Newest
from connector.provenance.nodes import Node
from connector.provenance.origin import Chain, Ground, Tracer
from connector.provenance.sourcing import ATTESTATION, Sourcing, Standing, fits
from connector.provenance.stated import Passport

CONTRADICTED: Final = "sourcing-contradicted"
RED_FLAG: Final = "sourcing-red-flag"
UNVERIFIED: Final = "unverified"
"""The share of a metal of which it is not verified where it came from."""
_EXACT_PLACES: Final = 12
_UNSOUND: Final = "its record, or what proves it, is not verified"
_ORDER: Final = tuple(Standing)
_MOST_TOLD: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingStated:
    """A statement at a node of the audit. `site`: the site that it speaks for, on the way to what is audited.

    `standing`: who stands behind it, where it counts. `open`: why it does not count; empty where it does. `note`: what
    else an auditor has to know.
    """

    node: str
    sourcing: Sourcing
    site: str = ""
    standing: str = ""
    open: str = ""
    note: str = ""

    def as_json(self) -> JsonObject:
        """The published shape. Without a note it has none."""
        return {
            "node": self.node, **self.sourcing.as_json(), "site": self.site, "standing": self.standing,
            "notCounted": self.open, **({"note": self.note} if self.note else {}),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSourced:
    """A site on the way: the surest standing of what counts for it."""

    site: str
    standing: str

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {"site": self.site, "standing": self.standing}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetalSourced:
    """One metal: standing of the site where it entered the chain -> share of the metal, in plain digits."""

    metal: str
    shares: tuple[tuple[str, str], ...]

    def as_json(self) -> JsonObject:
        """The published shape: fractions of 1."""
        return dict(self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingReport:
    """The whole. `contradictions`: findings, which a report's JSON has among its others."""

    stated: tuple[SourcingStated, ...] = ()
    sites: tuple[SiteSourced, ...] = ()
    metals: tuple[MetalSourced, ...] = ()
    contradictions: tuple[BalanceFinding, ...] = ()

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {
            "stated": [one.as_json() for one in self.stated],
            "sites": [one.as_json() for one in self.sites],
            "metals": {one.metal: one.as_json() for one in self.metals},
        }


def sourcing_of(
    nodes: Mapping[str, Node],
    root_key: str,
    *,
    sound: Collection[str],
    passports: Mapping[str, Passport],
    chain: Chain,
    attested: Mapping[str, Collection[str]],
    withdrawn: Mapping[str, Collection[str]],
    runners: Mapping[str, Collection[str]],
    newest: Mapping[str, Newest],
    leaning: Mapping[str, str],
) -> SourcingReport:
    """What the chain states about the node `root_key`.

    `sound`: keys of nodes that are verified, proofs included. `attested`: key of an attestation -> the sites for which
    it was given, where whoever runs the site did not sign it itself. `withdrawn`: the same of those that their signer
    took back. `runners`: site -> who runs it. `newest`: key of a node -> the newest
    version of its record; `leaning`: key of an attestation -> what is to be known of those who lean on it.
    """
    tracer = Tracer(chain)
    root = passports[root_key].name if root_key in sound and root_key in passports else ""
    sites = _sites(tracer, root)
    owners = {
        (content.id, content.issuer): passports[key].name
        for key in passports
        if (content := nodes[key].content) is not None
    }
    found = tuple(
        _judged(node, sourcing, sites=sites, owners=owners, attested=attested, sound=sound, runners=runners)
        for _, node in sorted(nodes.items(), key=lambda item: (item[1].depth, item[0]))
        if node.content is not None
        for sourcing in node.content.sourcing
    )
    stated = tuple(
        _noted(one, newest.get(one.node), leaning.get(one.node, ""))
        for one in _without_taken_back(nodes, found, withdrawn, runners)
    )
    standings = {site: Standing.NONE for site in sites.values() if site}
    for one in stated:
        if one.standing:
            standings[one.site] = min(standings[one.site], Standing(one.standing), key=_ORDER.index)
    return SourcingReport(
        stated=stated,
        sites=tuple(SiteSourced(site=site, standing=word.value) for site, word in sorted(standings.items())),
        metals=tuple(_metal(tracer, root, metal, standings) for metal in tracer.held(root)),
        contradictions=tuple(_findings(nodes, stated, runners)),
    )


def _sites(tracer: Tracer, root: str) -> dict[str, str]:
    """Every thing on the way to the root -> the site that made it. What is taken in behind no record has none."""
    found: dict[str, str] = {}
    waiting = [root] if root else []
    while waiting:
        thing = waiting.pop()
        if thing in found:
            continue
        found[thing] = ""
        for event, _ in tracer.makers.get(thing, ()):
            found[thing] = event.site
            waiting += (product.thing for product in event.inputs)
    return found


def _judged(
    node: Node,
    sourcing: Sourcing,
    *,
    sites: Mapping[str, str],
    owners: Mapping[tuple[str, str], str],
    attested: Mapping[str, Collection[str]],
    sound: Collection[str],
    runners: Mapping[str, Collection[str]],
) -> SourcingStated:
    """The statement with what it counts for."""
    content = node.content
    assert content is not None, "only nodes with a content state anything"
    one = SourcingStated(node=node.key, sourcing=sourcing)
    if node.key not in sound:
        return replace(one, open=_UNSOUND)
    if node.type == ATTESTATION:
        site, why = _spoken_for(attested.get(node.key, ()), sites)
        why = why or _lapsed(sourcing, node.times, "what leans on it happened")
        return replace(one, site="" if why else site, standing="" if why else Standing.ATTESTED.value, open=why)
    site = sites.get(owners.get((content.id, content.issuer), ""), "")
    if sourcing.kind != "social":
        return replace(one, site=site)
    why = "" if site else "no verified making on the way tells of which site it speaks"
    made = () if content.time is None else (content.time,)
    why = why or _lapsed(sourcing, made, "this was made")
    own = {content.issuer, *runners.get(site, ())}
    return replace(one, site=site, standing="" if why else sourcing.standing(own).value, open=why)


def _spoken_for(claimed: Collection[str], sites: Mapping[str, str]) -> tuple[str, str]:
    """The site that an attestation judged, and why that is not known. Its signer names an id, not who runs the site."""
    if len(claimed) > 1:
        return "", "several companies call its site theirs"
    site = next(iter(claimed), "")
    return site, "" if site and site in sites.values() else "it speaks for no site on the way"


def _lapsed(sourcing: Sourcing, times: Collection[datetime], what: str) -> str:
    """Why its period does not cover these times, at which `what`; its end does not belong to it."""
    try:
        if times and sourcing.end and read_time(sourcing.end) <= max(times):
            return f"its period was over when {what}"
        if times and sourcing.start and min(times) < read_time(sourcing.start):
            return f"its period began after {what}"
    except ValueError:
        return "its period cannot be read"
    return ""


def _metal(tracer: Tracer, root: str, metal: str, standings: Mapping[str, Standing]) -> MetalSourced:
    sums: dict[str, Decimal] = {}
    for share in tracer.trace(root, metal):
        verified = share.ground is Ground.VERIFIED
        word = standings.get(share.site, Standing.NONE).value if verified else UNVERIFIED
        sums[word] = sums.get(word, ZERO) + share.fraction
    words = (*(one.value for one in _ORDER), UNVERIFIED)
    return MetalSourced(
        metal=metal, shares=tuple((word, plain(sums[word], _EXACT_PLACES)) for word in words if word in sums)
    )


_Edition = tuple[str, str, str, str]
"""Site, scheme, version, and who judged."""


def _signed(nodes: Mapping[str, Node], sites: Iterable[tuple[str, str]]) -> dict[_Edition, list[str]]:
    """Scores of attestations, given by key and site, under what they judge."""
    found: dict[_Edition, list[str]] = {}
    for key, site in sites:
        content = nodes[key].content
        for said in content.sourcing if content is not None else ():
            if said.kind == "attestation" and content is not None:
                found.setdefault((site, said.scheme, said.version, content.issuer), []).append(said.score)
    return found


def _without_taken_back(
    nodes: Mapping[str, Node],
    stated: Collection[SourcingStated],
    withdrawn: Mapping[str, Collection[str]],
    runners: Mapping[str, Collection[str]],
) -> Iterator[SourcingStated]:
    """A claim whose verifier took back what it signed stands as high as what is left: as if it did not name it."""
    given = _signed(nodes, _given(stated))
    gone = _signed(nodes, ((key, site) for key, sites in withdrawn.items() for site in sites)).keys() - given.keys()
    for one in stated:
        content, said = nodes[one.node].content, one.sourcing
        back = {who for who in said.verifiers if (one.site, said.scheme, said.version, who) in gone}
        if not back or not one.standing or content is None:
            yield one
            continue
        left = said.standing({content.issuer, *runners.get(one.site, ()), *back})
        yield replace(one, standing=left.value, note="its verifier no longer stands by what it signed of this site")


def _noted(one: SourcingStated, newest: Newest | None, leaning: str) -> SourcingStated:
    """It counts as the version states it to which links lead; what has become of it since is told."""
    states = newest.note("its record", "states", still=one.sourcing in newest.states) if newest is not None else ""
    return replace(one, note="; ".join(part for part in (one.note, states, leaning) if part))


def _given(stated: Collection[SourcingStated]) -> Iterator[tuple[str, str]]:
    return ((one.node, one.site) for one in stated if one.standing == Standing.ATTESTED)


def _findings(
    nodes: Mapping[str, Node], stated: Collection[SourcingStated], runners: Mapping[str, Collection[str]]
) -> Iterator[BalanceFinding]:
    """One for each record and cause, whoever holds copies of it."""
    alike: dict[tuple[Collection[str], str, str], dict[Sourcing, tuple[SourcingStated, str]]] = {}
    for code, cause, one, sentence in _contradictions(nodes, stated, runners):
        page = nodes[one.node].page
        record = (page and page.lasting) or one.node
        alike.setdefault((record, code, cause), {}).setdefault(one.sourcing, (one, sentence))
    for (_, code, _), found in alike.items():
        first = next(one for one, _ in found.values())
        sentences = [*dict.fromkeys(sentence for _, sentence in found.values())]
        more = f"; and {len(sentences) - _MOST_TOLD} more" if len(sentences) > _MOST_TOLD else ""
        told = "; ".join(sentences[:_MOST_TOLD]) + more
        yield _finding(code, first, told if len(found) == 1 else f"{len(found)} statements: {told}")


def _contradictions(
    nodes: Mapping[str, Node], stated: Collection[SourcingStated], runners: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, str, SourcingStated, str]]:
    """A claim against itself or against the attestation on which it leans; a red flag that nobody acts on. With the
    code and the cause.
    """
    given = _signed(nodes, _given(stated))
    for one in stated:
        content, said = nodes[one.node].content, one.sourcing
        if one.open or content is None:
            continue
        if said.kind == "red-flag" and not said.action:
            grave = f" ({said.score})" if said.score else ""
            yield RED_FLAG, "", one, f"a red flag{grave} without any action: {said.scope or 'not said what'}"
        if said.kind != "social":
            continue
        if said.calls_independent({content.issuer}):
            yield CONTRADICTED, "itself", one, f"who states it calls itself the {said.party} party that checked it"
        elif said.calls_independent(runners.get(one.site, ())):
            yield CONTRADICTED, "runner", one, f"it calls who runs the site the {said.party} party that checked it"
        editions = ((one.site, said.scheme, said.version, who) for who in sorted(said.verifiers))
        signed = [score for edition in editions for score in given.get(edition, ()) if score]
        if said.score and signed and not any(fits(said.score, score) for score in signed):
            # a site may be judged again, with another result
            told = " or ".join(dict.fromkeys(signed))
            yield CONTRADICTED, "score", one, f"it claims {said.score}, and its verifier signed {told}"


def _finding(code: str, one: SourcingStated, message: str) -> BalanceFinding:
    return BalanceFinding(
        code=code, message=message, site=one.site, metal="", period="", residual=ZERO, tolerance=ZERO, subject=one.node
    )
