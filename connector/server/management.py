"""The management API: what operators and the command line use. Loopback only, with a token; every path under `/v1`.

Long work answers as lines of JSON: `{"progress": ...}` while it runs, `{"result": ...}` or `{"problem": ...}` last.
What the commands do stands in `commands`.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
from aiohttp import web

from connector.credentials.verify import needs
from connector.errors import BadInput, ConnectorError, NotAuthenticated, NotFound
from connector.exchange.conversation import micros
from connector.exchange.ports import EvidenceEntry, StatusChangeRow
from connector.exchange.publish import Declared
from connector.model import Did, Json, JsonObject
from connector.server import commands
from connector.server.problems import json_response, problem
from connector.server.services import SERVICES, Services
from connector.vocabulary.admission import admit

_TOKEN = web.AppKey("token", str)
_LIMIT_BYTES = 8 << 20
_WAIT_SECONDS = 60.0
_EVIDENCE_PAGE = 1_000

Tell = Callable[[JsonObject], Awaitable[None]]


def routes() -> list[web.RouteDef]:
    """All routes."""
    return [
        web.get("/health/live", _live),
        web.get("/health/ready", _ready),
        web.post("/v1/publish", _publish),
        web.post("/v1/import", _import),
        web.get("/v1/catalog", _catalog),
        web.post("/v1/request", _request),
        web.post("/v1/fetch", _fetch),
        web.get("/v1/received", _received),
        web.post("/v1/audit", _audit),
        web.post("/v1/verify", _verify),
        web.post("/v1/revoke", _revoke),
        web.get("/v1/records", _records),
        web.get("/v1/records/{id}", _record),
        web.get("/v1/processes/{pid}", _process),
        web.get("/v1/evidence", _evidence),
        web.get("/v1/counts", _counts),
    ]


@web.middleware
async def check_token(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Health is for everybody on this machine, all else for who has the token."""
    if not request.path.startswith("/health/"):
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), request.app[_TOKEN].encode()):
            raise NotAuthenticated("the management token is missing or wrong")
    return await handler(request)


def keep_token(app: web.Application, token: str) -> None:
    """The token that `check_token` asks for."""
    app[_TOKEN] = token


# --- health ----------------------------------------------------------------------------------------------------------


async def _live(_: web.Request) -> web.Response:
    return json_response({"status": "live"})


