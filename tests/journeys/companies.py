"""Two companies on loopback for the journeys' tests, one gives and one takes, each run by `crashing`.

Their folders are made as `tests/bench/pair.py` makes them; the provider publishes a new row for each round, so that
each round has data of its own to carry.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from connector.cli.client import Management
from connector.config import Config
from connector.errors import CannotCheck
from connector.model import JsonObject
from tests.bench.authority import Authority
from tests.bench.pair import POLICY, make_company, write_rows

T = TypeVar("T")
READY_SECONDS = 120.0
PATIENCE_SECONDS = 120.0
OPEN = POLICY.replace(
    '"operator": "eq", "rightOperand": "PUB"', '"operator": "isAnyOf", "rightOperand": ["PUB", "B2B"]'
)


@dataclass(slots=True)
class Member:
    """A company's folder and, while it runs, its process: one of them, where it has several."""

    config: Config
    process: subprocess.Popen[bytes] | None = None
    name: str = "connector.toml"

    @property
    def file(self) -> Path:
        """Its configuration."""
        return self.config.folder / self.name

    @property
    def orders(self) -> Path:
        """When it has to die."""
        return self.config.folder / f"orders of {self.name}"

    @property
    def management(self) -> Management:
        """Its management API."""
        return Management.of(self.file)

    def start(self) -> None:
        """Run it, and wait until it answers."""
        words = [sys.executable, "-m", "tests.journeys.crashing", str(self.orders), "serve", "--config", str(self.file)]
        with (self.config.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.management.get("/health/ready")
            except CannotCheck:
                assert self.process.poll() is None, (self.config.folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)


def make_pair(folder: Path, authority: Authority, ports: list[int]) -> tuple[Member, Member]:
    """The one that gives, and the one that takes."""
    made = []
    for name in ("giver", "taker"):
        config = make_company(folder / name, authority, ports.pop(), ports.pop())
        file = config.folder / "connector.toml"
        text = file.read_text("utf-8") + 'FacilityRecord = ["members"]\n'
        file.write_text(text + "\n[limits]\nretry_first_seconds = 0.2\nretry_cap_seconds = 2.0\n", "utf-8")
        (config.folder / "policies" / "members.json").write_text(OPEN, "utf-8")
        made.append(Member(config))
    return made[0], made[1]


def publish(giver: Member, rows: int) -> JsonObject:
    """Offer so many sites."""
    folder = giver.config.folder
    write_rows(folder, rows)
    body: JsonObject = {
        "plan": str(folder / "plans" / "sites.yaml"),
        "policy": str(folder / "policies" / "members.json"),
    }
    return giver.management.work("/v1/publish", body)


class Keeper:
    """Raises the dead, as a service manager does, and counts them."""

    def __init__(self, members: tuple[Member, ...]) -> None:
        self.deaths: Counter[int | None] = Counter()
        self._members = members
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        for one in self._members:
            one.start()
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ending.set()
        self._thread.join()
        for one in self._members:
            one.stop()

    def _watch(self) -> None:
        while not self._ending.wait(0.02):
            for one in self._members:
                if one.process is not None and (code := one.process.poll()) is not None:
                    self.deaths[code] += 1
                    one.orders.unlink(missing_ok=True)
                    one.start()


def until_answered(call: Callable[[], T]) -> T:
    """Repeat a command until it is answered, as its caller would."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except CannotCheck:
            assert time.monotonic() < deadline, "the command was never answered"
        time.sleep(0.05)
