"""Decisions: who gets what, why not, and what nobody may get by a trick."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from connector.model import Claim, Facts, Json
from connector.policy.evaluate import Reason
from connector.policy.operands import Stage
from tests.core.policy.policies import CALLER, NOW, c, decide, facts, policy, rule, states

MEMBER = c("membership", "eq", "active")
MAKERS = c("role", "isAnyOf", ["cathodeMaker", "cellMaker"])
BUYER = c("unitBuyer", "eq", "caller")
OPEN = c("accessClass", "isAnyOf", ["PUB", "B2B"])
COMPOSITION = policy(
    rule("list", MEMBER),
    rule("use", MEMBER, MAKERS, OPEN, BUYER),
    rule("audit", c("mandate", "eq", "active"), c("mandateClass", "hasPart", "unit")),
)
MAKER = facts(membership="active", role="cellMaker")
COMPETITOR = facts("did:web:rival.example", membership="active", role="trader")


def test_a_competitor_sees_the_offer_and_is_refused() -> None:
    """A member sees it in the catalogue; the negotiation fails at the role, and that word is all that it gets."""
    assert decide(COMPOSITION, COMPETITOR, Stage.CATALOGUE).permit
    refused = decide(COMPOSITION, COMPETITOR)
    assert not refused.permit
    assert refused.reason is Reason.NOT_PERMITTED
    assert refused.for_peer() == {"decision": "deny", "failed": ["role"]}
    whole = refused.as_json()
    entries = cast("list[dict[str, Json]]", whole["rules"])
    assert entries[1] == {
        "constraint": "permission[1].constraint[1]", "left": "role", "operator": "isAnyOf",
        "right": ["cathodeMaker", "cellMaker"], "value": "trader", "state": "not-satisfied", "source": "test",
    }  # fmt: skip
    assert states(refused) == ["satisfied", "not-satisfied", "not-checked-here", "not-checked-here"]
    assert [decide(COMPOSITION, one).as_json()["decision"] for one in (COMPETITOR, MAKER)] == ["deny", "permit"]


def test_later_constraints_are_checked_later() -> None:
    """Buyer and access class are of the unit: open until data are asked for, then they decide."""
    for stage in (Stage.NEGOTIATION, Stage.TRANSFER):
        assert decide(COMPOSITION, MAKER, stage).permit
    assert decide(COMPOSITION, MAKER, Stage.DATA).failed_operands() == ("accessClass", "unitBuyer")

    def unit(buyer: str, *classes: str) -> Facts:
        claims = [Claim(name="accessClass", value=value, source="unit") for value in classes]
        return MAKER.with_claims(Claim(name="unitBuyer", value=buyer, source="unit"), *claims)

    assert decide(COMPOSITION, unit(CALLER, "B2B"), Stage.DATA).permit
    assert decide(COMPOSITION, unit("did:web:other.example", "B2B"), Stage.DATA).failed_operands() == ("unitBuyer",)
    assert decide(COMPOSITION, unit(CALLER, "ORG"), Stage.DATA).failed_operands() == ("accessClass",)
    assert decide(COMPOSITION, unit(CALLER, "PUB", "B2B"), Stage.DATA).permit
    assert not decide(COMPOSITION, unit(CALLER, "PUB", "ORG"), Stage.DATA).permit, "each class has to be open"


def test_nothing_said_is_nothing_allowed() -> None:
    """No rule for the stage, no facts, no party: no."""
    only_audit = policy(rule("audit", MEMBER))
    assert decide(only_audit, MAKER).reason is Reason.NO_RULE
    assert decide(only_audit, MAKER).for_peer() == {"decision": "deny", "failed": []}
    assert not decide(only_audit, MAKER, Stage.CATALOGUE).permit
    assert not decide(policy(rule("use", MEMBER)), MAKER, Stage.AUDIT).permit
    assert states(decide(COMPOSITION, facts())) == ["unknown", "unknown", "not-checked-here", "not-checked-here"]
    nobody = decide(policy(rule("use", c("party", "neq", "did:web:rival.example"))), facts(""))
    assert states(nobody) == ["unknown"]
    assert not nobody.permit
    unsold = facts("", membership="active", role="cellMaker", accessClass="B2B", unitBuyer="")
    assert not decide(COMPOSITION, unsold, Stage.DATA).permit, "nobody is not the buyer of what nobody bought"


def test_who_may_use_sees_the_offer_unless_rules_say_otherwise() -> None:
    """Without `list` rules the catalogue shows the offer to those who may use it."""
    given = policy(rule("use", MEMBER, BUYER))
    assert decide(given, facts(membership="active"), Stage.CATALOGUE).permit
    assert not decide(given, facts(), Stage.CATALOGUE).permit


def test_one_permission_is_enough() -> None:
    """Several permissions are alternatives."""
    given = policy(rule("use", MAKERS), rule("use", c("role", "eq", "trader")))
    assert decide(given, COMPETITOR).permit
    assert decide(given, facts(role="miner")).failed_operands() == ("role",)


def test_prohibitions_win_and_unknown_counts_for_them() -> None:
    """A prohibition that holds, or that cannot be ruled out, is a no."""
    given = policy(rule("use", MEMBER), prohibition=[rule("use", c("party", "eq", "did:web:rival.example"))])
    assert decide(given, MAKER).permit
    refused = decide(given, COMPETITOR)
    assert (refused.reason, refused.failed_operands()) == (Reason.PROHIBITED, ("party",))
    by_role = policy(rule("use", MEMBER), prohibition=[rule("use", c("role", "eq", "trader"))])
    assert decide(by_role, facts(membership="active")).reason is Reason.PROHIBITED
    assert decide(by_role, MAKER).permit


@pytest.mark.parametrize("turned", [False, True])
def test_a_prohibition_that_waits_for_a_promise_does_not_apply_yet(turned: bool) -> None:
    """Whatever else of it is unknown, in whatever order it says so."""
    parts = [c("purpose", "eq", "marketing"), c("role", "eq", "trader")]
    given = policy(rule("use", MEMBER), prohibition=[rule("use", *(parts[::-1] if turned else parts))])
    decision = decide(given, facts(membership="active"))
    assert sorted(states(decision)) == ["accepted", "satisfied", "unknown"]
    assert decision.for_peer() == {"decision": "permit", "failed": []}
    assert not decide(given, facts(membership="active", purpose="marketing")).permit


def test_a_prohibition_about_the_unit_waits_for_the_unit() -> None:
    """It says nothing at the negotiation and decides at the data."""
    given = policy(rule("use", MEMBER), prohibition=[rule("use", c("recordType", "eq", "MakeEvent"))])
    assert decide(given, MAKER).permit
    assert not decide(given, MAKER, Stage.DATA).permit
    event = MAKER.with_claims(Claim(name="recordType", value="MakeEvent", source="unit"))
    lot = MAKER.with_claims(Claim(name="recordType", value="MineralLotPassport", source="unit"))
    assert not decide(given, event, Stage.DATA).permit
    assert decide(given, lot, Stage.DATA).permit


def test_contractual_terms_are_accepted_and_shown_as_such() -> None:
    """They never look satisfied; a fact against them denies."""
    given = policy(rule("use", c("purpose", "isAnyOf", ["production"]), c("retentionDays", "lteq", "30")))
    assert states(decide(given, MAKER)) == ["accepted", "accepted"]
    assert decide(given, MAKER).permit
    assert decide(given, facts(purpose="production", retentionDays="30.0")).permit
    assert decide(given, facts(purpose="marketing")).failed_operands() == ("purpose",)
    assert decide(given, facts(retentionDays="31")).failed_operands() == ("retentionDays",)
    assert decide(given, facts(retentionDays="for ever")).failed_operands() == ("retentionDays",)
    assert not decide(given, facts(retentionDays=["30", "31"])).permit, "each promise has to be kept"


def test_the_owner_reads_the_whole_reason() -> None:
    """What was compared, with what, where it came from, and where in the policy it stands."""
    given = policy(
        rule("use", MEMBER, c("purpose", "eq", "production"), c("accessClass", "isAnyOf", ["B2B"])),
        rule("use", c("dateTime", "gt", "2027-01-01T00:00:00Z")),
        prohibition=[rule("use", c("party", "eq", "did:web:rival.example"))],
    )
    known = facts(membership="active", accessClass=["LI", "B2B"])
    told = decide(given, known, Stage.DATA).as_json()
    rules = cast("list[dict[str, Json]]", told.pop("rules"))
    assert told == {
        "decision": "permit", "reason": "permitted", "action": "use", "stage": "data",
        "at": "2027-03-15T09:00:00+00:00",
    }  # fmt: skip
    assert [tuple(entry.values()) for entry in rules] == [
        ("prohibition[0].constraint[0]", "party", "eq", "did:web:rival.example", CALLER, "not-satisfied", "token"),
        ("permission[0].constraint[0]", "membership", "eq", "active", "active", "satisfied", "test"),
        ("permission[0].constraint[1]", "purpose", "eq", "production", "", "accepted", "contract"),
        ("permission[0].constraint[2]", "accessClass", "isAnyOf", ["B2B"], "B2B, LI", "not-satisfied", "test"),
        ("permission[1].constraint[0]", "dateTime", "gt", "2027-01-01T00:00:00Z", told["at"], "satisfied", "clock"),
    ]
    both = decide(policy(rule("use", OPEN)), facts(accessClass=["PUB", "B2B"]), Stage.DATA)
    assert both.verdicts[0][1] == "B2B, PUB", "each class that was asked for"


@pytest.mark.parametrize(
    ("operator", "before", "at", "after"),
    [("lt", True, False, False), ("lteq", True, True, False), ("gt", False, False, True), ("gteq", False, True, True)],
)
def test_time_windows(operator: str, before: bool, at: bool, after: bool) -> None:
    """The clock is an argument; the limit itself counts by the operator."""
    given = policy(rule("use", c("dateTime", operator, "2027-03-15T10:00:00+01:00")))
    moment = timedelta(microseconds=1)
    assert [decide(given, MAKER, now=now).permit for now in (NOW - moment, NOW, NOW + moment)] == [before, at, after]


def test_a_time_without_zone_denies_and_does_not_raise() -> None:
    """A caller's mistake with the clock opens nothing."""
    given = policy(rule("use", c("dateTime", "gt", "2020-01-01T00:00:00Z")))
    decision = decide(given, MAKER, now=datetime(2027, 3, 15))
    assert (decision.permit, states(decision)) == (False, ["unknown"])


