"""What a real Tractus-X connector (Catena-X) said, read: `tests/vectors/dsp/tractusx-wire.jsonl`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import BadMessage
from connector.model import Json, JsonObject, object_in, objects_in
from connector.protocol import messages as m
from connector.protocol.contexts import DSP_CONTEXT
from connector.protocol.terms import rules_of, same_rules
from connector.protocol.transfer import read_pull

WIRE = Path(__file__).parents[2] / "vectors" / "dsp" / "tractusx-wire.jsonl"


def of_tractus_x(story: str) -> JsonObject:
    """What a Tractus-X connector said."""
    lines = map(json.loads, WIRE.read_text("utf-8").splitlines())
    return next(line["body"] for line in lines if line["story"] == story)


def test_a_tractus_x_connector_is_understood() -> None:
    """It binds prefixes in each message, and writes its policies with them: they go back whole, and are the same."""
    for story in ("it asks for our catalogue", "it asks for a contract", "its agreement", "it starts a pull"):
        m.parse(of_tractus_x(story))
    catalog = m.parse_as(m.RootCatalog, of_tractus_x("its catalogue"))
    offers = {one.id: one.has_policy[0].as_json() for one in catalog.dataset or ()}
    assert '"cx-policy:UsagePurpose"' in json.dumps(offers["framed"])
    asked = rules_of(offers["framed"])
    assert '"https://w3id.org/catenax/policy/UsagePurpose"' in json.dumps(asked)
    agreed = m.parse_as(m.ContractAgreementMessage, of_tractus_x("its agreement"))
    assert same_rules(agreed.agreement.as_json(), asked)
    assert not same_rules(agreed.agreement.as_json(), rules_of(offers["open"]))


@pytest.mark.parametrize(
    ("context", "prefix"),
    [
        ("https://w3id.org/catenax/2025/9/policy/context.jsonld", ""),
        ("https://w3id.org/catenax/2025/9/policy/context.jsonld", "cx-policy:"),
        ({"cx-policy": "https://w3id.org/catenax/2025/9/policy/"}, "cx-policy:"),
    ],
)
def test_a_later_one_is_understood(context: Json, prefix: str) -> None:
    """Since its 0.11 it names a context of 2025/9 in each message, whose names stand alone: they go back whole too."""
    written = json.dumps(of_tractus_x("its agreement")["agreement"]).replace("cx-policy:", prefix)
    message = {**of_tractus_x("its agreement"), "@context": [DSP_CONTEXT, context], "agreement": json.loads(written)}
    agreed = m.parse_as(m.ContractAgreementMessage, message).agreement.as_json()
    full = json.dumps(agreed["permission"])
    assert full.count("https://w3id.org/catenax/2025/9/policy/") == 3
    assert json.dumps(rules_of(agreed)["permission"]) == full
    assert not same_rules(agreed, of_tractus_x("its agreement"))
    assert "rightOperand" in full
    (rule,) = objects_in(agreed["permission"])
    assert rule["action"] == "use"


def test_a_value_is_not_read_as_a_name() -> None:
    """Of a constraint the left side alone is one; of what the wire says of our own operands nothing changes."""
    given = of_tractus_x("it asks for a contract")
    context = "https://w3id.org/catenax/2025/9/policy/context.jsonld"
    value: JsonObject = {"leftOperand": "Membership", "rightOperand": {"leftOperand": "Membership"}, "operator": "eq"}
    offer: JsonObject = {**object_in(given["offer"]), "permission": [{"action": "use", "constraint": [value]}]}
    asked = m.parse({**given, "@context": [DSP_CONTEXT, context], "offer": offer})
    assert isinstance(asked, m.ContractRequestMessage)
    said = json.dumps(asked.offer.as_json())
    assert '"rightOperand": {"leftOperand": "Membership"}' in said
    assert '"leftOperand": "https://w3id.org/catenax/2025/9/policy/Membership"' in said
    plain = m.parse({**given, "@context": [DSP_CONTEXT, context]})
    assert isinstance(plain, m.ContractRequestMessage)
    assert plain.offer.as_json() == given["offer"]


def test_a_tractus_x_connector_s_data_address_tells_its_habits() -> None:
    """Its token goes bare, its refresh grant into the URL."""
    start = m.parse_as(m.TransferStartMessage, of_tractus_x("it starts a pull"))
    assert start.data_address is not None
    kept = read_pull(start.data_address, datetime(2026, 11, 30, tzinfo=UTC))
    assert (kept["bare"], kept["grantInUrl"]) == (True, True)
    assert str(kept["refreshEndpoint"]).endswith("/public/token")


def test_what_is_wrong_within_a_context_is_told_in_the_words_of_the_message() -> None:
    """A term with a definition of its own: no word of a library."""
    with pytest.raises(BadMessage) as caught:
        m.parse({**of_tractus_x("it asks for our catalogue"), "@context": [DSP_CONTEXT, {"a": {"@id": "x"}}]})
    assert "@context.1.a: Input should be" in caught.value.detail
    assert "dict[" not in caught.value.detail
