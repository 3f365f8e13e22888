"""`open`: what leads a browser to the operators' pages, and who else may read it."""

from __future__ import annotations

import importlib
import json
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname, urlopen

import pytest
from typer.testing import CliRunner, Result

from connector.cli.companies import free_ports
from tests.commands import app
from tests.edges.cli.companies import Company, found, serving

opening = importlib.import_module("connector.cli.open")


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company that runs."""
    company = found(tmp_path_factory.mktemp("companies"), "mine", *free_ports(2))
    with serving(company):
        yield company


def opened(company: Company, *arguments: str) -> Result:
    """The command, as it ended."""
    return CliRunner().invoke(app, ["open", *arguments, "--config", str(company.config)])


def test_a_browser_is_led_there_by_a_file_of_ours_alone(mine: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its command line holds no address that opens anything; the file is gone when the command ends."""
    seen = list[Path]()

    def browse(url: str) -> bool:
        page = Path(url2pathname(urlsplit(url).path))
        assert (urlsplit(url).scheme, page.stat().st_mode & 0o777, page.parent.stat().st_mode & 0o777) == (
            "file", 0o600, 0o700,
        )  # fmt: skip
        address = page.read_text("utf-8").split("url=")[1].split('"')[0]
        assert "/operator/sign-in/" in address
        assert address.rpartition("/")[2] not in url
        with urlopen(address) as answer:
            assert (answer.status, "Set-Cookie" in answer.headers) == (200, True)
        seen.append(page)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    monkeypatch.setattr(opening, "_READ_SECONDS", 0)
    result = opened(mine, "--browser")
    assert (result.exit_code, result.output) == (0, "opened in the browser\n")
    result = opened(mine, "--browser", "--json")
    assert (result.exit_code, json.loads(result.stdout)["seconds"]) == (0, 60)
    assert [page.parent.exists() for page in seen] == [False, False]


def test_without_a_browser_it_says_what_else(mine: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves no file behind."""
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    before = {*mine.config.parent.iterdir()}
    result = opened(mine, "--browser")
    assert (result.exit_code, "battery-connector open" in result.output) == (2, True)
    assert {*mine.config.parent.iterdir()} == before