@pytest.mark.parametrize(
    ("constraint", "odd_one"),
    [
        (MEMBER, "membership"),
        (OPEN, "accessClass"),
        (BUYER, "unitBuyer"),
        (c("retentionDays", "lteq", "30"), "retentionDays"),
        (c("purpose", "eq", "production"), "purpose"),
        (c("mandateSite", "hasPart", "unit"), "mandateSite"),
        (c("mandateMaterial", "hasPart", "unit"), "material"),
    ],
)
def test_facts_of_the_wrong_type_deny_and_do_not_raise(constraint: Json, odd_one: str) -> None:
    """A number, a list or nothing where a text belongs is no fact, and no promise either."""
    known = facts(mandateMaterial="Ni")
    for value in (None, 1, True, ["active"], {"x": 1}):
        odd = known.with_claims(Claim(name=odd_one, value=cast("str", value), source="x"))
        decision = decide(policy(rule("use", constraint)), odd, Stage.DATA)
        assert not decision.permit
        assert decision.verdicts[0][2] == "wrong-type"
    absent = decide(policy(rule("use", constraint)), known, Stage.DATA)
    assert absent.verdicts[0][2] in {"", "contract"}, "what is not there is not of the wrong type"


def test_groups_are_three_valued() -> None:
    """`or` needs one, `and` all; an unknown part never makes a yes."""
    either = policy(rule("use", {"or": [MAKERS, c("party", "eq", CALLER)]}))
    assert decide(either, facts()).permit
    assert decide(either, facts("did:web:b.example", role="cellMaker")).permit
    assert decide(either, facts("did:web:b.example")).failed_operands() == ("role", "party")
    nested = policy(rule("use", {"or": [{"and": [MEMBER, MAKERS]}, {"and": [MEMBER, BUYER]}]}))
    assert decide(nested, facts(membership="active")).permit, "the buyer is still open"
    assert not decide(nested, facts(membership="active"), Stage.DATA).permit
    assert not decide(nested, facts(role="cellMaker")).permit
    beside = policy(rule("use", MEMBER, {"or": [MAKERS, {"and": [BUYER, OPEN]}]}))
    assert decide(beside, MAKER, Stage.DATA).permit
    assert not decide(beside, facts(role="cellMaker"), Stage.DATA).permit, "the group alone is not enough"
    assert not decide(beside, facts(membership="active"), Stage.DATA).permit, "nor is what stands beside it"
    paths = [check.path for check in decide(nested, facts()).checks]
    assert paths[3] == "permission[0].constraint[0].or[1].and[1]"


