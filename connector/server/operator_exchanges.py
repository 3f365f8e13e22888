"""Negotiations and transfers for operators: the newest first, page by page; and one of them, as a picture and in words.

What a process is made of is `processes`'s, what is said of it `standing`'s: `why` says the same.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from connector.errors import BadInput
from connector.exchange.rows import ProcessKind
from connector.model import JsonObject, object_in
from connector.protocol import negotiation, transfer
from connector.server import processes
from connector.server.exchange_picture import LEFT, RIGHT, WIDTH, lay_out
from connector.server.operator_layout import PAGE, behind, page_of, show
from connector.server.operator_today import waiting
from connector.server.services import SERVICES, Services
from connector.server.sessions import PLACE
from connector.server.standing import advice, reason_in_words, secret_of_the_peer, since, turn_in_words
from connector.server.words import terms_in_words

_ROWS: Final = 100
_STATES: Final = tuple(dict.fromkeys(str(one) for states in (negotiation.State, transfer.State) for one in states))
_KINDS: Final[dict[str, tuple[ProcessKind, ...]]] = {
    "": ("negotiation", "transfer"),
    "negotiation": ("negotiation",),
    "transfer": ("transfer",),
}


def routes() -> list[web.RouteDef]:
    """The list, and one."""
    return [web.get(PLACE + "exchanges", _listed), web.get(PLACE + "exchanges/{id}", _one)]


async def _listed(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    asked = {name: request.query.get(name, "").strip() for name in ("kind", "state", "peer")}
    kind, state, peer = asked.values()
    if kind not in _KINDS or state not in {"", *_STATES}:
        raise BadInput("there is no such kind or state", hint="choose one of those in the form")
    rows = await services.store.newest_processes(
        services.tenant, *_KINDS[kind], counterparty=services.config.peer(peer) if peer else "",
        states=(state,) if state else (), before=behind(request.query.get("before", "")), limit=PAGE + 1,
    )  # fmt: skip
    page, more = page_of(rows, lambda row: {**asked, "before": f"{row.updated}~{row.pid}"})
    heads = [await processes.head(services, row) for row in page]
    return show(
        request, "exchanges", exchanges=heads, states=_STATES, kinds=tuple(_KINDS), asked=asked,
        first="before" not in request.query, more=more,
    )  # fmt: skip


async def _one(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    row = await processes.find(services, request.match_info["id"])
    process = await processes.whole(services, row)
    content = object_in(process["content"])
    terms = content.get("agreement") if isinstance(content.get("agreement"), dict) else content.get("offer")
    agreed = await _agreed(services, content)
    return show(
        request, "exchange", process=process, agreement=agreed, most=_ROWS, picture=lay_out(process), left=LEFT,
        right=RIGHT, width=WIDTH,
        turn=turn_in_words(process), since=since(process), reason=reason_in_words(process),
        secret=secret_of_the_peer(process), advice="".join(advice(process)), decision=content.get("decision"),
        plain=terms_in_words(terms) if isinstance(terms, dict) else None,
        waiting=(await waiting(services, row.pid))[0],
    )  # fmt: skip


async def _agreed(services: Services, content: JsonObject) -> str:
    """The agreement that came of it, or under which it is; empty where none stands."""
    said = content.get("agreement")
    ident = str(object_in(said).get("@id") or "") if isinstance(said, dict) else str(said or "")
    found = await services.store.load_agreement(services.tenant, ident) if ident else None
    return found.agreement_id if found is not None else ""
