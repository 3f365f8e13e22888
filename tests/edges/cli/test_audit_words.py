"""What `audit` and `audit verify` say to people about shares and differences."""

from __future__ import annotations

import pytest

from connector.cli.audit import _show_coverage, _show_findings
from connector.cli.audit_footprint import show_footprint
from connector.cli.audit_sourcing import show_sourcing
from connector.cli.audit_verify import apart
from connector.model import JsonObject
from tests.core.provenance.chains import audit, chain, claim, lot


def test_shares_are_told_with_the_books_that_do_not_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the metal's share stands at which site; other metals, and what could not be checked, are left alone."""
    finding: JsonObject = {"code": "site-balance", "metal": "Ni", "site": "urn:plant"}
    wide: JsonObject = {"code": "tolerance-too-wide", "metal": "Co", "site": "urn:plant"}
    answer: JsonObject = {
        "coverage": {metal: {"physical": "0.2", "allocated": "0.5"} for metal in ("Co", "Ni")},
        "findings": [finding, finding, wide],
        "places": {"urn:plant": "Plant 0110"},
    }
    _show_coverage(answer)
    cobalt, _, nickel = capsys.readouterr().out.partition("Ni")
    assert "do not add up" not in cobalt
    assert nickel.count("Plant 0110") == 1
    assert "do not add up" in nickel


def test_footprints_are_told_with_their_use_and_what_contradicts_them(capsys: pytest.CaptureFixture[str]) -> None:
    """The sum is called what it is; a claim that can't be added says why; a finding of figures has no residual."""
    own: JsonObject = {"footprint": claim("9000", "C62")}
    answer = audit(chain(claims={"L1": lot("250", claim("7")), "L2": lot("660", claim("2")), "B": own})).as_json()
    show_footprint(answer)
    _show_findings(answer)
    told = capsys.readouterr().out
    assert (
        "428.1 stated upstream by the nearest claims, not verified as a sum; the battery states 9000.0 (fits)" in told
    )
    assert "held by a nearer claim" in told
    assert "contradicted: Lot one within" in told
    assert "footprint-below-inputs" in told
    assert "tolerance" not in told
    show_footprint(audit(chain(claims={"L2": lot("660", claim("2", "KWH"))})).as_json())
    told = capsys.readouterr().out
    assert "no sum upstream; nothing is stated of the whole" in told
    assert "not comparable: it is declared per KWH" in " ".join(told.split())
    show_footprint(audit(chain()).as_json())
    assert capsys.readouterr().out == ""


def test_sourcing_is_told_by_metal_and_once_for_what_is_said_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """Who stands behind the source; what counts for which site; sites without a word."""
    claim: JsonObject = {"scheme": "Mining Standard", "schemeVersion": "2.1", "score": "74"}
    late: JsonObject = {**claim, "period": {"end": "soon"}}
    stated: JsonObject = {"productionDate": "2027-01-05", "socialClaim": [claim, late]}
    show_sourcing(audit(chain(claims={"L1": stated})).as_json())
    told = " ".join(capsys.readouterr().out.split())
    for said in (
        "Ni: 66.2 % self-declared, 33.8 % unverified", "social: Mining Standard 2.1 74 North pit: self-declared",
        "not counted: its period cannot be read", "nothing counts for: Battery works, Refinery",
    ):  # fmt: skip
        assert said in told, (said, told)
    show_sourcing(audit(chain()).as_json())
    assert capsys.readouterr().out == ""


def test_differences_are_told_by_what_differs() -> None:
    """Of two long objects the members that are not the same, and no more than can be read."""
    kept: JsonObject = {"mass": "54.9", "verified": "0.78", "parts": ["x" * 300]}
    found: JsonObject = {"mass": "54.9", "verified": "0.70", "parts": ["y" * 300]}
    one, other = apart(kept, found)
    assert one.startswith("{'verified': '0.78'")
    assert other.startswith("{'verified': '0.70'")
    assert max(len(one), len(other)) == 200
    assert apart("verified", None) == ("verified", "None")
