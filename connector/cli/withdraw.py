"""`withdraw`: an offer of ours that is to be one no longer. What came to us and goes is `received`'s `discard`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, JSON, next_step, show_json, told
from connector.cli.tables import progress, say
from connector.model import counted, list_in

if TYPE_CHECKING:
    from connector.model import Json, JsonObject


def withdraw(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Title or id of a dataset of ours.")],
    reason: Annotated[
        str, typer.Option("--reason", help="A sentence for the people of peers that are negotiating on it.")
    ] = "",
    end_transfers: Annotated[
        bool, typer.Option("--end-transfers", help="Terminate running transfers too; without, they go on as agreed.")
    ] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Stop offering a dataset: it leaves the catalogue, and open negotiations on it are terminated.

    Agreements stay, and go on as agreed: who has one may start transfers. Records, credentials, public pages, what
    auditors may read, and the evidence stay too. May be repeated; `publish` offers it again.

    Example: battery-connector withdraw mine-lots --reason "sold out"
    """
    with told():
        body: JsonObject = {"dataset": dataset, "reason": reason, "end_transfers": end_transfers}
        with progress("withdrawing", quiet=as_json) as tell:
            answer = Management.of(config).work("/v1/withdraw", body, on_progress=tell)
        if as_json:
            show_json(answer)
        else:
            _show(answer)


def _show(answer: JsonObject) -> None:
    say(f"{answer['title']!r} is offered no more, since {answer['withdrawn']} (dataset {answer['dataset']})", "bold")
    terminated = answer["terminated"]
    ended = terminated if isinstance(terminated, dict) else {}
    negotiations, transfers = list_in(ended.get("negotiations")), list_in(ended.get("transfers"))
    agreements, running = list_in(answer["agreements"]), list_in(answer["running"])
    if negotiations or transfers:
        say(f"  terminated with the reason: {_many(negotiations, 'negotiation')}, {_many(transfers, 'transfer')}")
    if agreements:
        say(f"  {_many(agreements, 'agreement')} on it in force, and as agreed: data may be fetched under it")
    if running:
        say(f"  {_many(running, 'running transfer')} on it, not ended; --end-transfers ends such")
    say("  its records and their credentials, public pages and the evidence stay")
    ids = [str(one) for one in (*negotiations, *transfers, *running, *agreements)]
    if ids:
        next_step(f"battery-connector why {quote(str(ids[0]))}", "; to offer it again: publish")
    else:
        next_step("battery-connector publish PLAN --policy P", " offers it again")


def _many(found: list[Json], what: str) -> str:
    return counted(len(found), what)
