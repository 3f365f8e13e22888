"""What we send: one function per message, error body and document of DSP 2025-1, each giving plain JSON.

Only the narrow form of the schemas leaves: `@context` as an array, arrays that are empty left out, right operands as
strings. Every message carries an `@id` (an argument, like all chance), because duplicates are known by it. `dump`
gives the bytes that are signed for, stored and sent again unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from connector.model import Finding, Json, JsonObject
from connector.protocol.catalog_query import EDC
from connector.protocol.contexts import DSP_CONTEXT
from connector.protocol.negotiation import TABLE as NEGOTIATION
from connector.protocol.process import Process, Table
from connector.protocol.terms import rules_of
from connector.protocol.transfer import TRACTUS_X

HTTP_ENDPOINT = "https://w3id.org/idsa/v4.1/HTTP"
"""The `endpointType` of an HTTP address, as EDC names it."""
PUSH_ENDPOINT = "HttpData"
"""The `endpointType` of an address to push to, as EDC names it."""


def dump(message: JsonObject) -> bytes:
    """The bytes on the wire."""
    return orjson.dumps(message)


# --- negotiation -----------------------------------------------------------------------------------------------------


def contract_request(message_id: str, process: Process, *, offer: JsonObject, callback_address: str) -> JsonObject:
    """The first request names where to call back, a later one the provider's pid."""
    return _opening("ContractRequestMessage", message_id, process, offer, callback_address)


def contract_offer(message_id: str, process: Process, *, offer: JsonObject, callback_address: str) -> JsonObject:
    """The first offer names where to call back, a later one the consumer's pid."""
    return _opening("ContractOfferMessage", message_id, process, offer, callback_address)


def offer_in_message(offer: JsonObject, *, target: str, assigner: str, assignee: str = "") -> JsonObject:
    """An offer as a message carries it: that of the catalogue with its dataset and its parties."""
    parties: JsonObject = {"assigner": assigner, **({"assignee": assignee} if assignee else {})}
    return {"@id": offer["@id"], "@type": "Offer", **parties, "target": target, **rules_of(offer)}


def agreement(agreement_id: str, *, offer: JsonObject, assigner: str, assignee: str, timestamp: str) -> JsonObject:
    """The agreement on an offer: its rules word for word."""
    return {
        "@id": agreement_id,
        "@type": "Agreement",
        "assigner": assigner,
        "assignee": assignee,
        "target": offer["target"],
        "timestamp": timestamp,
        **rules_of(offer),
    }


def contract_agreement(message_id: str, process: Process, *, agreement: JsonObject) -> JsonObject:
    """The provider agrees."""
    return _between("ContractAgreementMessage", message_id, process, {"agreement": agreement})


def contract_verification(message_id: str, process: Process) -> JsonObject:
    """The consumer has checked the agreement."""
    return _between("ContractAgreementVerificationMessage", message_id, process)


def contract_accepted(message_id: str, process: Process) -> JsonObject:
    """The consumer accepts the provider's offer."""
    return _between("ContractNegotiationEventMessage", message_id, process, {"eventType": "ACCEPTED"})


def contract_finalized(message_id: str, process: Process) -> JsonObject:
    """The provider finalizes."""
    return _between("ContractNegotiationEventMessage", message_id, process, {"eventType": "FINALIZED"})


def contract_termination(
    message_id: str, process: Process, *, code: str = "", reasons: Sequence[Json] = ()
) -> JsonObject:
    """Either side ends the negotiation."""
    return _between("ContractNegotiationTerminationMessage", message_id, process, _why(code, reasons))


# --- transfer --------------------------------------------------------------------------------------------------------


def transfer_request(
    message_id: str,
    process: Process,
    *,
    agreement_id: str,
    data_format: str,
    callback_address: str,
    address: JsonObject | None = None,
) -> JsonObject:
    """The consumer asks for the data of an agreement; only a push carries an address."""
    content: JsonObject = {
        "agreementId": agreement_id,
        "format": data_format,
        "callbackAddress": callback_address,
        **({} if address is None else {"dataAddress": address}),
    }
    return {**_head("TransferRequestMessage", message_id), "consumerPid": process.pid, **content}


def transfer_start(message_id: str, process: Process, *, address: JsonObject | None = None) -> JsonObject:
    """The provider starts (a pull: with the address), or either side resumes."""
    content: JsonObject = {} if address is None else {"dataAddress": address}
    return _between("TransferStartMessage", message_id, process, content)


def transfer_completion(message_id: str, process: Process) -> JsonObject:
    """Either side says that everything is there."""
    return _between("TransferCompletionMessage", message_id, process)


def transfer_suspension(
    message_id: str, process: Process, *, code: str = "", reasons: Sequence[Json] = ()
) -> JsonObject:
    """Either side pauses."""
    return _between("TransferSuspensionMessage", message_id, process, _why(code, reasons))


def transfer_termination(
    message_id: str, process: Process, *, code: str = "", reasons: Sequence[Json] = ()
) -> JsonObject:
    """Either side ends the transfer."""
    return _between("TransferTerminationMessage", message_id, process, _why(code, reasons))


@dataclass(frozen=True, slots=True, kw_only=True)
class PullToken:
    """What opens a pull, and how it is renewed. `audience`: whom a renewal has to be signed for."""

    token: str
    refresh_token: str
    expires_in: int
    refresh_endpoint: str
    audience: str


