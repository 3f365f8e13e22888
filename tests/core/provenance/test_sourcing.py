"""Sourcing statements along a chain: who stands behind a site, for how much of the metal, and what contradicts itself.

The chain of `chains.py`: of the 48 kg nickel in battery B 98 of 148 parts came out of the mine, the rest was bought
without proof by the refiner.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from connector.model import Did, Json, JsonObject
from connector.provenance.client import for_client
from connector.provenance.outcomes import Outcome
from connector.provenance.retelling import read_report
from connector.provenance.sourcing import Sourcing, fits, read_sourcing
from tests.core.provenance.chains import MAKER, MINE, REFINER, SEALED, World, audit, chain
from tests.core.provenance.claims import (
    CERTIFIER,
    EDITION,
    assurance,
    attest,
    contradicted,
    mined,
    opened,
    shares,
    sites,
    social,
)


def test_an_attestation_that_another_party_signed_stands_for_the_metal_of_its_site() -> None:
    """The mine is attested; of the sites behind it nobody says anything, and what was bought is not verified."""
    report = audit(mined())
    assert shares(report) == {"attested": "0.662", "unverified": "0.338"}
    assert sites(report) == {"site:mine": "attested", "site:refiner": "unstated", "site:maker": "unstated"}
    assert (opened(report), report.verdict) == ({}, "verified")


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        (social(assurance=assurance("third")), "third-party"),
        (social(assurance=assurance("second", "limited")), "second-party"),
        (social(assurance=assurance("first", "none", "")), "self-declared"),
        (social(assurance=assurance("third", "none")), "self-declared"),  # nobody checked it
        (social(assurance=assurance("third", verifier=MINE)), "self-declared"),
        (social(assurance=assurance("third", verifier=[{"id": MINE}])), "self-declared"),
        (social(assurance=assurance("third", verifier=[MINE, CERTIFIER])), "third-party"),
        (social(), "self-declared"),
        ({}, "unstated"),
    ],
)
def test_a_claim_stands_as_high_as_who_is_said_to_have_checked_it(claim: JsonObject, word: str) -> None:
    """No more than it says itself, and never as high as a signature."""
    report = audit(chain(claims={"L1": claim}))
    assert shares(report) == {word: "0.662", "unverified": "0.338"}
    assert sites(report)["site:mine"] == word


def test_the_surest_word_for_a_site_counts() -> None:
    """Beside the attestation the claim of the lot adds nothing, and takes nothing."""
    report = audit(mined(L1=social(assurance=assurance("first", "none", ""))))
    assert sites(report)["site:mine"] == "attested"
    assert [one.standing for one in report.sourcing.stated if one.sourcing.kind == "social"] == ["self-declared"]


def test_nobody_attests_to_his_own_site() -> None:
    """It is told, and stands for nothing."""
    report = audit(mined(issuer=MINE))
    assert sites(report)["site:mine"] == "unstated"
    assert opened(report) == {"rec:attestation": "it speaks for no site on the way"}


class Squatter(World):
    """Its refiner calls the mine's site its own, and links what the certifier signed for that id."""

    def add(
        self, holder: Did, kind: str, record: str, *subjects: tuple[str, JsonObject], issuer: str = "", version: int = 1
    ) -> str:
        """The refiner's records, at the mine's site."""
        if holder == REFINER:
            subjects = tuple((one, said | self.moved_to(kind, said)) for one, said in subjects)
        return super().add(holder, kind, record, *subjects, issuer=issuer, version=version)

    def moved_to(self, kind: str, said: JsonObject) -> JsonObject:
        """What becomes of a subject."""
        if kind == "FacilityRecord":
            return {"id": "site:mine", "attestation": [self.link(REFINER, "rec:attestation")]}
        return {"facility": "site:mine"} if "facility" in said else {}


def test_an_attestation_to_which_two_companies_lay_claim_stands_for_neither() -> None:
    """Its signer names an id, and which of the two runs the site that was judged nobody knows."""
    world = attest(Squatter())
    world.proofs["site:mine"] = {"attestation": [world.link(MINE, "rec:attestation")]}
    report = audit(chain(world=world))
    assert len(sites(report)) == 3
    assert "attested" not in {*sites(report).values(), *shares(report)}
    assert opened(report) == {"rec:attestation": "several companies call its site theirs"}


class Guest(Squatter):
    """Its refiner leans on the mine's own record of the site instead."""

    def moved_to(self, kind: str, said: JsonObject) -> JsonObject:
        """What becomes of a subject."""
        leans: JsonObject = {"facility": "site:mine", "facilityRecord": self.link(REFINER, "rec:facility:site:mine")}
        return leans if kind == "MakeEvent" else {}


