"""The first page for operators: what waits for a person, what goes wrong, how much there is; and the word that is said.

A word is the management API's (`decisions`, `transfers`), and counts for what the page showed: if something else waits
there by now, nothing is said.
"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson
from aiohttp import web

from connector.errors import BadInput, Conflict, NotFound
from connector.exchange.rows import ProcessRow
from connector.exchange.stored import content_of, under_way
from connector.model import JsonObject
from connector.protocol.transfer import State
from connector.server import decisions, processes, transfers
from connector.server.operator_layout import see, show
from connector.server.requests import Decide
from connector.server.services import SERVICES, Services
from connector.server.sessions import PLACE, SESSION, place_of
from connector.server.standing import ASKS, PERMITTED, READS_PERMITTED, reason_in_words
from connector.server.trouble import trouble
from connector.server.words import terms_in_words

_WAIT_SECONDS: Final = 5.0
"""So long a page waits for the peer's answer to a word; then it shows where the process stands."""
_SHOWN: Final = 50
_LATELY: Final = 5
_AT_ONCE: Final = 1_000
"""So many rows are read at a time, however many there are."""
_LONGEST_REASON: Final = 1_000


def routes() -> list[web.RouteDef]:
    """The page, and its forms."""
    return [
        web.get(PLACE, _today),
        web.post(PLACE + "approvals/{id}", _decide),
        web.post(PLACE + "starts/{id}", _start),
    ]


async def _today(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    held, there = await waiting(services)
    starts, to_start = await _starts(services)
    counts, ended = await services.store.counts(services.tenant), await _ended(services)
    return show(
        request, "today", waiting=held, there=there, starts=starts, to_start=to_start,
        troubles=await trouble(services), ended=ended, counts=counts,
    )  # fmt: skip


async def waiting(services: Services, pid: str = "") -> tuple[list[JsonObject], int]:
    """What waits for a word, as `decisions` tells it, with its sentences and a key for the answer; how many there are.

    `pid`: only what waits there. A page has so many at most: a peer may ask for as much as it likes.
    """
    rows = await decisions.held(services, pid) if pid else []
    there = len(rows)
    if not pid:
        rows, there = await decisions.queue(services, _SHOWN)
    told: list[JsonObject] = []
    for one in [await decisions.shown(services, row) for row in rows]:
        other = one["turn"] == "counter-request" and one["ours"]
        told.append({
            **one, "asks": ASKS[str(one["turn"])], "plain": terms_in_words(one["terms"]) if one["terms"] else None,
            "ours_plain": terms_in_words(one["ours"]) if other else None,
            "says": READS_PERMITTED if one["turn"] == "audit" else PERMITTED if one["policy"] else None,
            "key": services.ids.urn(), "seen": _seen(one),
        })  # fmt: skip
    return told, there


async def _starts(services: Services) -> tuple[list[JsonObject], int]:
    """Transfers that a person has to start, those that wait longest first; how many there are."""
    found, there, before = list[ProcessRow](), 0, None
    while rows := await services.store.newest_processes(
        services.tenant, "transfer", role="provider", states=(State.REQUESTED,), before=before, limit=_AT_ONCE
    ):
        waiting, before = [row for row in rows if not under_way(row)], (rows[-1].updated, rows[-1].pid)
        found, there = [*found, *waiting][-_SHOWN:], there + len(waiting)
    return [await processes.head(services, row) for row in reversed(found)], there


async def _ended(services: Services) -> list[JsonObject]:
    """What was refused or broken off last, with the reason."""
    rows = await services.store.newest_processes(
        services.tenant, "negotiation", "transfer", states=(State.TERMINATED,), limit=_LATELY
    )
    return [
        {
            **await processes.head(services, row),
            "reason": reason_in_words({"state": row.state, "content": content_of(row)}),
        }
        for row in rows
    ]


# --- words -----------------------------------------------------------------------------------------------------------


async def _decide(request: web.Request) -> web.Response:
    services, ident, form = request.app[SERVICES], request.match_info["id"], await request.post()
    decision, reason, key = (str(form.get(name, "")).strip() for name in ("decision", "reason", "key"))
    if decision not in {"approve", "reject"} or not key or len(reason) > _LONGEST_REASON:
        raise BadInput(f"a word is approve or reject, with a reason of at most {_LONGEST_REASON} characters")
    if decision == "reject":
        _told_why(reason)
    if await services.store.load_command(services.tenant, key) is None:
        await _same_as_shown(services, ident, str(form.get("seen", "")))
    said = Decide.model_validate({"decision": decision, "reason": reason, "wait_seconds": _WAIT_SECONDS})
    answer = await decisions.decided(services, ident, said, key)
    return see(place_of(request[SESSION]) + (f"exchanges/{ident}" if "negotiation" in answer else ""))


def _told_why(reason: str) -> None:
    if not reason:
        raise BadInput("who is refused is to be told why; nothing was said yet", hint="write a sentence, and refuse")


async def _same_as_shown(services: Services, ident: str, seen: str) -> None:
    """`Conflict`: what waits there now is not what the person saw, or nothing waits any more."""
    if seen not in [_seen(await decisions.shown(services, row)) for row in await decisions.held(services, ident)]:
        raise Conflict("what waited here changed or was decided since you looked; nothing was said", hint="look again")


def _seen(one: JsonObject) -> str:
    """All that was shown of what waits, in short."""
    return hashlib.sha256(orjson.dumps(one, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def _start(request: web.Request) -> web.Response:
    services, ident, form = request.app[SERVICES], request.match_info["id"], await request.post()
    word, reason = str(form.get("decision", "")), str(form.get("reason", "")).strip()
    if word not in {"start", "terminate"} or len(reason) > _LONGEST_REASON:
        raise NotFound("a transfer is started or ended here", hint="battery-connector transfers does more")
    if word == "terminate":
        _told_why(reason)
    await transfers.act(services, word, ident, reason=reason, wait_seconds=_WAIT_SECONDS)
    return see(f"{place_of(request[SESSION])}exchanges/{ident}")
