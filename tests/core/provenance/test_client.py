"""The report for a client: canaries in everything that is sealed for it must not come through."""

from __future__ import annotations

import json

from connector.provenance.client import for_client
from connector.provenance.outcomes import Outcome
from tests.core.provenance.chains import (
    MINE,
    REFINER,
    SEALED,
    World,
    audit,
    chain,
    change,
)

CANARIES = (MINE, "North pit", "site:mine", "Lot one", "rec:L1", "rec:M1", "permit", "mine.example")


def _sealed_for_client(world: World) -> World:
    for (holder, ident), target in world.links.items():
        if holder == REFINER and target.record == "rec:L1":
            world.refuse[holder, ident] = SEALED
    for (holder, ident), target in world.links.items():
        # an ordinary customer sees no event of the refiner either
        if holder == REFINER and target.record == "rec:R1":
            world.refuse[holder, ident] = SEALED
    return world


def _told(world: World, client: World) -> str:
    return json.dumps(for_client(audit(world), audit(client)).as_json())


def test_no_canary_of_a_sealed_supplier_comes_through() -> None:
    """Names, DIDs, ids, sites, lineage and masses stay with the auditor; words and shares are told."""
    full, client = audit(chain()), audit(_sealed_for_client(chain()))
    assert all(canary in json.dumps(full.as_json()) for canary in CANARIES)
    report = for_client(full, client)
    told = json.dumps(report.as_json())
    assert [canary for canary in CANARIES if canary in told] == []
    assert report.verdict == full.verdict
    assert report.coverage[0].as_json()["verified"] == full.coverage[0].as_json()["verified"]
    assert report.withheld_balances == ("balanced",)
    assert set(report.outcomes) == {"verified"}  # what was sealed for the client is verified for the auditor


def test_a_fault_at_a_sealed_supplier_is_told_as_a_word() -> None:
    """The client learns that something is wrong, not where; its own node says that it rests on it."""
    world = chain()
    world.words = lambda octets, _at: Outcome.REVOKED if "MinePermit" in octets else Outcome.VERIFIED
    report = for_client(audit(world), audit(_sealed_for_client(chain())))
    told = json.dumps(report.as_json())
    assert [canary for canary in CANARIES if canary in told] == []
    assert report.verdict == "failed"
    assert report.outcomes["revoked"] == 1
    assert next(node for node in report.nodes if node.id == "rec:B").rests_on == ("sealed",)


def test_a_finding_at_a_sealed_site_keeps_its_code_and_metal_only() -> None:
    """No site, period or mass of it."""
    report = for_client(audit(chain(refined="160")), audit(_sealed_for_client(chain(refined="160"))))
    assert [(item.code, item.site, item.metal) for item in report.findings] == [("site-balance", "sealed", "Ni")]
    told = json.dumps(report.as_json())
    assert "-12" not in told
    assert "site:refiner" not in told.replace("rec:facility:site:refiner", "")


def test_what_the_client_sees_itself_stays_open() -> None:
    """A tampered assay of its own supplier is named with the auditor's word and its reason."""
    world, client = chain(), _sealed_for_client(chain())
    change(world, "rec:assay:L2", name="x")
    change(client, "rec:assay:L2", name="x")
    assert "digest-mismatch" in _told(world, client)
    assert "rec:assay:L2" in _told(world, client)
