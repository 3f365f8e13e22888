"""`received`, `discard`: what came, from whom, under which terms, how much of it there is, and what of it goes.

All work is the running connector's (`client`). How it came is `exchange`'s; what it is worth `agreement`'s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, console, next_step, show_json, told
from connector.cli.tables import progress, say, show_table
from connector.config import load
from connector.model import counted, list_in, objects_in
from connector.server.words import called, dataset_called, receipts_in_words, size_in_words, terms_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.config import Config
    from connector.model import Json, JsonObject

_RECORDS_SHOWN: Final = 50
_MOST_DAYS: Final = 36_525


def received(
    peer: Annotated[str, typer.Option("--from", metavar="PEER", help="Only what came from this peer.")] = "",
    record_type: Annotated[str, typer.Option("--type", metavar="TYPE", help="Only records of this type.")] = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """What came, from whom, under which terms.

    Example: battery-connector received --from refiner --type MineralLotPassport
    """
    with told():
        asked = urlencode({"from": peer, "type": record_type})
        pages, company = Management.of(config).pages(f"/v1/received?{asked}"), load(config)
        if as_json:
            show_json(_whole(pages))
            return
        came = _Came()
        for page in pages:
            came.add(page)
        _show_agreements(came, company)
        if not came.agreements and not came.types:
            say("nothing of that kind" if peer or record_type else "nothing yet")
            next_step("battery-connector catalog PEER")
            return
        _show_records(came, company)
        _show_files(came, company)
        _show_room(came.room, company)
        if came.records:
            known = quote(str(came.records[0]["number"] or came.records[0]["record"]))
            next_step(f"battery-connector passport view {known} --audience b2b")
        elif not came.files:
            next_step(f"battery-connector fetch {quote(str(came.agreements[-1]['agreement']))}")


def _whole(pages: Iterable[JsonObject]) -> JsonObject:
    """All pages as one."""
    lists: dict[str, list[Json]] = {"agreements": [], "records": [], "files": []}
    room: Json = None
    for page in pages:
        for name in lists:
            lists[name] += list_in(page.get(name))
        room = page.get("room") or room
    for one in objects_in(lists["agreements"]):
        one["plain"] = terms_in_words(one.get("terms"))
    return {**lists, "room": room}


@dataclass(slots=True)
class _Came:
    """What is shown of all pages: the agreements that we may fetch under, the first records and files, counts."""

    agreements: list[JsonObject] = field(default_factory=list)
    records: list[JsonObject] = field(default_factory=list)
    files: list[JsonObject] = field(default_factory=list)
    types: dict[str, Counter[str]] = field(default_factory=dict)
    """How many of which type came under which agreement."""
    room: Json = None

    def add(self, page: JsonObject) -> None:
        """A further page."""
        agreed, records, files = (objects_in(page.get(name)) for name in ("agreements", "records", "files"))
        self.agreements += [one for one in agreed if one.get("role") == "consumer"]
        for one in [*records, *({**one, "type": "File"} for one in files)]:
            self.types.setdefault(str(one["agreement"]), Counter())[str(one["type"])] += 1
        self.records += records[: _RECORDS_SHOWN - len(self.records)]
        self.files += files[: _RECORDS_SHOWN - len(self.files)]
        self.room = page.get("room") or self.room

    def count(self, *, files: bool) -> int:
        """How many files came, or records."""
        return sum(count for types in self.types.values() for name, count in types.items() if (name == "File") is files)


def _show_agreements(came: _Came, company: Config) -> None:
    for one in came.agreements:
        types = came.types.get(str(one["agreement"]), Counter())
        counted = ", ".join(f"{count} {name}" for name, count in sorted(types.items())) or "nothing is kept under it"
        say(f"from {called(company, one['with'])}: {counted}", "bold")
        say(f"  dataset {dataset_called(one)}, agreement {one['agreement']}", "dim")
        say(f"  {terms_in_words(one.get('terms'))}")
        say(f"  {receipts_in_words(one.get('receipts'))}", "dim")


def _show_records(came: _Came, company: Config) -> None:
    rows = [
        (
            str(one["type"]),
            str(one["number"]),
            str(one["record"]),
            str(one["version"]),
            f"{one['credentials']} of {one['named']}",
            called(company, one["from"]),
        )
        for one in came.records
    ]
    if rows:
        show_table(("type", "number", "record", "version", "credentials", "from"), rows)
        _say_more(came.count(files=False) - len(rows))


def _show_files(came: _Came, company: Config) -> None:
    rows = [
        (str(one["file"]), str(one["mediaType"]), str(one["size"]), called(company, one["from"]), str(one["path"]))
        for one in came.files
    ]
    if rows:
        show_table(("file", "kind", "bytes", "from", "where it lies"), rows)
        _say_more(came.count(files=True) - len(rows))


def _say_more(more: int) -> None:
    if more:
        console().print(f"... and {more} more; --json has all", markup=False)


def _show_room(room: Json, company: Config) -> None:
    """How full it is, before it is too full."""
    if not isinstance(room, dict) or not isinstance(kept := room["kept"], dict):
        return
    each = ", ".join(f"{size_in_words(size)} of {called(company, party)}" for party, size in kept.items() if size)
    say(f"{f'kept: {each}; ' if each else ''}at most {size_in_words(room['maxPeerBytes'])} of each peer")
    say(
        f"free on the disk: {size_in_words(room['free'])}; below {size_in_words(room['minFreeBytes'])} nothing is taken"
    )


# --- discard ---------------------------------------------------------------------------------------------------------


def discard(
    agreement: Annotated[str, typer.Argument(metavar="[AGREEMENT]", help="All that came under this agreement.")] = "",
    peer: Annotated[str, typer.Option("--from", metavar="PEER", help="Only what came from this peer.")] = "",
    unit: Annotated[
        str, typer.Option("--unit", metavar="ID", help="Only this record, or the file of this digest.")
    ] = "",
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", metavar="DAYS", min=1, max=_MOST_DAYS, help="Only what came before that."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, it is only counted.")] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Delete what came and is not needed any more: records with their credentials, and files.

    Exit code 1: nothing fits.

    Records that ours are made of stay. The agreement, and what was delivered when, stay on record; a fetch brings it
    again. The store's file keeps its size, and its room is used again.

    Example: battery-connector discard --from refiner --older-than 730 --yes
    """
    with told():
        body: JsonObject = {
            "agreement": agreement, "from": peer, "unit": unit, "older_than_days": older_than, "really": yes
        }  # fmt: skip
        with progress("discarding" if yes else "counting", quiet=as_json) as tell:
            answer = Management.of(config).work("/v1/discard", body, on_progress=tell)
        if as_json:
            show_json(answer)
        else:
            _show_discarded(answer)
    raise SystemExit(DONE if answer["records"] or answer["files"] else NO)


def _show_discarded(answer: JsonObject) -> None:
    what = f"{counted(answer['records'], 'record')} and {counted(answer['files'], 'file')}"
    say(f"{what} are gone" if answer["discarded"] else f"{what} would go", "bold")
    if answer["used"]:
        say(f"{counted(answer['used'], 'more record stays', 'more records stay')}: records of ours are made of them")
    again = not answer["discarded"] and (answer["records"] or answer["files"])
    next_step("the same with --yes" if again else "battery-connector received")
