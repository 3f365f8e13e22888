"""Writing for the wire, digests, and when two policies offer the same."""

from __future__ import annotations

import base64
from datetime import timedelta
from hashlib import sha256
from itertools import product
from typing import cast

import orjson
import pytest

from connector.model import Json, JsonObject
from connector.policy.odrl import Constraint, Rule, both, digest, offer_digest, offer_json
from connector.policy.reading import read
from connector.vocabulary.terms import NAMESPACE
from tests.core.policy.policies import NOW, c, decide, facts, policy, rule

MEMBER = c("membership", "eq", "active")
ROLES = c("role", "isAnyOf", ["refiner", "recycler"])
BAD, WORSE = c("party", "isAnyOf", ["did:web:bad.example"]), c("role", "eq", "trader")
SOON = c("dateTime", "lt", "2027-04-01T00:00:00Z")


def test_an_offer_is_what_dsp_wants() -> None:
    """Arrays, full names, texts; in a catalogue no target; no empty arrays (DSP 2025-1, ODRL profile)."""
    offer = offer_json(policy(rule("use", MEMBER, ROLES, c("retentionDays", "lteq", 30))), offer_id="urn:uuid:1")
    assert offer == {
        "@type": "Offer",
        "@id": "urn:uuid:1",
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {"leftOperand": f"{NAMESPACE}membership", "operator": "eq", "rightOperand": "active"},
                    {"leftOperand": f"{NAMESPACE}role", "operator": "isAnyOf", "rightOperand": ["refiner", "recycler"]},
                    {"leftOperand": f"{NAMESPACE}retentionDays", "operator": "lteq", "rightOperand": "30"},
                ],
            }
        ],
    }


def test_an_empty_array_is_never_sent() -> None:
    """The schema of DSP 2025-1 knows none."""
    assert offer_json(policy(rule("use")), offer_id="x")["permission"] == [{"action": "use"}]


def test_home_rules_and_parties_stay_home() -> None:
    """Who may audit, who sees the offer and who else is served is not told to peers."""
    secret = "did:web:big-customer.example"
    given = policy(
        rule("list", MEMBER),
        rule("use", c("party", "isAnyOf", [secret]), {"or": [c("party", "neq", secret), MEMBER]}),
        rule("audit", c("mandate", "eq", "active")),
        prohibition=[rule("use", c("party", "eq", secret))],
    )
    text = orjson.dumps(offer_json(given, offer_id="x")).decode()
    assert secret not in text
    assert "mandate" not in text
    assert text.count('"action":"use"') == 2
    assert text.count("listedParties") == 3


def test_what_is_written_can_be_read_and_is_equal() -> None:
    """Our own offer, back from a peer as a request or an agreement, is our offer."""
    given = policy(
        rule("list", MEMBER),
        rule("use", MEMBER, ROLES, c("party", "isAnyOf", ["did:web:a.example"]), c("unitBuyer", "eq", "caller")),
        rule("use", c("dateTime", "lt", "2028-01-01T00:00:00Z")),
        prohibition=[rule("use", c("role", "eq", "trader"))],
    )
    parties = {"target": "d", "assigner": "did:web:a", "assignee": "did:web:b", "timestamp": "t"}
    offered = offer_json(given, offer_id="urn:uuid:1")
    for document in (offered, {**offered, **parties, "@type": "Agreement"}):
        back, findings = read(document)
        assert findings == ()
        assert back is not None
        assert offer_digest(given) == offer_digest(back)
        assert digest(given) != digest(back)  # home rules count in the whole digest


def test_order_ids_and_context_do_not_count() -> None:
    """The same terms in another order are the same offer."""
    first: JsonObject = {"@context": ["x"], "@id": "1", "permission": [rule("use", MEMBER, ROLES), rule("use")]}
    second: Json = {
        "@type": "Offer",
        "permission": [rule("use"), rule("use", c("role", "isAnyOf", ["recycler", "refiner"]), MEMBER)],
    }
    one, other = read(first)[0], read(second)[0]
    assert one is not None
    assert other is not None
    assert digest(one) == digest(other)
    assert offer_digest(one) == offer_digest(other)
    assert offer_digest(one).startswith("uEi")


def test_changed_terms_are_another_offer() -> None:
    """Anything that grants more or less is a counter-offer."""
    base = policy(rule("use", MEMBER, ROLES))
    for other in (
        policy(rule("use", MEMBER)),
        policy(rule("use", MEMBER, c("role", "isAnyOf", ["refiner"]))),
        policy(rule("use", MEMBER, c("role", "isAllOf", ["refiner", "recycler"]))),
        policy(rule("use", {"or": [MEMBER, ROLES]})),
        policy(rule("use", MEMBER, ROLES), rule("use")),
        policy(rule("use", MEMBER, ROLES), prohibition=[rule("use", MEMBER)]),
    ):
        assert offer_digest(base) != offer_digest(other)


