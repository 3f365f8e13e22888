"""What a newer version of a record states no more is told beside what the earlier one states."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.model import JsonObject
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import LATEST, Answer, Read
from connector.provenance.retelling import read_report
from connector.provenance.walk import Limits
from tests.core.provenance.chains import MINE, SEALED, UNKNOWN, World, audit, chain
from tests.core.provenance.claims import CERTIFIER, EDITION, assurance, mined, sites, social


def notes(world: World, **more: bool) -> dict[str, str]:
    """Record -> what is to be known of what it states of the mine."""
    report = audit(world, limits=Limits(**more))
    assert sites(report)["site:mine"] in {"attested", "third-party"}  # as of the version to which links lead
    assert report.verdict == "verified"
    assert read_report(report.as_json()).sourcing.stated == report.sourcing.stated
    ids = {node.key: node.id for node in report.nodes}
    return {ids[one.node]: one.note for one in report.sourcing.stated if one.note}


def again(
    world: World,
    record: str,
    subject: JsonObject,
    *,
    issuer: str = "",
    more: JsonObject | None = None,
    version: int = 2,
) -> World:
    """A second version of a record."""
    page = world.pages[record, 1]
    parts = [("B2B", subject)] if more is None else [("B2B", subject), ("ORG", more)]
    world.add(page.holder, page.type, record, *parts, issuer=issuer, version=version)
    return world


LOT: JsonObject = {"id": "L1", "type": "MaterialLot"}
CLAIM = social(assurance=assurance("third"))


def test_that_a_newer_version_states_a_claim_no_more_is_told_beside_it() -> None:
    """The lot was made when it was stated: that counts. Where it still is, or nobody asks, there is nothing to tell."""
    no_longer = {"rec:L1": "version 2 of its record no longer states it"}
    assert notes(chain(claims={"L1": CLAIM})) == {}
    assert notes(again(chain(claims={"L1": CLAIM}), "rec:L1", LOT | CLAIM)) == {}
    assert notes(again(chain(claims={"L1": CLAIM}), "rec:L1", LOT)) == no_longer
    lower = again(chain(claims={"L1": CLAIM}), "rec:L1", LOT | social("60", assurance=assurance("third")))
    assert notes(lower) == no_longer
    assert notes(again(chain(claims={"L1": CLAIM}), "rec:L1", LOT), newest=False) == {}
    behind = again(chain(claims={"L1": CLAIM}), "rec:L1", LOT, version=0)
    assert notes(behind) == {}, "what is handed out for the newest is older"
    nearer: JsonObject = {"id": "L2", "type": "MaterialLot", **CLAIM}
    assert notes(again(chain(claims={"L1": CLAIM, "L2": CLAIM}), "rec:L2", nearer)) == {}, "a lot leans on no other"


@pytest.mark.parametrize(
    ("how", "why"),
    [("sealed", "a newer version"), ("missing", "a newer version"), ("revoked", "version 2"), ("partly", "version 2"),
     ("forged", "version 2")],
)  # fmt: skip
def test_what_a_newer_version_states_may_not_be_known(how: str, why: str) -> None:
    """What is sealed, not verified or signed by somebody else says nothing."""
    issuer = "did:web:owner.example" if how == "forged" else ""
    world = again(chain(claims={"L1": CLAIM}), "rec:L1", LOT, issuer=issuer, more=LOT)
    if how == "revoked":
        world.words = lambda octets, _at: Outcome.REVOKED if '"version": "2"' in octets else Outcome.VERIFIED
    elif how == "partly":
        page = world.pages["rec:L1", 2]
        first, second = page.credentials
        world.pages["rec:L1", 2] = replace(page, credentials=(first, replace(second, octets=None)))
    elif how != "forged":
        gap = SEALED if how == "sealed" else UNKNOWN
        world.newest[MINE, "rec:L1"] = gap
    told = {"partly": "partly sealed", "forged": "another party signs it"}.get(how, how)
    assert notes(world) == {"rec:L1": f"whether {why} of its record still states it is not known ({told})"}


def test_that_the_sites_record_leads_to_an_attestation_no_more_is_told_beside_it() -> None:
    """The attestation itself stands: its signer took nothing back."""
    bare: JsonObject = {"id": "site:mine", "type": "Facility"}
    told = {"rec:attestation": "version 2 of the record of the site no longer leans on it"}
    assert notes(again(mined(), "rec:facility:site:mine", bare)) == told
    world = mined()
    still: JsonObject = {"attestation": [world.link(MINE, "rec:attestation")]}
    assert notes(again(world, "rec:facility:site:mine", bare | still)) == {}
    other: JsonObject = {"id": "site:mine", "type": "Facility", **EDITION, "score": "80"}
    assert notes(again(mined(), "rec:attestation", other, issuer=CERTIFIER)) == {
        "rec:attestation": "version 2 of its record no longer states it"
    }


class Listening(World):
    """Keeps what it was asked."""

    def answer(self, read: Read) -> Answer:
        """The same."""
        self.asked = [*getattr(self, "asked", ()), read]
        return super().answer(read)


def test_the_newest_version_of_what_was_asked_for_is_what_was_given() -> None:
    """It is not asked for again."""
    index: JsonObject = {"supplyChainIndex": [{"type": "IndexScore", "index": "childLabour", "score": "3"}]}
    world = Listening()
    chain(claims={"B": index}, world=world)
    assert [one.note for one in audit(world).sourcing.stated] == [""]
    assert [read.ident for read in world.asked if (read.kind, read.version) == ("record", LATEST)] == ["rec:B"]
