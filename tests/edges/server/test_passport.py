"""The public passport page: what is told, how, and what it says about what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from connector.exchange.publication import Declared
from connector.model import Json
from tests.edges.server.quiet import dataset_under, look, quiet_connector
from tests.exchange.test_publish import document

EXAMPLES = Path(__file__).parents[3] / "examples" / "passports"
LIMIT_BYTES = 100_000
EVERYBODY: list[Json] = [{"action": "use"}]


async def page(folder: Path, category: str, **changes: Json) -> str:
    """The page of a category's example passport, with changes; None takes a value away."""
    services, app = quiet_connector(folder)
    whole = {**json.loads((EXAMPLES / f"{category}.json").read_text("utf-8")), **changes}
    said = {name: value for name, value in whole.items() if value is not None}
    mapped = document("BatteryPassport", category, said)
    done = await services.publish.publish([mapped], dataset_under(EVERYBODY), Declared(), lambda _: None)
    assert done.findings == []
    answer = await look(services, app, f"/passport/{said['id']}")
    for word in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"):
        assert word in answer.headers["content-security-policy"]
    assert answer.headers["vary"] == "Accept"  # the same address answers JSON, and both may be kept
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
        "This battery", "Its model and maker", "Materials", "Performance", "Labels and documents",
        "More about its model", "What the law asks for",
    ]  # fmt: skip
    assert re.search(r'<a href="https://[^"]+" rel="nofollow noreferrer">EU declaration of conformity', html)
    assert "Recycled lead share not contained" in told(html, "Materials")
    assert "Rechargeable yes" in told(html, "More about its model")
    asked = told(html, "What the law asks for")
    assert "Everything that is asked for and open to everybody is told here." in asked
    assert "Not asked for yet, as an act of the Union is still open: Carbon footprint statement; " in asked
    assert "proves nothing" not in asked
    assert "<script" not in html


async def test_what_is_missing_is_told_and_only_of_the_public_points(tmp_path: Path) -> None:
    """A reader learns what was left out; that something is missing for others is not said."""
    html = await page(tmp_path, "ev", renewableContentShare=None, dismantlingManual=None, fullCycleCount=None)
    asked = told(html, "What the law asks for")
    assert "Asked for and not told here: Share of renewable material." in asked


async def test_a_value_of_a_pending_point_proves_nothing(tmp_path: Path) -> None:
    """It is shown, and what it is worth beside it."""
    footprint: Json = {"type": "Quantity", "value": "61", "ucumUnit": "kg/(kW.h)"}
    asked = told(await page(tmp_path, "ev", carbonFootprint=footprint), "What the law asks for")
    assert "so it proves nothing: Carbon footprint statement." in asked
    assert "Not asked for yet, as an act of the Union is still open: Footprint label" in asked


async def test_a_passport_that_is_not_owed_says_so(tmp_path: Path) -> None:
    """Nothing is asked of a battery that came on the market before the day."""
    asked = told(await page(tmp_path, "lmt", placedOnMarketDate="2026-05-01"), "What the law asks for")
    assert asked.startswith("This passport is given freely; no passport owed: placed on the market on 1 May 2026, ")
    assert "Asked for" not in asked


async def test_an_ended_passport_says_nothing_else(tmp_path: Path) -> None:
    """Battery Regulation, Art. 77(8): no value, and no word on what is asked."""
    html = await page(tmp_path, "ev", passportStatus="ceased")
    assert "This passport has ended" in html
    assert "<h2>" not in html


async def test_what_looks_like_an_address_is_a_link_only_over_https(tmp_path: Path) -> None:
    """No other scheme is ever opened by a click, and text stays text."""
    html = await page(tmp_path, "ev", manufacturerName="<b>x</b>", manufacturerWebsite="http://cars.example/")
    assert "<b>x</b>" not in html
    assert 'href="http://cars.example' not in html


async def test_a_person_with_a_wrong_number_gets_a_page(tmp_path: Path) -> None:
    """And a machine its problem document; what was typed is shown, as text, and cut off."""
    services, app = quiet_connector(tmp_path)
    wrong = "/passport/%3Cb%3E" + "x" * 200
    answer = await look(services, app, wrong, Accept="text/html,*/*")
    html = answer.body.decode()
    assert (answer.status, "No such passport here" in html, "&lt;b&gt;x" in html) == (404, True, True)
    assert "<b><b>" not in html
    assert "x" * 100 not in html
    answer = await look(services, app, wrong)
    assert (answer.status, json.loads(answer.body)["kind"]) == (404, "not-found")
