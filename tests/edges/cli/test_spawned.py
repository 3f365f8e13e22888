"""Processes that a command left running are found again, and no stranger is taken for one of them."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from connector.cli.companies import Companies, Company, free_ports
from connector.cli.spawned import note, spawn, stop_noted
from connector.config import load
from connector.errors import BadInput
from tests.edges.cli.companies import found


def test_what_was_noted_is_ended_and_a_stranger_with_its_number_is_not(tmp_path: Path) -> None:
    """One runs; the numbers of the others are a stranger's by now, one never had a lock. A second time ends none."""
    (port,) = free_ports(1)
    words = ["site", str(tmp_path), "--port", str(port)]
    ours = spawn(tmp_path, "site", words, tmp_path / "site.log")
    gone = spawn(tmp_path, "mine", ["--help"], tmp_path / "mine.log")
    assert gone.wait(60) == 0
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        note(tmp_path, {"site": ours.pid, "mine": stranger.pid, "refiner": stranger.pid})
        assert stop_noted(tmp_path) == 1
        assert ours.wait(10) != 0
        assert stranger.poll() is None
        assert stop_noted(tmp_path) == 0
    finally:
        stranger.kill()
        stranger.wait()
        ours.kill()
        ours.wait()


def test_a_note_from_before_it_was_started_again_ends_no_stranger(tmp_path: Path) -> None:
    """What holds the lock is ended, whatever number was noted."""
    (port,) = free_ports(1)
    ours = spawn(tmp_path, "site", ["site", str(tmp_path), "--port", str(port)], tmp_path / "site.log")
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        note(tmp_path, {"site": stranger.pid})
        assert stop_noted(tmp_path) == 1
        assert ours.wait(10) != 0
        assert stranger.poll() is None
    finally:
        for one in (stranger, ours):
            one.kill()
            one.wait()


def test_of_one_name_only_one_runs(tmp_path: Path) -> None:
    """The second is not started: both would be taken for the noted one."""
    (port,) = free_ports(1)
    words = ["site", str(tmp_path), "--port", str(port)]
    first = spawn(tmp_path, "site", words, tmp_path / "site.log")
    try:
        with pytest.raises(BlockingIOError):
            spawn(tmp_path, "site", words, tmp_path / "site.log")
    finally:
        first.kill()
        first.wait()
    spawn(tmp_path, "site", ["--help"], tmp_path / "site.log").wait(60)


def test_the_dead_is_raised_once_its_lock_is_free_and_leaves_it_to_no_child(tmp_path: Path) -> None:
    """A reader of workbooks that outlives a killed connector must not pass for it, and stops nobody's watch."""
    made = found(tmp_path, "mine", *free_ports(2))
    company = Company(name="mine", title="Mine", folder=made.folder, config=load(made.config))
    companies = Companies(story=tmp_path, folder=tmp_path, fence=False, connectors={"mine": company})
    company.process = gone = spawn(tmp_path, "mine", ["--help"], tmp_path / "mine.log")
    assert gone.wait(60) == 0
    try:
        with (tmp_path / "running" / "mine").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            companies.raise_dead()
            assert company.process is gone
        companies.raise_dead()
        assert company.process is not gone
        companies.wait_ready(company)
        of_it = Path("/proc") / str(company.process.pid)
        held = [one.name for one in (of_it / "fd").iterdir() if one.resolve() == tmp_path / "running" / "mine"]
        assert held
        for number in held:
            told = dict(line.split(":\t") for line in (of_it / "fdinfo" / number).read_text("utf-8").splitlines()[:3])
            assert int(told["flags"], 8) & os.O_CLOEXEC
    finally:
        companies.close()


def test_a_folder_of_no_demo_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(BadInput, match="no folder of a demo"):
        stop_noted(tmp_path)


def test_two_companies_are_never_given_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nobody serves it yet, and though the same place is drawn; another process is not given it either."""
    monkeypatch.setattr("connector.cli.companies.secrets.randbelow", lambda _: 0)
    given = [*free_ports(2), *free_ports(2)]
    other = "import connector.cli.companies as it; it.secrets.randbelow = lambda _: 0; print(*it.free_ports(2))"
    told = subprocess.run([sys.executable, "-c", other], capture_output=True, check=True, text=True).stdout
    given += [int(one) for one in told.split()]
    assert len(set(given)) == len(given) == 6


def test_a_module_in_the_users_folder_is_not_taken_for_one_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries the demo where his own `json.py` lies."""
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    assert spawn(tmp_path, "mine", ["--help"], tmp_path / "mine.log").wait(60) == 0, (tmp_path / "mine.log").read_text()
