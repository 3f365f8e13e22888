"""An audit made once more out of its bundle: offline, by the same code, every check numbered, none left out in silence.

Nothing is asked of anybody and nothing is kept. The bundle is something hostile: what cannot be read at all is
`BadInput`, what can be read and is not as it should be is a failed check with its place. Where the world ends for who
has only one file is said in words (`unknowable`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from connector.credentials.checks import Check
from connector.credentials.did import parse_document
from connector.credentials.digest import digest_multibase
from connector.credentials.refused import Refused
from connector.credentials.status import Outcome
from connector.errors import BadInput, BadMessage
from connector.exchange.bundle import (
    MANIFEST,
    PAGE,
    PAGE_RULES,
    REPORT,
    SIGNATURE,
    SIGNER,
    Manifest,
    check_signature,
    other_files,
    read_manifest,
    thumbprint,
)
from connector.exchange.bundled import (
    JSON_LIMIT_BYTES,
    MOST_VALUES,
    Files,
    Recording,
    other_evidence,
    read_recording,
)
from connector.exchange.obtained import Obtained
from connector.exchange.ports import Clock, Verifier
from connector.exchange.walking import Walker
from connector.model import JsonObject, counted, object_in
from connector.provenance.archive import unpack
from connector.provenance.assemble import assemble
from connector.provenance.differences import Difference, differences
from connector.provenance.nodes import Check as WantedCheck
from connector.provenance.reads import Read
from connector.provenance.walk import Walk
from connector.vocabulary.admission import admit_message

Verdict = Literal["same", "differs", "indeterminate"]
_STEPS: Final[Mapping[str, tuple[int, str]]] = {
    "container": (1, "APPNOTE 6.3.10, 4.3"),
    "manifest": (2, "DECISIONS, An audit in one file"),
    "digests": (3, "FIPS 180-4"),
    "signature": (4, "RFC 7515, 5.2 and F"),
    "evidence": (5, "DECISIONS, An audit in one file"),
    "walk": (6, "DECISIONS, Links keep secrets"),
    "records": (7, "DECISIONS, Outcomes of an audit node"),
    "balances": (8, "JCGM 100, 5.1.2"),
    "origin": (9, "DECISIONS, Outcomes of an audit node"),
    "verdict": (10, "DECISIONS, Outcomes of an audit node"),
    "page": (11, "DECISIONS, An audit in one file"),
}
_MOST_TOLD: Final = 5
_LONGEST: Final = timedelta(days=1)
"""Of a walk."""
_OWN_FILES: Final = frozenset({MANIFEST, SIGNATURE, SIGNER, REPORT, PAGE})


@dataclass(slots=True)
class Moment:
    """A clock that stands where the audit's stood."""

    time: datetime

    def now(self) -> datetime:
        """Then."""
        return self.time

    def set(self, time: datetime) -> None:
        """Go there."""
        self.time = time


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaudited:
    """What came of it. `kept`: the report in the bundle; `unknowable`: what no file can prove, sentence by sentence."""

    checks: tuple[Check, ...]
    manifest: Manifest
    kept: JsonObject
    differences: tuple[Difference, ...]
    unknowable: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """`differs`: a check failed; `indeterminate`: one could not be made; else `same`."""
        outcomes = {check.outcome for check in self.checks}
        if "failed" in outcomes:
            return "differs"
        return "indeterminate" if "unchecked" in outcomes else "same"

    def as_json(self) -> JsonObject:
        """The published shape (`audit verify --json`)."""
        manifest = self.manifest
        return {
            "verdict": self.verdict,
            "checks": [check.as_json() for check in self.checks],
            "differences": [one.as_json() for one in self.differences],
            "audit": {
                "by": manifest.by, "name": manifest.name, "kind": manifest.kind, "made": manifest.made.isoformat(),
                "product": manifest.product, "root": self.kept.get("root"), "at": self.kept.get("at"),
                "verdict": self.kept.get("verdict"), "outcomes": self.kept.get("outcomes"),
            },
            "unknowable": [*self.unknowable],
        }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Book:
    """The checks while they are made."""

    told: dict[str, Check] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()

    def note(self, name: str, outcome: Outcome, detail: str = "", code: str = "") -> None:
        step, spec = _STEPS[name]
        self.told[name] = Check(step=step, name=name, outcome=outcome, code=code, detail=detail, spec=spec)

    def hold(self, name: str, wrong: list[str], code: str, good: str) -> None:
        """Passed where nothing is wrong."""
        if wrong:
            more = f"; and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
            self.note(name, "failed", "; ".join(wrong[:_MOST_TOLD]) + more, code)
        else:
            self.note(name, "passed", good)

    def checks(self) -> tuple[Check, ...]:
        for name in _STEPS:
            if name not in self.told:
                self.note(name, "skipped", "rests on a check that did not pass")
        return tuple(self.told[name] for name in _STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaudit:
    """Checks bundles. `render`: a report's JSON and for whom it was prepared -> its page."""

    verifier: Callable[[Obtained, Clock, Recording], Verifier]
    render: Callable[[JsonObject, str], str]
    product: str
    rules: JsonObject

    async def run(self, octets: bytes, *, now: datetime, document: bytes | None = None) -> Reaudited:
        """Make all checks. `document`: the walker's DID document, where it is known from elsewhere."""
        book = _Book()
        unpacked = unpack(octets)
        files = unpacked.files
        broken = [f"{name} is damaged" for name in unpacked.damaged]
        book.hold("container", broken, "damaged", f"{counted(len(files), 'file')}, {len(octets):,} bytes")
        manifest = read_manifest(files)
        kept = _report(files)
        self._introduce(book, manifest, kept)
        listed = f"{counted(len(manifest.files), 'file is', 'files are')} what the manifest names"
        book.hold("digests", other_files(manifest, files), "digest-mismatch", listed)
        unknowable = [_sign(book, manifest, files, document, now)]
        if manifest.kind == "client":
            _without_evidence(book, files)
        else:
            unknowable += await self._walk_again(book, manifest, files, kept)
        unknowable.append(self._compare_page(book, manifest, kept, files))
        return Reaudited(
            checks=book.checks(), manifest=manifest, kept=kept, differences=book.differences,
            unknowable=tuple(one for one in unknowable if one),
        )  # fmt: skip

    def _introduce(self, book: _Book, manifest: Manifest, kept: JsonObject) -> None:
        """By whom and with what it was made; whether that is what is here; whether it is about this report."""
        judging, ours = ({**rules, PAGE_RULES: None} for rules in (manifest.rules, self.rules))
        other = (manifest.product, judging) != (self.product, ours)
        said = f"walked by {manifest.name or manifest.by}, made {manifest.made.isoformat()} by {manifest.product}"
        of = {"root": manifest.root, "at": manifest.as_of.isoformat(), "verdict": manifest.verdict}
        by = {"id": manifest.by, "name": manifest.name, "product": manifest.product}
        if any(kept.get(name) != value for name, value in of.items()) or kept.get("walkedBy", by) != by:
            book.note("manifest", "failed", f"{said}; it is about another report", "other-report")
        elif abs(manifest.made - manifest.as_of) > _LONGEST:
            book.note("manifest", "failed", f"{said}, of an audit at {of['at']}", "other-time")
        elif other:
            book.note("manifest", "passed", f"{said}; here is {self.product}: rules may differ", "other-version")
        else:
            book.note("manifest", "passed", said)

    def _compare_page(self, book: _Book, manifest: Manifest, kept: JsonObject, files: Files) -> str:
        """The page is that of the report. Another version or build lays pages out otherwise, which proves nothing."""
        same_build = manifest.rules.get(PAGE_RULES) == self.rules.get(PAGE_RULES)
        if self.render(kept, manifest.prepared_for).encode() == files.get(PAGE):
            book.note("page", "passed", f"{PAGE} tells what {REPORT} says")
        elif manifest.product == self.product and same_build:
            book.note("page", "failed", f"{PAGE} is not the page of {REPORT}", "other-page")
        elif manifest.product == self.product:
            said = f"laid out by another build of {self.product} than is here"
            book.note("page", "unchecked", said, "other-build")
            return f"whether {PAGE} tells what {REPORT} says: it was {said}; read {REPORT}"
        else:
            said = f"made by {manifest.product}, and here is {self.product}"
            book.note("page", "unchecked", said, "other-version")
            return f"whether {PAGE} tells what {REPORT} says: it was {said}"
        return ""

    async def _walk_again(self, book: _Book, manifest: Manifest, files: Files, kept: JsonObject) -> list[str]:
        """The walk, out of the bundle."""
        recording = read_recording(files)
        strange = other_evidence(recording, {name: files[name] for name in files if name not in _OWN_FILES})
        good = f"{len(recording.obtained)} answers, {len(recording.credentials)} credentials, each under its own digest"
        book.hold("evidence", strange, "other-evidence", good)
        clock = Moment(recording.at)
        obtained = Obtained(clock=clock, kept=dict(recording.obtained))
        walk = Walk(recording.root, holder=recording.holder, now=recording.at, limits=recording.limits)
        verifier = self.verifier(obtained, clock, recording)
        walker = Walker(reads=obtained, verifier=verifier, receipts=obtained.receipt)
        strays, left = await walker.again(walk, recording.steps, at=clock.set)
        wrong = [f"{place} is wanted and not there" for place in obtained.lacking]
        wrong += [f"{place} is there and nobody wants it" for place in recording.obtained if place not in obtained.used]
        wrong += [f"{_named(one)} is a step that nobody wants" for one in strays]
        wrong += [f"{_named(one)} is wanted at the end" for one in left]
        times = [(step.now, "a check") for step in recording.steps if step.now is not None]
        times += [(given.at, str(place)) for place, given in recording.obtained.items()]
        wrong += [
            f"{what} at {time}, of a walk at {walk.now}" for time, what in times if abs(time - walk.now) > _LONGEST
        ]
        if recording.walker != manifest.by:
            wrong.append(f"{recording.walker:.120} walked, and {manifest.by:.120} signs for it")
        book.hold("walk", wrong, "other-walk", f"{counted(len(recording.steps), 'step')}, each as the walk wants it")
        if not walk.root_key:  # its read is still wanted, so that the walk does not hold: there is nothing to judge
            return _unknowable(recording)
        by = {"walkedBy": kept["walkedBy"]} if "walkedBy" in kept else {}  # who walked, the manifest tells (check 2)
        book.differences = differences(kept, {**assemble(walk).as_json(), **by})
        _compare(book, kept, recording, by_another=manifest.product != self.product)
        return _unknowable(recording)


def _named(want: Read | WantedCheck) -> str:
    if isinstance(want, Read):
        return f"read {want.holder} {want.path}"
    return f"a check as of {want.at.isoformat()} of credential {digest_multibase(want.octets.encode())}"


def _report(files: Files) -> JsonObject:
    octets = files.get(REPORT, b"")
    try:
        return admit_message(octets, JSON_LIMIT_BYTES, MOST_VALUES)
    except BadMessage as problem:
        raise BadInput(f"{REPORT}: {problem.detail}", place=problem.place) from None


def _sign(book: _Book, manifest: Manifest, files: Files, known: bytes | None, now: datetime) -> str:
    """Check the signature. What remains to be known about who signed."""
    octets = files.get(SIGNER, b"") if known is None else known
    try:
        document = parse_document(octets, now=manifest.made)
        key_id = check_signature(manifest, files, document, today=parse_document(octets, now=now))
    except Refused as refused:
        book.note("signature", "failed", refused.detail, refused.reason)
        return ""
    print_ = thumbprint(document, key_id)
    book.note("signature", "passed", f"{key_id}, SHA-256 thumbprint {print_}")
    if known is not None:
        return ""
    return (
        f"whether the key with thumbprint {print_} is that of {manifest.by}: the bundle brings his DID document "
        "itself; compare the thumbprint with what he tells you, or give his document with --did-document"
    )


def _without_evidence(book: _Book, files: Files) -> None:
    strange = [f"{name} does not belong to a client's bundle" for name in sorted({*files} - _OWN_FILES)]
    if strange:
        book.hold("evidence", strange, "other-evidence", "")
    for name in ("evidence", "walk", "records", "balances", "origin", "verdict"):
        if name not in book.told:
            why = "a bundle for a client holds no evidence: this is the auditor's word, signed by him"
            book.note(name, "unchecked", why, "no-evidence")


def _compare(book: _Book, kept: JsonObject, recording: Recording, *, by_another: bool) -> None:
    """`by_another`: another version made it, which may put the same reasons into other words. Whether they are the same
    only that version can tell, so it is neither held against the bundle nor passed over.
    """
    outcomes = ", ".join(f"{count} {word}" for word, count in object_in(kept.get("outcomes")).items())
    good = {
        "records": f"{outcomes}: signatures, status, digests and rules judged again as of {recording.at.isoformat()}",
        "balances": "every sum, residual and tolerance",
        "origin": "every share of every metal, every footprint, every sourcing statement",
        "verdict": str(kept.get("verdict")),
    }
    for subject, said in good.items():
        other = [
            f"{one.where}: {one.found!r:.80}, in the report {one.kept!r:.80}"
            for one in book.differences
            if one.subject == subject and not (by_another and _only_worded(one))
        ]
        book.hold(subject, other, "other-result", said)
    worded = sum(by_another and _only_worded(one) for one in book.differences)
    if worded and book.told["records"].outcome == "passed":
        why = f"the reasons of {counted(worded, 'record')} are worded otherwise: check it with the version that made it"
        book.note("records", "unchecked", f"{good['records']}; {why}", "other-wording")


def _only_worded(one: Difference) -> bool:
    return one.member == "reasons" and isinstance(one.kept, list) and isinstance(one.found, list)


def _unknowable(recording: Recording) -> list[str]:
    """What the file cannot prove by itself, with the numbers of this one."""
    count = {"document": 0, "list": 0, "receipt": 0, "refused": 0}
    for place, given in recording.obtained.items():
        refused = place.kind == "read" and (given.code or given.status not in {200, 404, 410})
        kind = "refused" if refused else place.kind
        if kind in count and (given.octets or refused):
            count[kind] += 1
    day = f"{recording.at:%Y-%m-%d}"
    documents, lists = (
        counted(count["document"], "DID document"),
        counted(count["list"], "status list was", "status lists were"),
    )
    told = [
        f"whether {documents} lay at the right address on {day}: nobody signs a did:web one",
        f"whether {lists} the newest then: each tells when it was signed",
    ]
    if not recording.limits.newest:
        told.append("whether newer versions of records still state what these do of sourcing: the walk did not ask")
    if count["refused"]:
        reads = counted(count["refused"], "audit read was", "audit reads were")
        told.append(f"whether {reads} refused, held or unanswered: only the walker says so")
    if count["receipt"]:
        credentials = counted(count["receipt"], "credential was", "credentials were")
        told.append(f"whether {credentials} valid when the walker got hold of it: he says so")
    return told
