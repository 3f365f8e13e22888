"""What operators ask about single credentials: check one, keep and pass on a third party's, withdraw one of ours."""

from __future__ import annotations

from aiohttp import web

from connector.credentials.datamodel import CREDENTIAL_LIMIT_BYTES
from connector.credentials.sd_jwt import Challenge
from connector.credentials.securing import as_served
from connector.credentials.verify import needs
from connector.errors import BadInput, CannotCheck, Conflict, NotFound
from connector.exchange.ports import Verifier
from connector.model import JsonObject
from connector.server import answers, asked, commands, requests
from connector.server.operations import Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES


def operations() -> list[Operation]:
    """What the management API does about them."""
    held = "Keep a third party's credential, and pass it on under a policy."
    revoke = "Withdraw a credential of ours, suspend or reinstate it, with effect from a time."
    return [
        Operation(
            "POST", "/v1/verify", _verify, "Check a credential, in numbered steps.", (answers.Verified,),
            asked=requests.Verify, fails=(CannotCheck,),
        ),
        Operation(
            "POST", "/v1/import", _import, held, (answers.Held,), asked=requests.Import, fails=(CannotCheck, Conflict)
        ),
        Operation(
            "POST", "/v1/revoke", _revoke, revoke, (answers.Revoked,), asked=requests.Revoke,
            fails=(NotFound, Conflict),
        ),
    ]  # fmt: skip


async def _verify(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await asked.body(request, requests.Verify)
    return json_response(await checked(services.verifier, body))


async def checked(verifier: Verifier, said: requests.Verify) -> JsonObject:
    """The numbered checks of one credential, as they are told."""
    octets = as_served(said.credential.encode(), CREDENTIAL_LIMIT_BYTES)
    if bool(said.audience) != bool(said.nonce):
        raise BadInput("audience and nonce go together", hint="both stand in what the holder was asked")
    report = await verifier.verify(octets, said.at, asked=Challenge(audience=said.audience, nonce=said.nonce))
    types = needs(octets, selective=True).types
    return {**report.as_json(), "outcome": report.outcome(), "types": [*types]}


async def _import(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await asked.body(request, requests.Import)
    held = as_served(body.credential.encode(), CREDENTIAL_LIMIT_BYTES)
    return json_response(await commands.hold(services, held, body.into, services.config.path(body.policy)))


async def _revoke(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await asked.body(request, requests.Revoke)
    effective = body.effective or services.clock.now()
    if bool(body.digest) == bool(body.credential):
        raise BadInput("which credential?", hint="its digest, or its octets as credential")
    digest = body.digest
    if not digest:
        digest = await services.revoke.digest_of(as_served(body.credential.encode(), CREDENTIAL_LIMIT_BYTES))
    row = await services.revoke.run(digest, purpose=body.purpose, effective=effective, reason=body.reason)
    return json_response({"digest": row.digest, "effective": effective.isoformat()})
