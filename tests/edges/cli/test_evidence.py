"""`evidence`: the log of a running connector, and an export of it that is verified without one."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from connector.cli import app, mount
from connector.cli.companies import free_ports
from tests.edges.cli.companies import found, know, serving
from tests.edges.cli.test_running import ask, run

mount()


def test_the_log_is_read_and_taken_along(tmp_path: Path) -> None:
    """What was denied, to whom, by which comparison; the whole log in a file that is verified without a connector."""
    ports = free_ports(4)
    mine, refiner = (found(tmp_path, name, ports.pop(), ports.pop()) for name in ("mine", "refiner"))
    know(refiner, mine)
    with serving(mine, refiner):
        assert run(mine, "publish", "depots", "--policy", "closed")[0] == 0
        assert run(refiner, "request", "mine", "depots")[0] == 1
        code, answer = ask(mine, "evidence", "list", "--denied", "--party", refiner.did, "--last", "1")
        assert code == 0
        entry = answer["entries"][0]
        assert (entry["event"], entry["body"]["decision"]["decision"]) == ("negotiation-terminated", "deny")
        assert "deny: role is not known" in " ".join(run(mine, "evidence", "list", "--denied")[1].split())
        assert "not-permitted" in run(mine, "evidence", "show", str(entry["seq"]))[1]
        assert run(mine, "evidence", "show", "100000")[0] == 2
        file = tmp_path / "log.jsonl"
        told = ask(mine, "evidence", "export", file)[1]
        assert told["entries"] >= entry["seq"]
    assert verified(file, told["newest"]) == (0, "valid")
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-1]), "utf-8")
    assert verified(file) == (0, "valid")  # what is cut off at the end only a hash kept elsewhere can tell
    assert verified(file, told["newest"]) == (1, "invalid")
    file.write_text("".join(lines).replace("deny", "permit", 1), "utf-8")
    assert verified(file) == (1, "invalid")
    file.write_text("".join(lines[1:]), "utf-8")
    assert CliRunner().invoke(app, ["evidence", "verify", str(file)]).exit_code == 2


def verified(file: Path, newest: str = "") -> tuple[int, str]:
    """The verdict on an export."""
    result = CliRunner().invoke(app, ["evidence", "verify", str(file), "--json", "--newest", newest])
    return result.exit_code, json.loads(result.stdout)["verdict"]
