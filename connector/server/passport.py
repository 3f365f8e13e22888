"""The public passport page: what Annex XIII point 1 lets everybody see of a battery, with QR, without JavaScript.

Only values of class PUB are ever loaded for it. When the passport has ended (Battery Regulation, Art. 77(8)) the page
says only that. Below the values stands what the rules of the day ask for and the page does not tell, and what it tells
although an act is still open: such a value proves nothing. For machines the same address answers JSON
(`Accept: application/json`). A person with a wrong number gets a page too, the same for what is not there and what is
not ours.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

import segno
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, Template, select_autoescape

from connector.config import Config
from connector.credentials.datamodel import parse_credential
from connector.errors import NotFound
from connector.exchange.rows import RecordRow
from connector.model import AccessClass, Json, JsonObject, Level
from connector.server.dsp import path_of
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services
from connector.vocabulary.bundle import load_rules
from connector.vocabulary.completeness import Reason, State
from connector.vocabulary.judging import judge
from connector.vocabulary.terms import Terms
from connector.vocabulary.views import ENDED, HEAD, STATUS
from connector.vocabulary.wording import in_words, label

PASSPORTS = frozenset({"BatteryPassport"})
_TEMPLATES = Path(__file__).with_name("templates")
_NOT_SHOWN = frozenset({STATUS, "ofModel", "manufacturer"})
"""The status stands above; the model and its maker have a number and a name of their own."""

_LONGEST_ASKED = 100
"""Characters of a wrong address that the page repeats."""

_ITEM, _REST = "This battery", "More about its model"
_SUBJECTS = {12: "Its model and maker", 24: "Materials", 39: "Performance", 44: "Labels and documents"}
"""The last data point of each subject (Annex XIII 1, Annex VI A) -> how the page calls it."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One entry of a cell: its text, where it leads, in which language it is."""

    text: str
    link: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class _Section:
    """Lines of a name and its entries under a heading."""

    title: str
    lines: list[tuple[str, list[_Said]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Data points by name: asked for and not told; waiting for an act; told too early. `free`: why none is owed."""

    free: str = ""
    missing: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)


def routes(config: Config) -> list[web.RouteDef]:
    """The page's address, which the QR code holds."""
    return [web.get(path_of(config) + "/passport/{id}", _page)]


async def _page(request: web.Request) -> web.Response:
    services, asked, accepted = request.app[SERVICES], request.match_info["id"], request.headers.get("Accept", "")
    try:
        row = await _find(services, asked)
    except NotFound:
        if "text/html" not in accepted:
            raise
        page = _template("no_passport.html")
        return _html(page.render(holder=services.config.name, asked=asked[:_LONGEST_ASKED], style=_style()), 404)
    values = await public_values(services, row)
    url = f"{services.config.public_url}/passport/{row.record_id}"
    if "application/json" in accepted:
        shown = json_response({"record": row.record_id, "version": row.version, "holder": row.holder, **values})
    else:
        shown = _html(render(services, url, row, values))
    shown.headers["Cache-Control"] = "max-age=60"
    shown.headers["Vary"] = "Accept"
    return shown


def _html(text: str, status: int = 200) -> web.Response:
    """A page that loads nothing and that nobody frames."""
    shown = web.Response(text=text, status=status, content_type="text/html")
    shown.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{_style_hash()}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    shown.headers["Referrer-Policy"] = "no-referrer"
    return shown


async def _find(services: Services, ident: str) -> RecordRow:
    """A passport of ours by record, battery or serial number. Others' and unknown ones look the same."""
    rows = await services.store.find_records(services.config.tenant, scheme=None, value=ident)
    fitting = [row for row in rows if row.origin == "own" and row.record_type in PASSPORTS]
    if len(fitting) != 1:
        raise NotFound("no such passport")
    return fitting[0]


async def public_values(services: Services, row: RecordRow) -> JsonObject:
    """The public terms of the passport, merged over model, item and state. An ended one has its state only."""
    values: JsonObject = {}
    for credential in await services.store.credentials(row.tenant, row.holder, row.record_id, row.version):
        if credential.access_class == AccessClass.PUBLIC:
            subject = parse_credential(credential.octets).subject
            values |= {name: value for name, value in subject.items() if name not in HEAD}
    if values.get(STATUS) == ENDED:
        return {STATUS: ENDED}
    return values


def render(services: Services, url: str, row: RecordRow, values: JsonObject) -> str:
    """The page."""
    ended = values.get(STATUS) == ENDED
    return _template("passport.html").render(
        title=_title(values), sections=[] if ended else _sections(services, values), ended=ended,
        asked=None if ended else _asked(values, services.clock.now().date()),
        status=in_words(values.get(STATUS), services.bundle.terms, "Battery", STATUS),
        holder=services.config.name, did=services.config.did, url=url, qr=_qr(url), version=row.version,
        style=_style(),
    )  # fmt: skip


def _sections(services: Services, values: JsonObject) -> list[_Section]:
    """What is about this one battery, then what is about its model, by subject; ids that say nothing are left out."""
    terms, config = services.bundle.terms, services.config
    sections = {title: _Section(title) for title in (_ITEM, *_SUBJECTS.values(), _REST)}
    for name, value in values.items():
        term = terms.find("Battery", name)
        if name in _NOT_SHOWN or term is None:
            continue
        if terms.level("Battery", name) is Level.MODEL:
            last = next((last for last in _SUBJECTS if _first_point(name) <= last), None)
            title = _REST if last is None else _SUBJECTS[last]
        else:
            title = _ITEM
        cell = [_Said(config.name)] if value == config.did else _cell(value, terms, name)
        sections[title].lines.append((label(terms, "Battery", name), cell))
    return [section for section in sections.values() if section.lines]


def _cell(value: Json, terms: Terms, name: str) -> list[_Said]:
    """The value's entries; a document with an address is a link."""
    said = []
    for one in value if isinstance(value, list) else [value]:
        node = one if isinstance(one, dict) else {}
        link = node.get("id") if node.get("type") == "Document" else one
        address = link if isinstance(link, str) and link.startswith("https://") else ""
        language = node.get("language")
        text = in_words(one, terms, "Battery", name)
        said.append(_Said(text, address, language if isinstance(language, str) else ""))
    return said


@cache
def _points() -> Mapping[str, int]:
    """The first data point that each term feeds."""
    return {name: point.number for point in reversed(load_rules().points) for name in point.terms}


def _first_point(name: str) -> int:
    return _points().get(name, sys.maxsize)


def _asked(values: JsonObject, today: date) -> _Asked | None:
    """What the rules ask of the public part of this passport; None where it does not say what battery it is of."""
    category = values.get("batteryCategory")
    if not isinstance(category, str):
        return None
    made = judge(load_rules(), values, category, at=today)
    if not made.owed:
        return _Asked(free=made.because)
    public = [answer for answer in made.answers if answer.point.access is AccessClass.PUBLIC]
    return _Asked(
        missing=[one.point.name for one in public if one.state is State.MISSING],
        open=[one.point.name for one in public if one.reason is Reason.ACT_PENDING],
        early=[one.point.name for one in public if one.reason is Reason.NOT_TO_BE_FILLED_YET],
    )


def _title(values: JsonObject) -> str:
    identifiers = values.get("identifier")
    for one in identifiers if isinstance(identifiers, list) else []:
        match one:
            case {"scheme": "serialNumber", "value": str(value)}:
                return value
    return "Battery"


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(), trim_blocks=True)


def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _style() -> str:
    return (_TEMPLATES / "passport.css").read_text("utf-8")


@cache
def _style_hash() -> str:
    return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()


@lru_cache(maxsize=1_024)  # it takes two thirds of the page's time, and anybody may ask
def _qr(url: str) -> str:
    """The address as an SVG that stands in the page itself."""
    return segno.make(url, error="m").svg_data_uri(scale=4, dark="#111", light="#fff")
