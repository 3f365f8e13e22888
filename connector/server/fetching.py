"""What operators ask of a transfer: start it, pull its data or have it pushed, and say what came.

As with all commands (`commands`), a repeat with its idempotency key goes on from what was done before. What can be done
to a transfer that is there is `transfers`'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from connector.errors import Conflict, IllegalTransition, NotAllowed, NotFound, PeerUnreachable
from connector.exchange.arrivals import Received
from connector.exchange.opening import is_push
from connector.exchange.receive import Tell
from connector.exchange.rows import AgreementRow, ProcessRow
from connector.exchange.stored import Content, content_of, under_way
from connector.exchange.transfer import is_open
from connector.model import Did, JsonObject
from connector.protocol.process import Role
from connector.protocol.transfer import PULL, PUSH, Kind, State
from connector.server.commands import command_of
from connector.server.received import under
from connector.server.services import Services

_PULL_AGAIN_SECONDS = (0.5, 3.0)
"""Pauses before data is pulled again of which something could not be checked: an issuer that restarts is soon back."""
_NEWS_SECONDS = 5.0
"""The provider refuses what it has just opened: so long the message that says why may be on its way."""
_LOOK_SECONDS = 1.0


async def start_transfer(services: Services, agreement_id: str, key: str, wait_seconds: float) -> JsonObject:
    """Start the transfer of an agreement and say where its data is: for a tool of one's own that pulls it."""
    agreement = await _agreement(services, agreement_id)
    row = await _started(services, agreement, PULL, said=f"start {agreement_id}", key=key, wait_seconds=wait_seconds)
    content = content_of(row)
    return {
        "transfer": row.pid,
        "state": row.state,
        "address": content.get("address"),
        "termination": content.get("termination"),
    }


async def fetch(
    services: Services, wanted: str, key: str, wait_seconds: float, tell: Tell, *, push: bool = False,
    units: Sequence[str] = (),
) -> JsonObject:  # fmt: skip
    """Transfer the data of an agreement, or some units of it, verify and keep it; by a push the provider sends it and
    ends the transfer. `wanted`: the agreement, or the transfer of it that was begun before and goes on.

    While something could not be checked a pull stays started: the repeated command takes what is missing.
    """
    begun = await _begun(services, wanted)
    if begun is None:
        agreement = await _agreement(services, wanted)
        said, data_format = (f"push {wanted}", PUSH) if push else (" ".join(["fetch", wanted, *units]), PULL)
        row = await _started(services, agreement, data_format, said=said, key=key, wait_seconds=wait_seconds)
    else:
        content = content_of(begun)
        agreement, push = await _agreement(services, content["agreement"]), is_push(content)
        row = await _open(services, begun.pid, wait_seconds)
    came: Content = {}
    if push:
        row = await _sent(services, row, wait_seconds, tell)
        came = content_of(row).get("received", {})
        if came:
            came["findings"] += came["waiting"]
    else:
        row, received = await _pulled(services, agreement, row, wait_seconds, tell, units=units)
        came = received.as_json() if received is not None else {}
        if received is not None and not received.unchecked:
            row = await _completed(services, row, wait_seconds)
    asked_for_all = not units and (begun is None or came)  # of a transfer that was over only its own command knows
    if row.state == State.COMPLETED and asked_for_all and not came.get("rejected") and not came.get("unchecked"):
        await services.store.commit_delivered([services.receive.arrivals.whole(agreement.agreement_id)])
    records, credentials, files = await under(services, agreement)
    return {
        "transfer": row.pid,
        "state": row.state,
        "records": records,
        "credentials": credentials,
        "files": files,
        "unchanged": came.get("unchanged", 0),
        "unchecked": came.get("unchecked", 0),
        "rejected": came.get("rejected", 0),
        "findings": came.get("findings", []),
        "termination": content_of(row).get("termination"),
    }


