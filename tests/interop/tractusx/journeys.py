"""What a Tractus-X connector and we do with each other that a plain EDC does not: policies of Catena-X, tokens renewed.

Its data tokens live some seconds, so whatever we pull from it needs a renewal first.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from connector.model import Did, JsonObject
from tests.interop.company import ROWS, WAIT_SECONDS
from tests.interop.edc import journeys
from tests.interop.identity.refusals import refused_by_edc, refused_by_us
from tests.interop.tractusx.dataspace import Dataspace

POLICY = "https://w3id.org/catenax/policy/"
MEMBER: JsonObject = {"leftOperand": f"{POLICY}Membership", "operator": "eq", "rightOperand": "active"}
FRAMED: JsonObject = {
    "and": [
        MEMBER,
        {"leftOperand": f"{POLICY}FrameworkAgreement", "operator": "eq", "rightOperand": "DataExchangeGovernance:1.0"},
        {"leftOperand": f"{POLICY}UsagePurpose", "operator": "eq", "rightOperand": "cx.core.industrycore:1"},
    ]
}
_RENEWED = "/public/token?grant_type=refresh_token"
"""Its web server warns of each renewal, because the grant stands in the URL."""
_ANOTHER, _LEFT, _LEAVING = 11, 12, 13
DRIFT = ("DataPlaneAccessTokenService",)
"""Its token service, of 0.10.0, lacks the method by which a data plane of 0.14 revokes: its log says so."""


def it_pulls(dataspace: Dataspace) -> str:
    """Catalogue, negotiation, pull from us."""
    return journeys.edc_pulls(dataspace.scene)


def it_renews(dataspace: Dataspace) -> str:
    """It renews our data token at our endpoint, twice: the second time by what our first answer gave it."""
    scene = dataspace.scene
    ident, address = journeys.started_with_us(scene, journeys.agreed_with_us(scene, "open"))
    for _ in range(2):
        before = address["authorization"]
        said = scene.edc.post(f"/edrs/{ident}/refresh", {})
        assert isinstance(said, dict), said
        assert str(said["tx-auth:expiresIn"]).isdigit(), said
        address = scene.edc.get(f"/edrs/{ident}/dataaddress?auto_refresh=true")
        assert address["authorization"] != before, address
        assert len(json.loads(journeys.pulled(address))["items"]) == ROWS
    return "twice"


def _we_keep(dataspace: Dataspace, dataset: str) -> None:
    """Ours from its data plane, after a renewal."""
    renewed = _renewals(dataspace)
    journeys.kept_from_edc(dataspace.scene, dataset)
    assert _renewals(dataspace) > renewed


def _renewals(dataspace: Dataspace) -> int:
    return dataspace.scene.edc.log.read_text("utf-8", "replace").count(_RENEWED)


def we_pull(dataspace: Dataspace) -> str:
    """Under a policy for members; its token is renewed by us before it is shown."""
    _we_keep(dataspace, "open")
    return f"{len(journeys.GOODS)} bytes, with a renewed token"


def we_pull_under_a_framework(dataspace: Dataspace) -> str:
    """Under the policy of every Catena-X use case: membership, framework agreement, purpose."""
    offer = journeys.our_view(dataspace.scene)["framed"]
    assert "cx-policy:UsagePurpose" in json.dumps(offer), offer
    _we_keep(dataspace, "framed")
    return "Membership, FrameworkAgreement, UsagePurpose"


def it_refuses_without_a_framework(dataspace: Dataspace) -> str:
    """We have not signed the framework agreement: it takes no request of ours, and we say that it refuses."""
    scene = dataspace.scene
    dataspace.we_agree(framework=False)
    try:
        said = scene.us.post("/v1/request", {
            "peer": scene.edc.participant, "dataset": "framed", "wait_seconds": WAIT_SECONDS
        })  # fmt: skip
    finally:
        dataspace.all_good()
    assert said["state"] == "TERMINATED", said
    row = scene.us.get(f"/v1/processes/{said['negotiation']}")
    assert "401" in json.dumps(row["attempts"]), row
    return "401"


# --- membership ------------------------------------------------------------------------------------------------------


def we_refuse_a_stranger(dataspace: Dataspace) -> str:
    """One whose wallet holds nothing."""
    return refused_by_us(dataspace, None, "")


def we_refuse_another_s_membership(dataspace: Dataspace) -> str:
    """One that shows what somebody else is."""
    return refused_by_us(dataspace, dataspace.membership(Did("did:web:somebody.example"), _ANOTHER), "holder-binding")


def we_refuse_a_revoked_one(dataspace: Dataspace) -> str:
    """One whose membership was withdrawn before anybody looked at the list: our connector keeps lists a minute."""
    return refused_by_us(dataspace, dataspace.membership(dataspace.hub.did, _LEFT), "revoked")


def it_refuses_a_stranger(dataspace: Dataspace) -> str:
    """We hold no membership."""
    return refused_by_edc(dataspace, None, "")


def it_refuses_another_s_membership(dataspace: Dataspace) -> str:
    """We show what somebody else is."""
    return refused_by_edc(dataspace, dataspace.membership(Did("did:web:somebody.example"), _ANOTHER), "")


def it_refuses_a_revoked_one(dataspace: Dataspace) -> str:
    """Ours counts, is withdrawn by the issuer, and counts no more at once."""
    credential = dataspace.membership(Did(dataspace.scene.us.did), _LEAVING)
    dataspace.we_hold(credential)
    assert journeys.our_view(dataspace.scene)
    dataspace.issuer.revoked.append(_LEAVING)
    return refused_by_edc(dataspace, credential, f"status at index {_LEAVING} is '1'")


REVOKED = (_LEFT,)
"""Withdrawn before the round begins."""
JOURNEYS: tuple[Callable[[Dataspace], str], ...] = (
    it_pulls, it_renews, we_pull, we_pull_under_a_framework, it_refuses_without_a_framework,
    we_refuse_a_stranger, we_refuse_another_s_membership, we_refuse_a_revoked_one,
    it_refuses_a_stranger, it_refuses_another_s_membership, it_refuses_a_revoked_one,
)  # fmt: skip
