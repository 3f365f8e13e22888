"""`evidence`: the log of a running connector, and an export of it that is verified without one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from typer.testing import CliRunner

from connector.cli.companies import free_ports
from tests.commands import app
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run
from tests.edges.cli.visitor import Visitor


def test_the_log_is_read_and_taken_along(tmp_path: Path) -> None:
    """What was denied, to whom, by which comparison; the whole log in a file that is verified without a connector."""
    ports = free_ports(4)
    mine, refiner = (found(tmp_path, name, ports.pop(), ports.pop()) for name in ("mine", "refiner"))
    know(refiner, mine)
    with serving(mine, refiner):
        assert run(mine, "publish", "depots", "--policy", "closed")[0] == 0
        assert run(refiner, "request", "mine", "depots")[0] == 1
        entry = ended(mine, refiner)
        assert (entry["event"], entry["body"]["decision"]["decision"]) == ("negotiation-terminated", "deny")
        listed = run(mine, "evidence", "list", "--denied")[1]
        assert "deny: permission[1]: role is not" in listed
        assert "not-permitted" in run(mine, "evidence", "show", str(entry["seq"]))[1]
        assert run(mine, "evidence", "show", "100000")[0] == 2
        assert run(mine, "evidence", "list", "--denied", "--since", "2026-01-01")[1] == listed
        assert ask(mine, "evidence", "list", "--since", "9999-01-01") == (0, {"entries": []})
        assert run(mine, "evidence", "list", "--since", "yesterday")[0] == 2
        assert "the newest 1 are shown: --last N" in run(mine, "evidence", "list", "--last", "1")[1]
        by_page(mine, refiner, entry["seq"])
        file = tmp_path / "log.jsonl"
        told = ask(mine, "evidence", "export", file)[1]
        assert told["entries"] >= entry["seq"]
    assert run(mine, "evidence", "export", tmp_path / "part.jsonl")[0] == 3
    assert not (tmp_path / "part.jsonl").exists(), "a part of a log would pass for a whole one"
    assert verified(file, told["newest"]) == (0, "valid")
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-1]), "utf-8")
    assert verified(file) == (0, "valid")  # what is cut off at the end only a hash kept elsewhere can tell
    assert verified(file, told["newest"]) == (1, "invalid")
    file.write_text("".join(lines).replace("deny", "permit", 1), "utf-8")
    assert verified(file) == (1, "invalid")
    file.write_text("".join(lines[1:]), "utf-8")
    assert CliRunner().invoke(app, ["evidence", "verify", str(file)]).exit_code == 2


def ended(mine: Company, refiner: Company) -> dict[str, Any]:
    """The last denial, awaited: who asked may know of the end before it stands in the log of who ended it."""
    deadline = time.monotonic() + 30
    while True:
        code, answer = ask(mine, "evidence", "list", "--denied", "--party", refiner.did, "--last", "1")
        assert code == 0
        entry: dict[str, Any] = answer["entries"][0]
        if entry["event"] == "negotiation-terminated" or time.monotonic() > deadline:
            return entry
        time.sleep(0.02)


def by_page(mine: Company, refiner: Company, number: int) -> None:
    """The same at the operators' pages: the denial with its whole reason, and nothing else among denials."""
    desk = Visitor(mine)
    for page in (desk.get("denials"), desk.get("denials?peer=" + quote(refiner.did)), desk.get("denials?event=negot")):
        assert "deny: permission[1]: role is not known, asked: refiner" in page.words()
        assert page.text.count("role is not known") == 1
        assert "permitted" not in page.words()
    for nothing in ("denials?peer=did:web:x", "denials?event=zz", "evidence?event=zz", f"denials?before={number - 1}"):
        assert desk.get(nothing).words().endswith((".", "The newest")), nothing
    whole = desk.get(f"evidence/{number}").words()
    for words in ("Entry", "deny", "not-permitted", "role eq refiner nothing known unknown"):
        assert words in whole, words
    assert desk.get("evidence/100000").status == 404
    assert "published" in desk.get("evidence").words()
    newest = ask(mine, "evidence", "list", "--last", "1")[1]["entries"][0]
    checked = desk.get("evidence/check").words()
    assert f"valid {newest['seq']} entries, none changed, none left out" in checked
    assert newest["hash"] in checked


def verified(file: Path, newest: str = "") -> tuple[int, str]:
    """The verdict on an export."""
    result = CliRunner().invoke(app, ["evidence", "verify", str(file), "--json", "--newest", newest])
    return result.exit_code, json.loads(result.stdout)["verdict"]
