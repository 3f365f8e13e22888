"""The pages that people see, in a real Chromium: passport, audit report and operators' pages of a whole demo."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = pytest.mark.browser

BATTERY, RECYCLED = "CM27-84-000201", "CM24-64-000117"
PASSPORT_LIMIT_BYTES = 100_000
PHONE = {"width": 360, "height": 740}
MOST_PRINTED = 2


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A demo that was left running."""
    folder = tmp_path_factory.mktemp("pages") / "demo"
    command = [sys.executable, "-m", "connector", "demo"]
    subprocess.run([*command, "--keep", "--folder", str(folder)], check=True, capture_output=True, timeout=300)
    yield folder
    subprocess.run([*command, "--stop", str(folder)], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


def passport_url(demo: Path, battery: str) -> str:
    """The address of a battery's page at the car maker's connector."""
    config = (demo / "car" / "connector.toml").read_text("utf-8")
    base = next(line.split('"')[1] for line in config.splitlines() if line.startswith("public_url"))
    return f"{base}/passport/{battery}"


def violations(page: Page) -> list[Any]:
    """What axe finds wrong with the page."""
    return list(Axe().run(page).response["violations"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desk"])
@pytest.mark.parametrize("battery", [BATTERY, RECYCLED])
def test_passport_is_small_quiet_and_accessible(
    demo: Path, browser: Browser, battery: str, size: Any, scheme: Any
) -> None:
    """The passport page loads nothing from elsewhere, weighs little, has no axe finding and no sideways scrolling, and
    speaks the browser's language.
    """
    locale = {BATTERY: "de-AT", RECYCLED: "fi-FI"}[battery]
    context = browser.new_context(viewport=size, color_scheme=scheme, locale=locale)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto(passport_url(demo, battery))
    assert answer is not None
    assert answer.status == 200
    assert len(answer.body()) < PASSPORT_LIMIT_BYTES
    assert [url for url in asked if not url.startswith("data:")] == [answer.url]
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.get_attribute("html", "lang") == locale[:2]
    context.close()


def test_a_reader_chooses_another_language_and_prints(demo: Path, browser: Browser) -> None:
    """By a link at the top, without JavaScript; on paper it is one page, or two."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(passport_url(demo, BATTERY))
    page.get_by_role("link", name="Français").click()
    assert page.inner_text("nav a[aria-current]") == "Français"
    assert "Substance dangereuse" in page.inner_text("main")
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) <= MOST_PRINTED
    context.close()


def test_passport_reads_without_javascript(demo: Path, browser: Browser) -> None:
    """Without JavaScript the page shows the battery, its values and the QR code."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(passport_url(demo, BATTERY))
    assert BATTERY in page.inner_text("h1")
    assert page.locator("table tr").count() > 5
    assert page.locator("img[alt*='QR']").is_visible()
    context.close()


def test_passport_of_the_recycled_battery_says_only_that_it_ended(demo: Path, browser: Browser) -> None:
    """Battery A's page tells that its passport ended, and none of its values."""
    page = browser.new_page()
    page.goto(passport_url(demo, RECYCLED))
    assert "ended" in page.inner_text("body")
    assert page.locator("main table").count() == 0
    page.close()


def test_no_value_of_another_class_is_on_the_public_page(demo: Path, browser: Browser) -> None:
    """Nothing that is not public stands in the page's text."""
    page = browser.new_page()
    page.goto(passport_url(demo, BATTERY))
    text = page.content()
    for name in ("Kaivos", "Wesertal", "Littoral", "did:web:localhost%3A0"):
        assert name not in text
    page.close()


@pytest.mark.parametrize("name", ["audit-report.html", "report-for-the-client.html"])
def test_audit_report_is_quiet_and_accessible(demo: Path, browser: Browser, name: str) -> None:
    """The report fetches nothing, has no axe finding, and its picture has a table as text alternative."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((demo / name).as_uri())
    assert len(asked) == 1
    assert violations(page) == []
    assert page.locator("svg").count() >= 1
    assert page.locator("table").count() >= 1
    page.close()


def test_the_clients_report_keeps_sealed_suppliers_sealed(demo: Path) -> None:
    """No name and no DID of a company behind the seal stands in the client's report."""
    text = (demo / "report-for-the-client.html").read_text("utf-8")
    dids = json.loads((demo / "dids.json").read_text("utf-8"))
    for company in ("mine", "refiner", "cathode", "authority", "laboratory"):
        assert dids[company] not in text


# --- the operators' pages --------------------------------------------------------------------------------------------


def told(demo: Path, company: str, *arguments: str) -> Any:
    """What a command of a company of the demo answers."""
    command = [
        sys.executable,
        "-m",
        "connector",
        *arguments,
        "--json",
        "--config",
        str(demo / company / "connector.toml"),
    ]
    return json.loads(subprocess.run(command, check=False, capture_output=True, timeout=120).stdout)


def signed_in(demo: Path, browser: Browser, company: str, **options: Any) -> Page:
    """A browser at what is to be done today, led to a one-time address by a page of elsewhere, as `open` leads it."""
    page = browser.new_context(**options).new_page()
    address = told(demo, company, "open")["address"]
    page.goto(f'data:text/html,<meta http-equiv="refresh" content="0; url={address}">')
    page.wait_for_url(re.compile("/operator/[^/]+/$"))
    assert page.inner_text("h1") == "Today"
    return page


@pytest.fixture(scope="module")
def waiting(demo: Path) -> str:
    """The car maker's id of an offer that waits there for a person: of data that it has an agreement on."""
    dids = json.loads((demo / "dids.json").read_text("utf-8"))
    agreed = next(one for one in told(demo, "car", "received")["agreements"] if one["role"] == "consumer")
    supplier = next(name for name, did in dids.items() if did == agreed["with"])
    told(demo, supplier, "offer", dids["car"], agreed["dataset"], "--wait", "5")
    deadline = time.monotonic() + 60
    while not (waits := told(demo, "car", "approvals")["approvals"]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return str(waits[0]["id"])


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), ({"width": 1280, "height": 900}, "light")])
def test_operators_pages_are_small_quiet_and_accessible(
    demo: Path, browser: Browser, waiting: str, size: Any, scheme: Any
) -> None:
    """All of them, one exchange and one entry of the log among them; without a script, as all is."""
    page = signed_in(demo, browser, "car", viewport=size, color_scheme=scheme)
    place, asked = page.url, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    links = page.eval_on_selector_all("nav a", "all => all.map(one => one.href)")
    assert len(links) == 7
    for url in (
        *links,
        f"{place}exchanges/{waiting}",
        f"{place}evidence/1",
        f"{place}evidence/check",
        f"{place}nothing",
    ):
        asked.clear()
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == (404 if url.endswith("nothing") else 200), url
        assert len(answer.body()) < PASSPORT_LIMIT_BYTES, url
        assert [one for one in asked if not one.startswith("data:")] == [url]
        assert violations(page) == [], url
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), url
    page.context.close()


def test_an_operator_decides_with_the_keyboard_alone(demo: Path, browser: Browser, waiting: str) -> None:
    """Without JavaScript: past the links by the first one, to the word, to the picture of what came of it, out."""
    page = signed_in(demo, browser, "car", java_script_enabled=False)
    page.keyboard.press("Tab")
    assert page.inner_text(":focus") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.inner_text(":focus") == "Approve":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/exchanges/{waiting}")
    assert page.locator("svg[role=img] text", has_text="Contract offer").count() == 1
    assert "FINALIZED" in page.inner_text("main")
    page.get_by_role("button", name="Sign out").click()
    assert "battery-connector open" in page.inner_text("main")
    page.go_back()
    page.reload()
    assert "battery-connector open" in page.inner_text("main")
    page.context.close()