def test_all_of_and_none_of() -> None:
    """Sets compare as sets."""
    both = policy(rule("use", c("role", "isAllOf", ["refiner", "recycler"])))
    assert decide(both, facts(role=["recycler", "refiner", "trader"])).permit
    assert decide(both, facts(role=["recycler", "refiner"])).permit
    assert not decide(both, facts(role="recycler")).permit
    but = policy(rule("use", c("party", "isNoneOf", ["did:web:rival.example", "did:web:b.example"])))
    assert decide(but, MAKER).permit
    assert not decide(but, COMPETITOR).permit


def test_a_list_that_only_its_owner_has_is_unknown_here() -> None:
    """An offer as peers see it can't be evaluated as a yes."""
    assert states(decide(policy(rule("use", c("party", "isPartOf", "listedParties"))), MAKER)) == ["unknown"]


MANDATE = rule(
    "audit",
    c("mandate", "eq", "active"),
    c("mandateClass", "hasPart", "unit"),
    c("mandateSite", "hasPart", "unit"),
    c("mandateMaterial", "hasPart", "unit"),
    c("mandatePeriod", "hasPart", "unit"),
)
HELD: dict[str, str | list[str]] = {
    "mandate": "active", "mandateClass": ["PUB", "ORG"], "mandateSite": "any", "mandateMaterial": ["Ni", "Co"],
    "mandatePeriod": "2027-01-01/2027-03-31", "accessClass": "ORG", "site": "urn:s", "material": ["Ni", "Co"],
    "eventTime": "2027-03-31T23:59:59Z",
}  # fmt: skip


