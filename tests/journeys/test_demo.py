"""The demo through its real command: the clean story, and each planted fault named at its place and nowhere else.

What a fault has to show stands in `story.toml`, beside the steps that plant it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from connector.model import JsonObject
from tests.journeys.demo import DEMO_SECONDS, Played, objects, one, play

STORY = tomllib.loads((Path(__file__).parents[2] / "examples" / "mine_to_recycler" / "story.toml").read_text("utf-8"))
BATTERY, RECYCLED = STORY["story"]["battery"], STORY["story"]["recycled_battery"]
LONG = pytest.mark.long


def verified_again(played: Played) -> JsonObject:
    """The audit of the bundle, made once more out of it, by a process without connectors: the same, whatever it is."""
    words = [sys.executable, "-m", "connector", "audit", "verify", str(played.folder / "audit.zip"), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=DEMO_SECONDS)
    told = one(json.loads(done.stdout))
    assert (done.returncode, told["verdict"], told["differences"]) == (0, "same", []), told["checks"]
    return one(told["audit"])


def test_the_clean_story_is_verified_and_counted(clean: Played) -> None:
    """Exit 0, no finding, the published figures, the competitor refused."""
    told = clean.told
    assert clean.code == 0
    assert (clean.audit["verdict"], clean.audit["unreached"], clean.findings) == ("verified", 0, [])
    assert clean.audit["outcomes"] == {"verified": clean.audit["nodes"]}
    assert (told["companies"], told["negotiations_refused"], told["findings"]) == (8, 1, [])
    assert told["negotiations_finalized"] == told["transfers_completed"] == 26
    for name in ("documents", "credentials", "seconds"):
        assert isinstance(told[name], int | float)
    assert verified_again(clean)["outcomes"] == clean.audit["outcomes"]


def test_b_is_walked_back_to_the_mine_and_to_a(clean: Played) -> None:
    """Every lot of the story up to the permit, and battery A through the recovered lots."""
    assert set(clean.nodes()) >= {
        ("BatteryPassport", BATTERY),
        ("CellPassport", "ZB-2701-0042"),
        ("MineralLotPassport", "K26110007"),
        *(("MineralLotPassport", lot) for lot in ("NS26090014", "CS26090006")),
        *(("MineralLotPassport", lot) for lot in ("RNS-2610-021", "RCS-2610-009", "RLC-2610-004")),
        *(("MineralLotPassport", lot) for lot in ("000026070031", "000026070032")),
        ("MinePermit", "KAIV-2019-0417"),
        ("MineralLotPassport", "ES26080003"),
        ("BatteryPassport", RECYCLED),
    }
    balances = objects(clean.report()["balances"])
    assert len({balance["site"] for balance in balances}) == 6
    assert {balance["outcome"] for balance in balances} == {"balanced"}


def test_a_is_walked_forward_to_b_and_to_nobody_elses_business(clean: Played) -> None:
    """Through campaign, recovered lots, cathode and cells; the virgin lots beside them are not gone into."""
    nodes = clean.nodes(f"audit-{RECYCLED}.json")
    assert {str(node["outcome"]) for node in nodes.values()} == {"verified"}
    assert {name for kind, name in nodes if kind.endswith("Passport")} == {
        RECYCLED, "RNS-2610-021", "RCS-2610-009", "RLC-2610-004", "K26110007", "ZB-2701-0042", "ES27010002", BATTERY,
    }  # fmt: skip
    assert ("RecyclingCertificate", "RZ-2026-00883") in nodes


def test_coverage_tells_metal_by_metal_what_is_verified_and_what_is_missing(clean: Played) -> None:
    """Physical and allocated apart, recycled content split, and what is not attested by name."""
    coverage = one(clean.audit["coverage"])
    assert set(coverage) == {"Ni", "Co", "Mn", "Li"}
    for told in map(one, coverage.values()):
        shares = {ground: Decimal(str(share)) for ground, share in one(told["shares"]).items()}
        assert set(shares) <= {"verified", "unattested"}
        assert abs(sum(shares.values(), Decimal(0)) - 1) < Decimal("0.00001")
        assert all(share["name"] for share in objects(told["open"]))
    nickel = one(coverage["Ni"])
    told = {name: f"{Decimal(str(nickel[name])):.3f}" for name in ("physical", "allocated")}
    told |= {kind: f"{Decimal(str(share)):.3f}" for kind, share in one(nickel["recycled"]).items()}
    assert told == {  # the table of the story's README
        "physical": "0.203", "allocated": "0.578", "manufacturingWaste": "0.130", "postConsumer": "0.073",
    }  # fmt: skip
    assert {share["name"] for share in objects(one(coverage["Mn"])["open"])} == {
        "lot bought with delivery 0050031193",
        "rework that goes round in 000002001877",
    }


def test_every_lot_states_a_footprint_and_the_battery_s_own_holds_them(clean: Played) -> None:
    """The cells' claim alone is added: those behind it lie within it, as each lies above those of its inputs."""
    footprint = one(clean.audit["footprint"])
    assert len(objects(footprint["stated"])) == 11
    assert {stated["notComparable"] for stated in objects(footprint["stated"])} == {""}
    names = {str(node["key"]): name for (_, name), node in clean.nodes().items()}
    upstream = one(footprint["upstream"])
    added = {names[str(part["node"])]: part["counted"] for part in objects(upstream["parts"]) if part["counted"] != "0"}
    assert added == {"ZB-2701-0042": upstream["kgCO2e"]}
    assert f"{Decimal(str(upstream['kgCO2e'])):.0f}" == "4305"  # as the story's README tells it
    told = {str(part["kind"]): f"{Decimal(str(part['whole'])):.0f}" for part in objects(footprint["comparisons"])[:1]}
    assert told == {"battery": "5422"}
    assert {part["outcome"] for part in objects(footprint["comparisons"])} == {"holds"}
    own = json.loads((clean.folder / "audit-by-the-client.json").read_text("utf-8"))
    assert len(objects(one(own["footprint"])["stated"])) == 2  # its own, and its supplier's cells
    page = (clean.folder / "report-for-the-client.html").read_text("utf-8")
    assert "15.1 kg CO₂e" in page
    assert "17.6 kg CO₂e" not in page


