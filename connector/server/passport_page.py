"""The passport page: what a person with a phone beside a battery reads, in the reader's language, without JavaScript.

First what the battery is, whether its passport is in force, who answers for it and how to tell a copy; then what is
dangerous about it, what it is made of, and all the rest by subject. Below the values stands what the rules of the day
ask for and the page does not tell, and what it tells although an act is still open: such a value proves nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache

import segno
from markupsafe import Markup

from connector.config import Config
from connector.model import AccessClass, Json, JsonObject
from connector.server.languages import Sentences, sentences
from connector.server.markup import style, template
from connector.vocabulary.bundle import Bundle, load_bundle, load_rules
from connector.vocabulary.completeness import Completeness, Reason, State
from connector.vocabulary.judging import judge
from connector.vocabulary.rules import Obligation, Point
from connector.vocabulary.terms import MODEL_OF
from connector.vocabulary.views import ENDED, STATUS
from connector.vocabulary.wording import Phrase, Wording

STYLE = "passport"
_CLASS = "Battery"
_IN_FORCE = "active"
_NOT_SHOWN = frozenset({STATUS, "ofModel", "manufacturer"})
"""The status stands above; the model and its maker have a number and a name of their own."""
_WHAT = ("batteryCategory", "batteryChemistry")
"""What stands below the number: the battery in a few words."""
_SAFETY = (
    "extinguishingAgent", "hazardousSubstance", "cadmiumShare", "leadShare", "wasteHandlingSafetyInformation",
    "substanceImpact",
)  # fmt: skip
"""What somebody who has to touch the battery reads first, in this order."""
_ABOUT_PASSPORT = frozenset({
    "passportIdentifier", "granularity", "schemaVersion", "contentSpecification", "registrationIdentifier",
    "lastUpdated", "passportEndTime", "predecessor",
})  # fmt: skip
_SUBJECTS = {12: "model", 24: "materials", 39: "performance", 44: "labels"}
"""The last data point of each subject of a model (Annex XIII 1, Annex VI A) -> the section that holds it."""
SECTIONS = ("safety", "materials", "item", "model", "performance", "labels", "more", "passport")
"""In the order of the page, by the keys of their headings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """What the page is about. `asked`: by which number it was asked for; `withdrawn`: some values are left out."""

    record_id: str
    version: int
    asked: str
    values: JsonObject
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """One entry of a cell: what it says, and where it leads."""

    phrase: Phrase
    link: str = ""


