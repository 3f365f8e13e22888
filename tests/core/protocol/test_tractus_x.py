"""What a real Tractus-X connector (Catena-X) said, read: `tests/vectors/dsp/tractusx-wire.jsonl`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import BadMessage
from connector.model import JsonObject
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
