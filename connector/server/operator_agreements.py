"""What we offer and under which policy, what was agreed with whom, what came; for operators and compliance officers.

Policies are told as `policy plain` tells them, agreements as `agreement show` does.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from connector.exchange.policies import why_refused
from connector.exchange.rows import DatasetRow
from connector.exchange.stored import time_of
from connector.model import Json, JsonObject
from connector.policy.pinning import pins_of
from connector.policy.plain import plain
from connector.server import agreements, received
from connector.server.operator_layout import PAGE, behind, page_of, show
from connector.server.services import SERVICES, Services
from connector.server.sessions import PLACE
from connector.server.words import receipts_in_words, terms_in_words


def routes() -> list[web.RouteDef]:
    """Four pages."""
    return [
        web.get(PLACE + "offers", _offers),
        web.get(PLACE + "agreements", _agreements),
        web.get(PLACE + "agreements/{id}", _agreement),
        web.get(PLACE + "received", _received),
    ]


async def _offers(request: web.Request) -> web.Response:
    services, after = request.app[SERVICES], request.query.get("after", "")
    rows = await services.store.list_datasets(services.tenant, after=after, limit=PAGE + 1)
    page, more = page_of(rows, lambda row: {"after": row.dataset_id})
    agreed = await services.store.count_agreements(services.tenant, [row.dataset_id for row in page])
    offers = [_offer(services, row, agreed.get(row.dataset_id, 0)) for row in page]
    return show(request, "offers", offers=offers, first=not after, more=more)


def _offer(services: Services, row: DatasetRow, agreed: int) -> JsonObject:
    pins: list[Json] = [*pins_of(orjson.loads(row.policy))]
    policy = services.negotiate.weighing.policies.of(row).policy
    return {
        "dataset": row.dataset_id, "title": row.title, "types": [*row.record_types], "plain": plain(policy),
        "approval": row.approval, "at": time_of(row.at), "withdrawn": time_of(row.withdrawn) if row.withdrawn else None,
        "pins": pins, "agreed": agreed, "refused": why_refused(row),
    }  # fmt: skip


async def _agreements(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    asked = {name: request.query.get(name, "").strip() for name in ("peer", "dataset")}
    rows = await services.store.newest_agreements(
        services.tenant, counterparty=services.config.peer(asked["peer"]) if asked["peer"] else "",
        dataset_id=asked["dataset"], before=behind(request.query.get("before", "")), limit=PAGE + 1,
    )  # fmt: skip
    page, more = page_of(rows, lambda row: {**asked, "before": f"{row.at}~{row.agreement_id}"})
    heads = [
        {**await agreements.head(services, row), "plain": terms_in_words(orjson.loads(row.agreement))} for row in page
    ]
    return show(
        request, "agreements", agreements=heads, asked=asked, first="before" not in request.query, more=more,
    )  # fmt: skip


async def _agreement(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    one = await agreements.whole(services, request.match_info["id"])
    row = await services.store.load_agreement(services.tenant, request.match_info["id"])
    assert row is not None, "it was there a moment ago, and agreements are never dropped"
    return show(
        request, "agreement", one=one, plain=terms_in_words(one["terms"]),
        receipts=receipts_in_words(await received.receipts(services, row)),
    )  # fmt: skip


async def _received(request: web.Request) -> web.Response:
    """By record id; the newest version of each."""
    services = request.app[SERVICES]
    record, _, holder = request.query.get("after", "").partition(" ")
    rows = await services.store.list_records(services.tenant, origin="received", after=(record, holder), limit=PAGE + 1)
    page, more = page_of(rows, lambda row: {"after": f"{row.record_id} {row.holder}"})
    records = [await received.shown_of(services, row) for row in page]
    parties = await services.store.agreement_parties(services.tenant)
    return show(
        request, "received", records=records, room=await received.room(services, parties), first=not record,
        more=more,
    )  # fmt: skip
