"""The conformance kit as a process: its settings, its run, and what its log says of each id."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from tests.interop import java
from tests.interop.outcome import Outcome

HERE = Path(__file__).parent
PACKAGES = tuple(f"org.eclipse.dataspacetck.dsp.verification.{name}" for name in ("metadata", "catalog", "cn", "tp"))
PARTICIPANT = "TCK_PARTICIPANT"
"""The kit's participant id; it can't be changed."""
LIMIT_SECONDS = 360
_STARTED = re.compile(r"Started: (\S+): (.*)")
_ENDED = re.compile(r"(SUCCESSFUL|FAILED|ABORTED): (\S+)")
_REASON = re.compile(r"REASON: (\S+): [^\n]*?((?:java|org)\.\S+: .*)")
_COUNTED = re.compile(r"KIT: found (\d+), passed (\d+), failed (\d+), skipped (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run: every id that ran, and how many the kit itself has switched off."""

    outcomes: Sequence[Outcome]
    skipped: int
    complete: bool


def run(folder: Path, settings: Mapping[str, str], packages: Sequence[str] = PACKAGES) -> Report:
    """Run these packages of the kit. A run that takes too long is cut off and not complete."""
    properties, log = folder / "kit.properties", folder / "kit.log"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), "utf-8")
    with java.running([str(HERE / "RunKit.java"), str(properties), *packages], HERE / "pom.xml", log) as process:
        try:
            process.wait(LIMIT_SECONDS)
        except TimeoutExpired:
            return _read(log.read_text("utf-8", "replace"))
    return _read(log.read_text("utf-8", "replace"))


def _read(log: str) -> Report:
    titles = dict(_STARTED.findall(log))
    reasons = dict(_REASON.findall(log))
    outcomes = [
        Outcome(ident=ident, passed=word == "SUCCESSFUL", said=str(reasons.get(ident) or titles.get(ident, "")))
        for word, ident in _ENDED.findall(log)
    ]
    counted = _COUNTED.search(log)
    return Report(outcomes=outcomes, skipped=int(counted[4]) if counted else 0, complete=counted is not None)
