"""What goes wrong or soon will, for a person who looks in: what is not delivered, what runs out.

Each is told in a sentence with what to do. Nothing is fetched for it; what needs that is `doctor`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.credentials.datamodel import Credential, parse_credential, time_text
from connector.credentials.digest import digest_multibase
from connector.credentials.reissue import asked_anew_at, renewed
from connector.exchange.issuance import OFFER
from connector.exchange.rows import ProcessRow
from connector.exchange.stored import content_of
from connector.model import JsonObject, list_in, objects_in
from connector.server import processes, requesting
from connector.server.services import Services
from connector.server.standing import advice
from connector.server.words import size_in_words

SOON: Final = timedelta(days=30)
"""What is good for less than that is to be renewed now."""
RENEW: Final = "ask its issuer for a new one now"
WAITS: Final = "nothing but wait; if it takes long, ask its people (battery-connector credential requests)"
_SHOWN: Final = 20
_LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing: about which process and with whom, if it is about one; a sentence; what to do."""

    says: str
    do: str
    party: str = ""
    pid: str = ""


_MORE: Final = Trouble(says="more may not have got through", do="battery-connector why has the newest exchanges")


async def trouble(services: Services) -> list[Trouble]:
    """All of it, what is most urgent first; of messages and pushes no more than a page shows."""
    now = services.clock.now()
    return [
        *await _undelivered(services),
        *await _expiring(services, now),
        *await _disk(services),
    ]


def good_until(credential: Credential) -> str:
    """What a credential of ours is, and how long it is good."""
    until = f"good until {time_text(credential.valid_until)}" if credential.valid_until else "without end"
    return f"{credential.types[-1]} of {credential.issuer}, {until}"


def runs_out(credential: Credential, now: datetime) -> bool:
    """Whether it is to be renewed now, or has ended."""
    return credential.valid_until is not None and credential.valid_until - now < SOON


async def _undelivered(services: Services) -> list[Trouble]:
    """Messages and pushes that failed at least once and are tried again; at the end that there are more, if so."""
    rows = await services.store.undelivered(services.tenant, limit=_LOOKED_AT)
    told: list[Trouble] = []
    for row in rows:
        what = await _in_vain(services, row)
        if what and len(told) == _SHOWN:
            return [*told, _MORE]
        told += [await _told(services, row, what)] if what else []
    return [*told, _MORE] if len(rows) == _LOOKED_AT else told


async def _in_vain(services: Services, row: ProcessRow) -> str:
    """What of ours does not get through there; nothing, if a push has got on since it failed."""
    head = await services.store.head_of_outbox(row.tenant, row.kind, row.pid)
    if head is not None and head.attempts:
        return head.message_type
    return "data" if content_of(row).get("push_tries") else ""


async def _told(services: Services, row: ProcessRow, what: str) -> Trouble:
    process = await processes.whole(services, row)
    tries = objects_in(process["attempts"])
    last = f", at last: {tries[-1]['detail']}" if tries else ""
    ends = f"; at {process['ends']} it is given up" if process["ends"] else ""
    often = "once" if len(tries) == 1 else f"{len(tries)} times"
    return Trouble(
        says=f"our {what} did not get through, tried {often}{last}{ends}", do="".join(advice(process)),
        party=row.counterparty, pid=row.pid,
    )  # fmt: skip


async def _expiring(services: Services, now: datetime) -> list[Trouble]:
    held = [(octets, parse_credential(octets)) for octets in services.shown()]
    every = [credential for _, credential in held]
    asked: list[JsonObject] = []
    if any(runs_out(credential, now) for credential in every):
        asked = [requesting.shown(services, row) for row in await services.issuance.requests() if row.turn != OFFER]
    told: list[Trouble] = []
    for octets, credential in held:
        if runs_out(credential, now) and not renewed(credential, every):
            days = services.config.limits.renew_credentials_days
            one = asked_anew(credential, digest_multibase(octets), asked, days=days, now=now)
            told.append(Trouble(says=f"{good_until(credential)}{one.says}", do=one.do))
    return told


def asked_anew(
    credential: Credential, digest: str, asked: Sequence[JsonObject], *, days: int, now: datetime
) -> Trouble:
    """What goes on about another one, by what was asked for (`requesting.shown`): the end of a sentence, what to do."""
    its = [one for one in asked if digest in list_in(one["renews"])]
    got = max((str(one["asked"]) for one in asked if digest in list_in(one["credentials"])), default="")
    its += [
        one
        for one in asked
        if not one["renews"]
        and (one["issuer"], one["state"]) == (credential.issuer, "requested")
        and not {*list_in(one["types"])}.isdisjoint(credential.types)
        and str(one["asked"]) > got
    ]
    if not its:
        at = asked_anew_at(credential, datetime.fromisoformat(got), days) if got else None
        if at is None or at <= now:
            return Trouble(says="", do=RENEW)
        return Trouble(says=f"; the connector asks for a new one at {time_text(at)}", do="nothing now")
    last = max(its, key=lambda one: str(one["asked"]))
    state, when, why = last["state"], last["asked"], last["reason"]
    again = f"battery-connector credential request {credential.issuer} --type {credential.types[-1]}"
    if state == "requested":
        return Trouble(says=f"; its issuer was asked for a new one at {when}, and has to decide", do=WAITS)
    if state == "unanswered":
        says = f"; its issuer could not be asked for a new one ({why})"
        if last["next"]:
            trace = f"battery-connector did resolve {credential.issuer} --trace"
            return Trouble(says=f"{says} and is asked again at {last['next']}", do=f"nothing yet; {trace}")
        return Trouble(says=f"{says} and is asked no more", do=again)
    if state == "withheld":
        return Trouble(says=f"; no new one is asked for: {why}", do="ask the people of its issuer why")
    ends = {"expired": f"has said nothing since {when}", "issued": "gave one that does not last longer"}
    told = ends.get(str(state), f"gives no new one: {why}")
    return Trouble(says=f"; its issuer {told}", do=f"ask its people, then: {again}")


async def _disk(services: Services) -> list[Trouble]:
    free, least = await services.room.files.room(), services.room.min_free_bytes
    if free >= 2 * least:
        return []
    says = f"{size_in_words(free)} are free on the disk; below {size_in_words(least)} nothing is taken from peers"
    return [Trouble(says=says, do="free some of it, or remove what is not needed any more: battery-connector discard")]
