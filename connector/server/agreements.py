"""What operators see of an agreement: what was agreed, what was said for it, what was delivered, whether these fit.

As consumer what came is compared with what the agreement pins, as provider what would be given now. A pin is of all
that the dataset holds: who may have a part of it can't work its digest out, and is told so.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

import orjson
from aiohttp import web

from connector.credentials.digest import content_digest, file_part, unit_part
from connector.errors import NotFound
from connector.exchange.keeping import DeliveredRow
from connector.exchange.receipts import receipt_in, worth
from connector.exchange.rows import AgreementRow, ProcessRow
from connector.exchange.stored import content_of, time_of
from connector.model import Json, JsonObject
from connector.policy.pinning import PIN, by_unit, pins_of
from connector.server import answers_data as answers
from connector.server import asked, processes, requests
from connector.server.operations import Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services

SHOWN: Final = 100
_NO_PIN: Final = ("not-pinned", "the agreement pins no content")


def operations() -> list[Operation]:
    """What the management API does about agreements."""
    one = "An agreement: what was said for it, what was delivered under it, and whether that is what was agreed."
    return [
        Operation(
            "GET",
            "/v1/agreements",
            _listed,
            "Agreements, the oldest first, page by page.",
            (answers.Agreements,),
            asked=requests.Agreements,
            fails=(NotFound,),
        ),
        Operation("GET", "/v1/agreements/{id}", _one, one, (answers.Agreement,), fails=(NotFound,)),
    ]


async def _listed(request: web.Request) -> web.Response:
    services, said = request.app[SERVICES], asked.query(request, requests.Agreements)
    last = await _known(services, said.after) if said.after else None
    after = (last.at, last.agreement_id) if last is not None else (0, "")
    rows = await services.store.list_agreements(services.tenant, after=after, limit=said.limit + 1)
    page: list[Json] = [await head(services, row) for row in rows[: said.limit]]
    behind = {"after": rows[said.limit - 1].agreement_id, "limit": said.limit} if len(rows) > said.limit else {}
    return json_response({"agreements": page, "next": f"{request.path}?{urlencode(behind)}" if behind else None})


async def _one(request: web.Request) -> web.Response:
    return json_response(await whole(request.app[SERVICES], request.match_info["id"]))


async def whole(services: Services, ident: str) -> JsonObject:
    """All that is shown of an agreement. `NotFound`: there is none of this id."""
    row = await _known(services, ident)
    came = await _delivered(services, row)
    return {
        **await head(services, row), "terms": orjson.loads(row.agreement), "messages": await _said(services, row),
        "transfers": await _transfers(services, row), "delivered": _shown(came),
        "comparison": await _compared(services, row, came),
    }  # fmt: skip


async def _known(services: Services, ident: str) -> AgreementRow:
    row = await services.store.load_agreement(services.tenant, ident)
    if row is None:
        raise NotFound(f"no agreement {ident}", hint="battery-connector agreement list shows all")
    return row


async def head(services: Services, row: AgreementRow) -> JsonObject:
    """What a list shows of an agreement; its negotiation may have been terminated after all."""
    negotiation = await services.store.load_process(row.tenant, "negotiation", row.negotiation_pid)
    terms = orjson.loads(row.agreement)
    pins: list[Json] = [*pins_of(terms)] if PIN.encode() in row.agreement else []  # few pin anything
    return {
        "agreement": row.agreement_id, "role": row.role, "with": row.counterparty, "dataset": row.dataset_id,
        "title": await title_of(services, row, negotiation), "provider": terms.get("assigner"),
        "consumer": terms.get("assignee"), "agreed": terms.get("timestamp") or time_of(row.at),
        "negotiation": row.negotiation_pid,
        "state": negotiation.state if negotiation is not None else None, "pins": pins, "replacedBy": row.replaced_by,
    }  # fmt: skip


async def title_of(services: Services, row: AgreementRow, negotiation: ProcessRow | None) -> str | None:
    """What the dataset is called that it is about; the negotiation knows."""
    return None if negotiation is None else await processes.title_of(services, row.role, content_of(negotiation))


async def _said(services: Services, row: AgreementRow) -> list[Json]:
    """The negotiation's messages, each with what its receipt is worth, and ours for theirs."""
    return [
        {
            "direction": one.direction, "message": one.message_type, "at": time_of(one.at), "status": one.status,
            "receipt": worth(one) or ("given" if receipt_in(one.answer_headers) else None),
        }
        for one in await services.store.messages(row.tenant, "negotiation", row.negotiation_pid)
    ]  # fmt: skip


async def _transfers(services: Services, row: AgreementRow) -> list[Json]:
    """Those of them that are among the newest of all transfers."""
    newest, _ = await processes.newest(services, "transfer")
    return [
        {"transfer": one.pid, "state": one.state, "created": time_of(one.created), "updated": time_of(one.updated)}
        for one in newest
        if content_of(one).get("agreement") == row.agreement_id
    ]


async def _delivered(services: Services, row: AgreementRow) -> list[DeliveredRow]:
    """Every unit that came, as it came last; first, with an empty unit, whether all came in one transfer."""
    came: list[DeliveredRow] = []
    start = ""
    while page := await services.store.list_delivered(row.tenant, row.agreement_id, start=start):
        came += page
        start = page[-1].unit + "\0"
    return came


def _shown(came: list[DeliveredRow]) -> JsonObject:
    units = [one for one in came if one.unit]
    listed: list[Json] = [
        {"unit": one.unit, "version": one.version or None, "digests": [*one.digests], "at": time_of(one.at)}
        for one in units[:SHOWN]
    ]
    return {
        "records": sum(one.version > 0 for one in units), "files": sum(one.version == 0 for one in units),
        "digest": _digest(units) or None, "whole": any(not one.unit for one in came), "units": listed,
        "more": max(0, len(units) - SHOWN),
    }  # fmt: skip


def _digest(units: list[DeliveredRow]) -> str:
    return content_digest(
        unit_part(one.unit, one.version, one.digests) if one.version else file_part(one.unit) for one in units
    )


async def _compared(services: Services, row: AgreementRow, came: list[DeliveredRow]) -> JsonObject:
    terms = orjson.loads(row.agreement)
    pins = pins_of(terms)
    if not pins:
        verdict, reason = _NO_PIN
    elif row.role == "provider":
        now = await services.transfer.contents.digest(row.dataset_id)
        same = all(pin == now for pin in pins)
        verdict = "same" if same else "different"
        reason = (
            "what the dataset holds now is what was agreed"
            if same
            else f"the dataset now holds {now or 'nothing'}: it is refused under this agreement"
        )
    else:
        units = [one for one in came if one.unit]
        verdict, reason = _judged(pins, terms, units, whole=len(units) < len(came))
    return {"verdict": verdict, "reason": reason}


def _judged(pins: tuple[str, ...], terms: Json, units: list[DeliveredRow], *, whole: bool) -> tuple[str, str]:
    """One word and a sentence: what came, against what was pinned."""
    if not units:
        return "not-delivered", "nothing came under this agreement yet"
    found = _digest(units)
    if all(pin == found for pin in pins):
        return "same", "what came is what was agreed"
    if not whole:
        return "partial", "the pin is of all that the dataset holds, and not all of it was fetched"
    if by_unit(terms):
        return "partial", "the pin is of all that the dataset holds, and these terms may give us only some of it"
    return "different", f"what came has the digest {found}"