def test_who_leans_on_anothers_record_of_a_site_takes_no_attestation_from_it() -> None:
    """That record tells who runs the site, and for whom it was judged."""
    world = attest(Guest())
    world.proofs["site:mine"] = {"attestation": [world.link(MINE, "rec:attestation")]}
    report = audit(chain(world=world))
    assert (opened(report), sites(report)[f"site:mine of {MINE}"]) == ({}, "attested")
    assert sites(report)[f"site:mine of {REFINER}"] == "unstated"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"},
         "its period was over when what leans on it happened"),
        ({"start": "2028-01-01T00:00:00Z"}, "its period began after what leans on it happened"),
        ({"end": "soon"}, "its period cannot be read"),
    ],
)  # fmt: skip
def test_an_attestation_counts_in_the_period_that_it_tells(more: JsonObject, why: str) -> None:
    """That its credential is still valid does not make the judgement last."""
    report = audit(mined(validity={"type": "Period", **more}))
    assert sites(report)["site:mine"] == "unstated"
    assert opened(report) == {"rec:attestation": why}


def test_an_attestation_that_names_no_site_stands_for_none() -> None:
    """Whoever links it can't choose what it is about."""
    assert sites(audit(mined(about="")))["site:mine"] == "unstated"


def test_an_attestation_of_another_site_stands_for_nothing() -> None:
    """The record that leans on it breaks a rule, and so what rests on that record does not count."""
    report = audit(mined(about="site:elsewhere"))
    assert report.verdict == "failed"
    assert "attested" not in {*sites(report).values(), *shares(report)}


@pytest.mark.parametrize("record", ["rec:attestation", "rec:L1"])
def test_what_is_not_verified_does_not_count(record: str) -> None:
    """A revoked attestation stands for nothing, nor does the claim of a revoked passport."""
    claim = social(assurance=assurance("third"))
    world = mined() if record == "rec:attestation" else chain(claims={"L1": claim})
    world.words = lambda octets, _at: Outcome.REVOKED if f'"id": "{record}"' in octets else Outcome.VERIFIED
    report = audit(world)
    assert report.verdict == "failed"
    assert opened(report) == {record: "its record, or what proves it, is not verified"}
    assert not {"attested", "third-party"} & {*sites(report).values(), *shares(report)}


@pytest.mark.parametrize(
    ("period", "why"),
    [
        ({"start": "2026-01-01T00:00:00Z", "end": "2027-01-05T00:00:00Z"}, "its period was over when this was made"),
        ({"start": "2027-02-01T00:00:00Z"}, "its period began after this was made"),
        ({"end": "soon"}, "its period cannot be read"),
        ({"start": "2026-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z"}, ""),
    ],
)
def test_a_claim_counts_for_what_was_made_in_its_period(period: JsonObject, why: str) -> None:
    """By the day of production that the passport tells."""
    claim = social(assurance=assurance("third"), period={"type": "Period", **period})
    report = audit(chain(claims={"L1": {**claim, "productionDate": "2027-01-05"}}))
    assert opened(report) == ({"rec:L1": why} if why else {})
    assert sites(report)["site:mine"] == ("unstated" if why else "third-party")


def test_a_claim_is_held_against_the_attestation_that_it_leans_on() -> None:
    """Same edition, same site, and signed by the verifier that it names: another score is a finding."""
    high = social("94", assurance=assurance("third"))
    report = audit(mined(L1=high))
    assert contradicted(report) == [("sourcing-contradicted", "it claims 94, and its verifier signed 74")]
    assert report.verdict == "qualified"
    assert contradicted(audit(mined(L1=social("74", assurance=assurance("third"))))) == []
    other = social("94", assurance=assurance("third", verifier="did:web:other.example"))
    assert contradicted(audit(mined(L1=other))) == []  # another one's judgement may be another
    assert contradicted(audit(mined(L2=high))) == []  # the refinery's
    assert contradicted(audit(mined(L1=social("", assurance=assurance("third"))))) == []  # it tells none
    edition: JsonObject = {**high["socialClaim"][0], "schemeVersion": "3"}  # type: ignore[index, dict-item]  # made above
    assert contradicted(audit(mined(L1={"socialClaim": edition}))) == []


def test_a_claim_that_fits_one_of_two_judgements_contradicts_neither() -> None:
    """A site was judged again, with another result."""
    world = attest(World())
    again: JsonObject = {"id": "site:mine", "type": "Facility", **EDITION, "score": "94"}
    world.add(MINE, "SchemeAttestation", "rec:again", ("PUB", again), issuer=CERTIFIER)
    given: list[Json] = [world.link(MINE, "rec:attestation"), world.link(MINE, "rec:again")]
    world.proofs["site:mine"] = {"attestation": given}
    chain(world=world, claims={"L1": social("94", assurance=assurance("third"))})
    assert contradicted(audit(world)) == []


