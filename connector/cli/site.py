"""`site FOLDER`: a static web site on loopback, for signers that run no connector.

Any web server can do this (`try_files $uri $uri/index.jwt`, and `index.json` for who accepts JSON alone, as an Eclipse
EDC); this one is for trials on one machine.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.console import console, told
from connector.errors import BadInput

if TYPE_CHECKING:
    from aiohttp.web import AppRunner


def site(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What to serve.")],
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port on loopback.")] = 8090,
) -> None:
    """Serve a folder of DID documents and status lists on loopback.

    Example: battery-connector site public --port 8090
    """
    with told():
        if not folder.is_dir():
            raise BadInput(f"there is no folder {folder}")
        asyncio.run(_serve(folder.resolve(), port, folder))


async def _serve(folder: Path, port: int, named: Path) -> None:
    from aiohttp import web

    from connector.server.accept import preferred
    from connector.server.site import listen
    from connector.server.statements import LIST_FORMS

    async def answer(request: web.Request) -> web.FileResponse:
        path = (folder / request.match_info["path"]).resolve()
        form = ""
        if path.is_dir():
            form = preferred(request.headers.get("Accept", ""), LIST_FORMS)
            path /= "index.jwt" if form == LIST_FORMS[0] else "index.json"
        if not path.is_relative_to(folder) or not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": form, "Vary": "Accept"} if form else None)

    app = web.Application()
    app.add_routes([web.get("/{path:.*}", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await listen(runner, "127.0.0.1", port)
    console(error=True).print(f"{named} is served on http://localhost:{port}; stop with Ctrl-C", markup=False)
    await until_stopped(runner)


async def until_stopped(runner: AppRunner) -> None:
    """Listen on, until Ctrl-C or a word of a service manager."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()
