"""`kill -9` of any one company's process at a random moment of the demo: it ends with the same audit.

The demo raises its dead itself; `processes.json` names them. Ids differ from run to run because keys do, so runs are
compared with names in the place of ids: every node with its outcome, every balance, every share, every finding.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.model import Json
from tests.journeys.demo import Played, play

SEED = int(os.environ.get("KILL_SEED", "20270315"))
MOMENTS = 20
MOST_OF_IT = 0.85
"""How much of an undisturbed demo's time the moments are drawn from: a quicker one must not be over before."""
COUNTED = (
    "companies", "documents", "credentials", "negotiations_finalized", "negotiations_refused", "transfers_completed",
    "audits", "findings",
)  # fmt: skip
_ID = re.compile(r"urn:uuid:[0-9a-f-]{36}|did:web:localhost%3A\d+(?:%2F|[:\w-])*")


@dataclass(frozen=True, slots=True)
class Told:
    """What a demo ended with, without what differs from run to run."""

    counts: Json
    report: Json
    nodes: int
    seconds: float


def demo(folder: Path, chance: random.Random, within: float) -> tuple[Told, str]:
    """Run the demo; at a random moment within so many seconds after its companies are up one of them is killed."""
    victims: list[str] = []
    played = play(folder, meanwhile=lambda process: victims.append(_kill_one(folder, process, chance, within)))
    assert played.code == 0, f"{victims}: {played.told}"
    return _told(played), victims[0]


def _kill_one(folder: Path, process: subprocess.Popen[str], chance: random.Random, within: float) -> str:
    moment = chance.uniform(0.0, within)
    time.sleep(moment)
    running: dict[str, int] = json.loads((folder / "processes.json").read_text("utf-8"))
    name = chance.choice(sorted(set(running) - {"site"}))
    if process.poll() is not None:
        return f"nobody: the demo was over after {moment:.2f} s"
    with suppress(ProcessLookupError):
        os.kill(running[name], signal.SIGKILL)
    return f"{name} after {moment:.2f} s"


def _told(played: Played) -> Told:
    result, report = played.told, json.loads((played.folder / "audit.json").read_text("utf-8"))
    names: dict[str, str] = {**report["parties"], **report["places"]}
    for node in sorted(report["nodes"], key=lambda one: (one["type"], one["name"])):  # two may tell of one subject
        names.setdefault(node["id"], f"{node['type']} {node['name']}")
        names.setdefault(node["subject"], f"of {node['type']} {node['name']}")
    del report["at"]
    for node in report["nodes"]:
        del node["depth"]  # by how many steps it was reached first depends on who answers first
    return Told(
        counts=_without_ids({name: result[name] for name in COUNTED}, names),
        report=_without_ids(report, names),
        nodes=len(report["nodes"]),
        seconds=played.seconds,
    )


def _without_ids(value: Json, names: dict[str, str]) -> Json:
    """The same with names in the place of ids, in an order that does not come from ids."""
    if isinstance(value, dict):
        return {str(_without_ids(name, names)): _without_ids(one, names) for name, one in value.items()}
    if isinstance(value, list):
        return sorted((_without_ids(one, names) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, str):
        return _ID.sub(lambda found: names.get(found[0], "#"), value)
    return value


@pytest.fixture(scope="module")
def calm(clean: Played) -> Told:
    """A demo that nobody disturbed."""
    assert clean.code == 0, clean.told
    return _told(clean)


def check(calm: Told, folder: Path, seed: int) -> None:
    """One demo with one death."""
    told, victim = demo(folder, random.Random(seed), MOST_OF_IT * calm.seconds)
    print(f"seed {seed}: killed {victim}, {told.seconds:.0f} s")
    assert told.nodes
    assert told.counts == calm.counts, f"seed {seed}, killed {victim}"
    assert told.report == calm.report, f"seed {seed}, killed {victim}"


def test_a_kill_changes_nothing(calm: Told, tmp_path: Path) -> None:
    """One moment."""
    check(calm, tmp_path / "demo", SEED)


@pytest.mark.long
@pytest.mark.parametrize("number", range(MOMENTS))
def test_a_kill_at_any_moment_changes_nothing(calm: Told, tmp_path: Path, number: int) -> None:
    """Twenty moments: each company, each stage."""
    check(calm, tmp_path / "demo", SEED + 1 + number)
