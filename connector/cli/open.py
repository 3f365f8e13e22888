"""`open`: an address that signs in to the operators' pages, once; in the browser, if that is wanted.

A command line can be read by every user of the machine, so the browser's gets the name of a file that leads there, in a
folder that is its owner's alone.
"""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, JSON, console, next_step, show_json, told
from connector.config import load
from connector.errors import BadInput

_READ_SECONDS: Final = 10.0
"""So long a browser has for the file, also one that starts first."""
_LEADS: Final = (
    '<!doctype html><meta charset="utf-8"><title>To the operators\' pages</title>'
    '<meta http-equiv="refresh" content="0; url={0}"><a href="{0}">To the operators\' pages</a>\n'
)


def open(  # noqa: A001 - the command's name is the function's
    browser: Annotated[bool, typer.Option("--browser", help="Open it in this machine's browser.")] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Open the operators' pages: what waits for a person, what goes wrong, exchanges, denials, agreements.

    They stand on this machine's loopback alone. The address is good for a minute and for one use; then a cookie keeps
    you signed in while you work (30 minutes without a click end it, so do 8 hours and a restart). From another machine:
    ssh -L 8081:127.0.0.1:MANAGEMENT_PORT, and the address with that port.

    Example: battery-connector open --browser
    """
    with told():
        answer = Management.of(config).post("/v1/sign-in", {})
        with _led_there(str(answer["address"]), load(config).folder) if browser else nullcontext():
            if as_json:
                show_json(answer)
            elif browser:
                console().print("opened in the browser", markup=False)
            else:
                console().print(str(answer["address"]), markup=False)
                next_step(f"open it within {answer['seconds']} seconds; it works once")


@contextmanager
def _led_there(address: str, beside: Path) -> Iterator[None]:
    """A browser, by a file that is there for some seconds: in the company's folder, as some browsers see no `/tmp`."""
    with TemporaryDirectory(prefix="open-", dir=beside) as folder:  # of mode 0700
        page = Path(folder) / "open.html"
        page.touch(mode=0o600)
        page.write_text(_LEADS.format(escape(address)), "utf-8")
        if not webbrowser.open(page.absolute().as_uri()):
            raise BadInput("no browser was found on this machine", hint="battery-connector open, and copy the address")
        yield
        time.sleep(_READ_SECONDS)
