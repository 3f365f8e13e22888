"""What operators ask about an offer that is to be one no longer. What follows of it is `exchange.withdraw`'s."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from connector.errors import Conflict, NotFound
from connector.exchange.rows import DatasetRow
from connector.exchange.stored import time_of
from connector.model import JsonObject
from connector.server import answers, asked, requests
from connector.server.lines import Tell, stream
from connector.server.operations import Operation
from connector.server.services import SERVICES, Services

_MOVED = "everything in it is offered under other terms now"
_TITLES = 20


def operations() -> list[Operation]:
    """What the management API does about an offer that is to be one no longer."""
    says = "Stop offering a dataset: open negotiations on it end, what was agreed goes on."
    return [
        Operation(
            "POST", "/v1/withdraw", _withdraw, says, (answers.Withdrawn,), asked=requests.Withdraw,
            fails=(NotFound, Conflict), lines=(answers.Told,),
        )
    ]  # fmt: skip


async def _withdraw(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await asked.body(request, requests.Withdraw)
    dataset = await own_dataset(services, body.dataset)

    async def work(tell: Tell) -> JsonObject:
        withdrawn = await services.withdraw.run(
            dataset, reason=body.reason, end_transfers=body.end_transfers, on_ended=lambda done: tell({"done": done})
        )
        return withdrawn.as_json()

    return await stream(request, work)


async def clear_away(services: Services, left: Iterable[str]) -> tuple[list[str], list[str]]:
    """Withdraw those of these datasets in which nothing is any more: their ids, and a sentence about each."""
    gone: list[str] = []
    told: list[str] = []
    for dataset_id in sorted(left):
        row = await services.store.load_dataset(services.tenant, dataset_id)
        if row is None or row.withdrawn or not await services.withdraw.is_empty(row):
            continue
        try:
            withdrawn = await services.withdraw.run(row, reason=_MOVED)
        except Conflict:  # somebody publishes it anew
            continue
        gone.append(dataset_id)
        ended, agreed = len(withdrawn.terminated["negotiation"]), len(withdrawn.agreements)
        told.append(
            f"nothing is left in {row.title!r} ({dataset_id}), so that offer was withdrawn"
            + (f"; open negotiations on it are terminated: {ended}" if ended else "")
            + (
                f"; agreements that open nothing now, so that their parties have to ask anew: {agreed}"
                if agreed
                else ""
            )
        )
    return gone, told


async def own_dataset(services: Services, wanted: str, *, offered: bool = False) -> DatasetRow:
    """A dataset of ours by id or title; of one title what is offered, or else what was withdrawn last.

    `offered`: a withdrawn one does not count. `NotFound`: there is none, or more than one.
    """
    tenant = services.tenant
    exact = await services.store.load_dataset(tenant, wanted)
    fitting, titles = [exact] if exact is not None else [], list[str]()
    after = ""
    while exact is None and (rows := await services.store.list_datasets(tenant, after=after)):
        fitting += [row for row in rows if row.title == wanted]
        titles += [row.title for row in rows if not row.withdrawn][: _TITLES - len(titles)]
        after = rows[-1].dataset_id
    standing = [row for row in fitting if not row.withdrawn]
    last = max(fitting, key=lambda row: row.withdrawn, default=None)
    meant = standing if standing or offered or last is None else [last]
    if len(meant) == 1:
        return meant[0]
    if meant:
        listed = ", ".join(row.dataset_id for row in meant[:_TITLES])
        raise NotFound(f"we offer {len(meant)} datasets {wanted!r}", hint=f"say which one by its id: {listed}")
    if last is not None:
        raise NotFound(f"the offer {wanted!r} was withdrawn at {time_of(last.withdrawn)}", hint="publish it again")
    raise NotFound(f"we offer no dataset {wanted!r}", hint=f"we offer: {', '.join(titles) or 'nothing; publish first'}")
