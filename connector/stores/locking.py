"""Locks on open files, let go by the system when the process ends, however it ends."""

from __future__ import annotations

import sys


def locked(handle: int) -> bool:
    """Whether this open file is now locked for us alone: nobody else had it locked."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - exists on Windows only

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - does not exist on Windows

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
