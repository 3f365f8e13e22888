"""`agreement list`, `agreement show`: what was agreed with whom, and whether what was delivered fits it.

All work is the running connector's (`client`); here its answers become tables, sentences and exit codes.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote as shell_quote
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, console, next_step, show_json, told
from connector.cli.tables import say, show_table
from connector.config import load
from connector.model import counted, list_in, objects_in
from connector.server.words import called, dataset_called, terms_in_words

if TYPE_CHECKING:
    from connector.config import Config
    from connector.model import JsonObject

app = typer.Typer(help="What was agreed, and what was delivered under it.", no_args_is_help=True)
_SHOWN = 100
_COLOURS = {"same": "green", "different": "red"}


@app.command("list")
def listed(config: CONFIG = Path("connector.toml"), as_json: JSON = False) -> None:
    """All agreements, the newest last.

    Example: battery-connector agreement list
    """
    with told():
        company = load(config)
        pages = (objects_in(page["agreements"]) for page in Management.of(config).pages("/v1/agreements"))
        if as_json:
            show_json({"agreements": [one for page in pages for one in page]})
            return
        older = 0
        rows: list[JsonObject] = []
        for page in pages:
            rows += page
            older += max(0, len(rows) - _SHOWN)
            del rows[:-_SHOWN]
        if not rows:
            say("no agreements yet")
            next_step("battery-connector request PEER DATASET")
            return
        show_table(
            ("agreed", "as", "with", "dataset", "negotiation", "agreement", "pinned"),
            [
                (
                    str(one["agreed"]),
                    str(one["role"]),
                    called(company, one["with"]),
                    str(one["title"] or one["dataset"]),
                    str(one["state"] or ""),
                    str(one["agreement"]),
                    _pinned(one),
                )
                for one in rows
            ],
        )
        if older:
            say(f"... and {older} older; --json has all")
        next_step(f"battery-connector agreement show {shell_quote(str(rows[-1]['agreement']))}")


@app.command()
def show(
    agreement: Annotated[str, typer.Argument(metavar="AGREEMENT", help="The agreement that `request` named.")],
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """What was agreed, what was said for it, what was delivered, and whether it is what the agreement pins.

    Exit code 1: what was delivered, or would be now, is not what was agreed.

    Example: battery-connector agreement show urn:uuid:5a0f...
    """
    with told():
        answer, company = Management.of(config).get(f"/v1/agreements/{quote(agreement, safe=':')}"), load(config)
        answer["plain"] = terms_in_words(answer["terms"])
        verdict, reason = _comparison(answer)
        if as_json:
            show_json(answer)
        else:
            _show(answer, company)
            console().print(f"compared  [bold {_COLOURS.get(verdict, 'yellow')}]{verdict}[/]: ", end="")
            say(reason)
            _next(answer, verdict)
    raise SystemExit(NO if verdict == "different" else DONE)


def _show(answer: JsonObject, company: Config) -> None:
    say(f"agreement {answer['agreement']}", "bold")
    say(f"  provider  {called(company, answer['provider'])}")
    say(f"  consumer  {called(company, answer['consumer'])}")
    say(f"  agreed    {answer['agreed']}, negotiation {answer['state']}, dataset {dataset_called(answer)}")
    say(f"  terms     {answer['plain']}")
    say(f"  pinned    {_pinned(answer) or 'no content is pinned'}")
    if answer["replacedBy"]:
        say(f"  replaced by {answer['replacedBy']}", "yellow")
    show_table(
        ("at", "from", "message", "receipt"),
        [
            (
                str(one["at"]),
                "us" if one["direction"] == "out" else "peer",
                str(one["message"]),
                str(one["receipt"] or ""),
            )
            for one in objects_in(answer["messages"])
        ],
    )
    came = answer["delivered"]
    if isinstance(came, dict) and answer["role"] == "consumer":
        said = f"{counted(came['records'], 'record')} and {counted(came['files'], 'file')}"
        say(f"delivered {said}, digest {came['digest'] or 'none yet'}")
        units = [
            (str(one["unit"]), str(one["version"] or ""), str(one["at"]), " ".join(map(str, list_in(one["digests"]))))
            for one in objects_in(came["units"])
        ]
        if units:
            show_table(("record or file", "version", "came", "digests"), units)
        if came["more"]:
            say(f"... and {came['more']} more")
    for one in objects_in(answer["transfers"]):
        say(f"transfer  {one['transfer']} {one['state']}, {one['updated']}", "dim")


def _next(answer: JsonObject, verdict: str) -> None:
    if answer["role"] == "consumer" and verdict == "not-delivered":
        next_step(f"battery-connector fetch {shell_quote(str(answer['agreement']))}")
    else:
        next_step(f"battery-connector why {shell_quote(str(answer['negotiation']))}")


def _comparison(answer: JsonObject) -> tuple[str, str]:
    compared = answer["comparison"]
    return (str(compared["verdict"]), str(compared["reason"])) if isinstance(compared, dict) else ("", "")


def _pinned(one: JsonObject) -> str:
    return ", ".join(map(str, list_in(one["pins"])))
