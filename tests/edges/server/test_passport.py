"""The public passport page: what is told, how, and what it says about what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from connector.cli.several import unpacked
from connector.credentials.datamodel import parse_credential
from connector.exchange.publication import Declared
from connector.model import Json
from connector.server.languages import chosen
from connector.server.passport_values import held_against
from connector.server.services import Services
from connector.vocabulary.terms import LANGUAGES
from tests.edges.server.quiet import dataset_under, look, quiet_connector
from tests.exchange.test_publish import document

EXAMPLES = Path(__file__).parents[3] / "examples" / "passports"
LIMIT_BYTES = 100_000
EVERYBODY: list[Json] = [{"action": "use"}]


async def published(folder: Path, category: str, **changes: Json) -> tuple[Services, web.Application, str]:
    """A connector with a category's example passport, changed (None takes a value away), and the page's address."""
    services, app = quiet_connector(folder)
    whole = {**json.loads((EXAMPLES / f"{category}.json").read_text("utf-8")), **changes}
    said = {name: value for name, value in whole.items() if value is not None}
    mapped = document("BatteryPassport", category, said)
    done = await services.publish.publish([mapped], dataset_under(EVERYBODY), Declared(), lambda _: None)
    assert done.findings == []
    return services, app, f"/passport/{said['id']}"


async def page(folder: Path, category: str, language: str = "en", **changes: Json) -> str:
    """The page of such a passport."""
    services, app, path = await published(folder, category, **changes)
    answer = await look(services, app, f"{path}?lang={language}")
    for word in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"):
        assert word in answer.headers["content-security-policy"]
    assert answer.headers["vary"] == "Accept, Accept-Language"  # the same address answers all of it, and it may be kept
    assert answer.headers["content-language"] == language
    assert (answer.status, len(answer.body) < LIMIT_BYTES) == (200, True)
    return answer.body.decode()


def told(html: str, heading: str) -> str:
    """The plain text under a heading."""
    part = html.partition(f"<h2>{heading}</h2>")[2].partition("<h2>")[0].partition("</main>")[0]
    return " ".join(re.sub("<[^>]+>", " ", part).split())


@pytest.mark.parametrize("category", ["ev", "lmt", "industrial"])
async def test_a_complete_passport_tells_all_that_is_asked(tmp_path: Path, category: str) -> None:
    """By subject, in people's words, documents as links; what waits for an act is named."""
    html = await page(tmp_path, category)
    headings = re.findall("<h2>(.*?)</h2>", html)
    assert headings == [
        "Safety", "Materials and carbon footprint", "This battery", "Its model and manufacturer", "Performance",
        "Labels and documents", "More about its model", "About this passport", "What the law asks for",
    ]  # fmt: skip
    assert re.search(r'<a href="https://[^"]+" rel="nofollow noreferrer" lang="en">EU declaration of conformity', html)
    assert told(html, "Safety").startswith("Extinguishing agent ")
    assert "Recycled lead share not contained" in told(html, "Materials and carbon footprint")
    assert "Recycled content year 2026" in told(html, "Materials and carbon footprint")  # it feeds no data point itself
    assert "Rechargeable yes" in told(html, "Its model and manufacturer")
    assert told(html, "More about its model").startswith("Commodity code ")
    assert "Schema version 1.0.0" in told(html, "About this passport")
    asked = told(html, "What the law asks for")
    assert "Everything that is asked for and open to everybody is told here." in asked
    assert "Not asked for yet, as an act of the Union is still open: Carbon footprint Carbon footprint label " in asked
    assert "proves nothing" not in asked
    assert "<script" not in html


async def test_what_is_missing_is_told_and_only_of_the_public_points(tmp_path: Path) -> None:
    """A reader learns what was left out; that something is missing for others is not said."""
    html = await page(tmp_path, "ev", renewableContentShare=None, dismantlingManual=None, fullCycleCount=None)
    asked = told(html, "What the law asks for")
    assert asked.startswith("Asked for and not told here: Renewable content share Not asked for yet")


async def test_what_depends_on_an_untold_condition_is_told_as_such(tmp_path: Path) -> None:
    """Nobody reads that a mark is lacking which may not be owed at all."""
    asked = told(await page(tmp_path, "ev", leadShare=None, cadmiumShare=None), "What the law asks for")
    assert asked.startswith(
        "Asked for of some batteries only, and nothing here tells whether of this one: Cadmium and lead symbol "
    )


