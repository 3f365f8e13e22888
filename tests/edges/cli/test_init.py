"""`init`, and the start of a connector: what cannot work is told, and a second try is not told of a first."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector import __version__
from connector.cli.exchange import named
from connector.config import load
from tests.commands import app

ROOT = Path(__file__).resolve().parents[3]
RUN = CliRunner()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--public-url", "http://localhost:9201"], "--unsafe-loopback"),
        (["--public-url", "http://connector.example"], "plain http is for loopback only"),
        (["--public-url", "connector.example"], "must be like https://"),
        (["--public-url", "https://connector.example", "--port", "99999"], "--port"),
        (["--public-url", "https://connector.example", "--port", "81", "--management-port", "81"], "another one"),
        (["--public-url", "https://connector.example", "--algorithm", "RS256"], "EdDSA or ES256"),
        ([], "the public address is missing"),
    ],
)
def test_a_wrong_wish_leaves_no_half_made_company(tmp_path: Path, wrong: list[str], told: str) -> None:
    """Exit code 2 with the reason; the same command put right then works."""
    folder = tmp_path / "refiner"
    answer = RUN.invoke(app, ["init", str(folder), *wrong])
    assert answer.exit_code == 2, answer.exception
    assert told in " ".join(answer.output.split())
    assert "Value error" not in answer.output
    answer = RUN.invoke(app, ["init", str(folder), "--public-url", "https://connector.refiner.example"])
    assert answer.exit_code == 0, answer.output
    assert RUN.invoke(app, ["init", str(folder), "--public-url", "https://other.example"]).exit_code == 2


def test_what_init_leaves_as_comments_is_good_configuration(tmp_path: Path) -> None:
    """Whom to believe and names for peers: the marks taken away, it is read."""
    answer = RUN.invoke(app, ["init", str(tmp_path / "us"), "--public-url", "https://us.example"])
    assert answer.exit_code == 0, answer.output
    file = tmp_path / "us" / "connector.toml"
    head, mark, later = file.read_text("utf-8").partition("# [trusted_issuers]")
    lines = [line.removeprefix("# ") for line in (mark + later).splitlines() if "[" in line or " = " in line]
    file.write_text(head + "\n".join(lines), "utf-8")
    config = load(file)
    assert config.trusted_issuers["MineralLotPassport"] == ("members",)
    assert config.peer("mine") == "did:web:connector.mine.example"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """No traceback."""
    (tmp_path / "file").write_text("")
    answer = RUN.invoke(app, ["init", str(tmp_path / "file" / "refiner"), "--unsafe-loopback"])
    assert answer.exit_code == 2, answer.exception
    assert "Not a directory" in answer.output


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """By `serve` and by `site`, and what to do; a folder in the place of the configuration too."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        folder = str(tmp_path / "refiner")
        assert RUN.invoke(app, ["init", folder, "--unsafe-loopback", "--port", port]).exit_code == 0
        for words in (["serve", "--config", f"{folder}/connector.toml"], ["site", folder, "--port", port]):
            answer = RUN.invoke(app, words)
            assert answer.exit_code == 2, answer.exception
            assert f"127.0.0.1, port {port}: Address already in use" in " ".join(answer.output.split())
    answer = RUN.invoke(app, ["serve", "--config", folder])
    assert answer.exit_code == 2
    assert "connector.toml" in answer.output


def test_the_ready_policies_lie_in_a_new_company(tmp_path: Path) -> None:
    """So that `publish PLAN --policy direct-customer`, as the help says it, finds one; what was there stays."""
    (tmp_path / "us" / "policies").mkdir(parents=True)
    (tmp_path / "us" / "policies" / "public.json").write_text("ours", "utf-8")
    answer = RUN.invoke(app, ["init", str(tmp_path / "us"), "--public-url", "https://us.example"])
    assert answer.exit_code == 0, answer.output
    shipped = {file.name for file in (ROOT / "policies").glob("*.json")}
    assert {file.name for file in (tmp_path / "us" / "policies").iterdir()} == shipped
    assert (tmp_path / "us" / "policies" / "public.json").read_text("utf-8") == "ours"
    assert named("direct-customer", tmp_path / "us" / "policies", (".json",)).is_file()


def test_the_next_step_after_init_can_be_pasted(tmp_path: Path) -> None:
    """Also where the folder has a blank in its name."""
    answer = RUN.invoke(app, ["init", str(tmp_path / "our mine"), "--public-url", "https://us.example"])
    words = shlex.split(answer.output.rpartition("next: ")[2])
    assert load(Path(words[-1])).did == "did:web:us.example"


def test_who_is_in_the_wrong_folder_is_led_to_the_right_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The companies below are named; and where the connector does not run, how this one is started."""
    monkeypatch.chdir(tmp_path)
    RUN.invoke(app, ["init", "us", "--public-url", "https://us.example", "--port", "1"])
    answer = RUN.invoke(app, ["received"])
    assert answer.exit_code == 2
    assert f"there is no {tmp_path / 'connector.toml'}" in answer.output
    assert "--config FILE (us/connector.toml)" in answer.output
    answer = RUN.invoke(app, ["received", "--config", "us/connector.toml"])
    assert (answer.exit_code, "battery-connector serve --config us/connector.toml" in answer.output) == (3, True)


def test_the_version_is_told() -> None:
    """Who reports something has to say of what."""
    answer = RUN.invoke(app, ["--version"])
    assert (answer.exit_code, answer.output) == (0, f"battery-connector {__version__}\n")
