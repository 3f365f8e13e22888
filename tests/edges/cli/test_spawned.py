"""Processes that a command left running are found again, and no stranger is taken for one of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from connector.cli.spawned import note, spawn, stop_noted
from connector.errors import BadInput


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


def test_a_folder_of_no_demo_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(BadInput, match="no folder of a demo"):
        stop_noted(tmp_path)