def test_an_auditor_gets_what_the_mandate_covers() -> None:
    """Class, site, material and time of the unit all lie in the mandate; `any` limits nothing."""
    decision = decide(policy(MANDATE), facts(**HELD), Stage.AUDIT)
    assert decision.permit
    assert decision.verdicts[1][1] == "ORG, PUB (unit: ORG)"
    assert decision.verdicts[4][1] == "2027-01-01/2027-03-31 (unit: 2027-03-31T23:59:59Z)"


@pytest.mark.parametrize(
    "covered",
    [
        {"eventTime": "2027-01-01T00:00:00Z"},
        {"eventTime": "2027-03-31T23:59:59.999999Z"},
        {"eventTime": ["2027-01-01", "2027-03-31"]},
        {"mandatePeriod": ["2026-01-01/2026-12-31", "2027-03-31/2027-03-31"]},
    ],
)
def test_the_first_and_the_last_day_of_a_mandate_count(covered: dict[str, str | list[str]]) -> None:
    """From the first moment of the first day to the last of the last; one of several periods is enough."""
    assert decide(policy(MANDATE), facts(**{**HELD, **covered}), Stage.AUDIT).permit


def test_a_rule_may_name_what_has_to_be_mandated() -> None:
    """Then that is compared, and not the unit: `the mandate covers our smelter and this day`."""
    given = policy(
        rule(
            "audit",
            c("mandateSite", "hasPart", "urn:smelter"),
            c("mandatePeriod", "hasPart", "2027-02-01T00:00:00Z"),
        )
    )
    known = {"mandateSite": "urn:smelter", "mandatePeriod": "2027-02-01/2027-02-28"}
    decision = decide(given, facts(**known, site="urn:mine", eventTime="2020-01-01"), Stage.AUDIT)
    assert decision.permit
    assert [value for _, value, _ in decision.verdicts] == [*known.values()]
    elsewhere = {"mandateSite": "urn:mine", "mandatePeriod": "2020-01-01/2020-12-31"}
    denied = decide(given, facts(**elsewhere, site="urn:mine", eventTime="2020-01-01"), Stage.AUDIT)
    assert denied.failed_operands() == ("mandateSite", "mandatePeriod")