async def _agreement(services: Services, agreement_id: str) -> AgreementRow:
    agreement = await services.store.load_agreement(services.tenant, agreement_id)
    if agreement is None:
        raise NotFound(f"no agreement {agreement_id}", hint="battery-connector request PEER DATASET makes one")
    return agreement


async def _started(
    services: Services, agreement: AgreementRow, data_format: str, *, said: str, key: str, wait_seconds: float
) -> ProcessRow:
    """The transfer of this command when it is started or over."""
    command = await command_of(services, key, said)
    if await services.store.load_process(services.tenant, "transfer", command.pid) is None:
        base = await services.peers.dsp_base(Did(agreement.counterparty))
        try:
            await services.transfer.request(agreement, base, command, data_format)
        except Conflict:
            command = await command_of(services, key, said)
    return await _open(services, command.pid, wait_seconds)


async def _begun(services: Services, ident: str) -> ProcessRow | None:
    """The transfer of this id that we have begun. An agreement's id is its provider's choice, and goes first."""
    if await services.store.load_agreement(services.tenant, ident) is not None:
        return None
    row = await services.store.load_process(services.tenant, "transfer", ident)
    return row if row is not None and row.role == Role.CONSUMER.value else None


async def _open(services: Services, pid: str, wait_seconds: float) -> ProcessRow:
    """The transfer when it is open or over, or as it is after so many seconds."""
    settled = services.transfer.conversation.settled
    return await settled(pid, lambda at: _is_over(services, at) or is_open(at), wait_seconds)


async def _pulled(
    services: Services,
    agreement: AgreementRow,
    row: ProcessRow,
    wait_seconds: float,
    tell: Tell,
    *,
    units: Sequence[str],
) -> tuple[ProcessRow, Received | None]:
    """What came of the pull. Where the transfer is suspended meanwhile, it is waited for as long as for anything."""
    if under_way(row) == Kind.COMPLETION:  # all was kept before, and the answer to our completion was lost
        return row, Received()
    settled = services.transfer.conversation.settled
    while is_open(row):
        try:
            return row, await _pull(services, agreement, row, tell, units)
        except (NotAllowed, PeerUnreachable):
            row = await settled(row.pid, lambda at: not is_open(at), _NEWS_SECONDS)
            if is_open(row):
                raise
            row = await _open(services, row.pid, wait_seconds)
    return row, None


async def _pull(
    services: Services, agreement: AgreementRow, row: ProcessRow, tell: Tell, units: Sequence[str]
) -> Received:
    address, pauses = content_of(row)["address"], iter(_PULL_AGAIN_SECONDS)
    way = Did(agreement.counterparty), agreement.agreement_id, address["endpoint"]
    authorize = partial(services.renew.authorization, row.pid)
    while True:
        if units:
            received = await services.receive.pull_units(*way, authorize, tell, units=units)
        else:
            received = await services.receive.pull(*way, authorize, tell)
        if not received.unchecked or (pause := next(pauses, None)) is None:
            return received
        await asyncio.sleep(pause)


async def _completed(services: Services, row: ProcessRow, wait_seconds: float) -> ProcessRow:
    with suppress(IllegalTransition):  # it was suspended, or ended, meanwhile: the answer says so
        await services.transfer.complete(row.pid)
    return await services.transfer.conversation.settled(row.pid, lambda at: _is_over(services, at), wait_seconds)


async def _sent(services: Services, row: ProcessRow, wait_seconds: float, tell: Tell) -> ProcessRow:
    """The transfer when the provider has ended it; meanwhile what came is told."""
    left = wait_seconds
    while not _is_over(services, row) and left > 0:
        pause = min(left, _LOOK_SECONDS)
        row = await services.transfer.conversation.settled(row.pid, lambda at: _is_over(services, at), pause)
        tell({"done": content_of(row).get("received", {}).get("records", 0)})
        left -= pause
    return row


def _is_over(services: Services, row: ProcessRow) -> bool:
    return row.state in services.transfer.table.terminal
