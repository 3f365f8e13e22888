"""What operators decide of what holders ask us to issue: it is signed for claims, or rejected for a reason.

The claims are those of `credential issue`, one file for each credential that is asked for, about the holder and nobody
else. Each word makes statements of its own, so that a membership can be issued anew; the same word said again, after an
answer that was lost or a crash, finds what it made. Taking requests and delivering is `exchange.issuer`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import orjson

from connector.config import Issue
from connector.errors import BadInput, Conflict, IllegalTransition
from connector.exchange.issuer import asked_for, foreign_of
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import micros, said_of, time_of
from connector.model import Finding, Json, JsonObject
from connector.server.issuing import Claims, Job, check, issue
from connector.server.services import Services

if TYPE_CHECKING:
    from connector.server.requests import Claim, Decide, RejectRequests

_MOST: Final = 10_000
"""So many are looked through at a time."""


def shown(row: ApprovalRow) -> JsonObject:
    """A request that waits, as the queue shows all that does."""
    asked: list[Json] = [
        {"id": one.id, "type": one.credential_type, "profile": one.profile} for one in asked_for(row)
    ]  # fmt: skip
    return {
        "id": row.pid, "turn": row.turn, "with": row.counterparty, "dataset": "",
        "title": ", ".join(one.credential_type for one in asked_for(row)), "asked": time_of(row.asked),
        "due": time_of(row.due), "can": ["approve", "reject"], "decision": None, "not_before": None, "note": None,
        "terms": None, "agreement": None, "ours": None, "policy": None, "credentials": asked,
    }  # fmt: skip


def known(services: Services, row: ApprovalRow) -> JsonObject:
    """A request of a holder, how it was decided, and whether the holder has that."""
    said = said_of(row)
    state = "expired" if services.issuer.expired(row) else row.decision or "received"
    return {
        "id": row.pid, "holder": row.counterparty, "types": [one.credential_type for one in asked_for(row)],
        "asked": time_of(row.asked), "state": state, "until": time_of(row.due), "reason": said.get("reason") or None,
        "credentials": [*said.get("credentials", {})],
        "delivered": time_of(said["delivered"]) if said.get("delivered") else None,
        "failed": said.get("failed") or None, "next": time_of(row.not_before) if row.not_before else None,
    }  # fmt: skip


async def decide(services: Services, row: ApprovalRow, said: Decide) -> JsonObject:
    """A person's word on a request. `IllegalTransition`: another one was said before, or it is too late."""
    if said.decision == "counter" or said.not_before:
        raise BadInput("requests for credentials are approved or rejected, at once", hint=_hint(row))
    if said.decision == "reject":
        if not said.reason:
            raise BadInput("the holder has to be told why", hint="battery-connector reject ID --reason ...")
        async with services.issuer.word:
            row = await services.issuer.decide(row, "rejected", said.reason, reason=said.reason)
    else:
        row = await _issue(services, row, said.claims)
    return {
        "issuance": row.pid, "with": row.counterparty, "decision": row.decision,
        "credentials": [*said_of(row)["credentials"]],
    }  # fmt: skip


async def reject_all(services: Services, said: RejectRequests) -> JsonObject:
    """A person's no to all that a party asks for, or all below a host: any number of names there may be one person's,
    and they are told when they ask again, so that nothing is sent to a thousand addresses of somebody's choice.
    """
    if not said.reason:
        raise BadInput("the holder has to be told why", hint="battery-connector reject --from WHO --reason ...")
    known = said.holder in services.config.peers
    host = "" if known or said.holder.startswith(("did:", "https://", "http://")) else said.holder.lower()
    party = services.config.peer(said.holder) if not host or "." not in host else ""
    now = micros(services.clock.now())
    waiting, _ = await services.store.waiting_approvals(services.tenant, now=now, limit=_MOST)
    meant = [row for row in waiting if row.kind == "issuance" and _is_of(row.counterparty, party, host)]
    rejected = 0
    for row in meant if said.really else []:
        with suppress(IllegalTransition, Conflict):  # another word was said meanwhile
            async with services.issuer.word:
                await services.issuer.decide(row, "rejected", said.reason, reason=said.reason, silent=not party)
            rejected += 1
    return {"found": len(meant), "rejected": rejected}


def _is_of(holder: str, party: str, host: str) -> bool:
    """Whether it is this party, or its host that one or below it."""
    name = holder.removeprefix("did:web:").partition(":")[0].partition("%3A")[0].lower()
    return holder == party if party else name == host or name.endswith(f".{host}")


async def _issue(services: Services, row: ApprovalRow, claims: Sequence[Claim]) -> ApprovalRow:
    """The word and what is signed for it. Signing takes its time, in which nobody else's word counts."""
    stated, made = _digest([one.subject for one in claims]), dict[str, str]()
    async with services.issuer.word:
        row = await services.issuer.load(row.pid)
        if not services.issuer.said_before(row, "issued", stated):
            made = await _signed(services, row, claims)
        try:
            return await services.issuer.decide(row, "issued", stated, made=made)
        except (Conflict, IllegalTransition) as late:  # another process's word, while this one signed
            await _take_back(services, row.pid, made)
            raise Conflict(late.detail, hint=late.hint) from None


async def _take_back(services: Services, pid: str, made: Mapping[str, str]) -> None:
    """Revoke what was signed for a word that came too late: it is given to nobody."""
    for digest in {*made} - {*said_of(await services.issuer.load(pid)).get("credentials", ())}:
        await services.revoke.run(
            digest, purpose="revocation", effective=services.clock.now(), reason="another word was said first"
        )


async def _signed(services: Services, row: ApprovalRow, claims: Sequence[Claim]) -> dict[str, str]:
    """Sign them and keep them: digest -> which of those asked for it is. `BadInput`: the claims can't be."""
    asked = asked_for(row)
    if len(claims) != len(asked):
        types = ", ".join(one.credential_type for one in asked)
        raise BadInput(f"it takes one file of claims each, in this order: {types}", hint=_hint(row))
    for one in claims:
        if one.subject.get("id") != row.counterparty:
            raise BadInput(f"{one.file} is not about the holder: its id has to be {row.counterparty}")
    jobs = [
        (
            wanted,
            Job(
                record_type=wanted.credential_type, profile=wanted.profile,
                valid_days=issued.valid_days, foreign=foreign_of(issued),
                claims=[Claims(file=claim.file, subject=claim.subject,
                               key=f"{row.pid} {wanted.id} {_digest(claim.subject)}")],
            ),
        )
        for wanted, claim in zip(asked, claims, strict=True)
        for issued in [services.config.issues.get(wanted.id) or Issue(type=wanted.credential_type)]
    ]  # fmt: skip
    for _, job in jobs:  # all of them, before one is signed
        _refuse(job, check(services, job))
    made: dict[str, str] = {}
    for wanted, job in jobs:
        signed = await issue(services, job)
        _refuse(job, signed.published.findings)
        made |= dict.fromkeys((one.digest for one in signed.credentials), wanted.id)
    return made


def _refuse(job: Job, findings: Sequence[Finding]) -> None:
    if findings:
        told = "; ".join(f"{one.message} {one.hint}".strip() for one in findings)
        hint = "its words are in [issues]" if job.foreign else f"battery-connector vocab term {job.record_type}"
        raise BadInput(f"{job.claims[0].file}: {told}", hint=hint)


def _digest(said: object) -> str:
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _hint(row: ApprovalRow) -> str:
    files = " ".join("--claims FILE" for _ in asked_for(row))
    return f"battery-connector approve {row.pid} {files}, or: reject {row.pid} --reason ..."
