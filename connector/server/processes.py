"""What operators see of negotiations and transfers: where one stands, whose turn it is, what was said and tried.

This is what `why` is made of. Secrets never leave: neither data tokens nor credentials that were shown.
"""

from __future__ import annotations

from collections.abc import Collection

import orjson
from aiohttp import web

from connector.errors import NotFound
from connector.exchange.receipts import receipt_in, worth
from connector.exchange.rows import ProcessKind, ProcessRow
from connector.exchange.stored import Content, content_of, time_of
from connector.model import Json, JsonObject
from connector.protocol.process import Process, Role, Table, from_json
from connector.protocol.transfer import State
from connector.protocol.turns import COUNTERS, Turn
from connector.server import answers_peers
from connector.server.operations import Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services

_KINDS: tuple[ProcessKind, ...] = ("negotiation", "transfer")
MOST_SHOWN = 100
_SECRET = ("address", "credentials", "push")


def operations() -> list[Operation]:
    """What the management API shows of processes."""
    listed = "The negotiations and transfers that changed last."
    one = "Where a negotiation or transfer (by our id, the peer's, the agreement's) stands, what was said and tried."
    return [
        Operation("GET", "/v1/processes", _listed, listed, (answers_peers.Processes,)),
        Operation("GET", "/v1/processes/{id}", _one, one, (answers_peers.Process,), fails=(NotFound,)),
    ]


async def _listed(request: web.Request) -> web.Response:
    """The newest first."""
    services = request.app[SERVICES]
    rows, more = await newest(services, *_KINDS)
    shown: list[Json] = [await head(services, row) for row in rows]
    return json_response({"processes": shown, "more": more})


