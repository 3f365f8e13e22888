"""What the core does in a second of CPU, in this process: mapping, issuing, verifying. No disk, no network."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from connector.credentials import jose
from connector.credentials.datamodel import VC_CONTEXT, time_text
from connector.credentials.did import MethodKey, build_document, parse_document
from connector.credentials.ids import mint
from connector.credentials.issue import Issued, attach, prepare
from connector.credentials.signing import Algorithm
from connector.credentials.status_list import changes_input, list_payload
from connector.credentials.verify import Material, verify
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.mapping import engine
from connector.mapping.plan import Plan, parse
from connector.mapping.source import SourceFile
from connector.model import Did, JsonObject
from connector.vocabulary.bundle import load_bundle, load_rules
from connector.vocabulary.judging import judge
from examples.mine_to_recycler.story.model import tell
from examples.mine_to_recycler.story.write import files
from tests.bench.figures import Figure
from tests.bench.pair import PLAN

_SECONDS = 1.5
_STORY = Path("examples/mine_to_recycler")
_BATTERIES = 1_000
_SITES = 5_000
_DID = Did("did:web:bench.example")
_LIST = "https://bench.example/status/0"


def _rate(work: Callable[[], int]) -> tuple[float, float]:
    """How many in a second of CPU, and in a second of wall time."""
    work()
    done, begin, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < _SECONDS:
        done += work()
    return done / (time.process_time() - cpu), done / (time.perf_counter() - begin)


# --- mapping ---------------------------------------------------------------------------------------------------------


def mapping() -> list[Figure]:
    """Documents mapped: a short one from a list, and battery passports of the story from three exports."""
    rows = "number,name,country\n" + "".join(f"S-{number:05d},Works {number},FI\n" for number in range(_SITES))
    return [
        _mapped("sites of 3 columns, from CSV", parse(PLAN.encode()), {"sites": [_source("sites.csv", rows.encode())]}),
        _mapped("battery passports of the story, from OData JSON and a list", *_passports()),
    ]


def _mapped(name: str, plan: Plan, found: dict[str, list[SourceFile]]) -> Figure:
    def work() -> int:
        result = engine.run(plan, found, mint=lambda kind, key: mint(b"bench", "", kind, key))
        if result.findings:
            raise RuntimeError(f"{name}: {result.findings[0]}")
        return len(result.mapped)

    per_cpu, per_wall = _rate(work)
    return Figure(part="Core", name=f"mapped: {name}", value=per_cpu, unit="per CPU second", note=f"{per_wall:,.0f}/s")


def _passports() -> tuple[Plan, dict[str, list[SourceFile]]]:
    plan = parse((_STORY / "car" / "plans" / "passports.yaml").read_bytes())
    here: dict[str, bytes] = {}
    for name, data in files(tell(_BATTERIES, fault="none")).items():
        if name.startswith("car/exports/"):
            here[name.rpartition("/")[2]] = data
    return plan, {
        source: [_source(name, here[name]) for name in sorted(here) if fnmatchcase(name, pattern)]
        for source, pattern in plan.patterns().items()
    }


def _source(name: str, data: bytes) -> SourceFile:
    return SourceFile(name=name, digest=hashlib.sha256(data).hexdigest(), data=data)


# --- passports -------------------------------------------------------------------------------------------------------


def passports() -> list[Figure]:
    """A complete passport: cut into what each audience may have, and judged point by point."""
    bundle, rules = load_bundle(), load_rules()
    subject: JsonObject = json.loads(Path("examples/passports/ev.json").read_bytes())
    day = date(2026, 11, 28)
    if not judge(rules, subject, "ev", at=day).complete:
        raise RuntimeError("the example passport is not complete")

    def split() -> int:
        bundle.split("BatteryPassport", subject)
        return 1

    def judged() -> int:
        judge(rules, subject, "ev", at=day)
        return 1

    figures: list[Figure] = []
    for name, work in ((f"cut by audience, {len(subject)} values", split), ("judged by 71 data points", judged)):
        per_cpu, per_wall = _rate(work)
        figures.append(
            Figure(
                part="Core", name=f"battery passports {name}", value=per_cpu, unit="per CPU second",
                note=f"{per_wall:,.0f}/s",
            )
        )  # fmt: skip
    return figures


# --- credentials -----------------------------------------------------------------------------------------------------


def credentials() -> list[Figure]:
    """Credentials of a mineral lot: issued, and verified with every check (keys and lists are at hand)."""
    figures: list[Figure] = []
    algorithms: tuple[Algorithm, ...] = ("ES256", "EdDSA")
    for alg in algorithms:
        signer = signer_from_seed(b"bench", alg, f"{_DID}#assertion-1")
        issued = _issue(signer)
        material = _material(signer)
        now = datetime.now(UTC)
        report = verify(issued.octets, at=now, now=now, material=material)
        if report.verdict != "valid":
            raise RuntimeError(f"the bench's own credential is {report.verdict}: {report.checks}")

        def check(octets: bytes = issued.octets, material: Material = material, now: datetime = now) -> int:
            verify(octets, at=now, now=now, material=material)
            return 1

        def issue(signer: MemorySigner = signer) -> int:
            _issue(signer)
            return 1

        for name, work in (("issued", issue), ("verified, every check", check)):
            per_cpu, per_wall = _rate(work)
            figures.append(
                Figure(
                    part="Core", name=f"credentials {name}, {alg}", value=per_cpu, unit="per CPU second",
                    note=f"{per_wall:,.0f}/s, {len(issued.octets)} bytes",
                )
            )  # fmt: skip
    return figures


def _issue(signer: MemorySigner) -> Issued:
    unsigned = prepare(_CREDENTIAL, key_id=signer.key_id, alg=signer.alg)
    return attach(unsigned, signer.sign_now(unsigned))


def _credential() -> JsonObject:
    subject = json.loads(Path("tests/vectors/documents/MineralLotPassport.json").read_bytes())
    parts = load_bundle().split("MineralLotPassport", subject)
    (access, level), part = max(parts.items(), key=lambda item: len(json.dumps(item[1])))
    return {
        "@context": [VC_CONTEXT, load_bundle().context_url],
        "type": ["VerifiableCredential", "MineralLotPassport"],
        "issuer": _DID,
        "validFrom": time_text(datetime.now(UTC) - timedelta(days=1)),
        "credentialStatus": {
            "id": f"{_LIST}#7",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "7",
            "statusListCredential": _LIST,
        },
        "record": {
            "id": "urn:uuid:00000000-0000-8000-8000-000000000000", "type": "Record", "version": "1",
            "accessClass": access, "level": level,
        },
        "credentialSubject": part,
    }  # fmt: skip


def _material(signer: MemorySigner) -> Material:
    now, bundle = datetime.now(UTC), load_bundle()
    key = MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk)
    document = json.dumps(build_document(_DID, assertion=[key], authentication=[], services=()))
    payload = list_payload(
        url=_LIST, issuer=_DID, indices=(), valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=1)
    )
    listed = prepare(payload, key_id=signer.key_id, alg=signer.alg)
    changed = changes_input(list_url=_LIST, key_id=signer.key_id, alg=signer.alg, now=now, changes=())
    return Material(
        documents={_DID: parse_document(document.encode())},
        lists={_LIST: jose.attach(listed, signer.sign_now(listed))},
        changes={_LIST: jose.attach(changed, signer.sign_now(changed))},
        trusted_issuers={"MineralLotPassport": {_DID}},
        contexts=bundle.known_contexts,
        check_shape=bundle.check,
    )


_CREDENTIAL = _credential()
