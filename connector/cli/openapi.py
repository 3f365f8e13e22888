"""`openapi`: the description of the management API, for software of the company's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.console import CONFIG, JSON, console, next_step, show_json, shown_json, told
from connector.config import load


def openapi(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write it; `.html`: to read. Default: standard output."),
    ] = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Describe the management API for programs (OpenAPI 3.1): each operation, what it takes, how it answers and fails.

    A running connector serves the same at /v1/openapi.json on its management port, without the token, and at
    /v1/openapi.html for reading.

    Example: battery-connector openapi --out openapi.json
    """
    from connector.server import management, openapi, openapi_page

    with told():
        port = load(config).listen.management_port
        document = openapi.document(management.operations(), port)
        if out is None:
            show_json(document)
            next_step("battery-connector openapi --out openapi.json", error=True)
            return
        page = out.suffix in {".html", ".htm"}
        out.write_text(openapi_page.page(document) if page else shown_json(document) + "\n", "utf-8")
        if as_json:
            show_json({"file": str(out), "operations": len(management.operations())})
            return
        console().print(f"{out}: {len(management.operations())} operations at http://127.0.0.1:{port}", markup=False)
        next_step(f"curl http://127.0.0.1:{port}/v1/openapi.json", ": the same, of a running connector")