@dataclass(frozen=True, slots=True)
class _Section:
    """Lines of a name and its entries under a heading."""

    title: str
    lines: list[tuple[str, list[_Said]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked for and not told; what may be asked, as its condition is not told; what waits for an act; what is
    told too early. `free`: why none is owed.
    """

    free: str = ""
    missing: list[str] = field(default_factory=list)
    unless: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)


def render(passport: Passport, config: Config, bundle: Bundle, language: str, *, today: date) -> str:
    """The page of a passport; of an ended one only that it has ended."""
    say, wording, values = sentences("passport", language), bundle.wording(language), passport.values
    ended, url = values.get(STATUS) == ENDED, f"{config.public_url}/passport/{passport.record_id}"
    told = not ended and bool(values)
    return template("passport.html").render(
        say=say, title=_title(passport), ended=ended, told=told, withdrawn=passport.withdrawn,
        what=" · ".join(wording.value(values[name], _CLASS, name) for name in _WHAT if name in values),
        responsible=values.get("economicOperatorName") or config.name,
        sections=_sections(values, config, wording, say) if told else [],
        asked=_asked(values, wording, say, today) if told and not passport.withdrawn else None,
        state=wording.value(values.get(STATUS), _CLASS, STATUS), good=values.get(STATUS) == _IN_FORCE,
        host=_bold(url.partition("://")[2].partition("/")[0]), name=config.name, did=config.did, url=url, qr=_qr(url),
        version=passport.version, style=style(STYLE),
    )  # fmt: skip


def render_none(name: str, asked: str, language: str) -> str:
    """The page for a number under which this company shows nothing."""
    say = sentences("passport", language)
    return template("no_passport.html").render(say=say, name=name, asked=_bold(asked), style=style(STYLE))


def _title(passport: Passport) -> str:
    """The battery's number: its serial number, or what the reader asked for; none where that says nothing to people."""
    identifiers = passport.values.get("identifier")
    for one in identifiers if isinstance(identifiers, list) else []:
        match one:
            case {"scheme": "serialNumber", "value": str(value)}:
                return value
    return "" if passport.asked.startswith("urn:") else passport.asked


def _bold(text: str) -> Markup:
    return Markup("<b>{}</b>").format(text)


def _sections(values: JsonObject, config: Config, wording: Wording, say: Sentences) -> list[_Section]:
    """The values by subject, in the order of the table; what is in no table is not shown."""
    sections, did = {key: _Section(say(key)) for key in SECTIONS}, config.did
    for name, section in _places().items():
        if name in values:
            own = values[name] == did
            cell = [_Said(Phrase(text=config.name))] if own else _cell(values[name], wording, name)
            sections[section].lines.append((wording.label(_CLASS, name), cell))
    return [section for section in sections.values() if section.lines]


@cache
def _places() -> Mapping[str, str]:
    """Every term that is shown, in order -> its section. One that feeds no data point stands with the one before it."""
    terms, places = load_bundle().terms, dict.fromkeys(_SAFETY, "safety")
    points = {name: point.number for point in reversed(load_rules().points) for name in point.terms}
    point = sys.maxsize
    for name in terms.of(MODEL_OF[_CLASS]):
        point = points.get(name, point)
        places.setdefault(name, next((section for last, section in _SUBJECTS.items() if point <= last), "more"))
    for name in terms.of(_CLASS):
        places.setdefault(name, "passport" if name in _ABOUT_PASSPORT else "item")
    return {name: section for name, section in places.items() if name not in _NOT_SHOWN}


def _cell(value: Json, wording: Wording, name: str) -> list[_Said]:
    """The value's entries, those in the reader's language first; a document with an address is a link."""
    said = []
    for one in value if isinstance(value, list) else [value]:
        node = one if isinstance(one, dict) else {}
        link = node.get("id") if node.get("type") == "Document" else one
        address = link if isinstance(link, str) and link.startswith("https://") else ""
        said.append(_Said(wording.phrase(one, _CLASS, name), address))
    return sorted(said, key=lambda one: one.phrase.language not in {"", wording.language})


def _asked(values: JsonObject, wording: Wording, say: Sentences, today: date) -> _Asked | None:
    """What the rules ask of the public part of this passport; None where it does not say what battery it is of."""
    category = values.get("batteryCategory")
    if not isinstance(category, str):
        return None
    made = judge(load_rules(), values, category, at=today)
    if not made.owed:
        return _Asked(free=_free(made, wording, say))
    public = [answer for answer in made.answers if answer.point.access is AccessClass.PUBLIC]
    missing = [
        (one.reason is Reason.CONDITION_UNSTATED, group[0])
        for one in public if one.state is State.MISSING for group in one.point.needs if group[0] in one.absent
    ]  # fmt: skip
    return _Asked(
        missing=_labels([name for unstated, name in missing if not unstated], wording),
        unless=_labels([name for unstated, name in missing if unstated], wording),
        open=_labels([_first(one.point) for one in public if one.reason is Reason.ACT_PENDING], wording),
        early=_labels([_first(one.point) for one in public if one.reason is Reason.NOT_TO_BE_FILLED_YET], wording),
    )


def _first(point: Point) -> str:
    """The term that stands for a point."""
    return point.needs[0][0]


def _labels(names: list[str], wording: Wording) -> list[str]:
    """What these are called, each once: several points may need one term."""
    return [wording.label(_CLASS, name) for name in dict.fromkeys(names)]


def _free(made: Completeness, wording: Wording, say: Sentences) -> str:
    """Why no passport is owed: the battery is older than the duty, or of a kind that has none (Art. 77(1))."""
    rule = made.answers[0].cites[0]
    if rule.obligation is not Obligation.NOT_TO_BE_FILLED and made.day.day < rule.in_force_from:
        return say("free.before", since=wording.day(rule.in_force_from), source=rule.source)
    return say("free.kind", source=rule.source)


@lru_cache(maxsize=1_024)  # it takes two thirds of the page's time, and anybody may ask
def _qr(url: str) -> str:
    """The address as an SVG that stands in the page itself."""
    return segno.make(url, error="m").svg_data_uri(scale=4, dark="#111", light="#fff")