def test_two_mandates_do_not_make_a_third() -> None:
    """A wide one for one chain and a narrow one for another: neither's chain opens the other's classes and times."""
    given = policy(rule("audit", c("mandateRoot", "eq", "urn:ours"), *MANDATE["constraint"]))  # type: ignore[misc]  # a rule of this file has a list of constraints

    def mandate(source: str, **said: str) -> tuple[Claim, ...]:
        told = {"mandate": "active", "mandateSite": "any", "mandateMaterial": "any", **said}
        return tuple(Claim(name=name, value=value, source=source) for name, value in told.items())

    ours = mandate("ours", mandateRoot="urn:ours", mandateClass="PUB", mandatePeriod="2026-01-01/2026-12-31")
    theirs = mandate("theirs", mandateRoot="urn:theirs", mandateClass="ORG", mandatePeriod="2027-01-01/2027-12-31")

    def asked(access_class: str, time: str) -> Facts:
        return facts(accessClass=access_class, site="urn:s", material="Ni", eventTime=time)

    for shown in (ours + theirs, theirs + ours):
        assert decide(given, asked("PUB", "2026-05-01").with_claims(*shown), Stage.AUDIT).permit
        for access_class, time, failed in (
            ("ORG", "2026-05-01", "mandateClass"),
            ("PUB", "2027-05-01", "mandatePeriod"),
        ):
            decision = decide(given, asked(access_class, time).with_claims(*shown), Stage.AUDIT)
            assert not decision.permit
            assert decision.failed_operands() == (failed,), "told of the mandate that comes nearest"
    third = mandate("third", mandateRoot="urn:third", mandateClass="LI", mandatePeriod="2025-01-01/2025-12-31")
    for shown in (ours + theirs + third, third + theirs + ours, theirs + ours + third):
        assert decide(given, asked("PUB", "2026-05-01").with_claims(*shown), Stage.AUDIT).permit
        assert not decide(given, asked("ORG", "2026-05-01").with_claims(*shown), Stage.AUDIT).permit


@pytest.mark.parametrize(
    ("name", "value", "failed"),
    [
        ("accessClass", "LI", "mandateClass"),
        ("accessClass", [], "mandateClass"),
        ("accessClass", ["PUB", "LI"], "mandateClass"),
        ("mandateSite", "urn:other", "mandateSite"),
        ("material", ["Ni", "Li"], "mandateMaterial"),
        ("material", [], "mandateMaterial"),
        ("eventTime", "2027-04-01T00:00:00Z", "mandatePeriod"),
        ("eventTime", "2027-04-01", "mandatePeriod"),
        ("eventTime", "2026-12-31T23:59:59.999999Z", "mandatePeriod"),
        ("eventTime", ["2027-02-01", "2027-04-01"], "mandatePeriod"),
        ("eventTime", [], "mandatePeriod"),
        ("eventTime", "soon", "mandatePeriod"),
        ("eventTime", "2027-02-30", "mandatePeriod"),
        ("mandatePeriod", "2027-13-01/2027-14-01", "mandatePeriod"),
        ("mandatePeriod", ["2027-01-01/2027-03-31", "2027-01-01"], "mandatePeriod"),
        ("mandatePeriod", "/2027-03-31", "mandatePeriod"),
        ("mandatePeriod", "2027-01-01/", "mandatePeriod"),
        ("mandatePeriod", "2027-01-01", "mandatePeriod"),
        ("mandatePeriod", "2027-03-31/2027-01-01", "mandatePeriod"),
        ("mandate", "ended", "mandate"),
    ],
)
def test_an_auditor_gets_nothing_else(name: str, value: str | list[str], failed: str) -> None:
    """What the mandate does not cover, or what is not known of the unit, is a no."""
    assert decide(policy(MANDATE), facts(**{**HELD, name: value}), Stage.AUDIT).failed_operands() == (failed,)


def test_holding_an_agreement_opens_an_audit_read() -> None:
    """A customer follows its supplier's links up to the classes that its own rule opens."""
    given = policy(rule("audit", c("agreementHeld", "eq", "true"), OPEN))
    assert decide(given, facts(agreementHeld="true", accessClass="B2B"), Stage.AUDIT).permit
    assert decide(given, facts(agreementHeld="true", accessClass="ORG"), Stage.AUDIT).failed_operands() == (
        "accessClass",
    )
    assert not decide(given, facts(accessClass="PUB"), Stage.AUDIT).permit


def test_what_was_shown_in_vain_is_told_to_the_owner_alone() -> None:
    """A credential that does not count may be why a fact is unknown; what becomes of the facts keeps it."""
    doubted = replace(COMPETITOR, doubted=("RoleCredential by did:web:x.example: revoked: ...",))
    decision = decide(COMPOSITION, doubted.with_claims(Claim(name="unit", value="u", source="unit")))
    assert decision.as_json()["doubted"] == [*doubted.doubted]
    assert "doubted" not in decide(COMPOSITION, COMPETITOR).as_json()
    assert "revoked" not in str(decision.for_peer())


def test_for_peer_holds_no_values() -> None:
    """Neither the policy's values nor the facts leave by the refusal."""
    told = str(decide(COMPOSITION, COMPETITOR, Stage.DATA).for_peer())
    assert not any(word in told for word in ("cathodeMaker", "trader", "B2B", "did:"))
