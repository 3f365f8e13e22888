"""What operators ask about what came and is not needed any more. What of it goes is `exchange.discard`'s."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from connector.errors import BadInput, NotFound
from connector.exchange.discard import Which
from connector.exchange.draft import micros
from connector.model import JsonObject
from connector.server import asked
from connector.server.lines import Tell, stream
from connector.server.services import SERVICES, Services

_MOST_DAYS = 36_525


def routes() -> list[web.RouteDef]:
    """The routes of the management API."""
    return [web.post("/v1/discard", _discard)]


async def _discard(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await asked.body(request)
    which, really = await _which(services, body), body.get("really") is True

    async def work(_: Tell) -> JsonObject:
        discarded = await services.discard.run(which, really=really)
        return {**discarded.as_json(), "discarded": really}

    return await stream(request, work)


async def _which(services: Services, body: JsonObject) -> Which:
    """What is meant. `BadInput`: everything, which nobody means."""
    agreement, peer, unit = (asked.text(body, name, "") for name in ("agreement", "from", "unit"))
    days = body.get("older_than_days")
    if not (agreement or peer or unit or days):
        raise BadInput("say what: an agreement, a peer, a unit or an age", hint="battery-connector received lists it")
    if days is not None and (not isinstance(days, int) or not 0 < days <= _MOST_DAYS):
        raise BadInput(f"{days!r} is no number of days")
    if agreement and await services.store.load_agreement(services.config.tenant, agreement) is None:
        raise NotFound(f"no agreement {agreement}", hint="battery-connector agreement list")
    before = micros(services.clock.now() - timedelta(days=days)) if isinstance(days, int) else 0
    return Which(
        agreement_id=agreement, holder=services.config.peer(peer) if peer else "", unit=unit, before=before
    )  # fmt: skip