PURPOSE, MONTH = c("purpose", "eq", "active"), c("retentionDays", "lteq", 30)
DISTINCT = [
    policy(rule("use", MEMBER)),
    policy(prohibition=[rule("use", MEMBER)]),
    policy(rule("use"), prohibition=[rule("use", MEMBER)]),
    policy(rule("use", MEMBER), prohibition=[rule("use")]),
    policy(rule("use", PURPOSE)),
    policy(rule("use", MEMBER, PURPOSE)),
    policy(rule("use", MEMBER), rule("use", PURPOSE)),
    policy(rule("use", {"or": [MEMBER, PURPOSE]})),
    policy(rule("use", {"and": [MEMBER, PURPOSE]})),
    policy(rule("use", {"or": [MEMBER, MONTH]})),
    policy(rule("use", {"or": [{"and": [MEMBER, PURPOSE]}, MONTH]})),
    policy(rule("use", {"or": [MEMBER, {"and": [PURPOSE, MONTH]}]})),
    policy(rule("use", c("dateTime", "lt", "2028-01-01T00:00:00Z"))),
    policy(rule("use", c("dateTime", "lteq", "2028-01-01T00:00:00Z"))),
]
AT_HOME = [
    policy(rule("list", MEMBER), rule("use")),
    policy(rule("audit", MEMBER), rule("use")),
    policy(rule("use"), prohibition=[rule("audit", MEMBER)]),
    policy(rule("use"), prohibition=[rule("list", MEMBER)]),
]


def test_each_meaning_has_a_digest_of_its_own() -> None:
    """Permitted or forbidden, which action, operand, operator, value and grouping: nothing of it may be exchanged."""
    assert len({digest(one) for one in DISTINCT + AT_HOME}) == len(DISTINCT + AT_HOME)
    assert len({offer_digest(one) for one in DISTINCT}) == len(DISTINCT)
    assert {offer_digest(one) for one in AT_HOME} == {offer_digest(policy(rule("use")))}, "rules at home"


def test_a_digest_is_a_multihash() -> None:
    """base64url without padding, of SHA-256: 0x12, 0x20 and 32 bytes. Agreements of before are found by it."""
    octets = base64.urlsafe_b64decode(digest(DISTINCT[0]).removeprefix("u") + "==")
    assert (octets[:2], len(octets), "=" in digest(DISTINCT[0])) == (b"\x12\x20", 34, False)
    assert octets[2:] == sha256(b'[["permission","use",[["membership","eq",["active"]]]]]').digest()


def test_a_policy_for_auditors_only_is_not_offerable() -> None:
    """An offer without a rule would be no offer (DSP schema)."""
    given = policy(rule("audit", c("mandate", "eq", "active")))
    assert not given.offerable
    assert not policy(rule("audit"), prohibition=[rule("use", MEMBER)]).offerable, "it grants nothing"
    assert offer_json(given, offer_id="x") == {"@type": "Offer", "@id": "x"}


def test_of_which_values_an_offer_gives_anything() -> None:
    """What a permission of use asks of the values' class, wherever in it that stands; audits and lists give nothing."""
    public, business = c("accessClass", "eq", "PUB"), c("accessClass", "isAnyOf", ["PUB", "B2B"])
    for given, opened in (
        (policy(rule("use", public)), ["PUB"]),
        (policy(rule("use", MEMBER, business)), ["B2B", "PUB"]),
        (policy(rule("use", business, public)), ["PUB"]),
        (policy(rule("use", {"or": [public, MEMBER]})), ["AUTH", "B2B", "PUB"]),
        (policy(rule("use", {"and": [public, MEMBER]})), ["PUB"]),
        (policy(rule("audit"), rule("list")), []),
        (policy(rule("use", public), rule("audit")), ["PUB"]),
        (policy(rule("use", public), prohibition=[rule("use", MEMBER)]), ["PUB"]),
    ):
        assert [one for one in ("AUTH", "B2B", "PUB") if given.opens(one)] == opened, given
        assert not given.hangs_on("unitBuyer")


def test_whether_an_offer_hangs_on_one_fact() -> None:
    """In every permission of use, on every way through its groups; prohibitions, audits and lists give nothing."""
    buyer = c("unitBuyer", "eq", "caller")
    for given, hangs in (
        (policy(rule("use", MEMBER, buyer), rule("audit")), True),
        (policy(rule("use", {"and": [MEMBER, buyer]})), True),
        (policy(rule("use", {"or": [MEMBER, buyer]})), False),
        (policy(rule("use", buyer), rule("use", MEMBER)), False),
        (policy(rule("use", MEMBER), prohibition=[rule("use", buyer)]), False),
        (policy(rule("audit", buyer)), False),
    ):
        assert given.hangs_on("unitBuyer") is hangs, given


# --- what was agreed beside what is offered ---------------------------------------------------------------------------


