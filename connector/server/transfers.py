"""What operators do to a transfer that is there, of either role: look, start, suspend, resume, complete, terminate.

Each is asked for, and answered when both sides are where it leads, or after `wait_seconds` with the state as it is. A
transfer that is there already is answered at once, so that every command may be repeated. How a transfer begins is
`commands`'.
"""

from __future__ import annotations

from aiohttp import web

from connector.errors import IllegalTransition, NotAllowed, NotFound
from connector.exchange.rows import ProcessRow
from connector.exchange.stored import content_of, under_way
from connector.exchange.transfer import is_open
from connector.model import Json, JsonObject
from connector.protocol.transfer import State
from connector.server import answers_data, asked, processes, requests
from connector.server.operations import MOVES_A_PROCESS, Handler, Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services

_ENDS = (State.COMPLETED, State.TERMINATED)
_DONE = {
    "start": ("started", "Start a transfer that waits for a person."),
    "suspend": ("suspended", "Suspend a transfer; as provider, its data is closed until it is resumed."),
    "resume": ("resumed", "Let a suspended transfer go on."),
    "complete": ("completed", "End a transfer well: everything is there."),
    "terminate": ("terminated", "End a transfer for good; as provider, its data is closed at once."),
}
"""What can be done, how it is called when it is done, and what it is. A start is a resume of what has waited from the
beginning.
"""


def operations() -> list[Operation]:
    """What the management API does about transfers."""
    says = "The transfers that changed last, those that go on first."
    return [
        Operation("GET", "/v1/transfers", _listed, says, (answers_data.Transfers,)),
        *(
            Operation(
                "POST", f"/v1/transfers/{{id}}/{word}", _handler(word), says, (answers_data.Moved,),
                asked=requests.End, fails=MOVES_A_PROCESS,
            )
            for word, (_, says) in _DONE.items()
        ),
    ]  # fmt: skip


async def _listed(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    rows, more = await processes.newest(services, "transfer", behind=_ENDS)
    shown: list[Json] = [
        {**await processes.head(services, row), "agreement": content_of(row).get("agreement")} for row in rows
    ]
    return json_response({"transfers": shown, "more": more})


def _handler(word: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        body = await asked.body(request, requests.End)
        answer = await act(
            request.app[SERVICES], word, request.match_info["id"], code=body.code, reason=body.reason,
            wait_seconds=body.wait_seconds,
        )  # fmt: skip
        return json_response(answer)

    return handler


async def act(
    services: Services, word: str, ident: str, *, code: str = "", reason: str = "", wait_seconds: float
) -> JsonObject:
    """Do one of these to a transfer, found by either side's id. `NotAllowed`: not from the state that it is in."""
    row = await processes.find(services, ident)
    if row.kind != "transfer":
        raise NotFound(f"{ident} is no transfer", hint="battery-connector transfers")
    journey, waiting = services.transfer, services.transfer.conversation
    calm = await waiting.settled(row.pid, lambda at: not under_way(at) or word == "terminate", wait_seconds)
    try:
        match word:
            case "suspend":
                await journey.suspend(calm.pid, code, reason)
            case "start" | "resume":
                await journey.resume(calm.pid)
            case "complete":
                await journey.complete(calm.pid)
            case _:
                await journey.terminate(calm.pid, code or "operator", reason)
    except IllegalTransition:
        raise NotAllowed(
            f"a transfer in the state {calm.state or 'before its first answer'} can't be {_DONE[word][0]} by us",
            hint=f"battery-connector why {calm.pid}",
        ) from None
    resumed = word in {"start", "resume"}
    row = await waiting.settled(calm.pid, lambda at: not under_way(at) and (not resumed or _goes_on(at)), wait_seconds)
    content = content_of(row)
    return {
        "transfer": row.pid, "state": row.state, "pending": under_way(row) or None,
        "suspension": content.get("suspension"), "termination": content.get("termination"),
    }  # fmt: skip


def _goes_on(row: ProcessRow) -> bool:
    return row.state != State.STARTED or is_open(row)
