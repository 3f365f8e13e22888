"""Errors to HTTP: the one place that knows status codes.

DSP paths answer with the error object of their protocol (DSP 2025-1, sections 5.3, 7.3, 9.3); all others with problem
details (RFC 9457). Codes as in DECISIONS: an illegal transition 400; a caller without valid credentials 404 on
negotiation and transfer and 401 elsewhere; what could not be checked, and load, 503 with Retry-After. No text of a peer
is echoed.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from connector import errors
from connector.model import Finding, JsonObject
from connector.protocol import compose, negotiation, transfer

_log = logging.getLogger("connector.server")

_RETRY_AFTER_SECONDS = 5
_ELSEWHERE = "operators ask at another port, on the connector's own machine: [listen] management_port"
_TABLES = {"ContractNegotiationError": negotiation.TABLE, "TransferError": transfer.TABLE}
_STATUS: tuple[tuple[type[errors.ConnectorError], int], ...] = (
    (errors.TooLarge, 413),
    (errors.BadMessage, 400),
    (errors.IllegalTransition, 400),
    (errors.BadInput, 422),
    (errors.NotAuthenticated, 401),
    (errors.NotAllowed, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.AddressBlocked, 400),
    (errors.CannotCheck, 503),
    (errors.Unavailable, 503),
)


def status_of(error: errors.ConnectorError) -> int:
    """The HTTP status for an error of the tree."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def json_response(body: JsonObject, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def dsp_error(protocol_error: str, error: errors.ConnectorError) -> web.Response:
    """The error object of one of the three protocols. Who is not authorised learns no more than who asks in vain."""
    hidden = protocol_error in _TABLES
    if hidden and isinstance(error, errors.NotAuthenticated | errors.NotAllowed | errors.NotFound):
        error = errors.NotFound()  # the same bytes for what is not there and for what is another's
    if isinstance(error, errors.Conflict):  # a peer takes each 4xx as final, and this is only about the moment
        error = errors.Unavailable()
    status = status_of(error)
    findings = (Finding(code=error.code, message=error.detail),)
    body = (
        compose.process_error(_TABLES[protocol_error], None, code=error.code, findings=findings)
        if hidden
        else compose.catalog_error(code=error.code, reasons=[error.detail])
    )
    response = web.Response(body=compose.dump(body), status=status, content_type="application/json")
    if status == web.HTTPServiceUnavailable.status_code:
        response.headers["Retry-After"] = _retry_after(error)
    return response


def _retry_after(error: errors.ConnectorError) -> str:
    return str(error.retry_after_seconds if isinstance(error, errors.TooMany) else _RETRY_AFTER_SECONDS)


def for_operators(error: errors.ConnectorError) -> errors.ConnectorError:
    """The error for who has shown the management token: what is refused then is what was named (a DID, a document)."""
    if not isinstance(error, errors.NotAuthenticated):
        return error
    return errors.BadInput(error.detail, hint=error.hint or "battery-connector did resolve DID --trace says why")


def our_bug() -> errors.ConnectorError:
    """What is told of one, to whomever: the rest is the log's."""
    return errors.ConnectorError(
        "this is a bug of the connector", hint="its log says where: please report what stands there"
    )


def problem_body(error: errors.ConnectorError) -> JsonObject:
    """Problem details (RFC 9457), for whoever has begun to answer already."""
    kind = "cannot-check" if isinstance(error, errors.CannotCheck) else error.code
    return {
        "title": error.code, "kind": kind, "status": status_of(error), "detail": error.detail, "hint": error.hint,
        "place": error.place,
    }  # fmt: skip


def problem(error: errors.ConnectorError, status: int = 0) -> web.Response:
    """Problem details for every other path, under the error's status unless it has got another one already."""
    status = status or status_of(error)
    body = {**problem_body(error), "status": status}
    response = web.Response(body=orjson.dumps(body), status=status, content_type="application/problem+json")
    if status == web.HTTPServiceUnavailable.status_code:
        response.headers["Retry-After"] = _retry_after(error)
    return response


def _is_for_operators(request: web.Request) -> bool:
    return request.path.startswith(("/v1/", "/health/", "/operator/"))


def _as_problem(request: web.Request, refused: web.HTTPException) -> web.Response:
    """What aiohttp refuses, told as all else is: no such path, another method, a body that is too large."""
    allowed = refused.headers.get("Allow", "")
    told: errors.ConnectorError = errors.BadMessage(refused.reason)
    if isinstance(refused, web.HTTPNotFound):
        told = errors.NotFound(
            "there is nothing at this address", hint=_ELSEWHERE if _is_for_operators(request) else ""
        )
    elif isinstance(refused, web.HTTPMethodNotAllowed):
        told = errors.BadMessage(f"{request.method} is not for this address", hint=f"it takes {allowed}")
    elif isinstance(refused, web.HTTPRequestEntityTooLarge):
        told = errors.TooLarge()
    response = problem(told, refused.status)
    if allowed:
        response.headers["Allow"] = allowed
    return response


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """The last catch: errors of the tree become problem details, bugs a plain 500 and a log line.

    `ConnectionError`: there is nobody left to answer, which aiohttp takes in silence.
    """
    try:
        return await handler(request)
    except errors.ConnectorError as error:
        return problem(error)
    except web.RequestPayloadError:
        return problem(errors.BadMessage("the body is not what its encoding says"))
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        return _as_problem(request, error)
    except Exception as error:  # the edge of the process: a bug in one request must not end the others
        if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise  # the caller went away in the middle of its request: whoever likes can do so, and nobody is to blame
        _log.exception("bug while serving %s", request.rel_url.raw_path)
        return problem(our_bug())
