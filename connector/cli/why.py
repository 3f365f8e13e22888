"""`why`: where a negotiation or transfer stands, whose turn it is, what was said and tried, and what to do."""

from __future__ import annotations

from pathlib import Path
from shlex import quote as shell_quote
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, JSON, next_step, show_json, told
from connector.cli.tables import Cell, say, show_decision, show_table
from connector.config import load
from connector.model import object_in, objects_in
from connector.server.standing import advice, reason_in_words, secret_of_the_peer, since, turn_in_words
from connector.server.words import called, dataset_called

if TYPE_CHECKING:
    from connector.config import Config
    from connector.model import JsonObject

_ENDS: Final = {"FINALIZED": "green", "COMPLETED": "green", "TERMINATED": "red"}


def why(
    ident: Annotated[
        str, typer.Argument(metavar="[ID]", help="A negotiation, transfer or agreement: our id or the peer's.")
    ] = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Why a negotiation or transfer stands where it stands. Without an ID: the newest ones.

    Example: battery-connector why urn:uuid:5a0f...
    """
    with told():
        api, company = Management.of(config), load(config)
        answer = api.get(f"/v1/processes/{quote(ident, safe=':')}" if ident else "/v1/processes")
        if as_json:
            show_json(answer)
        elif ident:
            _show(answer, company)
        else:
            _show_list(answer, company)


def _show_list(answer: JsonObject, company: Config) -> None:
    found = objects_in(answer.get("processes"))
    if not found:
        say("no negotiations and no transfers yet")
        next_step("battery-connector catalog PEER")
        return
    rows: list[tuple[Cell, ...]] = [
        (
            str(one["kind"]),
            (str(one["state"]), _ENDS.get(str(one["state"]), "yellow")),
            str(one["role"]),
            called(company, one["counterparty"]),
            str(one["title"] or one["dataset"] or ""),
            str(one["updated"]),
            str(one["pid"]),
        )
        for one in found
    ]
    show_table(("what", "state", "we are", "with", "dataset", "last change", "id"), rows)
    if answer.get("more"):
        say(f"... and {answer['more']} older ones")
    next_step(f"battery-connector why {shell_quote(str(found[0]['pid']))}")


def _show(answer: JsonObject, company: Config) -> None:
    content = object_in(answer.get("content"))
    state = str(answer["state"])
    say(f"{answer['kind']} with {called(company, answer['counterparty'])}, we are the {answer['role']}", "bold")
    say(f"  state    {state or 'not answered yet'}, since {since(answer)}", _ENDS.get(state, "yellow"))
    say(f"  turn     {turn_in_words(answer)}")
    withdrawn = f", not offered since {answer['withdrawn']}" if answer.get("withdrawn") else ""
    withdrawn += ", and nothing is left in it" if answer.get("emptied") else ""
    say(f"  dataset  {dataset_called(answer)}{withdrawn}")
    if reason := reason_in_words(answer):
        say(f"  reason   {reason}", _ENDS.get(state, "yellow"))
    _show_said(answer)
    decision = content.get("decision")
    if isinstance(decision, dict):
        show_decision(decision)
    elif secret := secret_of_the_peer(answer):
        say(secret)
    next_step(*advice(answer))


def _show_said(answer: JsonObject) -> None:
    rows = [
        (
            str(one["at"]),
            "we said" if one["direction"] == "out" else "peer said",
            str(one["message"]),
            f"HTTP {one['status']}",
            str(one.get("receipt") or ""),
        )
        for one in objects_in(answer.get("messages"))
    ]
    rows += [
        (str(one["at"]), "we tried", str(one["detail"]), f"next {one['next']}" if one["next"] else "", "")
        for one in objects_in(answer.get("attempts"))
    ]
    show_table(("at", "who", "what", "answer", "receipt"), sorted(rows, key=lambda row: row[0]))
