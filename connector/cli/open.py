"""`open`: an address that signs in to the operators' pages, once; in the browser, if that is wanted."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, JSON, console, next_step, show_json, told
from connector.errors import BadInput


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
        if browser and not webbrowser.open(str(answer["address"])):
            raise BadInput("no browser was found on this machine", hint="battery-connector open, and copy the address")
        if as_json:
            show_json(answer)
            return
        if browser:
            console().print("opened in the browser", markup=False)
        else:
            console().print(str(answer["address"]), markup=False)
            next_step(f"open it within {answer['seconds']} seconds; it works once")