def test_the_sources_of_metal_are_told_by_who_stands_behind_them(clean: Played) -> None:
    """The mine is attested by the certifier's own signature, the recycler by its own claim of a third party."""
    sourcing = one(clean.audit["sourcing"])
    assert {stated["notCounted"] for stated in objects(sourcing["stated"])} == {""}
    metals = {metal: set(one(shares)) for metal, shares in one(sourcing["metals"]).items()}
    told = {"attested", "third-party", "unverified"}
    assert metals == {"Co": told, "Ni": told, "Li": {"third-party", "unverified"}, "Mn": {"unverified"}}
    assert sorted(str(site["standing"]) for site in objects(sourcing["sites"])) == [
        "attested", "second-party", "self-declared", "self-declared", "third-party", "unstated",
    ]  # fmt: skip


def test_a_supplier_is_sealed_for_the_customer_and_stays_so_in_its_report(clean: Played) -> None:
    """The car maker's own audit sees its supplier's cells and works, and stops where that one keeps its own supplier
    back; the auditor's report for it names nobody behind.
    """
    by_car = next(audit for audit in objects(clean.told["audits"]) if audit["by"] == "car")
    assert (by_car["verdict"], one(by_car["outcomes"])["sealed"]) == ("qualified", 1)
    own = json.loads((clean.folder / "audit-by-the-client.json").read_text("utf-8"))
    (sealed,) = [node for node in objects(own["nodes"]) if node["outcome"] == "sealed"]
    assert "where this link leads" in str(sealed["reasons"])
    dids = json.loads((clean.folder / "dids.json").read_text("utf-8"))
    assert (dids["cell"], "FacilityRecord") in {
        (node["holder"], node["type"]) for node in objects(own["nodes"]) if node["outcome"] == "verified"
    }
    page = (clean.folder / "report-for-the-client.html").read_text("utf-8")
    for company in ("cathode", "refiner", "recycler", "mine"):
        assert dids[company] not in page
    for name in ("Wesertal", "Emscher", "Tunturi", "K26110007"):
        assert name in (clean.folder / "audit-report.html").read_text("utf-8")
        assert name not in page


