"""The story played in memory: real plans, shapes and policies, made-up keys and digests, no connector.

It follows `story.toml` step by step: plans run over the exports that are there at that point, links are resolved among
what a company has of its own, received or holds, and every document is checked against the shapes.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from connector.credentials.digest import digest_multibase
from connector.credentials.ids import mint
from connector.exchange.pointers import put
from connector.mapping.columns import LinkRequest
from connector.mapping.engine import Mapped, run
from connector.mapping.plan import parse
from connector.mapping.source import SourceFile
from connector.model import JsonObject
from connector.vocabulary.bundle import Bundle
from examples.mine_to_recycler.story.model import tell
from examples.mine_to_recycler.story.party import example_dids
from examples.mine_to_recycler.story.write import files

FOLDER = Path("examples/mine_to_recycler")
STORY = tomllib.loads((FOLDER / "story.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One record as its maker published it. `links`: link id -> record id."""

    company: str
    plan: str
    policy: str
    id: str
    type: str
    subject: JsonObject
    identifiers: tuple[tuple[str, str, str], ...]
    buyers: tuple[str, ...]
    links: Mapping[str, str]

    @property
    def digest(self) -> str:
        """A stand-in for the digest of its credentials."""
        return digest_multibase(json.dumps(self.subject, sort_keys=True).encode())

    @property
    def thing(self) -> str:
        """The id of what it is about."""
        return str(self.subject["id"])


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """Everything that is known so far. `complaints` is empty when all went well."""

    bundle: Bundle
    exports: dict[str, dict[str, bytes]] = field(default_factory=dict)
    arrivals: dict[str, bytes] = field(default_factory=dict)
    own: dict[str, dict[str, Played]] = field(default_factory=dict)
    foreign: dict[str, dict[str, Played]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def play(self) -> Rehearsal:
        """All stages in their order."""
        for stage in STORY["stage"]:
            for step in stage["steps"]:
                {"issue": self.issue, "publish": self.publish, "exchange": self.exchange, "arrive": self.arrive}.get(
                    step["do"], lambda _: None
                )(step)
        return self

    def records(self) -> Iterator[Played]:
        """What the companies published."""
        for company in STORY["story"]["companies"]:
            yield from self.own.get(company, {}).values()

    # --- steps ---

    def arrive(self, step: Mapping[str, str]) -> None:
        """New exports come."""
        start = f"{step['company']}/{step['files']}/"
        found = {name.removeprefix(start): data for name, data in self.arrivals.items() if name.startswith(start)}
        assert found, step
        self.exports[step["company"]] |= found

    def publish(self, step: Mapping[str, str]) -> None:
        """A plan runs; what it gives is linked, checked and kept. Documents may link to each other."""
        company, waiting = step["company"], list(self.mapped(step["company"], step["plan"]))
        while waiting:
            rest = [mapped for mapped in waiting if not self._take(company, step, mapped)]
            if len(rest) == len(waiting):
                for mapped in rest:
                    open_ends = [link for link in mapped.links if self._target(company, link) is None]
                    self.complaints.append(f"{company}/{step['plan']} {mapped.key}: no record for {open_ends}")
                return
            waiting = rest

    def exchange(self, step: Mapping[str, object]) -> None:
        """The customer gets the units that it bought."""
        supplier, customer = str(step["supplier"]), str(step["customer"])
        datasets = step["datasets"]
        assert isinstance(datasets, list)
        did, count = example_dids()[customer], 0
        for record in self.own[supplier].values():
            if record.plan in datasets and (did in record.buyers or record.policy == "passports"):
                self.foreign.setdefault(customer, {})[record.id] = record
                count += 1
        if not count:
            self.complaints.append(f"{customer} gets nothing from {supplier}: {datasets}")

    def issue(self, step: Mapping[str, str]) -> None:
        """Outside signers sign; the holder keeps it."""
        signer, holder = step["signer"], step["holder"]
        if "plan" in step:
            for mapped in self.mapped(signer, step["plan"]):
                subject = self._checked(signer, mapped.record_type, mapped.subject)
                identifiers = tuple((one.scheme, one.value, one.issuer or "") for one in mapped.identifiers)
                self._keep(holder, _held(signer, mapped.record_id, mapped.record_type, subject, identifiers))
            return
        text = self.arrivals[f"{signer}/claims/{step['claims']}"].decode()
        if "facility" in step:
            text = text.replace("{facility}", str(next(self.mapped(holder, step["facility"])).subject["id"]))
        subject = self._checked(signer, step["type"], json.loads(text.replace("{battery}", "urn:uuid:0")))
        listed = subject.get("identifier", [])
        assert isinstance(listed, list)
        identifiers = tuple((str(one["scheme"]), str(one["value"]), "") for one in listed if isinstance(one, dict))
        self._keep(holder, _held(signer, f"{signer}:{step['claims']}", step["type"], subject, identifiers))

    # --- parts ---

    def mapped(self, company: str, plan_name: str) -> Iterator[Mapped]:
        """What a plan gives over the exports as they are now. Findings are complaints."""
        plan = parse((FOLDER / company / "plans" / f"{plan_name}.yaml").read_bytes())
        here = self.exports[company]
        found = {
            name: [
                SourceFile(name=file, digest=sha256(here[file]).hexdigest(), data=here[file])
                for file in sorted(here)
                if fnmatchcase(file, pattern)
            ]
            for name, pattern in plan.patterns().items()
        }
        result = run(plan, found, mint=lambda kind, key: mint(company.encode(), "", kind, key))
        self.complaints += [f"{company}/{plan_name}: {finding}" for finding in result.findings]
        if not result.mapped:
            self.complaints.append(f"{company}/{plan_name}: no documents")
        yield from result.mapped

    def _take(self, company: str, step: Mapping[str, str], mapped: Mapped) -> bool:
        subject, links = mapped.subject, dict[str, str]()
        for link in mapped.links:
            target = self._target(company, link)
            if target is None:
                return False
            if link.id_path:
                subject = put(subject, link.id_path, target.thing)
            if link.path:
                ident = mint(company.encode(), "link", mapped.record_id, target.id)
                links[ident] = target.id
                subject = put(subject, link.path, _link(ident, target.digest))
        self.own.setdefault(company, {})[mapped.record_id] = Played(
            company=company,
            plan=step["plan"],
            policy=step["policy"],
            id=mapped.record_id,
            type=mapped.record_type,
            subject=self._checked(company, mapped.record_type, subject),
            identifiers=tuple((one.scheme, one.value, one.issuer or "") for one in mapped.identifiers),
            buyers=mapped.buyers,
            links=links,
        )
        return True

    def _target(self, company: str, link: LinkRequest) -> Played | None:
        """The one record that a link means."""
        known = (self.own if link.own else self.foreign).get(company, {})
        found = [
            record
            for record in known.values()
            if link.record_type in {None, record.type}
            and any(
                (scheme, value) == (link.scheme, link.value) and link.issuer in {None, issuer}
                for scheme, value, issuer in record.identifiers
            )
        ]
        return found[0] if len(found) == 1 else None

    def _checked(self, company: str, record_type: str, subject: JsonObject) -> JsonObject:
        for finding in self.bundle.check(record_type, subject):
            self.complaints.append(f"{company} {record_type}: {finding.code} {finding.term} {finding.message}")
        return subject

    def _keep(self, holder: str, record: Played) -> None:
        self.foreign.setdefault(holder, {})[record.id] = record


def _held(
    signer: str, ident: str, kind: str, subject: JsonObject, identifiers: tuple[tuple[str, str, str], ...]
) -> Played:
    """What an outside signer signed."""
    return Played(
        company=signer,
        plan="",
        policy="",
        id=ident,
        type=kind,
        subject=subject,
        identifiers=identifiers,
        buyers=(),
        links={},
    )


def rehearsal(bundle: Bundle, items: int = 1, fault: str = "none") -> Rehearsal:
    """The story with these exports, before the first step."""
    result = Rehearsal(bundle=bundle)
    for name, data in files(tell(items, fault=fault)).items():
        company, _, rest = name.partition("/")
        folder, _, file = rest.partition("/")
        if folder == "exports":
            result.exports.setdefault(company, {})[file] = data
        else:
            result.arrivals[name] = data
    return result


def _link(ident: str, digest: str) -> JsonObject:
    return {
        "type": "UpstreamLink",
        "id": ident,
        "recordVersion": "1",
        "mediaType": "application/vc+jwt",
        "digest": [digest],
    }
