"""What operators decide in negotiations: words to held turns, offers to peers, ends. With the queue of what is held.

A word may be repeated with its idempotency key, and then changes nothing more. What a turn may be answered with stands
in `protocol.turns`, what follows in `exchange.negotiate`; requests are `commands`'. Terms are a policy as its file says
it, or an offer as a catalogue shows it: home rules and lists of parties stay home.
"""

from __future__ import annotations

from typing import Final

import orjson
from aiohttp import web
from pydantic import ValidationError

from connector.errors import BadInput, BadPolicy, Conflict, NotFound, NotOffered
from connector.exchange.held import Word
from connector.exchange.rows import ApprovalKind, ApprovalRow, DatasetRow, ProcessRow
from connector.exchange.stored import content_of, micros, said_of, time_of
from connector.model import Did, Json, JsonObject
from connector.policy.odrl import offer_json
from connector.policy.reading import load
from connector.protocol.negotiation import State
from connector.protocol.process import Role
from connector.protocol.terms import Offer, rules_of
from connector.protocol.turns import Turn
from connector.server import answers_peers as answers
from connector.server import asked, issuances, processes, requests
from connector.server.commands import command_of, negotiated
from connector.server.operations import MOVES_A_PROCESS, Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services
from connector.server.withdrawing import own_dataset

_DECIDED: Final[tuple[ApprovalKind, ...]] = ("negotiation", "audit", "issuance")


def operations() -> list[Operation]:
    """What the management API does about decisions in negotiations."""
    negotiated, moves = (answers.Negotiated,), MOVES_A_PROCESS
    decided = (*negotiated, answers.AuditDecided, answers.IssuanceDecided)
    word = "Say a word to what waits: yes, no, or other terms."
    return [
        Operation("GET", "/v1/approvals", _queue, "What waits for a person's word.", (answers.Approvals,)),
        Operation(
            "POST", "/v1/approvals/{id}", _decide, word, decided, asked=requests.Decide, fails=moves,
            repeatable=True,
        ),
        Operation(
            "POST", "/v1/offer", _offer, "Offer a contract on our data to a peer that has not asked.", negotiated,
            asked=requests.Offer, fails=moves, repeatable=True,
        ),
        Operation(
            "POST", "/v1/negotiations/{id}/terminate", _terminate, "End a negotiation, whoever's turn it is.",
            negotiated, asked=requests.End, fails=moves,
        ),
    ]  # fmt: skip


# --- the queue -------------------------------------------------------------------------------------------------------