@pytest.mark.parametrize("fault", ["tampered", pytest.param("revoked", marks=LONG)])
def test_a_bad_record_is_named_and_all_others_keep_their_word(fault: str, tmp_path: Path) -> None:
    """One node has the expected word; what rests on it says so and stays verified; A's way forward is not touched."""
    played, expect = play(tmp_path / "demo", "--with", fault), STORY["faults"][fault]["expect"]
    assert played.code == 1
    (finding,) = played.findings
    assert {name: finding[name] for name in ("code", "company", "type", "name")} == {
        "code": expect["outcome"], "company": expect["company"], "type": expect["type"], "name": expect["value"],
    }  # fmt: skip
    assert (played.audit["verdict"], played.audit["unreached"]) == ("failed", 0)
    nodes = played.nodes()
    bad = nodes.pop((expect["type"], expect["value"]))
    assert {str(node["outcome"]) for node in nodes.values()} == {"verified"}
    resting = {key for key, node in nodes.items() if node["restsOn"] == [bad["key"]]}
    assert resting >= {("MineralLotPassport", "NS26090014"), ("BatteryPassport", BATTERY)}
    assert ("BatteryPassport", RECYCLED) not in resting
    assert objects(played.told["audits"])[1]["verdict"] == "verified"
    again = verified_again(played)
    assert (again["verdict"], again["outcomes"]) == ("failed", played.audit["outcomes"])


def test_a_supplier_that_is_down_is_missing_and_what_lies_behind_unreached(tmp_path: Path) -> None:
    """Every gap is at the refiner; nothing of the mine is reached; all else keeps its word."""
    played = play(tmp_path / "demo", "--with", "missing-supplier")
    assert played.code == 1
    assert {(finding["code"], finding["company"]) for finding in played.findings} == {("missing", "refiner")}
    for finding in played.findings:  # named by a record that leads to it
        assert re.fullmatch(r"(upstream|input) of (MineralLotPassport|MakeEvent) \w+", str(finding["what"]))
    assert played.audit["verdict"] == "qualified"
    assert played.audit["unreached"] == len(played.findings) == 2
    assert set(one(played.audit["outcomes"])) == {"missing", "verified"}
    mine = json.loads((played.folder / "dids.json").read_text("utf-8"))["mine"]
    assert mine not in {node["holder"] for node in objects(played.report()["nodes"])}
    assert verified_again(played)["outcomes"] == played.audit["outcomes"]


@LONG
def test_more_metal_out_than_in_is_one_finding_with_site_metal_period_and_residual(tmp_path: Path) -> None:
    """All records are what they should be; the refiner's nickel does not add up."""
    played, expect = play(tmp_path / "demo", "--with", "inflated"), STORY["faults"]["inflated"]["expect"]
    assert played.code == 1
    (finding,) = played.findings
    assert str(finding["code"]).endswith(expect["finding"])
    assert {name: finding[name] for name in ("company", "metal", "period")} == {
        name: expect[name] for name in ("company", "metal", "period")
    }
    assert expect["site"] in str(finding["place"])
    assert Decimal(str(finding["residual"])) < -Decimal(str(finding["tolerance"]))
    assert (played.audit["verdict"], set(one(played.audit["outcomes"]))) == ("qualified", {"verified"})
    assert verified_again(played)["verdict"] == "qualified"
