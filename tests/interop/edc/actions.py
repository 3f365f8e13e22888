"""What the journeys ask of an EDC: offers, negotiations, transfers, each waited for."""

from __future__ import annotations

import time
from collections.abc import Collection

from connector.model import Json, JsonObject
from tests.interop.edc.runtime import PROTOCOL, Edc

ODRL = "http://www.w3.org/ns/odrl.jsonld"
PATIENCE_SECONDS = 100.0
_LOOK_SECONDS = 0.1
NEGOTIATED = ("FINALIZED", "TERMINATED")


def offer(edc: Edc, asset: str, address: str, *constraints: JsonObject, shown: str = "") -> None:
    """Let it offer what is at the address, under a policy with these constraints.

    `shown`: the asset whose policy says who sees the offer, where that is another policy.
    """
    permission: JsonObject = {"action": "use", **({"constraint": [*constraints]} if constraints else {})}
    edc.post("/assets", {
        "@id": asset, "@type": "Asset", "properties": {"name": asset},
        "dataAddress": {"@type": "DataAddress", "type": "HttpData", "baseUrl": address},
    })  # fmt: skip
    edc.post("/policydefinitions", {
        "@id": f"{asset}-policy", "policy": {"@context": ODRL, "@type": "Set", "permission": [permission]},
    })  # fmt: skip
    edc.post("/contractdefinitions", {
        "@id": f"{asset}-offer", "accessPolicyId": f"{shown or asset}-policy", "contractPolicyId": f"{asset}-policy",
        "assetsSelector": [{
            "operandLeft": "https://w3id.org/edc/v0.0.1/ns/id", "operator": "=", "operandRight": asset,
        }],
    })  # fmt: skip


def catalog(edc: Edc, address: str, participant: str) -> dict[str, JsonObject]:
    """A peer's datasets by their title, else by their id, as it reads them."""
    said = edc.post(
        "/catalog/request", {"counterPartyAddress": address, "counterPartyId": participant, "protocol": PROTOCOL}
    )
    assert isinstance(said, dict), said
    found = said["dataset"]
    datasets = found if isinstance(found, list) else [found]
    return {str(one.get("dct:title", one["@id"])): one for one in datasets if isinstance(one, dict)}


def first_offer(dataset: JsonObject, participant: str) -> JsonObject:
    """The first offer of a dataset in a catalogue, as EDC wants to hear it."""
    offers = dataset["hasPolicy"]
    first = offers[0] if isinstance(offers, list) else offers
    assert isinstance(first, dict), first
    return {"@context": ODRL, **first, "assigner": participant, "target": dataset["@id"]}


def ask_for(edc: Edc, address: str, participant: str, dataset: JsonObject) -> str:
    """Let it ask for the first offer of a dataset. Returns its id of the negotiation."""
    policy = first_offer(dataset, participant)
    begun = edc.post(
        "/contractnegotiations",
        {"counterPartyAddress": address, "counterPartyId": participant, "protocol": PROTOCOL, "policy": policy},
    )
    assert isinstance(begun, dict), begun
    return str(begun["@id"])


def negotiation(edc: Edc, ident: str, states: Collection[str] = NEGOTIATED) -> JsonObject:
    """The negotiation once it is in one of these states."""
    return _settled(edc, f"/contractnegotiations/{ident}", states)


def fetch(  # noqa: PLR0917 - as EDC's own request names them
    edc: Edc, address: str, participant: str, agreement: str, transfer_type: str, destination: JsonObject | None = None
) -> str:
    """Let it ask for the data of an agreement. Returns its id of the transfer."""
    body: JsonObject = {
        "counterPartyAddress": address, "counterPartyId": participant, "connectorId": participant, "protocol": PROTOCOL,
        "contractId": agreement, "transferType": transfer_type,
    }  # fmt: skip
    if destination is not None:
        body["dataDestination"] = {"@type": "DataAddress", **destination}
    begun = edc.post("/transferprocesses", body)
    assert isinstance(begun, dict), begun
    return str(begun["@id"])


def transfer(edc: Edc, ident: str, states: Collection[str]) -> JsonObject:
    """The transfer once it is in one of these states."""
    return _settled(edc, f"/transferprocesses/{ident}", states)


def command(edc: Edc, path: str, **body: Json) -> None:
    """`suspend`, `resume` or `terminate`."""
    edc.post(path, body)


def end_negotiation(edc: Edc, ident: str, reason: str) -> None:
    """Let it end a negotiation: this command names it once more."""
    command(edc, f"/contractnegotiations/{ident}/terminate", **{"@id": ident, "reason": reason})


def found(edc: Edc, kind: str, correlation: str) -> JsonObject:
    """Its process of that kind that has our pid."""
    asked: JsonObject = {
        "@type": "QuerySpec", "filterExpression": [
            {"operandLeft": "correlationId", "operator": "=", "operandRight": correlation}
        ]
    }  # fmt: skip
    rows = edc.post(f"/{kind}/request", asked)
    assert isinstance(rows, list), rows
    assert len(rows) == 1, rows
    row = rows[0]
    assert isinstance(row, dict), row
    return row


def _settled(edc: Edc, path: str, states: Collection[str]) -> JsonObject:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        row = edc.get(path)
        if row["state"] in states:
            return row
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} is {row['state']}, not {' or '.join(states)}: {row}")
        time.sleep(_LOOK_SECONDS)