async def test_a_value_of_a_pending_point_proves_nothing(tmp_path: Path) -> None:
    """It is shown, and what it is worth beside it."""
    footprint: Json = {"type": "Quantity", "value": "61", "ucumUnit": "kg/(kW.h)"}
    asked = told(await page(tmp_path, "ev", carbonFootprint=footprint), "What the law asks for")
    assert "so it proves nothing: Carbon footprint This is what" in asked
    assert "Not asked for yet, as an act of the Union is still open: Carbon footprint label" in asked


async def test_a_passport_that_is_not_owed_says_so(tmp_path: Path) -> None:
    """Nothing is asked of a battery that came on the market before the day."""
    asked = told(await page(tmp_path, "lmt", placedOnMarketDate="2026-05-01"), "What the law asks for")
    assert asked.startswith("This passport is given freely: the law asks for one only of batteries that come on the ")
    assert "on 18 February 2027 or later (Art. 77(1))." in asked
    assert "Asked for" not in asked


async def test_a_battery_of_a_kind_without_passports_is_not_called_old(tmp_path: Path) -> None:
    """An industrial battery of at most 2 kWh owes none, whenever it came."""
    energy: Json = {"type": "Quantity", "value": "1.9", "unit": "KWH"}
    asked = told(await page(tmp_path, "industrial", ratedEnergy=energy), "What the law asks for")
    assert asked.startswith(
        "This passport is given freely: the law asks for none for a battery of this kind (Art. 77(1))."
    )


async def test_an_ended_passport_says_nothing_else(tmp_path: Path) -> None:
    """Battery Regulation, Art. 77(8): no value, no word on what is asked, and nothing signed that would tell more."""
    services, app, path = await published(tmp_path, "ev", passportStatus="ceased")
    machine = json.loads((await look(services, app, path, Accept="application/json")).body)
    assert (machine["passportStatus"], machine["credentials"]) == ("ceased", [])
    assert machine.keys() == {"record", "version", "holder", "withdrawn", "passportStatus", "credentials"}
    html = (await look(services, app, f"{path}?lang=en")).body.decode()
    assert '<p class="state bad">ended because the battery was recycled</p>' in html
    assert "<h1>Battery passport</h1>" in html  # asked for by an id that says nothing to people
    assert "<h2>" not in html
    assert "EV88-27-000042" not in html


@pytest.mark.parametrize(
    ("status", "shown"), [("active", "state"), ("invalid", "state bad"), ("inactive", "state bad")]
)
async def test_only_a_passport_in_force_looks_good(tmp_path: Path, status: str, shown: str) -> None:
    """Of all others the state is a warning."""
    assert f'<p class="{shown}">' in await page(tmp_path, "ev", passportStatus=status)


async def test_what_we_withdrew_is_not_told(tmp_path: Path) -> None:
    """A revoked or suspended credential's values are left out, and page and JSON say that something is missing."""
    services, app, path = await published(tmp_path, "ev")
    [row] = await services.store.find_records("", scheme=None, value="EV88-27-000042")
    public = [
        one for one in await services.store.credentials("", row.holder, row.record_id, row.version)
        if (one.access_class, one.level) == ("PUB", "model")
    ]  # fmt: skip
    now = services.clock.now()
    await services.revoke.run(public[0].digest, purpose="suspension", effective=now, reason="a wrong figure")
    html = (await look(services, app, f"{path}?lang=en")).body.decode()
    assert '<p class="state bad">withdrawn by its issuer</p>' in html
    assert "maker has withdrawn all or part of what it stated" in html
    assert "Rated capacity" not in html
    assert "What the law asks for" not in html
    assert "Manufacturing date" in html
    machine = await told_to_machines(services, app, path)
    assert (machine["withdrawn"], "ratedCapacity" in machine) == (True, False)
    await services.revoke.run(public[0].digest, purpose="reinstatement", effective=now, reason="it was right")
    html = (await look(services, app, f"{path}?lang=en")).body.decode()
    assert ("withdrawn" in html, "Rated capacity" in html) == (False, True)
    assert (await told_to_machines(services, app, path))["withdrawn"] is False


