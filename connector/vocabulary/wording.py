"""Values of a record in words for people: the passport page and the terminal say them alike.

Codes and the parts of a node are called as the terms table labels them; without the table, by their names in plain
spelling. Units are signs where people know one, dates are written out, countries have their names.
"""

from __future__ import annotations

from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.model import Json, JsonObject

if TYPE_CHECKING:
    from connector.vocabulary.terms import Terms

_UNITS: Final = MappingProxyType({
    "KGM": "kg", "GRM": "g", "MGM": "mg", "TNE": "t", "KWH": "kWh", "WHR": "Wh", "MWH": "MWh", "AMH": "Ah", "VLT": "V",
    "OHM": "Ω", "E45": "mΩ", "P1": "%", "WTT": "W", "KWT": "kW", "CEL": "°C", "C62": "", "MON": "months",
    "ANN": "years", "DAY": "days", "HUR": "h", "MIN": "min", "H10": "per hour", "H71": "% per month",
})  # fmt: skip
"""UN/ECE Rec 20 code -> the sign that people know."""
_COUNTRIES: Final = MappingProxyType({
    "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BE": "Belgium", "BG": "Bulgaria", "BR": "Brazil",
    "CA": "Canada", "CD": "DR Congo", "CH": "Switzerland", "CL": "Chile", "CN": "China", "CY": "Cyprus",
    "CZ": "Czechia", "DE": "Germany", "DK": "Denmark", "EE": "Estonia", "ES": "Spain", "FI": "Finland",
    "FR": "France", "GB": "United Kingdom", "GR": "Greece", "HR": "Croatia", "HU": "Hungary", "ID": "Indonesia",
    "IE": "Ireland", "IN": "India", "IT": "Italy", "JP": "Japan", "KR": "South Korea", "LT": "Lithuania",
    "LU": "Luxembourg", "LV": "Latvia", "MA": "Morocco", "MT": "Malta", "NL": "Netherlands", "NO": "Norway",
    "PH": "Philippines", "PL": "Poland", "PT": "Portugal", "RO": "Romania", "RS": "Serbia", "SE": "Sweden",
    "SI": "Slovenia", "SK": "Slovakia", "TR": "Türkiye", "US": "United States", "ZA": "South Africa",
})  # fmt: skip
"""ISO 3166-1 alpha-2, the Union and the countries that batteries and their materials mostly come from."""
_LANGUAGES: Final = MappingProxyType({
    "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "fi": "Finnish", "fr": "French", "ga": "Irish", "hr": "Croatian", "hu": "Hungarian",
    "it": "Italian", "lt": "Lithuanian", "lv": "Latvian", "mt": "Maltese", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "sk": "Slovak", "sl": "Slovene", "sv": "Swedish",
})  # fmt: skip
"""ISO 639-1, the official languages of the Union."""
_TRUTH: Final = MappingProxyType({"true": "yes", "false": "no"})
_HIDDEN: Final = frozenset({"id", "type"})
_NAMING: Final = ("name", "title")


def in_words(value: Json, terms: Terms | None = None, class_name: str = "", name: str = "") -> str:
    """The value of the term `name` of a `class_name`, as people write it."""
    match value:
        case None:
            return ""
        case list():
            return "; ".join(in_words(one, terms, class_name, name) for one in value)
        case dict():
            return _node(value, terms)
    return _literal(str(value), terms, class_name, name)


def label(terms: Terms, class_name: str, name: str) -> str:
    """What people call a term, beginning a line."""
    term = terms.find(class_name, name)
    text = term.label if term is not None and term.label else spelled(name)
    return text[:1].upper() + text[1:]


def _node(node: JsonObject, terms: Terms | None) -> str:
    match node:
        case {"type": "Quantity"} | {"value": str(), "unit": str()}:
            return _quantity(node)
        case {"scheme": str(scheme), "value": str(text)}:
            return f"{text} ({_literal(scheme, terms, 'Identifier', 'scheme')})"
        case {"type": "Address"}:
            return _address(node)
        case {"type": "Document"}:
            return _document(node)
        case {"text": str(text), "language": str(code)}:
            rest = {name: value for name, value in node.items() if name not in {"text", "language"}}
            about = _node(rest, terms)
            return (
                f"{about}: {text} ({_LANGUAGES.get(code, code)})" if about else f"{text} ({_LANGUAGES.get(code, code)})"
            )
    kind = str(node.get("type", ""))
    parts = [str(node[name]) for name in _NAMING if isinstance(node.get(name), str)]
    for name, part in node.items():
        if name not in _HIDDEN and name not in _NAMING:
            term = terms.find(kind, name) if terms is not None else None
            called = term.label if term is not None and term.label else spelled(name)
            parts.append(f"{called} {in_words(part, terms, kind, name)}")
    return ", ".join(parts)


def _quantity(node: JsonObject) -> str:
    """The figure as it stands for a reader: what it is not sure of, and when it held."""
    said = {name: value for name, value in node.items() if isinstance(value, str)}
    unit = _UNITS.get(said.get("unit", ""), said.get("unit") or said.get("ucumUnit", ""))
    amount = f"{said.get('value', '')} {unit}".strip()
    match said.get("qualifier"):
        case "notContained":
            amount = "not contained"
        case "belowDetection":
            amount = f"below {said.get('detectionLimit', said.get('value', ''))} {unit}".strip()
        case "estimated":
            amount = f"about {amount}"
    low, high = said.get("fromTemperature"), said.get("toTemperature")
    if low is not None and high is not None:
        amount += f" from {low} to {high} °C"
    return f"{amount} ({_day(said['at'])})" if "at" in said else amount


def _document(node: JsonObject) -> str:
    """Its name, and its number; an address only where it has neither."""
    parts = [str(node[name]) for name in ("name", "documentNumber") if name in node]
    code = str(node.get("language", ""))
    return (", ".join(parts) or str(node.get("id", ""))) + (f" ({_LANGUAGES.get(code, code)})" if code else "")


def _address(node: JsonObject) -> str:
    """Street, postal code with town, country: each only where it is given."""
    text = {name: value for name, value in node.items() if isinstance(value, str)}
    town = " ".join(text[name] for name in ("postalCode", "locality") if name in text)
    country = _COUNTRIES.get(text.get("country", ""), text.get("country", ""))
    return ", ".join(part for part in (text.get("streetAddress", ""), town, country) if part)


def _literal(text: str, terms: Terms | None, class_name: str, name: str) -> str:
    term = terms.find(class_name, name) if terms is not None else None
    if term is not None and terms is not None and term.range.kind == "code":
        codes = {code.name: code.label for code in terms.codes.get(term.range.name, ())}
        return codes.get(text) or text
    if term is not None and term.range.name in {"date", "dateTime"}:
        return _day(text)
    if term is not None and term.range.name == "boolean":
        return _TRUTH.get(text, text)
    if name.startswith("country"):
        return _COUNTRIES.get(text, text)
    return spelled(text) if name == "scheme" else text


def _day(text: str) -> str:
    try:
        if "T" not in text:
            day = date.fromisoformat(text)
            return f"{day.day} {day:%B %Y}"
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.day} {moment:%B %Y, %H:%M} {'UTC' if not moment.utcoffset() else moment.tzname()}"


def spelled(name: str) -> str:
    """`serialNumber` -> `serial number`: a name without the table, as people write it."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
