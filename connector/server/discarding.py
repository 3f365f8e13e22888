"""What operators ask about what came and is not needed any more. What of it goes is `exchange.discard`'s."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from connector.errors import BadInput, NotFound
from connector.exchange.discard import Which
from connector.exchange.stored import micros
from connector.model import JsonObject
from connector.server import answers, answers_data, asked, requests
from connector.server.lines import Tell, stream
from connector.server.operations import Operation
from connector.server.services import SERVICES, Services


def operations() -> list[Operation]:
    """What the management API does about what is not needed any more."""
    says = "Delete what came and is not needed any more, or count it."
    return [
        Operation(
            "POST", "/v1/discard", _discard, says, (answers_data.Discarded,), asked=requests.Discard, fails=(NotFound,),
            lines=(answers.Told,),
        )
    ]  # fmt: skip


async def _discard(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await asked.body(request, requests.Discard)
    which, really = await _which(services, body), body.really

    async def work(_: Tell) -> JsonObject:
        discarded = await services.discard.run(which, really=really)
        return {**discarded.as_json(), "discarded": really}

    return await stream(request, work)


async def _which(services: Services, body: requests.Discard) -> Which:
    """What is meant. `BadInput`: everything, which nobody means."""
    agreement, peer, unit, days = body.agreement, body.holder, body.unit, body.older_than_days
    if not (agreement or peer or unit or days):
        raise BadInput("say what: an agreement, a peer, a unit or an age", hint="battery-connector received lists it")
    if agreement and await services.store.load_agreement(services.tenant, agreement) is None:
        raise NotFound(f"no agreement {agreement}", hint="battery-connector agreement list")
    before = micros(services.clock.now() - timedelta(days=days)) if days is not None else 0
    return Which(
        agreement_id=agreement, holder=services.config.peer(peer) if peer else "", unit=unit, before=before
    )  # fmt: skip
