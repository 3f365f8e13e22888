"""`publish-file`: a file offered as it is, under a policy. Records that are mapped and signed are `exchange`'s."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, console, next_step, show_json, told
from connector.cli.exchange import PIN, POLICY, named
from connector.cli.tables import progress, say
from connector.config import load
from connector.errors import BadInput
from connector.model import list_in

if TYPE_CHECKING:
    from connector.model import JsonObject


def publish_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file: a report, a drawing, a data package.")],
    policy: POLICY,
    title: Annotated[
        str, typer.Option("--title", help="The dataset's title; files of one title lie together. Default: the name.")
    ] = "",
    media_type: Annotated[str, typer.Option("--media-type", metavar="TYPE", help="Default: by the name.")] = "",
    access_class: Annotated[
        str, typer.Option("--class", metavar="CLASS", help="Who may get it: PUB, LI, AUTH, LI+AUTH, B2B or ORG.")
    ] = "B2B",
    pin: PIN = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Offer a file as it is, under a policy. Its digest fixes it; a changed file of that name replaces it.

    Example: battery-connector publish-file report.pdf --policy members --class PUB --title "Assay reports"
    """
    with told():
        company = load(config)
        if not file.is_file():
            raise BadInput(f"there is no file {file}")
        body: JsonObject = {
            "file": str(file.resolve()), "policy": str(named(policy, company.path("policies"), (".json",))),
            "title": title, "mediaType": media_type, "accessClass": access_class, "pin": pin,
        }  # fmt: skip
        with progress("publishing", quiet=as_json) as tell:
            answer = Management.of(config).work("/v1/publish-file", body, on_progress=tell)
        if as_json:
            show_json(answer)
        else:
            console().print(f"[bold]{answer['size']:,}[/bold] bytes are offered")
            say(f"  {answer['file']}, {answer['mediaType']}, digest {answer['digest']}")
            say(f"offered as {answer['title']!r}, dataset {answer['dataset']}")
            if answer["pin"]:
                say(f"the offer pins this content: {answer['pin']}")
            for warning in list_in(answer.get("warnings")):
                say(f"warning: {warning}", "yellow")
            next_step("at a peer: ", f"battery-connector catalog {company.did}")
    raise SystemExit(DONE)
