"""The public passport page: what Annex XIII point 1 lets everybody see of a battery, with QR, without JavaScript.

Only values of class PUB are ever loaded for it. When the passport has ended (Battery Regulation, Art. 77(8)) the page
says only that. For machines the same address answers JSON (`Accept: application/json`).
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

import segno
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, Template, select_autoescape

from connector.config import Config
from connector.credentials.datamodel import parse_credential
from connector.errors import NotFound
from connector.exchange.rows import RecordRow
from connector.model import AccessClass, JsonObject, Level
from connector.server.dsp import path_of
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services
from connector.vocabulary.wording import in_words, label

PASSPORTS = frozenset({"BatteryPassport"})
ENDED = "ceased"
_TEMPLATES = Path(__file__).with_name("templates")
_HIDDEN = frozenset({"id", "type"})
_NOT_SHOWN = frozenset({"passportStatus", "ofModel", "manufacturer"})
"""The status stands above; the model and its maker have a number and a name of their own."""


def routes(config: Config) -> list[web.RouteDef]:
    """The page's address, which the QR code holds."""
    return [web.get(path_of(config) + "/passport/{id}", _page)]


async def _page(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    row = await _find(services, request.match_info["id"])
    values = await public_values(services, row)
    url = f"{services.config.public_url}/passport/{row.record_id}"
    if "application/json" in request.headers.get("Accept", ""):
        return json_response({"record": row.record_id, "version": row.version, "holder": row.holder, **values})
    html = render(services, url, row, values)
    return web.Response(
        text=html,
        content_type="text/html",
        headers={
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_style_hash()}'; img-src data:",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "max-age=60",
        },
    )


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
            values |= {name: value for name, value in subject.items() if name not in _HIDDEN}
    if values.get("passportStatus") == ENDED:
        return {"passportStatus": ENDED}
    return values


def render(services: Services, url: str, row: RecordRow, values: JsonObject) -> str:
    """The page."""
    ended = values.get("passportStatus") == ENDED
    return _template("passport.html").render(
        title=_title(values), sections=_sections(services, values), ended=ended,
        status=in_words(values.get("passportStatus"), services.bundle.terms, "Battery", "passportStatus"),
        holder=services.config.name, did=services.config.did, url=url, qr=_qr(url), version=row.version,
        style=_style(),
    )  # fmt: skip


def _sections(services: Services, values: JsonObject) -> list[tuple[str, list[tuple[str, str]]]]:
    """What is about this one battery, then what is about its model; ids that say nothing to people are left out."""
    terms, config = services.bundle.terms, services.config
    item: list[tuple[str, str]] = []
    model: list[tuple[str, str]] = []
    for name, value in values.items():
        if name in _NOT_SHOWN or terms.find("Battery", name) is None:
            continue
        words = config.name if value == config.did else in_words(value, terms, "Battery", name)
        about = model if terms.level("Battery", name) is Level.MODEL else item
        about.append((label(terms, "Battery", name), words))
    return [(title, lines) for title, lines in (("This battery", item), ("Its model", model)) if lines]


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


def _qr(url: str) -> str:
    """The address as an SVG that stands in the page itself."""
    return segno.make(url, error="m").svg_data_uri(scale=4, dark="#111", light="#fff")