def test_an_agreement_narrows_and_never_widens() -> None:
    """Both have to permit: each permission of use with each, all prohibitions; home rules stay the first one's."""
    ours = policy(rule("list", MEMBER), rule("use", MEMBER), rule("use", ROLES), prohibition=[rule("use", BAD)])
    joined = both(ours, policy(rule("use", SOON), rule("audit"), prohibition=[rule("use", WORSE)]))
    assert [_words(one) for one in joined.rules] == [
        ("prohibition", "use", ["party"]), ("prohibition", "use", ["role"]),
        ("permission", "use", ["membership", "dateTime"]), ("permission", "use", ["role", "dateTime"]),
        ("permission", "list", ["membership"]),
    ]  # fmt: skip
    member, nobody = facts(membership="active", role="user"), facts(role="user")
    assert decide(joined, member).permit
    assert not decide(joined, nobody).permit
    assert not decide(joined, member, now=NOW + timedelta(days=365)).permit
    assert not decide(both(ours, policy(rule("use"))), nobody).permit


def _words(rule: Rule) -> tuple[str, str, list[str]]:
    return rule.effect, rule.action.value, [part.left for part in rule.constraints if isinstance(part, Constraint)]


def test_a_list_of_parties_in_an_agreement_is_the_owners() -> None:
    """On the wire it is only said to exist; the dataset's own list decides."""
    ours = policy(rule("use", c("party", "isAnyOf", ["did:web:a.example"])))
    wire = policy(*cast("list[Json]", offer_json(ours, offer_id="x")["permission"]))
    assert decide(both(ours, wire), facts("did:web:a.example")).permit
    assert not decide(both(ours, wire), facts("did:web:b.example")).permit
    assert not decide(wire, facts("did:web:a.example")).permit


A, B = c("party", "eq", "did:web:a.example"), c("party", "eq", "did:web:b.example")
MAKES = c("role", "eq", "cellMaker")


@pytest.mark.parametrize(
    ("permission", "prohibition"),
    [
        (rule("use"), [rule("use", B)]),
        (rule("use"), [rule("use", {"or": [B, c("role", "eq", "trader")]})]),
        (rule("use"), [rule("use", {"and": [{"or": [B]}, MEMBER]})]),
        (rule("use", {"or": [A, MAKES]}), None),
        (rule("use", {"or": [{"and": [A, MEMBER]}, {"and": [MAKES, MEMBER]}]}), None),
        (rule("use", {"and": [A, {"or": [MEMBER, MAKES]}]}), None),
    ],
)
def test_an_owners_list_in_an_agreement_decides_as_in_the_offer(permission: Json, prohibition: Json) -> None:
    """Wherever in a rule it stands: who was let in by it gets the data, who was shut out by it does not."""
    ours = policy(permission, prohibition=prohibition)
    wire, findings = read(offer_json(ours, offer_id="x"))
    assert wire is not None, findings
    for party in ("did:web:a.example", "did:web:b.example", "did:web:c.example"):
        for member, makes in product(([], ["active"]), ([], ["cellMaker"], ["trader"])):
            known = facts(party, membership=member, role=makes)
            assert decide(both(ours, wire), known).permit is decide(ours, known).permit
    if prohibition is None:
        assert decide(both(ours, wire), facts("did:web:a.example", membership="active")).permit
    else:
        assert decide(both(ours, wire), facts("did:web:a.example", role="refiner")).permit


TRADES = c("role", "eq", "trader")


@pytest.mark.parametrize(
    ("permission", "prohibition", "let_in"),
    [
        (rule("use", {"or": [MEMBER, MAKES]}), None, "member maker, member trader, maker, member"),
        (rule("use", {"and": [MEMBER, MAKES]}), None, "member maker"),
        (rule("use", {"or": [{"and": [MEMBER, MAKES]}, TRADES]}), None, "member maker, member trader, trader"),
        (rule("use", {"or": [A, MAKES]}), None, "member maker, member trader, maker, trader, member, nobody"),
        (rule("use", {"and": [A, MAKES]}), None, "member maker, maker"),
        (rule("use"), rule("use", {"or": [MEMBER, TRADES]}), "maker, nobody"),
        (rule("use"), rule("use", {"or": [B, TRADES]}), "member maker, maker, member, nobody"),
        (rule("use"), rule("use", {"and": [MEMBER, TRADES]}), "member maker, maker, trader, member, nobody"),
        (rule("use"), rule("use", {"and": [B, TRADES]}), "member maker, member trader, maker, trader, member, nobody"),
        (rule("use"), rule("use", MEMBER, {"or": [TRADES, MAKES]}), "maker, trader, member, nobody"),
    ],
)
def test_what_was_agreed_in_groups_holds_where_our_own_rules_are_open(
    permission: Json, prohibition: Json, let_in: str
) -> None:
    """The offer may have changed since: whatever the agreement narrows or forbids by itself is kept to."""
    agreed = policy(permission, prohibition=None if prohibition is None else [prohibition])
    wire, findings = read(offer_json(agreed, offer_id="x"))
    assert wire is not None, findings
    joined = both(policy(rule("use")), wire)
    roles = {"maker": "cellMaker", "trader": "trader"}
    for who in ("member maker", "member trader", "maker", "trader", "member", "nobody"):
        said = who.split()
        known = facts(
            "did:web:c.example",
            membership="active" if "member" in said else "former",
            role=next((roles[one] for one in said if one in roles), "refiner"),
        )
        assert decide(joined, known).permit is (who in let_in.split(", ")), who
