"""A copy made in the middle of trade; then the company burns down, and the copy takes its place.

Two real processes over SQLite. What both had ended before the copy was made stands on both sides; what came after is
the taker's alone, and hurts nobody: new contracts and their data come through.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from connector.cli.companies import free_ports
from connector.cli.console import DONE, NO
from connector.model import JsonObject, list_in
from tests.bench.authority import Authority
from tests.journeys.companies import make_pair
from tests.journeys.test_crash import Trade, site_of

BEFORE, MEANWHILE, AFTER = 1, 2, 1


def copied(config: Path, target: Path, code: int = DONE) -> JsonObject:
    """What the command says."""
    words = [sys.executable, "-m", "connector", "backup", str(target), "--config", str(config), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stderr
    answer: JsonObject = json.loads(done.stdout)
    return answer


def test_a_copy_of_a_working_company_takes_its_place(tmp_path: Path) -> None:
    """Copied in the middle of trade, killed, replaced by the copy, and trade goes on."""
    ports = free_ports(5)
    authority = Authority(ports.pop())
    giver, taker = pair = make_pair(tmp_path, authority, ports)
    trade, saved = Trade(*pair), tmp_path / "copy"
    with site_of(authority):
        try:
            for one in pair:
                one.start()
            ended = []
            for _ in range(BEFORE):
                trade.publish()
                ended.append(trade.exchange())
            offered = publish_file(trade, tmp_path / "report.pdf")
            answers: list[JsonObject] = []
            copying = threading.Thread(target=lambda: answers.append(copied(giver.file, saved)))
            copying.start()
            for _ in range(MEANWHILE):
                trade.exchange()
            copying.join()
            assert answers[0]["findings"] == [], answers
            assert giver.process is not None
            giver.process.kill()
            giver.process.wait(60)
            giver.config.folder.rename(tmp_path / "burnt")
            saved.rename(giver.config.folder)
            giver.start()
            known = {str(one["agreement"]) for one in trade._held(giver)}
            assert {str(one["agreement"]) for one in ended} <= known
            for trade_before in ended:
                wanted: JsonObject = {"agreement": trade_before["agreement"], "wait_seconds": 120}
                again = taker.management.work("/v1/fetch", wanted)
                assert again["state"] == "COMPLETED", again
            for _ in range(AFTER):
                made = trade.exchange()
                assert trade._terms(giver, str(made["agreement"])) == trade._terms(taker, str(made["agreement"]))
        finally:
            for one in pair:
                one.stop()
    look_through(giver.config.folder, offered, tmp_path)


def publish_file(trade: Trade, file: Path) -> str:
    """A file as it is; its digest."""
    file.write_bytes(os.urandom(100_000))
    folder = trade.giver.config.folder
    body: JsonObject = {"file": str(file), "policy": str(folder / "policies" / "members.json"), "accessClass": "B2B"}
    return str(trade.giver.management.work("/v1/publish-file", body)["digest"])


def look_through(folder: Path, digest: str, place: Path) -> None:
    """In a copy one wrong octet of a file is found, and one entry of evidence that was changed; modes go along."""
    assert copied(folder / "connector.toml", place / "whole")["findings"] == []
    for name in ("secrets.env", "store/connector.db", "keys/assertion.pem"):
        assert stat.S_IMODE((place / "whole" / name).stat().st_mode) == 0o600, name
    file = folder / "store" / "files" / digest
    octets = bytearray(file.read_bytes())
    octets[50_000] ^= 1
    file.write_bytes(octets)
    with closing(sqlite3.connect(folder / "store" / "connector.db")) as store, store:
        store.execute("UPDATE evidence SET at = at + 1 WHERE seq = 3")
    found = copied(folder / "connector.toml", place / "damaged", NO)["findings"]
    assert [one["code"] for one in list_in(found) if isinstance(one, dict)] == ["evidence-broken", "file-damaged"]
