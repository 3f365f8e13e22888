"""One round of the DCP kit: a connector of ours, which is verifier, holder and issuer, each in a run of the kit."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from connector.cli.companies import free_ports
from connector.model import JsonObject
from connector.peers.resolver import UNKNOWN_KEY_PAUSE
from tests.interop import company
from tests.interop.dcp import companion, person
from tests.interop.kit import run
from tests.interop.outcome import Outcome

_PACKAGE = "org.eclipse.dataspacetck.dcp.verification"
RUNS: dict[str, tuple[tuple[str, ...], int]] = {
    "verifier": (("presentation.verifier",), 20),
    "holder": (("presentation.cs", "issuance.cs"), 40),
    "issuer": (("issuance.issuer",), 25),
}
"""Our role -> the packages that test it, and how many ids of them the kit has not switched off."""
_LIMITS = "claims_cache_seconds = 0\n"
"""Each test of the kit shows other credentials under the same name."""
_FORGOTTEN_SECONDS = UNKNOWN_KEY_PAUSE.total_seconds() + 1
"""After our request the kit's issuer has its document with us; its keys are looked for anew after that time."""
_MEMBERS: JsonObject = {"leftOperand": "membership", "operator": "eq", "rightOperand": "active"}
KNOWN: Mapping[str, str] = {
    "verifier_05_04_03_06_presentationResponse_credentialRevoked": (
        "the kit's status list is signed by nobody: so it could not be checked, and we say 503 where a 4xx is expected"
    ),
    "verifier_x_x_presentationResponse_invalidCredentialSchema": (
        "no section of DCP: a schema at an address that the credential names is not fetched, and proves no membership"
    ),
}
"""Id -> why we do not meet it. One that passes after all has to go from here."""


def rounds(folder: Path, names: Collection[str] = RUNS) -> Iterator[Outcome]:
    """Every id of these packages, and that the kit ran to its end in time."""
    kit_port, port = free_ports(2)
    issuers = [f"did:web:localhost%3A{port}:{name}:issuer" for name in RUNS]
    trusted = "".join(f"{kind} = {json.dumps(issuers)}\n" for kind in companion.TYPES)
    more = f"\n[trusted_issuers]\n{trusted}{person.settings()}"
    with company.running(folder / "us", {}, limits=_LIMITS, unsafe="nonconforming_credentials = true", more=more) as us:
        dataset = us.publish("members", company.policy(_MEMBERS), dataset="members")
        stand_by = companion.standing_by(us, dataset, port, kit_port, folder / "companion.log")
        with stand_by as beside, person.approving(us):
            pid, began = beside.ask("holder"), time.monotonic()
            for role in names:
                settings = beside.settings(role, role)
                if role == "holder":
                    time.sleep(max(0.0, _FORGOTTEN_SECONDS - (time.monotonic() - began)))
                    settings |= {"dataspacetck.credentials.correlation.id": pid}
                yield from _run(folder / role, settings, role)


def _run(folder: Path, settings: Mapping[str, str], role: str) -> Iterator[Outcome]:
    folder.mkdir()
    (names, active), began = RUNS[role], time.monotonic()
    packages = [f"{_PACKAGE}.{name}" for name in names]
    report = run.run(folder, settings, packages, Path(__file__).parent / "pom.xml")
    yield from map(_told, report.outcomes)
    said = f"{len(report.outcomes)} ids in {time.monotonic() - began:.0f} s, {report.skipped} switched off by the kit"
    yield Outcome(ident=role, passed=report.complete and len(report.outcomes) == active, said=said)


def _told(outcome: Outcome) -> Outcome:
    """A known id fails as it is known to, or fails the round."""
    reason = KNOWN.get(outcome.ident)
    if reason is None:
        return outcome
    return Outcome(ident=outcome.ident, passed=not outcome.passed, said=f"not met, and known: {reason}")