async def told_to_machines(services: Services, app: web.Application, path: str) -> dict[str, Json]:
    """The passport's JSON. What it says is just what the signed credentials beside it say."""
    answer = await look(services, app, path, Accept="application/json")
    machine: dict[str, Json] = json.loads(answer.body)
    read = unpacked(answer.body)
    assert read is not None
    assert held_against(read.beside, [parse_credential(octets).payload for octets in read.credentials]) == []
    signed: dict[str, Json] = {}
    for octets in cast("list[str]", machine.pop("credentials")):
        signed |= parse_credential(octets.encode()).subject
    about = {"record", "version", "holder", "withdrawn"}
    assert {name: value for name, value in machine.items() if name not in about} == {
        name: value for name, value in signed.items() if name not in {"id", "type"}
    }
    return machine


async def test_what_looks_like_an_address_is_a_link_only_over_https(tmp_path: Path) -> None:
    """No other scheme is ever opened by a click, and text stays text."""
    html = await page(tmp_path, "ev", manufacturerName="<b>x</b>", manufacturerWebsite="http://cars.example/")
    assert "<b>x</b>" not in html
    assert 'href="http://cars.example' not in html


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", ("Sicherheit", "Massenanteil 24,24 %", "Kobalt", "12. März 2027", "gültig")),
        ("fr", ("Sécurité", "part massique 24,24 %", "cobalt", "12 mars 2027", "en vigueur")),
        ("fi", ("Turvallisuus", "massaosuus 24,24 %", "koboltti", "12. maaliskuuta 2027", "voimassa")),
    ],
)
async def test_the_page_speaks_the_readers_language(tmp_path: Path, language: str, said: tuple[str, ...]) -> None:
    """Headings, labels, codes, figures and dates; what somebody wrote stays, marked where its language is known."""
    html = await page(tmp_path, "ev", language)
    assert f'<html lang="{language}">' in html
    for words in said:
        assert words in html
    assert "water in large amounts" in html
    assert re.search(r'<a [^>]+ lang="en">EU declaration of conformity, DOC-EV88-2027-01</a> \(', html)
    assert re.search(r'<div>[^<]+CE\S? ?: <span lang="en">The maker declares', html.replace("\u00a0", ""))
    assert f'<a href="?lang={language}" hreflang="{language}" lang="{language}" aria-current="true">' in html
    assert html.count('<link rel="alternate" hreflang="') == len(LANGUAGES)


async def test_what_is_written_in_the_readers_language_comes_first(tmp_path: Path) -> None:
    """Nothing is left out for it: what is dangerous may be told in one language only."""
    html = await page(tmp_path, "ev", "de")
    german, english = html.index("verätzt der Elektrolyt"), html.index("Dust of the cathode material")
    assert german < english


async def test_a_person_with_a_wrong_number_gets_a_page(tmp_path: Path) -> None:
    """And a machine its problem document; what was typed is shown, as text, and cut off."""
    services, app = quiet_connector(tmp_path)
    wrong = "/passport/%3Cb%3E" + "x" * 200
    answer = await look(services, app, wrong, **{"Accept": "text/html,*/*", "Accept-Language": "en"})
    html = answer.body.decode()
    assert (answer.status, "No such passport here" in html, "&lt;b&gt;x" in html) == (404, True, True)
    assert "<b><b>" not in html
    assert answer.headers["vary"] == "Accept, Accept-Language"
    answer = await look(services, app, wrong, **{"Accept": "text/html", "Accept-Language": "fi-FI,en;q=0.5"})
    assert "Tällaista passia ei ole täällä" in answer.body.decode()
    assert "x" * 100 not in html
    answer = await look(services, app, wrong)
    assert (answer.status, json.loads(answer.body)["kind"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "en"),
        ("fi", "de", "fi"),
        ("xx", "de", "de"),
        ("", "sv-SE, de-AT;q=0.8, en;q=0.9", "en"),
        ("", "fr;q=0.5,DE ; q=0.7", "de"),
        ("", "fi, de", "fi"),
        ("", "en;q=0, fr;q=0.1", "fr"),
        ("", "de;q=0", "en"),
        ("", "*", "en"),
        ("", "de;q=2, ;;;q=, fr;q=0.2", "fr"),
        ("", "de-" + "x" * 5000, "en"),
    ],
)
def test_the_language_is_the_readers(asked: str, accepted: str, language: str) -> None:
    """An explicit choice, else the heaviest range of ours, the first of equals; what is no range is passed over."""
    assert chosen(asked, accepted) == language
