"""Values of a record in words for people, in one of the languages of the labels: passport page and terminal say them
alike.

Codes and the parts of a node are called as the terms table labels them; what it does not know, by its name in plain
spelling. Units are signs where people know one; figures, dates, countries are written as the language does
(`vocab/words.csv`). Text that somebody wrote stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from connector.model import Json, JsonObject

if TYPE_CHECKING:
    from connector.vocabulary.terms import Entry, Term, Terms

_CARBON: Final = "kg CO₂e"
_SIGNS: Final = MappingProxyType({
    "KGM": "kg", "GRM": "g", "MGM": "mg", "TNE": "t", "KWH": "kWh", "WHR": "Wh", "MWH": "MWh", "AMH": "Ah", "VLT": "V",
    "OHM": "Ω", "E45": "mΩ", "P1": "%", "WTT": "W", "KWT": "kW", "CEL": "°C", "C62": "", "HUR": "h", "MIN": "min",
    "kg/(kW.h)": f"{_CARBON}/kWh",
})  # fmt: skip
"""UN/ECE Rec 20 code, or UCUM notation -> the sign that people know. The last one measures carbon footprints alone."""
_DECIMAL: Final = re.compile(r"(-?)(\d+)(?:\.(\d+))?")
_SHORT: Final = 4
"""So many digits are written without marks between them."""
_HIDDEN: Final = frozenset({"id", "type"})
_NAMING: Final = ("name", "title")


def read_words(table: bytes) -> Mapping[str, Mapping[str, str]]:
    """A table with the columns `word` and one per language: language -> word -> how it is said there."""
    found: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(table.decode("utf-8"))):
        word = row.pop("word")
        for language, said in row.items():
            found.setdefault(language, {})[word] = said
    return MappingProxyType({language: MappingProxyType(words) for language, words in found.items()})


def spelled(name: str) -> str:
    """`serialNumber` -> `serial number`: a name without the table, as people write it."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """What is said of a value: a text in a language of its own, if that is known, and our words around it."""

    before: str = ""
    text: str
    language: str = ""
    after: str = ""

    def __str__(self) -> str:
        return self.before + self.text + self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How one language says things. `words`: its column of `vocab/words.csv`."""

    terms: Terms
    language: str
    words: Mapping[str, str]

    def value(self, value: Json, class_name: str = "", name: str = "") -> str:
        """The value of the term `name` of a `class_name`, as people write it."""
        match value:
            case None:
                return ""
            case list():
                return "; ".join(self.value(one, class_name, name) for one in value)
            case dict():
                return self._node(value)
        return self._literal(str(value), class_name, name)

    def phrase(self, value: Json, class_name: str = "", name: str = "") -> Phrase:
        """The same in its parts, so that a page can mark a text that is in another language."""
        node = value if isinstance(value, dict) else {}
        match node:
            case {"type": "Document", "language": str(code)}:
                return Phrase(text=self._document(node), language=code, after=self._tongue(code))
            case {"text": str(text), "language": str(code)}:
                about = self._node({name: part for name, part in node.items() if name not in {"text", "language"}})
                before = self.words["text"].format(about=about, text="") if about else ""
                return Phrase(before=before, text=text, language=code, after=self._tongue(code))
        return Phrase(text=self.value(value, class_name, name))

    def label(self, class_name: str, name: str) -> str:
        """What people call a term, beginning a line."""
        text = self._called(self.terms.find(class_name, name), name)
        return text[:1].upper() + text[1:]

    def day(self, day: date) -> str:
        """A day, written out."""
        words = self.words["day.1" if day.day == 1 else "day"]
        return words.format(day=day.day, month=self.words[f"month.{day.month}"], year=day.year)

    def figure(self, text: str) -> str:
        """A decimal number with the language's marks, from five digits on in groups; any other text as it is."""
        found = _DECIMAL.fullmatch(text)
        if found is None:
            return text
        sign, whole, rest = found.groups()
        if len(whole) > _SHORT:
            whole = f"{Decimal(whole):,}".replace(",", self.words["thousands"])
        return sign + whole + (self.words["decimal"] + rest if rest else "")

    def _called(self, entry: Entry | None, name: str) -> str:
        return (entry.labels[self.language] if entry is not None else "") or spelled(name)

    def _node(self, node: JsonObject) -> str:
        match node:
            case {"type": "Quantity"} | {"value": str(), "unit": str()}:
                return self._quantity(node)
            case {"scheme": str(scheme), "value": str(text)}:
                return f"{text} ({self._code('IdentifierScheme', scheme) or spelled(scheme)})"
            case {"type": "Address"}:
                return self._address(node)
            case {"type": "FootprintClaim", "value": str(figure), "declaredUnit": str(unit)} if _SIGNS.get(unit):
                rest = {name: part for name, part in node.items() if name not in {"value", "declaredUnit"}}
                return f"{self.figure(figure)} {_CARBON}/{_SIGNS[unit]}, {self._node(rest)}".removesuffix(", ")
            case {"type": "Document", "language": str()} | {"text": str(), "language": str()}:
                return str(self.phrase(node))
            case {"type": "Document"}:
                return self._document(node)
        kind = str(node.get("type", ""))
        parts = [str(node[name]) for name in _NAMING if isinstance(node.get(name), str)]
        for name, part in node.items():
            if name not in _HIDDEN and name not in _NAMING:
                parts.append(f"{self._called(self.terms.find(kind, name), name)} {self.value(part, kind, name)}")
        return ", ".join(parts)

    def _quantity(self, node: JsonObject) -> str:
        """The figure as it stands for a reader: what it is not sure of, and when it held."""
        said = {name: value for name, value in node.items() if isinstance(value, str)}
        amount = self._amount(said.get("value", ""), said)
        match said.get("qualifier"):
            case "notContained":
                amount = self.words["not-contained"]
            case "belowDetection":
                limit = self._amount(said.get("detectionLimit", said.get("value", "")), said)
                amount = self.words["below"].format(amount=limit)
            case "estimated":
                amount = self.words["about"].format(amount=amount)
        low, high = said.get("fromTemperature"), said.get("toTemperature")
        if low is not None and high is not None:
            amount = self.words["range"].format(amount=amount, low=self.figure(low), high=self.figure(high))
        return f"{amount} ({self._moment(said['at'])})" if "at" in said else amount

    def _amount(self, number: str, said: Mapping[str, str]) -> str:
        """A number with its unit."""
        code = said.get("unit") or said.get("ucumUnit", "")
        unit = _SIGNS.get(code) if code in _SIGNS else self.words.get(f"unit.{code}", code)
        if number == "1":
            unit = self.words.get(f"unit.{code}.1", unit)
        return f"{self.figure(number)} {unit}".strip()

    def _document(self, node: JsonObject) -> str:
        """Its name, and its number; an address only where it has neither."""
        parts = [str(node[name]) for name in ("name", "documentNumber") if name in node]
        return ", ".join(parts) or str(node.get("id", ""))

    def _tongue(self, code: str) -> str:
        """The name of a language behind a text that is in it; of the reader's own there is nothing to say."""
        return "" if code == self.language else f" ({self.words.get(f'language.{code}', code)})"

    def _country(self, code: str) -> str:
        return self.words.get(f"country.{code}", code)

    def _address(self, node: JsonObject) -> str:
        """Street, postal code with town, country: each only where it is given."""
        text = {name: value for name, value in node.items() if isinstance(value, str)}
        town = " ".join(text[name] for name in ("postalCode", "locality") if name in text)
        parts = (text.get("streetAddress", ""), town, self._country(text.get("country", "")))
        return ", ".join(part for part in parts if part)

    def _literal(self, text: str, class_name: str, name: str) -> str:
        term = self.terms.find(class_name, name)
        if name.startswith("country"):
            return self._country(text)
        return text if term is None else self._typed(text, term)

    def _typed(self, text: str, term: Term) -> str:
        """A text of the term's range."""
        if term.range.kind == "code":
            return self._code(term.range.name, text) or text
        match term.range.name:
            case "date" | "dateTime":
                return self._moment(text)
            case "boolean":
                return self.words.get(f"truth.{text}", text)
            case "decimal":
                return self.figure(text)
        return text

    def _code(self, listed: str, text: str) -> str:
        """What a word of a code list is called; empty for one that is not in it."""
        return next((code.labels[self.language] for code in self.terms.codes.get(listed, ()) if code.name == text), "")

    def _moment(self, text: str) -> str:
        """A date, or a time with its date."""
        try:
            if "T" not in text:
                return self.day(date.fromisoformat(text))
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        zone = ("UTC" if not moment.utcoffset() else moment.tzname()) or ""
        hour, minute = f"{moment:%H}", f"{moment:%M}"
        return self.words["time"].format(day=self.day(moment.date()), hour=hour, minute=minute, zone=zone)
