"""One round with a real EDC: every journey, then many negotiations at once, then what EDC's log says about us."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from connector.model import Json
from tests.interop import company
from tests.interop.edc import endings, journeys, load, pushes, runtime, settled
from tests.interop.outcome import Outcome
from tests.interop.warehouse import open_warehouse

PARTICIPANT = "partner"
S = TypeVar("S")
_RACES = (
    "currently leased", "already leased by someone else", "cannot be agreed", "cannot be started",
    "persistence.Lease.isExpired", "createId(AbstractJsonLdTransformer",
)  # fmt: skip
"""EDC's own: two of its threads, or our answer and its commit, meet. The last but one is in its table of leases; the
last is its process shown on our GET, in which it has not yet written the pid that our answer gave it."""
_LEVELS = ("DEBUG", "INFO", "WARNING", "SEVERE")
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
        company.running(folder / "us", {PARTICIPANT: at(edc)}) as us,
        company.running(folder / "careful", {PARTICIPANT: at(edc)}, by_hand=PARTICIPANT) as careful,
    ):
        scene = journeys.prepare(edc, us, careful, warehouse)
        for journey in (*journeys.JOURNEYS, *pushes.JOURNEYS, *endings.JOURNEYS):
            yield tried(journey, scene)
        if wait_millis is not None:
            yield tried(load.negotiations, scene)
        yield log_of(edc)


def at(edc: runtime.Edc) -> dict[str, Json]:
    """What our configuration says of an EDC."""
    return {"id": edc.participant, "address": edc.protocol_url}


def tried(journey: Callable[[S], str], scene: S) -> Outcome:
    """What came of a journey; one in which EDC lost a message of ours is made a second time."""
    began = time.monotonic()
    try:
        try:
            said, passed = journey(scene), True
        except settled.LostByEdcError as lost:
            said, passed = f"{journey(scene)}; at the second try, the first was lost by EDC: {lost!s:.200}", True
    except Exception as error:  # noqa: BLE001 - the table goes on, and tells
        last = traceback.extract_tb(error.__traceback__)[-1]
        said, passed = f"{last.name}:{last.lineno}: {error!r:.600}", False
    return Outcome(ident=journey.__name__, passed=passed, said=f"{said} ({time.monotonic() - began:.1f} s)")


def log_of(edc: runtime.Edc, *also: str) -> Outcome:
    """Errors about our messages, except what EDC's own races give, what the journeys mean to provoke, and these."""
    known = (*_RACES, *journeys.PROVOKED, *also)
    foreign = [said for said in _severe(edc.log) if not any(word in said for word in known)]
    return Outcome(ident="edc-log", passed=not foreign, said="; ".join(foreign)[:600] or "no error about us")


def _severe(log: Path) -> list[str]:
    """Every error with the lines of its cause."""
    said = re.split(rf"^(?=\S*(?:{'|'.join(_LEVELS)}) )", log.read_text("utf-8", "replace"), flags=re.MULTILINE)
    return [one for one in said if "SEVERE" in one.partition("\n")[0]]
