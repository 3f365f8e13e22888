"""What else peers and the public reach: DID document, credential service, data, status lists, audit reads, contexts.

DCP 1.0.1 sections 4.2 and 5.4; Bitstring Status List 1.0; DESIGN section 3 for audit reads and status changes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
from aiohttp import web

from connector.config import Config
from connector.credentials import jose, status_list
from connector.credentials.access import check_access
from connector.credentials.datamodel import parse_credential
from connector.credentials.did import MethodKey, build_document, services_of
from connector.credentials.presentation import presentation_input
from connector.credentials.query import granted, read_query, response_message
from connector.errors import NotFound
from connector.model import Did, JsonObject
from connector.server.dsp import path_of
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services, body_of, caller_of
from connector.vocabulary.admission import admit

_VC = "application/vc+jwt"
_LIST_LIFETIME = timedelta(hours=24)


def routes(config: Config) -> list[web.RouteDef]:
    """The routes below the connector's path."""
    path = path_of(config)
    document = f"{path}/did.json" if path else "/.well-known/did.json"
    return [
        web.get(document, _did_document),
        web.post(f"{path}/dcp/presentations/query", _presentations),
        web.get(f"{path}/data", _data_page),
        web.get(path + "/data/{digest}", _data_octets),
        web.get(path + "/status/{number}", _status),
        web.get(path + "/status/{number}/changes", _status_changes),
        web.get(path + "/audit/{path:.+}", _audit),
        web.get(path + "/context/{version}.jsonld", _context),
    ]


async def _did_document(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    config, did = services.config, Did(services.config.did)
    url = config.public_url
    document = build_document(
        did,
        assertion=[MethodKey(key_id=services.assertion.key_id, public_jwk=services.assertion.public_jwk)],
        authentication=[
            MethodKey(key_id=services.authentication.key_id, public_jwk=services.authentication.public_jwk)
        ],
        services=services_of(
            did, data=f"{url}/.well-known/dspace-version", credentials=f"{url}/dcp", audit=f"{url}/audit"
        ),
    )
    return web.Response(body=orjson.dumps(document), content_type="application/did+json")


async def _presentations(request: web.Request) -> web.Response:
    """A verifier asks for our credentials with the access token that we sent it (DCP 5.4)."""
    services, body = request.app[SERVICES], await body_of(request)
    issued = await services.authenticate.token_only(
        request.headers.get("Authorization", ""), method="POST", path=request.path_qs, body=body
    )
    now = services.clock.now()
    access = check_access(services.access_token_key, issued.access_token or "", verifier=issued.issuer, now=now)
    scopes = granted(read_query(admit(body, services.config.limits.max_message_bytes)), access.scopes)
    chosen: list[bytes] = []
    for octets in services.shown:
        credential = parse_credential(octets)
        ident = credential.payload.get("id")
        if any(scope.covers(types=credential.types, credential_id=str(ident)) for scope in scopes):
            chosen.append(octets)
    signer = services.authentication
    unsigned = presentation_input(
        audience=issued.issuer, credentials=chosen, key_id=signer.key_id, alg=signer.alg, jti=services.ids.urn(),
        now=now, lifetime_seconds=services.config.limits.token_lifetime_seconds,
    )  # fmt: skip
    presentation = jose.attach(unsigned, await signer.sign(unsigned)).decode("ascii")
    return json_response(response_message([presentation]))


# --- data ------------------------------------------------------------------------------------------------------------


async def _data_page(request: web.Request) -> web.Response:
    serve = request.app[SERVICES].serve
    grant = await serve.open(request.headers.get("Authorization", ""))
    return json_response(await serve.page(grant, request.query.get("after", "")))


async def _data_octets(request: web.Request) -> web.Response:
    serve = request.app[SERVICES].serve
    grant = await serve.open(request.headers.get("Authorization", ""))
    row = await serve.octets(grant, request.match_info["digest"])
    return web.Response(body=row.octets, content_type=row.media_type)


# --- status ----------------------------------------------------------------------------------------------------------


def _number(request: web.Request) -> int:
    text = request.match_info["number"]
    if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 - more lists than anybody will ever have
        raise NotFound("no such status list")
    return int(text)


async def _status(request: web.Request) -> web.Response:
    """The status list credential: what is set now."""
    services, number = request.app[SERVICES], _number(request)
    now = services.clock.now()
    indices = await services.store.status_bits(services.config.tenant, number, now=int(now.timestamp() * 1_000_000))
    payload = status_list.list_payload(
        url=f"{services.config.public_url}/status/{number}", issuer=Did(services.config.did), indices=indices,
        valid_from=now, valid_until=now + _LIST_LIFETIME,
    )  # fmt: skip
    return await _signed(services, payload)


async def _signed(services: Services, payload: JsonObject) -> web.Response:
    from connector.credentials.issue import prepare  # noqa: PLC0415

    signer = services.assertion
    unsigned = prepare(payload, key_id=signer.key_id, alg=signer.alg)
    return web.Response(body=jose.attach(unsigned, await signer.sign(unsigned)), content_type=_VC)


async def _status_changes(request: web.Request) -> web.Response:
    """The signed changes with their effective times (DESIGN: Status)."""
    services, number = request.app[SERVICES], _number(request)
    rows = await services.store.status_changes(services.config.tenant, number)
    changes = [
        status_list.Change(
            digest=row.digest, index=row.index, purpose=row.purpose, reason=row.reason,
            effective=datetime.fromtimestamp(row.effective / 1_000_000, UTC),
        )
        for row in rows
    ]  # fmt: skip
    signer = services.assertion
    unsigned = status_list.changes_input(
        list_url=f"{services.config.public_url}/status/{number}", changes=changes, now=services.clock.now(),
        key_id=signer.key_id, alg=signer.alg,
    )  # fmt: skip
    return web.Response(body=jose.attach(unsigned, await signer.sign(unsigned)), content_type="application/jwt")


# --- audit, contexts -------------------------------------------------------------------------------------------------


async def _audit(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    caller = await caller_of(request, b"", once=True)
    path = request.match_info["path"]
    if path == "party":
        shown = [octets.decode("ascii") for octets in services.shown]
        return json_response({"did": services.config.did, "name": services.config.name, "credentials": [*shown]})
    answer = await services.audit_answers.answer(path, caller.facts, services.clock.now())
    return web.Response(body=answer.body, status=answer.status, content_type="application/json")


async def _context(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    version = request.match_info["version"]
    for url, octets in services.bundle.context_bytes.items():
        if url.endswith(f"/context/{version}.jsonld"):
            return web.Response(body=octets, content_type="application/ld+json")
    raise NotFound("no such context")