async def _one(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    return json_response(await whole(services, await find(services, request.match_info["id"])))


async def whole(services: Services, row: ProcessRow) -> JsonObject:
    """All that is shown of a process: where it stands, what was said in it, what was tried."""
    tenant, kind = row.tenant, row.kind
    process, content = _parts(row)
    said: list[Json] = [
        {
            "direction": one.direction, "message": one.message_type, "status": one.status, "at": _time(one.at),
            "receipt": worth(one) or ("given" if receipt_in(one.answer_headers) else None),
            "receiptToken": receipt_in(one.answer_headers) or None,
        }
        for one in await services.store.messages(tenant, kind, row.pid)
    ]  # fmt: skip
    tried: list[Json] = [
        {"at": _time(one.at), "status": one.status, "detail": one.detail, "next": _time(one.next_at)}
        for one in await services.store.attempts(tenant, kind, row.pid)
    ]
    for name in _SECRET:
        content.pop(name, None)
    ours = await services.store.load_dataset(tenant, str(content.get("dataset"))) if row.role == "provider" else None
    gone = ours if ours is not None and ours.withdrawn else None
    return {
        **await head(services, row), "turn": _turn(process, _table(services, kind)), "pending": _pending(process),
        "next": await _next(services, row), "ends": _ends(services, row), "waits": _waits(content), "content": content,
        "withdrawn": time_of(gone.withdrawn) if gone is not None else None,
        "emptied": gone is not None and await services.withdraw.is_empty(gone),
        "messages": said, "attempts": tried,
    }  # fmt: skip


async def find(services: Services, ident: str) -> ProcessRow:
    """By our id, by the peer's, or by the agreement that a negotiation led to."""
    store, tenant = services.store, services.tenant
    agreement = await store.load_agreement(tenant, ident)
    pid = agreement.negotiation_pid if agreement is not None else ident
    for kind in _KINDS:
        row = await store.load_process(tenant, kind, pid)
        if row is not None:
            return row
    for row in await store.processes_of_peer_pid(tenant, ident):
        return row
    days = services.config.limits.keep_ended_days
    hint = f"battery-connector why shows the newest; what ended without an agreement is forgotten after {days} days"
    raise NotFound("no such negotiation, transfer or agreement", hint=hint)


async def newest(services: Services, *kinds: ProcessKind, behind: Collection[str] = ()) -> tuple[list[ProcessRow], int]:
    """The processes that changed last, and how many there are more; those in states `behind` after all others."""
    store, tenant = services.store, services.tenant
    rows = await store.newest_processes(tenant, *kinds, behind=behind, limit=MOST_SHOWN)
    counts = await store.counts(tenant)
    there = sum(count for name, count in counts.items() if name.partition(" ")[0] in kinds)
    return rows, max(0, there - len(rows))


async def title_of(services: Services, role: str, content: Content) -> str | None:
    """What the dataset is called: by us who offer it, or by the peer's catalogue out of which we asked for it."""
    if role == Role.CONSUMER.value:
        return content.get("title") or None
    ours = await services.store.load_dataset(services.tenant, str(content.get("dataset")))
    return ours.title if ours is not None else None


async def head(services: Services, row: ProcessRow) -> JsonObject:
    """What a list shows of a process."""
    _, content = _parts(row)
    return {
        "pid": row.pid,
        "peerPid": row.peer_pid,
        "kind": row.kind,
        "role": row.role,
        "state": row.state,
        "counterparty": row.counterparty,
        "dataset": content.get("dataset"),
        "title": await title_of(services, row.role, content),
        "created": _time(row.created),
        "updated": _time(row.updated),
    }


def _parts(row: ProcessRow) -> tuple[Process, Content]:
    body = orjson.loads(row.body)
    return from_json(body["process"]), body["content"]


def _table(services: Services, kind: ProcessKind) -> Table:
    return services.negotiate.table if kind == "negotiation" else services.transfer.table


def _turn(process: Process, table: Table) -> str:
    """Who has to speak for the process to go on; an end that either may set counts for nobody."""
    if process.pending is not None:
        return "us"
    ours, theirs = (
        any(kind != table.termination for kind in table.kinds(process.state, role))
        for role in (process.role, process.role.other)
    )
    if ours and theirs:
        return "either"
    return "us" if ours else "peer" if theirs else "nobody"


def _pending(process: Process) -> JsonObject | None:
    if process.pending is None:
        return None
    ending = process.closing is not None
    return {"message": process.pending.kind, "lookingAtPeer": process.pending.polling, "ending": ending}


async def _next(services: Services, row: ProcessRow) -> str | None:
    """When our message is tried again; None: nothing is to be said, or it is on its way for the first time."""
    waiting = await services.store.head_of_outbox(row.tenant, row.kind, row.pid)
    if row.state == State.STARTED and content_of(row).get("push_tries"):
        tried = await services.store.attempts(row.tenant, row.kind, row.pid)  # of a push nothing waits in the outbox
        return _time(tried[-1].next_at) if tried else None
    return None if waiting is None or not waiting.attempts else _time(waiting.not_before)


def _ends(services: Services, row: ProcessRow) -> str | None:
    """When a process that is not at rest is terminated, whatever else happens."""
    journey = services.negotiate if row.kind == "negotiation" else services.transfer
    if row.state in journey.at_rest:
        return None
    return _time(row.created + journey.conversation.patience_seconds * 1_000_000)


def _waits(content: Content) -> JsonObject | None:
    """The turn that a person has to decide, or has decided for a later time."""
    waits, word = content.pop("waits", None), content.pop("word", None)
    if waits is None:
        return None
    turn = Turn(waits["turn"])
    said = {"decision": word["decision"], "at": time_of(word["not_before"])} if word else None
    return {
        "turn": turn.value, "due": time_of(waits["due"]), "note": waits.get("note"), "can": can(turn), "word": said
    }  # fmt: skip


def can(turn: Turn) -> list[Json]:
    """What a person may say to a held turn."""
    return ["approve", *(["counter"] if turn in COUNTERS else []), "reject"]


def _time(micros: int | None) -> str | None:
    return None if micros is None else time_of(micros)