@pytest.mark.parametrize(
    ("claimed", "signed", "fit"),
    [
        ("74.0", "74", True), ("74 of 100", "74/100", True), ("74 %", "74%", True), ("74", "74 of 100", True),
        ("74,5 %", "74.5", True), ("B ", "B", True),
        ("Level 2", "Level 2", True), ("070", "70.00", True), ("70-80", "70 - 80", True),
        ("94", "74", False), ("7.4", "74", False), ("74 of 80", "74 of 100", False), ("74 %", "74 points", False),
        ("Level 3", "Level 2", False), ("B", "74", False), ("-74", "74", False), ("70-80", "70-90", False),
    ],
)  # fmt: skip
def test_scores_are_compared_by_their_figures(claimed: str, signed: str, *, fit: bool) -> None:
    """As many digits as one likes, and a unit that only one of them tells, contradict nothing."""
    assert fits(claimed, signed) is fits(signed, claimed) is fit
    world = attest(World(), score=signed)
    world.proofs["site:mine"] = {"attestation": [world.link(MINE, "rec:attestation")]}
    chain(world=world, claims={"L1": social(claimed, assurance=assurance("third", verifier=["x:other", CERTIFIER]))})
    assert len(contradicted(audit(world))) == (0 if fit else 1)


def test_false_claims_of_one_record_are_one_finding_for_each_cause() -> None:
    """Each is named, the first five; a copy of the record at another company adds none."""
    flags: list[Json] = [{"type": "RedFlag", "flag": f"sign {number}"} for number in range(7)]
    high: list[Json] = [social(score, assurance=assurance("third"))["socialClaim"][0] for score in ("94", "95")]  # type: ignore[index]  # made above
    world = mined(L1={"socialClaim": high, "redFlag": flags})
    *_, ident = (ident for (holder, ident), to in world.links.items() if (holder, to.record) == (REFINER, "rec:L1"))
    world.links[REFINER, ident] = replace(world.links[REFINER, ident], holder=REFINER)
    world.copies[REFINER, "rec:L1"] = replace(world.pages["rec:L1", 1], holder=REFINER)
    report = audit(world)
    assert sum(node.id == "rec:L1" for node in report.nodes) == 2
    told = "; ".join(f"a red flag without any action: sign {number}" for number in range(5))
    assert sorted(contradicted(report)) == [
        ("sourcing-contradicted",
         "2 statements: it claims 94, and its verifier signed 74; it claims 95, and its verifier signed 74"),
        ("sourcing-red-flag", f"7 statements: {told}; and 2 more"),
    ]  # fmt: skip


class Tolled(World):
    """Its mine works for an owner, who signs the lot's passport."""

    def add(
        self, holder: Did, kind: str, record: str, *subjects: tuple[str, JsonObject], issuer: str = "", version: int = 1
    ) -> str:
        """The owner's passport."""
        issuer = "did:web:owner.example" if record == "rec:L1" else issuer
        return super().add(holder, kind, record, *subjects, issuer=issuer, version=version)


def test_of_a_lot_made_for_another_the_word_of_who_runs_the_site_is_no_other_partys() -> None:
    """It is the one that is judged."""
    tolled = chain(world=Tolled(), claims={"L1": social(assurance=assurance("third", verifier=MINE))})
    report = audit(tolled)
    assert sites(report)["site:mine"] == "self-declared"
    assert contradicted(report) == [
        ("sourcing-contradicted", "it calls who runs the site the third party that checked it")
    ]
    world = Tolled()
    world.proofs["site:mine"] = {"operatedBy": "did:web:runner.example"}
    named = assurance("third", verifier="did:web:runner.example")
    assert sites(audit(chain(world=world, claims={"L1": social(assurance=named)})))["site:mine"] == "self-declared"
    other = audit(chain(world=Tolled(), claims={"L1": social(assurance=assurance("third"))}))
    assert (sites(other)["site:mine"], contradicted(other)) == ("third-party", [])


