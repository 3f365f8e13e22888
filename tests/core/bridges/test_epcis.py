"""Make, move and modify events as EPCIS events and back; what EPCIS can't say is named."""

from __future__ import annotations

import json

import pytest

from connector.bridges.crossing import Crossed
from connector.bridges.formats import Format, detect
from connector.errors import BadInput
from connector.model import JsonObject
from tests.core.bridges.crossings import ISSUER, NOW, bridges, document, same

KINDS = ("MakeEvent", "MoveEvent", "ModifyEvent")


def there(event: JsonObject) -> Crossed:
    """An event of ours in EPCIS."""
    return bridges().convert(event, Format.EPCIS, issuer=ISSUER, now=NOW, compressed=False)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind: str) -> None:
    """What comes back is what went out, without exactly what was told as lost."""
    given = document(kind)
    crossed = there(given)
    assert detect(crossed.document) is Format.EPCIS
    [back] = bridges().read(json.loads(json.dumps(crossed.document)))
    lost = {loss.term.partition("[")[0].partition(".")[0] for loss in crossed.losses}
    untold = [loss for loss in back.losses if not (loss.term.endswith(".bizStep") and "modification" in lost)]
    assert not untold, untold
    for name, value in given.items():
        if name not in lost:
            assert same(value, back.document.get(name)), name
    assert back.document.keys() <= given.keys()


def test_what_is_lost_of_a_making() -> None:
    """Metals, losses and attributions have no place in EPCIS: each is named."""
    told = {loss.term for loss in there(document("MakeEvent")).losses}
    assert {"loss", "attribution", "corrects", "input[0].contained", "output[0].sourceKind"} <= told


def test_an_amount_below_detection_has_no_quantity() -> None:
    """The shapes let a quantity be without value: the element then names the thing alone, and what else it says."""
    event = document("MakeEvent")
    quantity: JsonObject = {"type": "Quantity", "unit": "KGM", "qualifier": "belowDetection"}
    event["input"] = [{"type": "EventProduct", "product": "urn:x:1", "quantity": quantity}]
    crossed = there(event)
    text = json.dumps(crossed.document)
    assert '"inputQuantityList": [{"epcClass": "urn:x:1"}]' in text
    assert "input[0].quantity.qualifier" in {loss.term for loss in crossed.losses}


BROKEN: tuple[JsonObject, ...] = (
    {"type": ["MakeEvent"]},
    {"type": "MakeEvent", "input": ["urn:x:1"]},
    {"type": "MakeEvent", "input": [{"product": "urn:x:1", "quantity": {"value": "many", "unit": "KGM"}}]},
    {"type": "MakeEvent", "input": [{"product": "urn:x:1", "quantity": {"value": "9" * 400, "unit": "KGM"}}]},
)


@pytest.mark.parametrize("event", BROKEN)
def test_what_is_no_event_of_ours_is_bad_input(event: JsonObject) -> None:
    """A file is converted as it stands: nobody has checked it, so what is wrong is told, and is no bug of ours."""
    with pytest.raises(BadInput):
        there(event)


def test_a_reading_gate_of_another_maker() -> None:
    """An object event with single things and web addresses as words of the CBV."""
    event: JsonObject = {
        "type": "ObjectEvent", "eventID": "urn:uuid:1", "eventTime": "2027-01-01T00:00:00Z", "action": "OBSERVE",
        "eventTimeZoneOffset": "+01:00", "bizStep": "https://ref.gs1.org/cbv/BizStep-receiving",
        "epcList": ["https://id.gs1.org/01/04012345000887/21/1"], "readPoint": {"id": "urn:x:1"},
        "sourceList": [{"type": "https://ref.gs1.org/cbv/SDT-owning_party", "source": "urn:x:a"}],
        "destinationList": [{"type": "owning_party", "destination": "urn:x:b"}],
    }  # fmt: skip
    [back] = bridges().read({"type": "EPCISDocument", "epcisBody": {"eventList": [event]}})
    assert (back.document["type"], back.document["direction"]) == ("MoveEvent", "received")
    assert (back.document["fromParty"], back.document["toParty"]) == ("urn:x:a", "urn:x:b")
    assert [loss.term for loss in back.losses] == ["epcisBody.eventList[0].readPoint"]


def test_other_events_are_told() -> None:
    """An aggregation is none of ours: it is a loss, and the events beside it are read."""
    events: list[JsonObject] = [{"type": "AggregationEvent"}, {"type": "TransformationEvent", "eventID": "urn:uuid:2"}]
    first, second = bridges().read({"type": "EPCISDocument", "epcisBody": {"eventList": [*events]}})
    assert first.document.get("type") is None
    assert [loss.code for loss in first.losses] == ["not-read"]
    assert second.document["type"] == "MakeEvent"


@pytest.mark.parametrize("broken", [{}, {"epcisBody": {}}, {"epcisBody": {"eventList": ["x"]}}])
def test_no_events(broken: JsonObject) -> None:
    """A document without events says what it lacks."""
    with pytest.raises(BadInput):
        bridges().read({"type": "EPCISDocument", **broken})


def test_a_battery_is_no_event() -> None:
    """EPCIS has no passport."""
    with pytest.raises(BadInput, match="EPCIS has no event"):
        there({"type": "Battery", "id": "urn:uuid:1"})
