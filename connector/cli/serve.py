"""`serve`: run a connector until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from connector.cli.console import CONFIG, one_line, told
from connector.config import Config, load
from connector.server.words import visible

_OPEN_FILES = 65_536
_DESCRIPTORS = Path("/dev/fd")
_STDERR = 2
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """What peers say can't begin a line of the log that looks like one of ours, nor move a terminal's cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        """The line without its traceback."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - as logging has it
        """A traceback keeps its lines, and nothing in it moves a cursor either: its error may hold what a peer said."""
        return visible(super().formatException(ei))


def serve(
    config: CONFIG = Path("connector.toml"),
    fence: Annotated[
        bool, typer.Option("--fence", help="Let the kernel (Landlock) confine the process to the company's folder.")
    ] = False,
    restored: Annotated[
        bool,
        typer.Option(
            "--restored", help="The store was brought back from a copy that `backup` did not make. Say it once."
        ),
    ] = False,
) -> None:
    """Run a connector in the foreground. Stop it with Ctrl-C or SIGTERM.

    A company that was brought back from a copy gives no version number twice: new ones leave out what was perhaps given
    since. A copy that `backup` made says itself that it is one; of any other (a snapshot, copied files) say
    `--restored` at the first start.

    Example: battery-connector serve --config refiner/connector.toml
    """
    with told():
        loaded = load(config)
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(OneLine(_FORMAT))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
        _allow_open_files()
        _keep_descriptors()
        if fence:
            _raise_fence(loaded)
        _run(loaded, restored=restored)


def _raise_fence(config: Config) -> None:
    import connector.app  # noqa: F401 - what it loads from outside the fence is found before the fence is up
    from connector.server.fence import raise_company_fence

    version = raise_company_fence(config.folder)
    logging.getLogger("connector").info("the fence is up: Landlock %d, only %s can be written", version, config.folder)


def _allow_open_files() -> None:
    """As many as the system lets us have: a connection is one, and the usual 1,024 are soon taken by who only waits."""
    if sys.platform == "win32":
        return
    import resource  # there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS has a lower limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _keep_descriptors() -> None:
    """What we were born with is not for our children, to whom uvloop leaves all that can be inherited: a lock that says
    that we run would be held by a reader of workbooks that outlives us.
    """
    if not _DESCRIPTORS.is_dir():  # as on Windows
        return
    for one in list(_DESCRIPTORS.iterdir()):
        if int(one.name) > _STDERR:
            with suppress(OSError):  # the one that listed them is closed
                os.set_inheritable(int(one.name), False)


def _run(config: Config, *, restored: bool) -> None:
    from connector.app import running

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with running(config, restored=restored):
            logging.getLogger("connector").info("%s serves %s as %s", config.name, config.public_url, config.did)
            await stop.wait()

    if sys.platform == "win32":
        asyncio.run(until_stopped())
        return
    import uvloop  # not on Windows

    uvloop.run(until_stopped())
