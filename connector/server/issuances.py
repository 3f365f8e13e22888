"""What operators decide of what holders ask us to issue: it is signed for claims, or rejected for a reason.

The claims are those of `credential issue`, one file for each credential that is asked for, about the holder and nobody
else. Each word makes statements of its own, so that a membership can be issued anew; the same word said again, after an
answer that was lost or a crash, finds what it made. Taking requests and delivering is `exchange.issuer`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from connector.credentials.query import PROFILES
from connector.errors import BadInput
from connector.exchange.issuer import asked_for, said_of
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import time_of
from connector.model import Json, JsonObject
from connector.server.issuing import Claims, Job, issue
from connector.server.services import Services

if TYPE_CHECKING:
    from connector.server.requests import Claim, Decide


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


async def _issue(services: Services, row: ApprovalRow, claims: Sequence[Claim]) -> ApprovalRow:
    """The word and what is signed for it. Signing takes its time, in which nobody else's word counts."""
    stated, made = _digest([one.subject for one in claims]), dict[str, str]()
    async with services.issuer.word:
        row = await services.issuer.load(row.pid)
        if not services.issuer.said_before(row, "issued", stated):
            made = await _signed(services, row, claims)
        return await services.issuer.decide(row, "issued", stated, made=made)


async def _signed(services: Services, row: ApprovalRow, claims: Sequence[Claim]) -> dict[str, str]:
    """Sign them and keep them: digest -> which of those asked for it is. `BadInput`: the claims can't be."""
    asked = asked_for(row)
    if len(claims) != len(asked):
        types = ", ".join(one.credential_type for one in asked)
        raise BadInput(f"it takes one file of claims each, in this order: {types}", hint=_hint(row))
    for one in claims:
        if one.subject.get("id") != row.counterparty:
            raise BadInput(f"{one.file} is not about the holder: its id has to be {row.counterparty}")
    made: dict[str, str] = {}
    for wanted, claim in zip(asked, claims, strict=True):
        stated = Claims(file=claim.file, subject=claim.subject, key=f"{row.pid} {wanted.id} {_digest(claim.subject)}")
        older = wanted.profile == PROFILES[1]
        signed = await issue(services, Job(record_type=wanted.credential_type, claims=[stated], older=older))
        findings = signed.published.findings
        if findings:
            told = "; ".join(f"{one.message} {one.hint}".strip() for one in findings)
            raise BadInput(f"{claim.file}: {told}", hint=f"battery-connector vocab term {wanted.credential_type}")
        made |= dict.fromkeys((one.digest for one in signed.credentials), wanted.id)
    return made


def _digest(said: object) -> str:
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _hint(row: ApprovalRow) -> str:
    files = " ".join("--claims FILE" for _ in asked_for(row))
    return f"battery-connector approve {row.pid} {files}, or: reject {row.pid} --reason ..."
