"""EPCIS 2.0 and CBV 2.0: make, move and modify events as EPCIS events, and back (GS1 EPCIS 2.0, JSON binding).

    make     TransformationEvent: what went in, what came out
    move     ObjectEvent `shipping` or `receiving`, with the two parties as sources and destinations
    modify   ObjectEvent with the business step of what was done, and the disposition of what it became

EPCIS counts things and lots; it has no place for contained metals, attributions, losses or links, so these are lost on
the way out, each by name. A reversal is an `errorDeclaration` there and an event that `corrects` here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connector.bridges.crossing import Crossed
from connector.bridges.form import as_number, as_text
from connector.errors import BadInput
from connector.mapping.unfit import Unfit
from connector.model import Json, JsonObject

SOURCE: Final = "epcis-2.0"
CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
_OTHER: Final = "other"
_ENVELOPE: Final = frozenset({"type", "eventID", "eventTime", "eventTimeZoneOffset", "recordTime"})
_KINDS: Final = ("MakeEvent", "MoveEvent", "ModifyEvent")


def convert(subject: JsonObject, steps: Mapping[str, str], created: str) -> Crossed:
    """One event of ours as an EPCIS document.

    `steps`: our words for what was done to a battery -> CBV business steps. `created`: date and time, in UTC.
    """
    writers: Mapping[str, Callable[[_Out], None]] = {"MakeEvent": _make, "MoveEvent": _move, "ModifyEvent": _modify}
    write = writers.get(str(subject.get("type")))
    if write is None:
        raise BadInput(f"EPCIS has no event for a {subject.get('type')}", hint=f"it has: {', '.join(writers)}")
    out = _Out(subject, steps)
    write(out)
    out.finish()
    out.crossed.document = {
        "@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": created,
        "epcisBody": {"eventList": [out.event]},
    }  # fmt: skip
    return out.crossed


def read(document: JsonObject, steps: Mapping[str, str]) -> list[Crossed]:
    """Every event of an EPCIS document as an event of ours. `steps` as for `convert`."""
    if document.get("type") != "EPCISDocument":
        raise BadInput("this is no EPCIS document", hint='EPCIS 2.0 in JSON has "type": "EPCISDocument"')
    body = document.get("epcisBody")
    events = body.get("eventList") if isinstance(body, dict) else None
    if not isinstance(events, list) or not events:
        raise BadInput("the EPCIS document holds no events", hint="epcisBody.eventList")
    ours = {theirs: our for our, theirs in steps.items() if theirs != _OTHER}
    return [_read(event, ours, f"epcisBody.eventList[{number}]") for number, event in enumerate(events)]


# --- there -----------------------------------------------------------------------------------------------------------


class _Out:
    """One event of ours on its way; each value is taken once, and what is left at the end is lost."""

    def __init__(self, subject: JsonObject, steps: Mapping[str, str]) -> None:
        self.crossed, self.steps = Crossed(), steps
        self._left = {key: value for key, value in subject.items() if key not in {"id", "type"}}
        self.event: JsonObject = {"eventID": subject.get("id"), "eventTimeZoneOffset": "+00:00"}
        self.put("eventTime", self.take("eventTime"))
        self.put("bizLocation", _id(self.take("facility")))

    def take(self, name: str) -> Json:
        """A value of ours."""
        return self._left.pop(name, None)

    def put(self, name: str, value: Json) -> None:
        """A value of theirs, where there is one."""
        if value is not None:
            self.event[name] = value

    def quantities(self, name: str) -> Json:
        """Products as quantity elements; what else they say is lost."""
        products = self.take(name)
        if not isinstance(products, list):
            return None
        return [self._quantity(product, f"{name}[{number}]") for number, product in enumerate(products)]

    def finish(self) -> None:
        """Tell what has no place."""
        for name in self._left:
            self.crossed.lose("no-match", name, "EPCIS has no place for it")

    def _quantity(self, product: Json, at: str) -> JsonObject:
        if not isinstance(product, dict):
            raise BadInput(f"{at} of the document is not as the vocabulary says: a product is an object")
        quantity = product.get("quantity")
        found: JsonObject = {"epcClass": product.get("product")}
        if isinstance(quantity, dict):
            found |= self._amount(quantity, at)
            for name in sorted(quantity.keys() - {"type", "value", "unit"}):
                self.crossed.lose("detail", f"{at}.quantity.{name}", "a quantity element has no place for it")
        for name in sorted(product.keys() - {"type", "product", "quantity"}):
            self.crossed.lose("no-match", f"{at}.{name}", "a quantity element has no place for it")
        return found

    def _amount(self, quantity: JsonObject, at: str) -> JsonObject:
        """How much; nothing where no value is stated, as below detection (EPCIS 2.0, QuantityElement)."""
        if "value" not in quantity:
            return {}
        try:
            return {"quantity": as_number(quantity["value"]), "uom": quantity.get("unit")}
        except Unfit as bad:
            raise BadInput(f"{at}.quantity of the document is not as the vocabulary says: {bad.message}") from None


def _make(out: _Out) -> None:
    out.put("type", "TransformationEvent")
    out.put("bizStep", "commissioning")
    out.put("inputQuantityList", out.quantities("input"))
    out.put("outputQuantityList", out.quantities("output"))


def _move(out: _Out) -> None:
    out.put("type", "ObjectEvent")
    out.put("action", "OBSERVE")
    out.put("bizStep", "shipping" if out.take("direction") == "sent" else "receiving")
    out.put("quantityList", out.quantities("moved"))
    sender, receiver, note = out.take("fromParty"), out.take("toParty"), out.take("deliveryNote")
    out.put("sourceList", [{"type": "possessing_party", "source": sender}])
    out.put("destinationList", [{"type": "possessing_party", "destination": receiver}])
    if note is not None:
        out.put("bizTransactionList", [{"type": "desadv", "bizTransaction": note}])


def _modify(out: _Out) -> None:
    out.put("type", "ObjectEvent")
    out.put("action", "OBSERVE")
    out.put("epcList", [out.take("modified")])
    done = str(out.take("modification"))
    step = out.steps.get(done, _OTHER)
    out.put("bizStep", step)
    if step == _OTHER:
        out.crossed.lose("close-match", "modification", f"CBV has no business step for `{done}`")


# --- and back --------------------------------------------------------------------------------------------------------


class _In:
    """One event of theirs on its way."""

    def __init__(self, event: JsonObject, at: str) -> None:
        self.crossed, self.at = Crossed(), at
        self._left = {key: value for key, value in event.items() if key not in _ENVELOPE}
        self.document = self.crossed.document

    def take(self, name: str) -> Json:
        """A value of theirs."""
        return self._left.pop(name, None)

    def products(self, *names: str) -> list[Json]:
        """Quantity elements and single things as products."""
        found: list[Json] = []
        for name in names:
            listed = self.take(name)
            for number, one in enumerate(listed if isinstance(listed, list) else []):
                if isinstance(one, dict):
                    found.append(self._product(one))
                elif isinstance(one, str):
                    found.append(_product(one, "1", "H87"))
                else:
                    self.crossed.lose("not-read", f"{self.at}.{name}[{number}]", "this names no thing")
        return found

    def party(self, name: str, key: str) -> Json:
        """The possessing or owning party of a source or destination list."""
        listed = self.take(name)
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, dict) and str(one.get("type", "")).endswith(("possessing_party", "owning_party")):
                return one.get(key)
        return None

    def finish(self) -> Crossed:
        """Tell what means nothing to us."""
        for name in self._left:
            self.crossed.lose("not-read", f"{self.at}.{name}", "we have no term for it")
        return self.crossed

    def _product(self, one: JsonObject) -> JsonObject:
        return _product(one.get("epcClass"), as_text(one.get("quantity", 1)), one.get("uom", "H87"))


def _product(thing: Json, value: Json, unit: Json) -> JsonObject:
    quantity: JsonObject = {"type": "Quantity", "value": value, "unit": unit}
    return {"type": "EventProduct", "product": thing, "quantity": quantity}


def _read(event: Json, ours: Mapping[str, str], at: str) -> Crossed:
    if not isinstance(event, dict):
        raise BadInput(f"{at} is no event")
    found = _In(event, at)
    found.document |= {"id": event.get("eventID"), "eventTime": event.get("eventTime")}
    location = found.take("bizLocation")
    if isinstance(location, dict):
        found.document["facility"] = location.get("id")
    step = str(found.take("bizStep") or "").rpartition("-")[2].rpartition(":")[2]
    found.take("action")
    match event.get("type"):
        case "TransformationEvent":
            _read_make(found)
        case "ObjectEvent" | "TransactionEvent" if step in {"shipping", "receiving", "departing", "arriving"}:
            _read_move(found, sent=step in {"shipping", "departing"})
        case "ObjectEvent":
            _read_modify(found, ours, step)
        case other:
            found.crossed.lose("not-read", at, f"a {other} is none of {', '.join(_KINDS)}")
            return found.crossed
    found.crossed.document = {key: value for key, value in found.document.items() if value is not None}
    return found.finish()


def _read_make(found: _In) -> None:
    found.document["type"] = "MakeEvent"
    found.document["input"] = found.products("inputQuantityList", "inputEPCList")
    found.document["output"] = found.products("outputQuantityList", "outputEPCList")


def _read_move(found: _In, *, sent: bool) -> None:
    found.document |= {
        "type": "MoveEvent", "direction": "sent" if sent else "received",
        "fromParty": found.party("sourceList", "source"), "toParty": found.party("destinationList", "destination"),
        "moved": found.products("quantityList", "epcList"),
    }  # fmt: skip
    papers = found.take("bizTransactionList")
    if isinstance(papers, list) and papers and isinstance(papers[0], dict):
        found.document["deliveryNote"] = papers[0].get("bizTransaction")


def _read_modify(found: _In, ours: Mapping[str, str], step: str) -> None:
    things = found.take("epcList")
    found.document["type"] = "ModifyEvent"
    if isinstance(things, list) and things:
        found.document["modified"] = things[0]
    if step in ours:
        found.document["modification"] = ours[step]
    else:
        found.crossed.lose("not-read", f"{found.at}.bizStep", f"we have no word for `{step}`")


def _id(value: Json) -> Json:
    return None if value is None else {"id": value}
