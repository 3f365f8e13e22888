"""A fence of the operating system around this process: Landlock (Linux 5.13+), so that it reads and writes its own
company's folder and the programme's files, and nothing else of this machine.

It leaves the network alone (peers must be reached) and cannot be undone by the process. It must go up before threads
start, because it binds the calling thread and what that starts. Follows the kernel's userspace-api/landlock document.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from connector.errors import BadConfig

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_FIRST_ABI = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_LATER_RIGHTS = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))
"""ABI version that brought each right."""
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def programme_files() -> tuple[Path, ...]:
    """What Python, its libraries and name resolution need to read."""
    here = Path(__file__).resolve().parents[2]
    data = (here / "connector", here / "vocab", here / "policies")
    python = (sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
    # Of `sys.path` only what is by its name a folder of packages, such as a user's own: the rest may be anything,
    # the folder that we were started in among it, which may hold other companies.
    packages = (one for one in map(Path, sys.path) if one.name in {"site-packages", "dist-packages"})
    system = ("/usr", "/lib", "/lib64", "/etc", "/proc", "/sys/fs/cgroup", "/dev/urandom")
    return tuple(dict.fromkeys((*data, *map(Path, python), *packages, *map(Path, system))))


def raise_company_fence(folder: Path) -> int:
    """The fence of `serve`: the programme's files may be read, the company's folder also written.

    `BadConfig` where a package that is loaded lies elsewhere: what it loads later could not be read.
    """
    read = programme_files()
    if outside := _loaded_outside(read):
        raise BadConfig(
            f"packages that the connector uses lie outside the fence, in {', '.join(outside)}",
            hint="install it with all that it needs into a virtual environment (python3 -m venv), or leave out --fence",
        )
    # Python finds a package by listing the folder that it lies in: of a checkout the names only, not what files say.
    return raise_fence(look=[Path(__file__).resolve().parents[2]], read=read, write=[folder])


def _loaded_outside(read: Iterable[Path]) -> list[str]:
    """The folders from which Python has loaded something and that may not be read."""
    roots, outside = [one.resolve() for one in read], set[str]()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if "." in name or name == "__main__" or not file:
            continue
        place = Path(file).resolve()
        if not any(place.is_relative_to(root) for root in roots):
            outside.add(str(place.parents[hasattr(module, "__path__")]))
    return sorted(outside)


def landlock_version() -> int:
    """The kernel's Landlock ABI. `BadConfig` where there is none."""
    if sys.platform != "linux":
        raise BadConfig("a fence needs Linux", hint="run without --fence, or under another user of the system")
    abi = int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, 1))
    if abi < 1:
        raise BadConfig("this kernel has no Landlock", hint="Linux 5.13 or newer with Landlock enabled")
    return abi


def raise_fence(*, look: Iterable[Path] = (), read: Iterable[Path], write: Iterable[Path]) -> int:
    """Confine this process: of `look` and what lies below the names may be listed, `read` may be read, `write` also
    written. Returns the ABI version.

    `BadConfig` where the kernel has no Landlock: a fence that was asked for and is not there is no fence.
    """
    abi, libc = landlock_version(), ctypes.CDLL(None, use_errno=True)
    handled = _FIRST_ABI | sum(right for since, right in _LATER_RIGHTS if abi >= since)
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(_Ruleset(handled)), ctypes.sizeof(_Ruleset), 0))
    try:
        for path in look:
            _allow(libc, ruleset, path, _READ_DIR)
        for path in read:
            _allow(libc, ruleset, path, _READ & handled)
        for path in (*write, Path("/dev/null")):
            _allow(libc, ruleset, path, handled)
        _checked(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return abi


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        access &= _FILE_ONLY
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(access, descriptor)
        _checked(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(descriptor)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