async def _queue(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    rows, there = await queue(services, processes.MOST_SHOWN)
    waiting: list[Json] = [await shown(services, row) for row in rows]
    return json_response({"approvals": waiting, "more": there - len(rows)})


async def queue(services: Services, limit: int) -> tuple[list[ApprovalRow], int]:
    """What waits for a person's word, or has one for later, the longest waiting first; and how many there are."""
    return await services.store.waiting_approvals(services.tenant, now=micros(services.clock.now()), limit=limit)


async def held(services: Services, pid: str) -> list[ApprovalRow]:
    """What of it waits there."""
    found = [await services.store.load_approval(services.tenant, kind, pid) for kind in _DECIDED]
    return [row for row in found if row is not None and (row.kind == "negotiation" or _waits(services, row))]


def _waits(services: Services, row: ApprovalRow) -> bool:
    return not row.decision and not (row.kind == "issuance" and services.issuer.expired(row))


async def shown(services: Services, row: ApprovalRow) -> JsonObject:
    """All that a person needs who is to decide."""
    if row.kind == "issuance":
        return issuances.shown(row)
    if row.kind == "audit":
        return _read_shown(row, await services.store.load_dataset(row.tenant, row.subject))
    return await _shown(services, row)


async def _shown(services: Services, row: ApprovalRow) -> JsonObject:
    """A held turn with the terms on the table, ours beside them, and what our policy says of the peer."""
    process = await services.store.load_process(row.tenant, "negotiation", row.pid)
    content = content_of(process) if process is not None else {}
    dataset = await services.store.load_dataset(row.tenant, row.subject)
    return {
        "id": row.pid, "turn": row.turn, "with": row.counterparty, "dataset": row.subject,
        "title": dataset.title if dataset is not None else content.get("title"),
        "asked": time_of(row.asked), "due": time_of(row.due),
        "can": processes.can(Turn(row.turn)),
        "decision": row.decision or None, "not_before": time_of(row.not_before) if row.not_before else None,
        "note": (content.get("waits") or {}).get("note"),
        "terms": content.get("offer"), "agreement": content.get("agreement"),
        "ours": services.negotiate.weighing.policies.offer(dataset) if dataset is not None else None,
        "policy": content.get("decision"),
    }  # fmt: skip


def _read_shown(row: ApprovalRow, dataset: DatasetRow | None) -> JsonObject:
    """Audit reads that wait: a party's, of a dataset, permitted by its policy."""
    return {
        "id": row.pid, "turn": row.turn, "with": row.counterparty, "dataset": row.subject,
        "title": dataset.title if dataset is not None else None, "asked": time_of(row.asked), "due": None,
        "can": ["approve", "reject"], "decision": None, "not_before": None, "note": None, "terms": None,
        "agreement": None, "ours": None, "policy": None, **said_of(row),
    }  # fmt: skip


async def _decide(request: web.Request) -> web.Response:
    said = await asked.body(request, requests.Decide)
    return json_response(await decided(request.app[SERVICES], request.match_info["id"], said, asked.key(request)))


async def decided(services: Services, ident: str, said: requests.Decide, key: str) -> JsonObject:
    """A person's word, as the management API takes it: on a turn of a negotiation, on audit reads, or on a request for
    credentials.
    """
    issuance = await services.store.load_approval(services.tenant, "issuance", ident)
    if issuance is not None:
        return await issuances.decide(services, issuance, said)
    if said.claims:
        raise BadInput("claims belong to a request for credentials", hint="battery-connector approvals lists them")
    if await services.store.load_approval(services.tenant, "audit", ident) is not None:
        return await _decide_read(services, ident, said)
    if (said.decision == "counter") != (said.terms is not None):
        raise BadInput(
            "terms belong to a counter-offer, and to nothing else", hint='{"decision": "counter", "terms": {}}'
        )
    word = Word(
        decision=said.decision, agreement_id=said.agreement_id, code=said.code, reason=said.reason,
        terms=wire_terms(said.terms, said.offer_id or services.ids.urn()) if said.terms is not None else None,
        not_before=micros(said.not_before) if said.not_before else 0,
    )  # fmt: skip
    return await decide(services, ident, word, key, said.wait_seconds)


async def _decide_read(services: Services, pid: str, said: requests.Decide) -> JsonObject:
    if said.decision == "counter" or said.not_before:
        raise BadInput("audit reads are approved or rejected, at once", hint="approve ID, or reject ID --reason ...")
    row = await services.audit_answers.decide(pid, said.decision, said.reason, services.clock.now())
    return {
        "audit": row.pid, "with": row.counterparty, "dataset": row.subject, "decision": row.decision,
        "until": time_of(row.due),
    }  # fmt: skip


async def decide(services: Services, ident: str, word: Word, key: str, wait_seconds: float) -> JsonObject:
    """A person's word. `IllegalTransition`: nothing waits there, or not for this."""
    row = await _negotiation(services, ident)
    if word.terms is not None and row.role == Role.PROVIDER.value:
        load(orjson.dumps(word.terms))  # what we offer we have to keep, so our policies need words for it
    meant = {**word.as_json(), "terms": rules_of(word.terms or {})}  # a fresh offer id makes no other request
    said = f"decide {row.pid} {orjson.dumps(meant).decode()}"
    command = await command_of(services, key, said)
    if not key or await services.store.load_command(services.tenant, key) is None:
        await services.negotiate.decide(row.pid, word, command)
    return await negotiated(services, row.pid, 0.0 if word.not_before > command.at else wait_seconds)


# --- offers and ends -------------------------------------------------------------------------------------------------


async def _offer(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await asked.body(request, requests.Offer)
    answer = await offer(
        services, Did(services.config.peer(body.peer)), body.dataset, asked.key(request), body.wait_seconds,
        terms=body.terms, offer_id=body.offer_id,
    )  # fmt: skip
    return json_response(answer)


async def offer(
    services: Services, peer: Did, wanted: str, key: str, wait_seconds: float, *, terms: JsonObject | None = None,
    offer_id: str = "",
) -> JsonObject:  # fmt: skip
    """Offer a contract on a dataset of ours, by id or title, to a peer: the catalogue's offer, or these terms."""
    said = f"offer {peer} {wanted} {offer_id} {orjson.dumps(terms).decode()}"
    command = await command_of(services, key, said)
    if await services.store.load_process(services.tenant, "negotiation", command.pid) is None:
        dataset = await own_dataset(services, wanted, offered=True)
        ours = services.negotiate.weighing.policies.offer(dataset)
        made = {**ours, "@id": offer_id or ours["@id"]}
        if terms is not None:
            made = wire_terms(terms, offer_id or services.ids.urn())
            load(orjson.dumps(made))  # as above
        base = await services.peers.dsp_base(peer)
        try:
            await services.negotiate.offer(peer, base, dataset.dataset_id, made, command)
        except NotOffered:
            raise
        except Conflict:  # the same command came twice at once: the other one has begun it
            command = await command_of(services, key, said)
    return await negotiated(services, command.pid, wait_seconds)


async def _terminate(request: web.Request) -> web.Response:
    body = await asked.body(request, requests.End)
    return json_response(
        await terminate(
            request.app[SERVICES], request.match_info["id"], body.code or "operator", body.reason, body.wait_seconds
        )
    )


async def terminate(services: Services, ident: str, code: str, reason: str, wait_seconds: float) -> JsonObject:
    """End a negotiation; one that is terminated already is answered as it is. `IllegalTransition`: it is final."""
    row = await _negotiation(services, ident)
    if row.state != State.TERMINATED:
        await services.negotiate.terminate(row.pid, code, reason)
    return await negotiated(services, row.pid, wait_seconds)


# --- shared ----------------------------------------------------------------------------------------------------------


def wire_terms(terms: JsonObject, offer_id: str) -> JsonObject:
    """Terms of a person's file as an offer. Such as only the peer understands are taken as they stand on the wire."""
    try:
        policy = load(orjson.dumps(terms))
    except BadPolicy as unknown:
        try:
            offer = Offer.model_validate({"@type": "Offer", "@id": offer_id, **rules_of(terms)})
        except ValidationError:
            raise unknown from None
        return offer.as_json()
    if not policy.offerable:
        raise BadInput("these terms permit no use", hint='a permission with the action "use"')
    return offer_json(policy, offer_id=offer_id)


async def _negotiation(services: Services, ident: str) -> ProcessRow:
    row = await processes.find(services, ident)
    if row.kind != "negotiation":
        raise NotFound(f"{ident} is a transfer", hint="battery-connector transfers")
    return row