@pytest.mark.parametrize(
    ("word", "verifier", "edition", "standing"),
    [
        (Outcome.REVOKED, CERTIFIER, "2.1", "self-declared"),
        (Outcome.SUSPENDED, CERTIFIER, "2.1", "self-declared"),
        (Outcome.REVOKED, [CERTIFIER, "did:web:other.example"], "2.1", "third-party"),  # the other's word is left
        (Outcome.REVOKED, "did:web:other.example", "2.1", "third-party"),
        (Outcome.REVOKED, CERTIFIER, "3", "third-party"),
        (Outcome.BAD_SIGNATURE, CERTIFIER, "2.1", "third-party"),  # whose it is nobody knows
    ],
)
def test_a_claim_falls_with_what_its_verifier_took_back(
    word: Outcome, verifier: Json, edition: str, standing: str
) -> None:
    """To what is left of it: its maker's word."""
    world = mined(L1=social(schemeVersion=edition, assurance=assurance("third", verifier=verifier)))
    world.words = lambda octets, _at: word if '"id": "rec:attestation"' in octets else Outcome.VERIFIED
    report = audit(world)
    assert (sites(report)["site:mine"], report.verdict) == (standing, "failed")
    (one,) = [one for one in report.sourcing.stated if one.sourcing.kind == "social"]
    fallen = word is not Outcome.BAD_SIGNATURE and edition == "2.1" and CERTIFIER in one.sourcing.verifiers
    assert one.note == ("its verifier no longer stands by what it signed of this site" if fallen else "")
    assert read_report(report.as_json()).sourcing.stated == report.sourcing.stated


def test_who_calls_itself_a_third_party_is_a_finding() -> None:
    """The claim is its maker's own, and says otherwise."""
    report = audit(chain(claims={"L2": social(assurance=assurance("third", verifier=REFINER))}))
    assert contradicted(report) == [
        ("sourcing-contradicted", "who states it calls itself the third party that checked it")
    ]


def test_a_red_flag_without_action_is_a_finding_and_one_with_action_is_told() -> None:
    """Signs of risk are no wrong; that nobody acts on one is to be asked."""
    flag: JsonObject = {"type": "RedFlag", "flag": "armed group at the road", "severity": "high"}
    area: JsonObject = {"type": "RiskAreaCheck", "highRisk": True, "areaList": "CAHRA", "checkedOn": "2027-01-02"}
    report = audit(chain(claims={"L1": {"redFlag": [flag], "riskAreaCheck": area}}))
    assert contradicted(report) == [
        ("sourcing-red-flag", "a red flag (high) without any action: armed group at the road")
    ]
    told = {(one.sourcing.kind, one.sourcing.score, one.site) for one in report.sourcing.stated}
    assert told == {("red-flag", "high", "site:mine"), ("risk-area", "high-risk", "site:mine")}
    acted = audit(chain(claims={"L1": {"redFlag": {**flag, "action": "convoy with observers"}}}))
    assert (contradicted(acted), acted.verdict) == ([], "verified")


def test_indices_of_the_model_are_told_and_stand_for_no_site() -> None:
    """They judge a whole chain by their own rulebook."""
    index: JsonObject = {"type": "IndexScore", "index": "childLabour", "score": "3.1", "schemeVersion": "1.0"}
    index["coverage"] = {"type": "Quantity", "value": "88", "unit": "P1"}
    report = audit(chain(claims={"B": {"supplyChainIndex": [index]}}))
    (one,) = report.sourcing.stated
    assert (one.sourcing.scheme, one.sourcing.score, one.sourcing.coverage) == ("childLabour", "3.1", "88")
    assert (one.standing, sites(report)["site:maker"]) == ("", "unstated")


def test_a_claim_about_what_is_not_on_the_way_counts_for_nothing() -> None:
    """Of a sealed making nobody knows at which site it was."""
    world = chain(claims={"L1": social(assurance=assurance("third"))})
    world.refuse[MINE, world_link_to(world, "rec:M1")] = SEALED
    report = audit(world)
    assert opened(report) == {"rec:L1": "no verified making on the way tells of which site it speaks"}


def world_link_to(world: World, record: str) -> str:
    """The id of the link that leads to a record of the mine."""
    return next(ident for (holder, ident), target in world.links.items() if target.record == record and holder == MINE)


def test_the_report_comes_back_from_its_json_and_the_client_gets_its_own() -> None:
    """Contradictions are among the findings of the JSON."""
    report = audit(mined(L1=social("94", assurance=assurance("third"))))
    again = read_report(json.loads(json.dumps(report.as_json())))
    assert again.as_json() == report.as_json()
    own = audit(chain())
    assert for_client(report, own).sourcing == own.sourcing
    assert for_client(report, audit(chain(), holder=MAKER)).sourcing.stated == ()


@pytest.mark.parametrize("odd", [None, "x", 7, True, [], [None], {}, [{}], {"assurance": 1}, {"period": [1]}])
def test_whatever_stands_there_is_read(odd: Json) -> None:
    """Texts where texts are, nothing otherwise."""
    subject: JsonObject = dict.fromkeys(("socialClaim", "supplyChainIndex", "riskAreaCheck", "redFlag"), odd)
    for one in read_sourcing("MineralLotPassport", (subject, subject)):
        assert one == Sourcing(kind=one.kind)
    assert len(read_sourcing("SchemeAttestation", ({},))) == 1