async def _ready(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await services.store.counts(services.config.tenant)
    return json_response({"status": "ready", "did": services.config.did, "name": services.config.name})


# --- commands --------------------------------------------------------------------------------------------------------


async def _publish(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await _body(request)
    declared = Declared(correction=_text(body, "correct", ""), overwrite=body.get("overwrite") is True)
    plan, policy = Path(_text(body, "plan")), Path(_text(body, "policy"))

    async def work(tell: Tell) -> JsonObject:
        return await commands.publish(services, plan, policy, declared, _counting(tell))

    return await _stream(request, work)


async def _import(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await _body(request)
    octets = _text(body, "credential")
    if not octets.isascii():
        raise BadInput("a compact credential is ASCII")
    return json_response((await services.receive.hold(octets.strip().encode("ascii"))).as_json())


async def _catalog(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    peer = Did(services.config.peer(request.query.get("peer", "")))
    return json_response(await commands.catalog(services, peer))


async def _request(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await _body(request)
    peer = Did(services.config.peer(_text(body, "peer")))
    dataset, offer, wait = _text(body, "dataset"), body.get("offer"), _seconds(body)
    if offer is not None and not isinstance(offer, dict):
        raise BadInput("offer is not an object", hint="an offer as /v1/catalog shows it")
    return json_response(await commands.request(services, peer, dataset, _key(request), wait, offer=offer))


async def _fetch(request: web.Request) -> web.StreamResponse:
    """Start a transfer and pull its data. With `"pull": false` only start it, and answer at once with the address."""
    services, body = request.app[SERVICES], await _body(request)
    agreement, key, wait = _text(body, "agreement"), _key(request), _seconds(body)
    if body.get("pull") is False:
        return json_response(await commands.start_transfer(services, agreement, key, wait))

    async def work(tell: Tell) -> JsonObject:
        return await commands.fetch(services, agreement, key, wait, _counting(tell))

    return await _stream(request, work)


async def _received(request: web.Request) -> web.Response:
    return json_response(await commands.received(request.app[SERVICES]))


async def _audit(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await _body(request)
    holder = Did(services.config.peer(_text(body, "peer", services.config.did)))
    root = _text(body, "id")

    async def work(tell: Tell) -> JsonObject:
        latest: list[tuple[int, str]] = []
        report = await services.audit.run(root, holder, on_node=lambda count, text: latest.append((count, text)))
        if latest:
            await tell({"nodes": latest[-1][0], "at": latest[-1][1]})
        return report.as_json()

    return await _stream(request, work)


async def _verify(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await _body(request)
    at = _text(body, "at", "")
    moment = datetime.fromisoformat(at).astimezone(UTC) if at else services.clock.now()
    octets = _text(body, "credential").strip().encode("ascii", "replace")
    report = await services.verifier.verify(octets, moment)
    return json_response({**report.as_json(), "outcome": report.outcome(), "types": [*needs(octets).types]})


async def _revoke(request: web.Request) -> web.Response:
    """Change the status of a credential of ours, with the time from which the change counts."""
    services, body = request.app[SERVICES], await _body(request)
    row = await services.store.find_credential(services.config.tenant, _text(body, "digest"))
    if row is None or row.status_list is None or row.status_index is None or row.origin != "own":
        raise NotFound("no such credential of ours")
    now = services.clock.now()
    effective = datetime.fromisoformat(_text(body, "effective", now.isoformat())).astimezone(UTC)
    change = StatusChangeRow(
        tenant=row.tenant, list_number=row.status_list, index=row.status_index, digest=row.digest,
        purpose=_text(body, "purpose", "revocation"), effective=micros(effective), reason=_text(body, "reason", ""),
        at=micros(now),
    )  # fmt: skip
    told = orjson.dumps({"digest": row.digest, "effective": effective.isoformat(), "reason": change.reason})
    await services.store.commit_status_change(
        change, EvidenceEntry(tenant=row.tenant, at=micros(now), event="status-changed", body=told)
    )
    return json_response({"digest": row.digest, "effective": effective.isoformat()})


# --- looking ---------------------------------------------------------------------------------------------------------


async def _records(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    value = request.query.get("identifier", "")
    rows = (
        await services.store.find_records(services.config.tenant, scheme=None, value=value)
        if value
        else await services.store.list_records(services.config.tenant, after=request.query.get("after", ""))
    )
    return json_response({"records": [_shown(services, row.record_id, row.record_type, row.key) for row in rows]})


def _shown(services: Services, record_id: str, record_type: str, key: str) -> JsonObject:
    return {
        "record": record_id,
        "type": record_type,
        "key": key,
        "page": f"{services.config.public_url}/passport/{record_id}",
    }


async def _record(request: web.Request) -> web.Response:
    """A record with its credentials and, for our own, the lineage of every value."""
    services = request.app[SERVICES]
    row = await services.store.load_record(services.config.tenant, request.match_info["id"])
    if row is None:
        raise NotFound("no such record")
    credentials: list[Json] = [
        {
            "digest": one.digest,
            "type": one.credential_type,
            "accessClass": one.access_class,
            "level": one.level,
            "issuer": one.issuer,
            "octets": one.octets.decode("ascii"),
        }
        for one in await services.store.credentials(row.tenant, row.record_id, row.version)
    ]
    return json_response({
        "record": row.record_id, "version": row.version, "type": row.record_type, "key": row.key,
        "subject": row.subject_id, "holder": row.holder, "origin": row.origin, "credentials": credentials,
        "lineage": orjson.loads(row.lineage) if row.lineage else {},
    })  # fmt: skip


async def _process(request: web.Request) -> web.Response:
    """A negotiation or transfer with everything said and tried: what `why` is made of."""
    services, pid = request.app[SERVICES], request.match_info["pid"]
    tenant = services.config.tenant
    for kind in ("negotiation", "transfer"):
        row = await services.store.load_process(tenant, kind, pid)
        if row is None:
            continue
        said: list[Json] = [
            {"direction": one.direction, "message": one.message_type, "status": one.status, "at": one.at}
            for one in await services.store.messages(tenant, row.kind, pid)
        ]
        tried: list[Json] = [
            {"at": one.at, "status": one.status, "detail": one.detail, "next": one.next_at}
            for one in await services.store.attempts(tenant, row.kind, pid)
        ]
        content = orjson.loads(row.body)["content"]
        content.pop("address", None)
        content.pop("credentials", None)
        return json_response({
            "pid": pid, "kind": row.kind, "role": row.role, "state": row.state, "counterparty": row.counterparty,
            "content": content, "messages": said, "attempts": tried,
        })  # fmt: skip
    raise NotFound("no such negotiation or transfer")


async def _evidence(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    after = request.query.get("after", "0")
    rows = await services.store.evidence(
        services.config.tenant, after=int(after) if after.isdecimal() else 0, limit=_EVIDENCE_PAGE
    )
    entries: list[Json] = [
        {"seq": row.seq, "at": row.at, "event": row.event, "body": orjson.loads(row.body), "hash": row.hash}
        for row in rows
    ]
    return json_response({"entries": entries})


async def _counts(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    counts: JsonObject = {**await services.store.counts(services.config.tenant)}
    return json_response(counts)


# --- shared ----------------------------------------------------------------------------------------------------------


async def _body(request: web.Request) -> JsonObject:
    return admit(await request.read(), _LIMIT_BYTES)


def _text(body: JsonObject, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadInput(f"{name} is missing", hint=f'send {{"{name}": "..."}}')
    return value


def _seconds(body: JsonObject) -> float:
    value = body.get("wait_seconds", _WAIT_SECONDS)
    return float(value) if isinstance(value, int | float) else _WAIT_SECONDS


def _key(request: web.Request) -> str:
    return request.headers.get("Idempotency-Key", "")


def _counting(tell: Tell) -> Callable[[int], None]:
    """Counts are told when the work gives the loop a chance: a progress that is late is no error."""
    import asyncio  # noqa: PLC0415 - the one use of it

    tasks: set[asyncio.Task[None]] = set()

    def count(done: int) -> None:
        task = asyncio.ensure_future(tell({"done": done}))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return count


async def _stream(request: web.Request, work: Callable[[Tell], Awaitable[JsonObject]]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)

    async def line(value: JsonObject) -> None:
        await response.write(orjson.dumps(value) + b"\n")

    async def tell(progress: JsonObject) -> None:
        await line({"progress": progress})

    try:
        await line({"result": await work(tell)})
    except ConnectorError as error:
        told = problem(error)
        assert isinstance(told.body, bytes), "a problem is made of bytes"
        await line({"problem": orjson.loads(told.body)})
    await response.write_eof()
    return response
