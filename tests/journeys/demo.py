"""The demo through its real command, and what it told; one clean demo is shared by all tests that only read of it."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from connector.model import Json, JsonObject

DEMO_SECONDS = 300.0
FIRST_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Played:
    """What one demo told, and how long it took once its companies were up."""

    code: int
    told: JsonObject
    folder: Path
    seconds: float

    @property
    def audit(self) -> JsonObject:
        """The figures of the auditor's walk from B."""
        return one(self.told["audit"])

    @property
    def findings(self) -> list[JsonObject]:
        """What the audit named."""
        return objects(self.audit["findings"])

    def report(self, name: str = "audit.json") -> JsonObject:
        """An audit's whole answer."""
        return one(json.loads((self.folder / name).read_text("utf-8")))

    def nodes(self, name: str = "audit.json") -> dict[tuple[str, str], JsonObject]:
        """Its records by type and name."""
        return {(str(node["type"]), str(node["name"])): node for node in objects(self.report(name)["nodes"])}


def play(folder: Path, *options: str, meanwhile: Callable[[subprocess.Popen[str]], None] | None = None) -> Played:
    """Run the command; something may be done to it as soon as its companies are up."""
    words = [sys.executable, "-m", "connector", "demo", "--json", "--folder", str(folder), *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _wait_until_up(folder, process)
        up = time.monotonic()
        if meanwhile is not None:
            meanwhile(process)
        out, err = process.communicate(timeout=DEMO_SECONDS)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)
    assert out, f"exit {process.returncode}\n{err[-3000:]}"
    return Played(process.returncode, json.loads(out), folder, time.monotonic() - up)


def _wait_until_up(folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + FIRST_SECONDS
    while not (folder / "processes.json").exists():
        assert process.poll() is None, f"ended before its companies were up: {process.communicate()}"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def play_once(shared: Path) -> Played:
    """The story as it is meant. The first test that asks plays it; others wait, also those of another process, and read
    what it left.
    """
    folder, kept = shared / "demo", shared / "told.json"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made = play(folder)
            kept.write_text(json.dumps([made.code, made.told, made.seconds]), "utf-8")
    code, told, seconds = json.loads(kept.read_text("utf-8"))
    return Played(code, told, folder, seconds)


def objects(value: Json) -> list[JsonObject]:
    """The objects of a list."""
    assert isinstance(value, list)
    return [item for item in value if isinstance(item, dict)]


def one(value: Json) -> JsonObject:
    """An object."""
    assert isinstance(value, dict)
    return value
