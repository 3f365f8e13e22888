"""One round with a real EDC: every journey, then many negotiations at once, then what EDC's log says about us."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.interop import company
from tests.interop.edc import journeys, load, runtime
from tests.interop.outcome import Outcome
from tests.interop.warehouse import open_warehouse

PARTICIPANT = "partner"
_RACES = ("currently leased", "cannot be agreed", "cannot be started")
"""EDC's own: two of its threads, or our answer and its commit, meet."""
_SHORT_WAIT_MILLIS = 50


def rounds(folder: Path) -> Iterator[Outcome]:
    """At a quick pace, with many negotiations at once; then at EDC's own pace."""
    for wait in (_SHORT_WAIT_MILLIS, None):
        pace = f"{wait} ms" if wait else "default"
        place = folder / pace.replace(" ", "-")
        place.mkdir()
        for one in _round(place, wait):
            yield Outcome(ident=one.ident, passed=one.passed, said=f"{pace}: {one.said}")


def _round(folder: Path, wait_millis: int | None) -> Iterator[Outcome]:
    with (
        runtime.running(folder, PARTICIPANT, wait_millis=wait_millis) as edc,
        open_warehouse() as warehouse,
        company.running(folder / "us", {PARTICIPANT: {"id": PARTICIPANT, "address": edc.protocol_url}}) as us,
    ):
        scene = journeys.prepare(edc, us, warehouse)
        for journey in journeys.JOURNEYS:
            yield _tried(journey, scene)
        if wait_millis is not None:
            yield _tried(load.negotiations, scene)
        yield _log(edc.log)


def _tried(journey: Callable[[journeys.Scene], str], scene: journeys.Scene) -> Outcome:
    began = time.monotonic()
    try:
        said, passed = journey(scene), True
    except Exception as error:  # noqa: BLE001 - the table goes on, and tells
        last = traceback.extract_tb(error.__traceback__)[-1]
        said, passed = f"{last.name}:{last.lineno}: {error!r:.600}", False
    return Outcome(ident=journey.__name__, passed=passed, said=f"{said} ({time.monotonic() - began:.1f} s)")


def _log(log: Path) -> Outcome:
    """Errors about our messages, except what EDC's own races give, and what the journeys mean to provoke."""
    lines = log.read_text("utf-8", "replace").splitlines()
    severe = [line for line in lines if "SEVERE" in line and not any(race in line for race in _RACES)]
    foreign = [line for line in severe if not any(word in line for word in journeys.PROVOKED)]
    return Outcome(ident="edc-log", passed=not foreign, said="; ".join(foreign)[:600] or "no error about us")
