"""UNTP Digital Product Passport 0.7.0, and 0.6.x read (UN/CEFACT, uncefact/spec-untp).

A passport there is a credential about a Product. What UNTP has a place for goes there (the matches table,
`untp-0.7.0`); everything else stands in `characteristics` under our own names, with their definitions (`carried`):
UNTP's context gives keys that it does not know an `@vocab` of its own, and our whole context can't stand beside it. The
result is unsigned: to be issued by whoever answers for it.
"""

from __future__ import annotations

from typing import Final

from connector.bridges import crossing
from connector.bridges.carried import carried, taken_back
from connector.bridges.crossing import Crossed
from connector.bridges.matches import Matches
from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.vocabulary.terms import CREDENTIALS_V2, Terms

SOURCE: Final = "untp-0.7.0"
CONTEXT: Final = "https://vocabulary.uncefact.org/untp/0.7.0/context/"
_REQUIRED: Final[JsonObject] = {
    "name": "battery",
    "idScheme": {
        "type": ["IdentifierScheme"],
        "id": "https://www.rfc-editor.org/rfc/rfc9562",
        "name": "Universally Unique Identifiers",
    },
    "idGranularity": "item",
    "productCategory": [
        {
            "code": "464", "name": "Accumulators, primary cells and primary batteries",
            "schemeId": "https://unstats.un.org/unsd/classifications/Econ/cpc", "schemeName": "UN CPC",
        }
    ],
}  # fmt: skip
"""What a Product has to say in UNTP and our documents may not; read back it says nothing."""
_ENVELOPE: Final = frozenset(
    {"@context", "type", "id", "issuer", "validFrom", "validUntil", "name", "credentialSubject"}
)
_RENAMED: Final = {
    "serialNumber": "itemNumber", "materialsProvenance": "materialProvenance", "furtherInformation": "relatedDocument",
}  # fmt: skip
"""0.6.x -> 0.7.0, inside the product."""


def convert(
    subject: JsonObject, matches: Matches, definitions: JsonObject, issuer: JsonObject, valid_from: str
) -> Crossed:
    """A passport of ours as an unsigned UNTP passport.

    `definitions`: what our context says of each name; `issuer`: {id, name}; `valid_from`: date and time in UTC.
    """
    placed = {match.term.name for match in matches.of(str(subject.get("type"))) if match.exact}
    crossed = crossing.convert({key: one for key, one in subject.items() if key in {*placed, "type"}}, matches)
    product: JsonObject = {"type": ["Product"], "id": subject.get("id"), **_REQUIRED, **crossed.document}
    _facility(subject, crossed, product)
    ours = carried({key: one for key, one in subject.items() if key not in {*placed, "id", "type"}}, definitions)
    product["characteristics"] = {"type": ["Characteristics"], **ours}
    number = _identified(subject, "identifier", "serialNumber")
    crossed.document = {
        "@context": [CREDENTIALS_V2, CONTEXT],
        "type": ["DigitalProductPassport", "VerifiableCredential"],
        "id": subject.get("passportIdentifier", f"{subject.get('id')}#passport"),
        "issuer": {"type": ["CredentialIssuer"], **issuer},
        "validFrom": valid_from,
        "name": f"Battery passport {number or subject.get('id')}",
        "credentialSubject": {**product, **({"itemNumber": number} if number else {})},
    }
    return crossed


def read(document: JsonObject, matches: Matches, terms: Terms, class_name: str) -> Crossed:
    """A UNTP passport of 0.7.0 or 0.6.x as a subject of ours."""
    product = _product(document)
    inside = product.pop("characteristics", None)
    for name in ("name", "idScheme", "productCategory"):
        if product.get(name) == _REQUIRED[name]:
            del product[name]
    ident = product.pop("id", None)
    product.pop("type", None)
    crossed = crossing.read(product, matches, class_name)
    ours, implied = crossed.document, {"itemNumber", "producedAtFacility", "countryOfProduction"}
    known: JsonObject = {}
    for key, value in (taken_back(inside, terms) if isinstance(inside, dict) else {}).items():
        if terms.find(class_name, key) is not None:
            known[key] = value
        elif key != "type":
            crossed.lose("not-read", f"characteristics.{key}", "we have no term for it")
    if known:  # a passport that went out from us: its characteristics say these in full
        crossed.losses = [loss for loss in crossed.losses if loss.term.partition(".")[0] not in implied]
    elif isinstance(number := product.get("itemNumber"), str):
        ours["identifier"] = [{"type": "Identifier", "scheme": "serialNumber", "value": number}]
        crossed.losses = [loss for loss in crossed.losses if loss.term != "itemNumber"]
    crossed.document = {"id": ident, **ours, **known}
    for key in document:
        if key not in _ENVELOPE:
            crossed.lose("not-read", key, "this belongs to the credential that it was")
    return crossed


def _product(document: JsonObject) -> JsonObject:
    """The product, in the words of 0.7.0."""
    subject = document.get("credentialSubject")
    if not isinstance(subject, dict):
        raise BadInput("this is no UNTP passport", hint="a credential with a product as credentialSubject")
    older = subject.get("product")
    if not isinstance(older, dict):
        return dict(subject)
    product: JsonObject = {_RENAMED.get(key, key): value for key, value in older.items()}
    for key, value in subject.items():
        if key == "granularityLevel":
            product["idGranularity"] = value
        elif key not in {"product", "type", "id"}:
            product[_RENAMED.get(key, key)] = value
    country = product.get("countryOfProduction")
    if isinstance(country, str):
        product["countryOfProduction"] = {"countryCode": country}
    return product


def _facility(subject: JsonObject, crossed: Crossed, product: JsonObject) -> None:
    """Where it was made, which UNTP wants to know. The full address stands in the characteristics."""
    place = subject.get("manufacturingPlace")
    number = _identified(subject, "manufacturingFacilityIdentifier", "gln")
    if not isinstance(place, dict) or "country" not in place:
        crossed.lose("required-there", "manufacturingPlace", "UNTP asks for the country of production")
        return
    product["countryOfProduction"] = {"countryCode": place["country"]}
    if number is None:
        crossed.lose(
            "required-there", "manufacturingFacilityIdentifier", "UNTP asks for the plant by an address, as of a GLN"
        )
        return
    product["producedAtFacility"] = {
        "type": ["Facility"], "id": f"https://id.gs1.org/414/{number}", "name": place.get("locality", number),
        "registeredId": number,
    }  # fmt: skip


def _identified(subject: JsonObject, name: str, scheme: str) -> Json:
    """The value of the first identifier of a scheme."""
    listed = subject.get(name)
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("scheme") == scheme:
            return one.get("value")
    return None
