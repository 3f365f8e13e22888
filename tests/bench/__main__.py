"""`python -m tests.bench`: every figure, beside its target."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.bench.catalog import catalogue
from tests.bench.contact import contact
from tests.bench.core import credentials, mapping, passports
from tests.bench.crowd import crowd
from tests.bench.edc import edc
from tests.bench.exchange import exchange
from tests.bench.figures import Figure, show
from tests.bench.large import large
from tests.bench.measuring import machine, need_linux, probe_disk, probe_speed
from tests.bench.postgres import postgres
from tests.bench.shapes import shapes
from tests.bench.units import units

PARTS = (
    "exchange", "contact", "postgres", "crowd", "edc", "catalogue", "units", "large",
    "mapping", "credentials", "passports", "shapes",
)  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Figures of this machine.")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part of it; may be repeated")
    parser.add_argument("--rounds", type=int, default=3, help="floor and connector take turns so often")
    parser.add_argument("--scale", type=float, default=1.0, help="more or less work in each round")
    parser.add_argument("--gigabytes", type=float, default=5.0, help="how large the large file is")
    parser.add_argument("--crowd", type=int, default=10_000, help="how many exchanges at 200 at once")
    parser.add_argument("--units", type=int, default=100_000, help="how many units the collection has")
    parser.add_argument("--keep", type=Path, help="use this folder and keep it")
    asked = parser.parse_args(arguments)
    between: Mapping[str, Callable[[Path], Coroutine[None, None, list[Figure]]]] = {
        "exchange": partial(exchange, rounds=asked.rounds, scale=asked.scale),
        "contact": contact,
        "postgres": partial(postgres, rounds=asked.rounds, scale=asked.scale),
        "crowd": partial(crowd, count=asked.crowd),
        "edc": partial(edc, scale=asked.scale),
        "large": partial(large, gigabytes=asked.gigabytes),
        "units": partial(units, count=asked.units),
        "catalogue": catalogue,
    }
    within = {"mapping": mapping, "credentials": credentials, "passports": passports, "shapes": shapes}
    need_linux()
    with tempfile.TemporaryDirectory(prefix="battery-bench-") as scratch:
        folder = asked.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        disk, speed = probe_disk(folder), probe_speed()
        figures: list[Figure] = []
        for part in asked.only or PARTS:
            print(f"measuring {part} ...", file=sys.stderr)
            place = folder / part
            place.mkdir(exist_ok=True)
            figures += asyncio.run(between[part](place)) if part in between else within[part]()
        after, speed_after = probe_disk(folder), probe_speed()
    told = machine()
    if asked.json:
        where = {
            **told,
            "fdatasync_ms": [round(disk.median, 3), round(after.median, 3)],
            "speed_probe_ms": [round(speed), round(speed_after)],
        }
        print(json.dumps({"machine": where, "figures": [figure.as_json() for figure in figures]}, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(
        f"{told['processor']}, {told['cores']} cores, load {told['load']}, {told['system']}, Python {told['python']}"
    )
    console.print(f"disk before: {disk}; after: {after}")
    console.print(f"CPU of a million turns of a Python loop before: {speed:.0f} ms; after: {speed_after:.0f} ms\n")
    show(console, figures)


if __name__ == "__main__":
    main(sys.argv[1:])
