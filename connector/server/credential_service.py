"""Our credential service: verifiers ask for our credentials, issuers bring or offer us some (DCP 1.0.1, 5.4, 6.5, 6.6).

Nobody's token is used up before a right is shown, so that who has none makes no row. What is accepted from issuers is
`exchange.issuance`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from connector.credentials import issuance, jose
from connector.credentials.access import check_access
from connector.credentials.datamodel import Credential, parse_credential
from connector.credentials.presentation import portions, presentation_input
from connector.credentials.query import Scoped, granted, read_query, response_message
from connector.exchange.ports import Proven
from connector.model import Did, JsonObject
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services, body_of
from connector.vocabulary.admission import admit_message


def routes(base: str) -> list[web.RouteDef]:
    """The routes below the service's address."""
    return [
        web.post(f"{base}/presentations/query", _presentations),
        web.post(f"{base}/credentials", _delivery),
        web.post(f"{base}/offers", _offer),
    ]


async def _presentations(request: web.Request) -> web.Response:
    """A verifier asks for our credentials with the access token that we sent it (DCP 5.4)."""
    services, body = request.app[SERVICES], await body_of(request)
    issued, now = await services.authenticate.proven(request.headers.get("Authorization", "")), services.clock.now()
    access = check_access(services.access_token_key, issued.access_token or "", verifier=issued.party, now=now)
    services.authenticate.quotas.admit_bearer(issued.party)  # each makes a row and signatures
    await services.authenticate.use_up(issued, method="POST", path=request.path_qs, body=body)
    asked = read_query(admit_message(body, services.config.limits.max_message_bytes))
    held = [(shown, parse_credential(shown)) for shown in dict.fromkeys(services.shown())]
    scopes = granted(asked, access.scopes, [_scoped(credential) for _, credential in held])
    chosen: list[tuple[bytes, Credential]] = []
    for shown, credential in held:
        types, ident = _scoped(credential)
        ended = credential.valid_until is not None and credential.valid_until < now
        if not ended and any(scope.covers(types=types, credential_id=ident) for scope in scopes):
            chosen.append((shown, credential))
    presentations = [await _presentation(services, issued.party, some, older=older) for older, some in portions(chosen)]
    return json_response(response_message(presentations))


def _scoped(credential: Credential) -> Scoped:
    return credential.types, str(credential.payload.get("id"))


async def _presentation(services: Services, verifier: Did, credentials: Sequence[bytes], *, older: bool) -> str:
    now = services.clock.now()
    signer = services.keys.authentication(now)
    unsigned = presentation_input(
        audience=verifier, credentials=credentials, key_id=signer.key_id, alg=signer.alg, jti=services.ids.urn(),
        now=now, lifetime_seconds=services.config.limits.token_lifetime_seconds, older=older,
    )  # fmt: skip
    return jose.attach(unsigned, await signer.sign(unsigned)).decode("ascii")


async def _delivery(request: web.Request) -> web.Response:
    """An issuer brings what we asked for. Checked whole before anything of it is kept."""
    issued, message = await _said(request)
    services, delivery = request.app[SERVICES], issuance.read_delivery(message)
    asked = await services.issuance.check(issued.party, delivery)
    await _use_up(request, issued)
    await services.issuance.keep(asked, delivery)
    return json_response({})


async def _offer(request: web.Request) -> web.Response:
    """An issuer has something for us. A person decides whether we ask for it."""
    issued, message = await _said(request)
    services = request.app[SERVICES]
    services.issuance.check_offers(issued.party)
    offered = issuance.read_offer(message, issued.party)
    await _use_up(request, issued)
    await services.issuance.offer(issued.party, offered)
    return json_response({})


async def _said(request: web.Request) -> tuple[Proven, JsonObject]:
    services, body = request.app[SERVICES], await body_of(request)
    issued = await services.authenticate.proven(request.headers.get("Authorization", ""))
    return issued, admit_message(body, services.config.limits.max_message_bytes)


async def _use_up(request: web.Request, issued: Proven) -> None:
    services, body = request.app[SERVICES], await body_of(request)
    services.authenticate.quotas.admit(issued.party, known=True, size=len(body))  # each leaves an entry on record
    await services.authenticate.use_up(issued, method="POST", path=request.path_qs, body=body)
