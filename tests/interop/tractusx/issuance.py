"""Credentials of Catena-X from a connector of ours: we and the hub of the Tractus-X connector ask it over DCP, a person
says yes, and both sides believe them. Nothing else is held from then on, so these journeys come last.
"""

from __future__ import annotations

import json
import time

from connector.credentials.datamodel import parse_credential
from connector.credentials.query import PROFILES
from connector.model import Did, JsonObject, objects_in
from tests.interop import company
from tests.interop.company import ROWS, WAIT_SECONDS
from tests.interop.edc import actions, journeys
from tests.interop.identity.refusals import outcome_of
from tests.interop.tractusx.dataspace import FRAMEWORK, MEMBERSHIP, NUMBER, PURPOSE, Dataspace, number_of

POLICY = "https://w3id.org/catenax/policy/"
_CONTEXT = "https://w3id.org/catenax/credentials/v1.0.0"
_SAID: dict[str, JsonObject] = {
    MEMBERSHIP: {"memberOf": "Catena-X"},
    FRAMEWORK: {
        "group": "UseCaseFramework", "useCase": "DataExchangeGovernance", "contractVersion": "1.0",
        "contractTemplate": "https://catena-x.example/governance",
    },
    PURPOSE: {},
}  # fmt: skip
ISSUES = "".join(
    f'\n[issues.{kind}]\ntype = "{kind}"\nprofile = "{PROFILES[1]}"\ncontext = "{_CONTEXT}"\n'
    f"terms = {json.dumps(['holderIdentifier', *said])}\nvalid_days = 365\n"
    for kind, said in _SAID.items()
)
"""What our issuer is asked for: the words are Catena-X's (CX-0050)."""
_TITLE = "governed"
_LOOK_SECONDS = 0.2


def ours(customer: str) -> JsonObject:
    """An offer of ours for that customer, under the policy of every Catena-X use case."""
    return company.policy(
        {"leftOperand": f"{POLICY}Membership", "operator": "eq", "rightOperand": "active"},
        {"leftOperand": f"{POLICY}FrameworkAgreement", "operator": "eq", "rightOperand": "DataExchangeGovernance:1.0"},
        {"leftOperand": f"{POLICY}UsagePurpose", "operator": "eq", "rightOperand": "cx.core.industrycore:1"},
        {"leftOperand": f"{POLICY}BusinessPartnerNumber", "operator": "isAnyOf", "rightOperand": [number_of(customer)]},
        listed=True,
    )


def we_ask_for_ours(dataspace: Dataspace) -> str:
    """We ask for all of them, a person approves with a claims file each; they come, and nothing else is held."""
    us, issuer = dataspace.scene.us, dataspace.association
    dataspace.nothing_held()
    us.post("/v1/credential-requests", {"issuer": issuer.company.did, "types": [*_SAID], "ids": []})
    _approved(dataspace, us.did)
    folder, deadline = us.running.config.folder / "held", time.monotonic() + WAIT_SECONDS
    while len(files := [*folder.rglob("*.jwt")]) < len(_SAID):
        assert time.monotonic() < deadline, us.get("/v1/credential-requests")
        time.sleep(_LOOK_SECONDS)
    held = [parse_credential(file.read_bytes()) for file in files]
    assert {one.types[1] for one in held} == {*_SAID}
    assert {one.issuer for one in held} == {issuer.company.did}
    return ", ".join(sorted(one.types[1] for one in held))


def hub_asks_for_ours(dataspace: Dataspace) -> str:
    """The same of the wallet of the Tractus-X connector."""
    hub, issuer = dataspace.hub, dataspace.association
    hub.hold(None)
    asked: list[JsonObject] = [{"id": kind, "type": kind, "format": "VC1_0_JWT"} for kind in _SAID]
    hub.ask(issuer.company.did, "catena-x", asked)
    _approved(dataspace, hub.did)
    hub.until("catena-x", "ISSUED")
    return f"{len(hub.held())} of {len(_SAID)}"


def _approved(dataspace: Dataspace, holder: str) -> None:
    kinds = dataspace.association.asked_for(holder)
    claims: list[JsonObject] = [
        {"id": holder, "holderIdentifier": number_of(holder), **_SAID[kind]} for kind in kinds
    ]  # fmt: skip
    dataspace.association.approve(Did(holder), *claims)


def it_believes_them(dataspace: Dataspace) -> str:
    """A Tractus-X connector verifies what we show: its policy asks for membership and framework agreement."""
    journeys.kept_from_edc(dataspace.scene, "framed")
    return "Membership, FrameworkAgreement, UsagePurpose"


def it_pulls_under_ours(dataspace: Dataspace) -> str:
    """Our policy in the words of Catena-X, decided on what its wallet shows."""
    scene = dataspace.scene
    _, address = journeys.started_with_us(scene, journeys.agreed_with_us(scene, _TITLE))
    assert len(json.loads(journeys.pulled(address))["items"]) == ROWS
    return f"{ROWS} credentials"


def we_refuse_without_a_framework(dataspace: Dataspace) -> str:
    """Its wallet has a membership alone: our decision names what lacks, and so does the word that it gets."""
    edc, us, hub = dataspace.scene.edc, dataspace.scene.us, dataspace.hub
    membership = next(one for one in hub.octets() if MEMBERSHIP in parse_credential(one).types)
    hub.hold(membership)
    ident = actions.ask_for(edc, us.dsp, us.did, actions.catalog(edc, us.dsp, us.did)[_TITLE])
    assert outcome_of(edc, ident) == "TERMINATED"
    content = us.until(ident, "TERMINATED")["content"]
    assert isinstance(content, dict), content
    decision = content["decision"]
    assert isinstance(decision, dict), content
    failed = [one["left"] for one in objects_in(decision["rules"]) if one["state"] in {"unknown", "not-satisfied"}]
    assert failed == [f"{POLICY}FrameworkAgreement"], decision
    assert f"{POLICY}FrameworkAgreement" in json.dumps(content["termination"]), content
    return str(failed[0])


def offered(dataspace: Dataspace) -> None:
    """What the journeys below trade."""
    dataspace.scene.us.publish(_TITLE, ours(dataspace.hub.did))


TRUSTED = (MEMBERSHIP, FRAMEWORK, PURPOSE, NUMBER)
JOURNEYS = (we_ask_for_ours, hub_asks_for_ours, it_believes_them, it_pulls_under_ours, we_refuse_without_a_framework)
