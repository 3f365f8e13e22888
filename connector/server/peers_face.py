"""What else peers and the public reach: DID document, data, status lists, audit reads, contexts.

DCP 1.0.1 section 4.2; Bitstring Status List 1.0, its lists in the form that is asked for (RFC 9110, 12.5.1); DECISIONS
for audit reads and status changes.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import web

from connector.config import Config
from connector.credentials.did import MEDIA_TYPE as DID_MEDIA_TYPE
from connector.credentials.digest import digest_multibase
from connector.credentials.securing import ENVELOPED
from connector.credentials.verify import needs
from connector.errors import NotAllowed, NotAuthenticated, NotFound
from connector.exchange.grants import Grant
from connector.model import is_number
from connector.server import credential_service, issuer_service, parts, statements
from connector.server.accept import preferred
from connector.server.dsp import path_of
from connector.server.problems import json_response
from connector.server.services import SERVICES, body_of, caller_of

_MOST_FIELDS = 10
_MOST_DIGITS = 9
"""Of a status list's number: more lists than anybody will ever have."""
_MEMBERSHIP = {"VerifiableCredential", "MembershipCredential"}


def routes(config: Config) -> list[web.RouteDef]:
    """The routes below the connector's path."""
    path = path_of(config)
    document = f"{path}/did.json" if path else "/.well-known/did.json"
    return [
        web.get(document, _did_document),
        *credential_service.routes(f"{path}/dcp"),
        *(issuer_service.routes(f"{path}/issuer") if config.issues else ()),
        web.get(f"{path}/data", _data_page),
        web.post(f"{path}/data/token", _data_token),
        web.get(f"{path}/data/units", _data_numbered),
        web.get(path + "/data/units/{ident}", _data_unit),
        web.get(path + "/data/{digest}", _data_octets),
        web.post(f"{path}/inbox", parts.take_push),
        web.get(path + "/status/{number}", _status),
        web.get(path + "/status/{number}/changes", _status_changes),
        web.get(path + "/status/{number}/{purpose:suspension}", _status),
        web.get(path + "/status/{number}/{purpose:suspension}/changes", _status_changes),
        web.get(path + "/audit/{path:.+}", _audit),
        web.get(path + "/context/{version}.jsonld", _context),
    ]


async def _did_document(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    now = services.clock.now()
    document = statements.did_document(services.config, services.keys.methods(now), now)
    return web.Response(body=document, content_type=DID_MEDIA_TYPE)


# --- data ------------------------------------------------------------------------------------------------------------


async def _granted(request: web.Request) -> Grant:
    """What the data token opens; its holder has the one quota for all that it asks."""
    services = request.app[SERVICES]
    grant = await services.grants.open(request.headers.get("Authorization", ""))
    services.authenticate.quotas.admit(grant.facts.party, known=True)
    return grant


async def _data_page(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    grant = await _granted(request)
    return json_response(await services.serve.page(grant, request.query.get("after", "")))


async def _data_unit(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    grant = await _granted(request)
    return json_response(await services.serve.unit(grant, request.match_info["ident"]))


async def _data_numbered(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    grant = await _granted(request)
    return json_response(await services.serve.numbered(grant, request.query.get("number", "")))


async def _data_octets(request: web.Request) -> web.StreamResponse:
    services, digest = request.app[SERVICES], request.match_info["digest"]
    grant = await _granted(request)
    try:
        row = await services.serve.octets(grant, digest)
    except NotFound:
        return await parts.send_file(request, grant, await services.serve.file(grant, digest))
    return parts.whole(row.octets, row.media_type, row.digest)


async def _data_token(request: web.Request) -> web.Response:
    """A fresh data token (Token Renewal profile; RFC 6749, 5.1, 5.2). A Catena-X client puts its words into the URL."""
    services, body = request.app[SERVICES], await body_of(request)
    authenticate, authorization = services.authenticate, request.headers.get("Authorization", "")
    try:
        said = {**request.query, **dict(parse_qsl(body.decode("ascii", "replace"), max_num_fields=_MOST_FIELDS))}
    except ValueError:
        return json_response({"error": "invalid_request"}, 400)
    if said.get("grant_type") != "refresh_token":
        return json_response({"error": "unsupported_grant_type"}, 400)
    try:
        proven, refresh_token = await authenticate.proven(authorization), said.get("refresh_token", "")
        await services.grants.renewable(proven, refresh_token)
        authenticate.quotas.admit_bearer(proven.party)  # each leaves an entry on record
        await authenticate.use_up(proven, method="POST", path=request.path, body=body)
        renewed = await services.grants.renew(proven, refresh_token)
    except NotAuthenticated as error:
        return json_response({"error": "invalid_client", "error_description": error.detail}, 401)
    except (NotAllowed, NotFound) as error:
        return json_response({"error": "invalid_grant", "error_description": error.detail}, 400)
    response = json_response({
        "access_token": renewed.token, "token_type": "Bearer", "expires_in": renewed.seconds,
        "expires": renewed.seconds,  # a Catena-X connector reads no other, and renews no more where it is missing
        "refresh_token": renewed.refresh_token,
    })  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response


# --- status ----------------------------------------------------------------------------------------------------------


def _number(request: web.Request) -> int:
    text = request.match_info["number"]
    if not is_number(text) or len(text) > _MOST_DIGITS:
        raise NotFound("no such status list")
    return int(text)


def _purpose(request: web.Request) -> str:
    return request.match_info.get("purpose", "revocation")


async def _status(request: web.Request) -> web.Response:
    """As a token, or as JSON with a proof inside, both of the same content; each form has its own ETag."""
    services, number, purpose = request.app[SERVICES], _number(request), _purpose(request)
    octets = await statements.status_octets(services, number, purpose=purpose)
    form = preferred(request.headers.get("Accept", ""), statements.LIST_FORMS)
    if form != ENVELOPED:
        octets = await statements.list_with_proof(services, statements.list_url(services, number, purpose), octets)
    tag = f'"{digest_multibase(octets)}"'
    headers = {"Vary": "Accept", "ETag": tag}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=octets, content_type=form, headers=headers)


async def _status_changes(request: web.Request) -> web.Response:
    octets = await statements.changes_octets(request.app[SERVICES], _number(request), purpose=_purpose(request))
    return web.Response(body=octets, content_type="application/jwt")


# --- audit, contexts -------------------------------------------------------------------------------------------------


async def _audit(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    caller = await caller_of(request, b"", once=True)
    path = request.match_info["path"]
    if path == "party":
        # What everybody may know of us. Roles and mandates are for those whom we ask something (DCP 5.4).
        shown = [octets.decode("ascii") for octets in services.shown() if set(needs(octets).types) == _MEMBERSHIP]
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
