"""The public passport: what Annex XIII point 1 lets everybody see of a battery, at the address that its QR code holds.

Only values of class PUB are ever loaded for it, and none that we have withdrawn. When the passport has ended (Battery
Regulation, Art. 77(8)) only that is told. For machines the same address answers JSON (`Accept: application/json`): the
values, and the signed credentials that hold them, so that nobody has to take our word for it (`passport_values` holds
the ones against the others).
A person with a wrong number gets a page too, the same for what is not there and what is not ours. How the pages look
is `passport_page`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from connector.config import Config
from connector.credentials.datamodel import parse_credential
from connector.errors import NotFound
from connector.exchange.rows import CredentialRow, RecordRow
from connector.exchange.stored import micros
from connector.model import AccessClass, JsonObject
from connector.server import passport_page
from connector.server.dsp import path_of
from connector.server.languages import chosen
from connector.server.markup import html
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services
from connector.vocabulary.views import ENDED, HEAD, STATUS

PASSPORTS = frozenset({"BatteryPassport"})
_LONGEST_ASKED = 100
"""Characters of an address that a page repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The public values of a passport, and the credentials that say so.

    `withdrawn`: some are left out because we revoked or suspended them.
    """

    values: JsonObject
    credentials: list[str]
    withdrawn: bool


def routes(config: Config) -> list[web.RouteDef]:
    """The page's address, which the QR code holds."""
    return [web.get(path_of(config) + "/passport/{id}", _page)]


async def _page(request: web.Request) -> web.Response:
    services, asked, accepted = request.app[SERVICES], request.match_info["id"], request.headers.get("Accept", "")
    language = chosen(request.query.get("lang", ""), request.headers.get("Accept-Language", ""))
    try:
        row = await _find(services, asked)
    except NotFound:
        if "text/html" not in accepted:
            raise
        text = passport_page.render_none(services.config.name, asked[:_LONGEST_ASKED], language)
        return _html(text, language, status=404)
    told = await public_values(services, row)
    if "application/json" in accepted:
        return _kept(json_response(_as_json(row, told)))
    page = passport_page.Passport(
        record_id=row.record_id, version=row.version, asked=asked[:_LONGEST_ASKED], values=told.values,
        withdrawn=told.withdrawn,
    )  # fmt: skip
    text = passport_page.render(page, services.config, services.bundle, language, today=services.clock.now().date())
    return _html(text, language)


def _as_json(row: RecordRow, told: Told) -> JsonObject:
    """The published shape."""
    about: JsonObject = {"record": row.record_id, "version": row.version, "holder": row.holder}
    return {**about, "withdrawn": told.withdrawn, **told.values, "credentials": [*told.credentials]}


def _html(text: str, language: str, status: int = 200) -> web.Response:
    """The page in a language."""
    shown = html(text, style_name=passport_page.STYLE, forms=False, referrer="no-referrer", status=status)
    shown.headers["Content-Language"] = language
    return _kept(shown)


def _kept(shown: web.Response) -> web.Response:
    """What may be kept of the answer, and what it depends on."""
    shown.headers["Cache-Control"] = "max-age=60"
    shown.headers["Vary"] = "Accept, Accept-Language"
    return shown


async def _find(services: Services, ident: str) -> RecordRow:
    """A passport of ours by record, battery or serial number. Others' and unknown ones look the same."""
    rows = await services.store.find_records(services.tenant, scheme=None, value=ident)
    fitting = [row for row in rows if row.origin == "own" and row.record_type in PASSPORTS]
    if len(fitting) != 1:
        raise NotFound("no such passport")
    return fitting[0]


async def public_values(services: Services, row: RecordRow) -> Told:
    """The public terms of the passport, merged over model, item and state. An ended one has its state only."""
    values: JsonObject = {}
    rows = await services.store.credentials(row.tenant, row.holder, row.record_id, row.version)
    public = [credential for credential in rows if credential.access_class == AccessClass.PUBLIC]
    subjects = {credential.digest: parse_credential(credential.octets, selective=True).subject for credential in public}
    if any(subject.get(STATUS) == ENDED for subject in subjects.values()):
        return Told(values={STATUS: ENDED}, credentials=[], withdrawn=False)
    withdrawn = await _withdrawn(services, public)
    good = [one for one in public if one.digest not in withdrawn]
    for one in good:
        values |= {name: value for name, value in subjects[one.digest].items() if name not in HEAD}
    return Told(values=values, credentials=[one.octets.decode() for one in good], withdrawn=bool(withdrawn))


async def _withdrawn(services: Services, credentials: list[CredentialRow]) -> set[str]:
    """The digests of those that are revoked or suspended now."""
    now, found = micros(services.clock.now()), set()
    for number in sorted({one.status_list for one in credentials if one.status_list is not None}):
        bits = frozenset(await services.store.status_bits(services.tenant, number, now=now))
        found |= {one.digest for one in credentials if one.status_list == number and one.status_index in bits}
    return found
