"""`catalog`: what a peer offers us, while its pages come in. All work is the running connector's (`client`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, JSON, PEER, console, next_step, shown_json, told
from connector.cli.tables import progress, say
from connector.model import counted, list_in
from connector.server.words import terms_in_words

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

_ALL: Final = 999_999_999


def catalog(
    peer: PEER,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=_ALL, help="Not more datasets.")] = _ALL,
    terms: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="TERM",
            help="id=X, name=X, recordType=X, or name~PATTERN where % is anything. Repeat it to narrow down; several of"
            " a kind mean any of them.",
        ),
    ] = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:  # fmt: skip
    """What a peer offers us, and under which terms. Pages are followed; a long catalogue is shown while it comes in.

    Example: battery-connector catalog refiner --filter 'name~lots%' --limit 20
    """
    with told():
        asked = urlencode([("peer", peer), ("limit", str(limit)), *(("filter", one) for one in terms or ())])
        with progress(f"asking {peer}", quiet=as_json) as tell:
            lines = Management.of(config).found(f"/v1/catalog?{asked}", tell)
            owner = str(next(lines, {}).get("peer"))
            first = next(lines, None)
        rest = chain([first] if first else [], lines)
        if as_json:
            _write(owner, rest)
        else:
            _show(peer, owner, rest)


def _write(peer: str, lines: Iterable[JsonObject]) -> None:
    """One JSON object, written while it comes in."""
    out, more = sys.stdout, False
    elsewhere: list[JsonObject] = []
    out.write(f'{{"peer": {json.dumps(peer)}, "datasets": [')
    before = "\n  "
    for line in lines:
        if "dataset" in line:
            line["plain"] = [terms_in_words(offer) for offer in _offers(line)]
            out.write(before + shown_json(line, None))
            before = ",\n  "
        elif "catalog" in line:
            elsewhere.append(line)
        else:
            more = True
    out.write(f'\n], "elsewhere": {json.dumps(elsewhere)}, "more": {json.dumps(more)}}}\n')


def _show(name: str, peer: str, lines: Iterator[JsonObject]) -> None:
    first, shown = None, 0
    for line in lines:
        first = first or line
        console().print()
        if "dataset" in line:
            shown += 1
            say(str(line.get("title") or line["dataset"]), "bold")
            owner = "" if line.get("participant") == peer else f"  of {line.get('participant')}"
            say(f"  {line['dataset']}{owner}", "dim")
            for offer in _offers(line):
                say(f"  {terms_in_words(offer)}")
        elif "catalog" in line:
            say(f"another catalogue: {line['catalog']}", "bold")
            owner = str(line["participant"])
            say(f"  of {owner}, at {line['address']}: battery-connector catalog {quote(owner)}", "dim")
        else:
            say("... and more: raise --limit, or narrow it down with --filter")
    say(f"{peer} shows us {counted(shown, 'dataset')}")
    if first and "dataset" in first:
        next_step(f"battery-connector request {name} {quote(str(first.get('title') or first['dataset']))}")
    if first is None:
        next_step(
            "battery-connector doctor", ": a peer shows what we may ask for; is our membership in the folder `held`?"
        )


def _offers(line: JsonObject) -> list[Json]:
    return list_in(line.get("offers"))