def pull_address(endpoint: str, opens: PullToken) -> JsonObject:
    """Where to pull from, with a token that can be renewed (Data Plane Signaling, profiles HTTP and Token Renewal).

    An EDC reads the properties alone, by the names of its own namespace, a Catena-X connector renews by those of its.
    """
    dsp = {"authorization": opens.token, "authType": "bearer"}
    renewal = {
        "refreshToken": opens.refresh_token, "expiresIn": str(opens.expires_in),
        "refreshEndpoint": opens.refresh_endpoint,
    }  # fmt: skip
    edc = {"endpoint": endpoint, "endpointType": HTTP_ENDPOINT, **dsp}
    tractus_x = {**renewal, "refreshAudience": opens.audience}
    named = {f"{EDC}{name}": value for name, value in edc.items()}
    named |= {f"{TRACTUS_X}{name}": value for name, value in tractus_x.items()}
    return data_address(endpoint, {**dsp, **renewal, **named})


def push_address(endpoint: str, token: str) -> JsonObject:
    """Where to push to, and with which token. An EDC's data plane knows `HttpData`, and the properties alone."""
    dsp = {"authorization": token, "authType": "bearer"}
    edc = {"type": PUSH_ENDPOINT, "baseUrl": endpoint, "authKey": "Authorization", "authCode": f"Bearer {token}"}
    address = data_address(endpoint, {**dsp, **{f"{EDC}{name}": value for name, value in edc.items()}})
    return {**address, "endpointType": PUSH_ENDPOINT}


def data_address(endpoint: str, properties: Mapping[str, str]) -> JsonObject:
    """An address over HTTP with its properties."""
    listed: list[Json] = [
        {"@type": "EndpointProperty", "name": name, "value": value} for name, value in properties.items()
    ]
    address: JsonObject = {"@type": "DataAddress", "endpointType": HTTP_ENDPOINT, "endpoint": endpoint}
    return {**address, "endpointProperties": listed} if listed else address


# --- answers ---------------------------------------------------------------------------------------------------------


def process_answer(table: Table, process: Process) -> JsonObject:
    """A ContractNegotiation or TransferProcess: the acknowledgement, and the answer to `GET`."""
    name = "ContractNegotiation" if table is NEGOTIATION else "TransferProcess"
    return {**_typed(name), **_pids(process), "state": process.shown_state}


def process_error(table: Table, process: Process | None, *, code: str, findings: Sequence[Finding] = ()) -> JsonObject:
    """A ContractNegotiationError or TransferError. Both pids are required; what isn't known to the caller is empty.

    `process` is None where the caller may not learn whether one exists: then all such answers are the same bytes.
    """
    name = "ContractNegotiationError" if table is NEGOTIATION else "TransferError"
    pids: JsonObject = {"consumerPid": "", "providerPid": ""} if process is None else _pids(process)
    return {**_typed(name), **pids, **_why(code, [_sentence(finding) for finding in findings])}


def catalog_error(*, code: str, reasons: Sequence[Json] = ()) -> JsonObject:
    """A refused catalogue or dataset request."""
    return {**_typed("CatalogError"), **_why(code, reasons)}


def catalog_request(message_id: str, filters: Sequence[Json] = ()) -> JsonObject:
    """Asks for the first page of a catalogue, and for the others at their `Link`."""
    asked: JsonObject = {"filter": list(filters)} if filters else {}
    return {**_head("CatalogRequestMessage", message_id), **asked}


def version_document(*, version: str, path: str, service_id: str, profiles: Sequence[str]) -> JsonObject:
    """`/.well-known/dspace-version`: no context, no authentication. `path` follows the connector's root.

    Without `profiles` of DCP nothing is said about how participants prove who they are.
    """
    entry: JsonObject = {
        "version": version,
        "path": path,
        "binding": "HTTPS",
        "identifierType": "did:web",
        "serviceId": service_id,
    }
    if profiles:
        entry["auth"] = {"protocol": "DCP", "version": "1.0", "profile": list(profiles)}
    return {"protocolVersions": [entry]}


# --- parts -----------------------------------------------------------------------------------------------------------


def _typed(name: str) -> JsonObject:
    return {"@context": [DSP_CONTEXT], "@type": name}


def _head(name: str, message_id: str) -> JsonObject:
    return {"@context": [DSP_CONTEXT], "@type": name, "@id": message_id}


def _pids(process: Process) -> JsonObject:
    return {"consumerPid": process.consumer_pid or "", "providerPid": process.provider_pid or ""}


def _between(name: str, message_id: str, process: Process, content: JsonObject | None = None) -> JsonObject:
    assert process.peer_pid is not None, "only a first message is sent before the peer's pid is known"
    return {**_head(name, message_id), **_pids(process), **(content or {})}


def _opening(name: str, message_id: str, process: Process, offer: JsonObject, callback_address: str) -> JsonObject:
    if process.peer_pid is None:
        own = "consumerPid" if process.consumer_pid is not None else "providerPid"
        where: JsonObject = {own: process.pid, "callbackAddress": callback_address}
    else:
        where = _pids(process)
    return {**_head(name, message_id), **where, "offer": offer}


def _why(code: str, reasons: Sequence[Json]) -> JsonObject:
    why: JsonObject = {"code": code} if code else {}
    said = [part for reason in reasons for part in _in_words(reason)]
    return {**why, "reason": said} if said else why


def _in_words(reason: Json) -> list[Json]:
    """A decision with a sentence before it: of an object that no context explains, JSON-LD keeps nothing."""
    match reason:
        case {"decision": "deny", "failed": list(operands)}:
            return [": ".join(["the policy says no", *filter(None, [", ".join(map(str, operands))])]), reason]
    return [reason]


def _sentence(finding: Finding) -> str:
    return f"{finding.term}: {finding.message}" if finding.term else finding.message
