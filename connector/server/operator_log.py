"""The evidence log for operators: what was refused to whom and why, all that happened, one entry whole, and the check.

How an entry is told is `entries`'s: `evidence list` and `evidence show` say the same. The log is read from its end; a
page that looks for something looks so far back at once and no further, and then says from where on it can go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

import orjson
from aiohttp import web

from connector.errors import NotFound
from connector.exchange.rows import EvidenceRow
from connector.model import JsonObject, object_in, objects_in
from connector.provenance.evidence import GENESIS, check
from connector.server import entries
from connector.server.operator_layout import PAGE, show
from connector.server.services import SERVICES, Services
from connector.server.sessions import PLACE

_READ: Final = 1_000
_FURTHEST: Final = 20_000
"""Entries that one page looks through."""
_DIGITS: Final = 19


def routes() -> list[web.RouteDef]:
    """Denials, the log, its check, an entry."""
    return [
        web.get(PLACE + "denials", _denials),
        web.get(PLACE + "evidence", _log),
        web.get(PLACE + "evidence/check", _check),
        web.get(PLACE + "evidence/{number:[0-9]{1,18}}", _entry),
    ]


async def _denials(request: web.Request) -> web.Response:
    return await _listed(request, only_denied=True)


async def _log(request: web.Request) -> web.Response:
    return await _listed(request, only_denied=False)


async def _listed(request: web.Request, *, only_denied: bool) -> web.Response:
    services = request.app[SERVICES]
    asked = {name: request.query.get(name, "").strip() for name in ("peer", "event")}
    did = services.config.peer(asked["peer"]) if asked["peer"] else ""
    before = request.query.get("before", "")

    def wanted(one: JsonObject) -> bool:
        return entries.wanted(one, did=did, event=asked["event"], only_denied=only_denied)

    number = int(before) if before.isdecimal() and len(before) < _DIGITS else None
    found, back = await _newest(services, wanted, _denial if only_denied else _itself, number)
    told: list[JsonObject] = [
        {
            "seq": one["seq"], "when": entries.when(one), "event": one["event"], "party": entries.party_of(one),
            "about": entries.about(one), "policy": entries.policy_in_words(one), "denied": entries.denied(one),
            "word": "left out" if entries.left_out(one) else "denied" if entries.denied(one) else "permitted",
        }
        for one in found
    ]  # fmt: skip
    return show(
        request, "log", entries=told, asked=asked, only_denied=only_denied, first=not before,
        more=urlencode({**asked, "before": back}) if back > 1 else "", back=back,
    )  # fmt: skip


def _itself(entry: JsonObject) -> object:
    return entry["seq"]


def _denial(entry: JsonObject) -> object:
    """The end of a negotiation says its denial again: it is listed once, as it was decided. So is what page after page
    of a fetch leaves out for the same reason.
    """
    pid = object_in(entry["body"]).get("pid")
    return (pid, _reasons(entry)) if pid else entry["seq"]


def _reasons(entry: JsonObject) -> bytes:
    decisions = entries.decisions(entry)
    if entries.left_out(entry):
        paths = [[str(rule["constraint"]) for rule in objects_in(one.get("rules"))] for one in decisions]
        return orjson.dumps([entry["event"], *sorted(paths)])
    return orjson.dumps(decisions)


async def _newest(
    services: Services, wanted: Callable[[JsonObject], bool], key: Callable[[JsonObject], object], before: int | None
) -> tuple[list[JsonObject], int]:
    """A page of what is wanted, the newest first, and the number of the entry up to which was looked. Of several with
    one `key` the oldest, in the place of the newest.
    """
    counts = await services.store.counts(services.tenant) if before is None else {}
    back = counts.get("evidence", 0) + 1 if before is None else before
    least = max(1, back - _FURTHEST)
    found: dict[object, JsonObject] = {}
    while back > least:
        after = max(0, back - 1 - _READ)
        rows = await services.store.evidence(services.tenant, after=after, limit=back - 1 - after)
        for row in reversed(rows):
            back = row.seq
            if wanted(one := entries.as_json(row)):
                found[key(one)] = one
                if len(found) == PAGE:
                    return [*found.values()], back
        if not rows:
            break
    return [*found.values()], back


async def _entry(request: web.Request) -> web.Response:
    services, number = request.app[SERVICES], int(request.match_info["number"])
    rows = await services.store.evidence(services.tenant, after=max(0, number - 1), limit=1)
    if not rows or rows[0].seq != number:
        raise NotFound(f"there is no entry {number}", hint="the log has all there are")
    entry = entries.as_json(rows[0])
    body = object_in(entry["body"])
    said = {name: value for name, value in body.items() if name not in entries.DECISIONS or isinstance(value, str)}
    return show(
        request, "entry", entry=entry, when=entries.when(entry), party=entries.party_of(entry), said=said,
        decisions=entries.decisions(entry), pid=str(body.get("pid") or ""),
    )  # fmt: skip


async def _check(request: web.Request) -> web.Response:
    """The whole log, each entry against its hash and the one before."""
    services, number, newest = request.app[SERVICES], 0, GENESIS
    while rows := await services.store.evidence(services.tenant, after=number, limit=_READ):
        findings = await asyncio.to_thread(_checked, rows, newest, number + 1)
        if findings:
            return show(request, "check", count=number, newest=newest, wrong=findings[0])
        number, newest = rows[-1].seq, rows[-1].hash
    return show(request, "check", count=number, newest=newest, wrong="")


def _checked(rows: list[EvidenceRow], previous: str, first: int) -> list[str]:
    return [one.message for one in check(rows, previous=previous, first=first)]
