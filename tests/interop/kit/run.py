"""A conformance kit as a process: its settings, its run, and what its log says of each id."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from tests.interop import java
from tests.interop.outcome import Outcome

HERE = Path(__file__).parent
_QUICK = "-XX:TieredStopAtLevel=1"
"""Its tests run once: what a better compiler costs never comes back."""
_MAIN = HERE.parent / "RunKit.java"
PACKAGES = tuple(f"org.eclipse.dataspacetck.dsp.verification.{name}" for name in ("metadata", "catalog", "cn", "tp"))
PARTICIPANT = "TCK_PARTICIPANT"
"""The kit's participant id; it can't be changed."""
LIMIT_SECONDS = 360
_ENDED = re.compile(r"^ENDED\t(\w+)\t(\w+)\t(.*)\t(.*)$", re.MULTILINE)
_NUMBERED = re.compile(r"([A-Z_]+:\d\d-\d\d): (.*)")
"""The title of a test that has a number; the others go by their method's name."""
_COUNTED = re.compile(r"KIT: found (\d+), passed (\d+), failed (\d+), skipped (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run: every id that ran, and how many the kit itself has switched off."""

    outcomes: Sequence[Outcome]
    skipped: int
    complete: bool


def run(
    folder: Path, settings: Mapping[str, str], packages: Sequence[str] = PACKAGES, pom: Path = HERE / "pom.xml"
) -> Report:
    """Run these packages of the kit that this pom names. A run that takes too long is cut off and not complete."""
    properties, log = folder / "kit.properties", folder / "kit.log"
    properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), "utf-8")
    with java.running([_QUICK, str(_MAIN), str(properties), *packages], pom, log) as process:
        try:
            process.wait(LIMIT_SECONDS)
        except TimeoutExpired:
            return _read(log.read_text("utf-8", "replace"))
    return _read(log.read_text("utf-8", "replace"))


def _read(log: str) -> Report:
    counted = _COUNTED.search(log)
    return Report(
        outcomes=[_outcome(*line) for line in _ENDED.findall(log)], skipped=int(counted[4]) if counted else 0,
        complete=counted is not None,
    )  # fmt: skip


def _outcome(word: str, method: str, title: str, reason: str) -> Outcome:
    numbered = _NUMBERED.fullmatch(title)
    ident, said = (numbered[1], numbered[2]) if numbered else (method, title)
    return Outcome(ident=ident, passed=word == "SUCCESSFUL", said=reason or said)
