"""Processes that outlive the command that started them: begun, noted, and found again; no stranger is taken for one.

Each holds a lock on a file of its own from its start to its end, by a descriptor that it is born with; nobody else
has it. So whoever comes later knows whether the noted process still runs, on every system with `flock`. Its number
stands in that file, so that a note from before it was started again leads to no other process.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from connector.errors import BadInput, Unavailable

_NOTES: Final = "processes.json"
_LOCKS: Final = "running"
_STOP_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.05


def spawn(folder: Path, name: str, words: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start one of our own commands. Under its name only one runs at a time, and no module is taken from the folder in
    which the user stands (-P): a `json.py` of his there is not ours.
    """
    locks = folder / _LOCKS
    locks.mkdir(exist_ok=True)
    with log.open("ab") as out, (locks / name).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate(0)
        started = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "connector", *words], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            start_new_session=True, pass_fds=[lock.fileno()],
        )  # fmt: skip
        lock.write(b"%d" % started.pid)
        return started


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to stop, and make it after a while."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def note(folder: Path, running: Mapping[str, int]) -> None:
    """Put on record what runs: name -> process id."""
    temporary = folder / f"{_NOTES}.new"
    temporary.write_text(json.dumps(running), "utf-8")
    temporary.replace(folder / _NOTES)


def stop_noted(folder: Path) -> int:
    """End what was noted and still runs, and wait for it; how many there were. `Unavailable`: one does not end."""
    try:
        noted = json.loads((folder / _NOTES).read_text("utf-8"))
    except (OSError, ValueError):
        raise BadInput(f"{folder} is no folder of a demo with --keep", hint="its last line names the folder") from None
    ended = [name for name in noted if _runs(folder, name) and _asked_to_end(folder, name)]
    deadline = time.monotonic() + _STOP_SECONDS
    while left := [name for name in ended if _runs(folder, name)]:
        if time.monotonic() > deadline:
            raise Unavailable(f"{', '.join(left)} did not end in {_STOP_SECONDS:g} seconds", hint="try again")
        time.sleep(_LOOK_SECONDS)
    return len(ended)


def _runs(folder: Path, name: str) -> bool:
    """Whether its process holds its lock."""
    path = folder / _LOCKS / name
    if not path.is_file():
        return False
    with path.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _asked_to_end(folder: Path, name: str) -> bool:
    pid = (folder / _LOCKS / name).read_text("utf-8")
    try:
        if pid:  # who started it may have died before writing that
            os.kill(int(pid), signal.SIGTERM)
    except ProcessLookupError:  # it ended between the two looks
        return False
    return True
