"""`evidence list`, `show`, `export`, `verify`: the log of what this connector decided, sent, took and gave, and why.

The log is the running connector's (`client`); how its entries hang together is `provenance.evidence`'s, so an export is
verified without a connector, by whoever has the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, day_of, next_step, show_json, shown_json, told
from connector.cli.tables import Cell, progress, say, show_decision, show_findings, show_table
from connector.config import load
from connector.errors import BadInput, NotFound
from connector.model import counted, object_in, objects_in
from connector.server import entries
from connector.server.words import called

if TYPE_CHECKING:
    from connector.config import Config
    from connector.model import JsonObject

app = typer.Typer(help="The log of what was decided, sent, taken and given, and why.", no_args_is_help=True)
_PAGE: Final = 1_000
"""Entries in one answer of the management API."""
_LONGEST: Final = 16 << 20
"""Bytes of a line."""
_FORMAT: Final = "battery-connector evidence 1"
EXPORT = Annotated[Path, typer.Argument(metavar="FILE", help="An export, as `evidence export` writes it.")]


@app.command("list")
def listed(
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, max=1_000_000_000, help="So many of the newest.")
    ] = 50,
    party: Annotated[str, typer.Option("--party", metavar="PEER", help="Only about this peer: name or DID.")] = "",
    event: Annotated[
        str, typer.Option("--event", metavar="WORD", help="Only events that begin so, e.g. audit-read, data-.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DAY", help="Only from this day on (UTC), e.g. 2026-11-01.")
    ] = "",
    denied: Annotated[bool, typer.Option("--denied", help="Only what the policy denied.")] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """What happened last, with whom, and what the policy said; the newest at the end.

    Example: battery-connector evidence list --denied --party recycler

    Example: battery-connector evidence list --event audit-read --since 2026-11-01 --last 100000
    """
    with told():
        company = load(config)
        since = since and day_of(since).isoformat()
        did = company.peer(party) if party else ""

        def wanted(entry: JsonObject) -> bool:
            return entries.wanted(entry, did=did, event=event, only_denied=denied)

        with progress("looking", quiet=as_json) as tell:
            found = _newest(Management.of(config), wanted, last, since, tell)
        if as_json:
            show_json({"entries": list(found)})
            return
        if not found:
            say("nothing of that kind is on record")
            return
        show_table(("no.", "when", "what", "with", "about", "policy"), [_row(one, company) for one in found])
        if len(found) == last:
            say(f"not more than the newest {last} are shown: --last N", "dim")
        next_step(f"battery-connector evidence show {found[-1]['seq']}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="NO.", min=1, max=1_000_000_000_000, help="The entry's number.")],
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """One entry, whole: each constraint of the policy with what it was compared to.

    Example: battery-connector evidence show 81
    """
    with told():
        found = _page(Management.of(config), number - 1)
        if not found or found[0]["seq"] != number:
            raise NotFound(f"there is no entry {number}", hint="battery-connector evidence list")
        if as_json:
            show_json(found[0])
            return
        company, entry, body = load(config), found[0], object_in(found[0]["body"])
        say(f"{entry['seq']}  {entry['event']}, {entries.when(entry)}", "bold")
        for name, value in body.items():
            if name not in entries.DECISIONS:
                shown = called(company, value) if name in entries.PARTIES else value
                say(f"  {name}: {shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)}")
        for decision in entries.decisions(entry):
            show_decision(decision)
        say(f"  hash {entry['hash']}, over it and the one before", "dim")
        if pid := body.get("pid"):
            next_step(f"battery-connector why {quote(str(pid))}")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, a line of JSON per entry.")],
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """The whole log in one file that anybody can verify without this connector.

    Keep the hash of its newest entry elsewhere (print it, send it to somebody): with it, nothing before it can be
    changed or left out unseen.

    Example: battery-connector evidence export evidence-2027.jsonl
    """
    with told():
        company, api, after, newest = load(config), Management.of(config), 0, ""
        with file.open("x", encoding="utf-8") as out, progress("writing", quiet=as_json) as tell:
            try:
                out.write(shown_json({"format": _FORMAT, "of": company.did}, None) + "\n")
                while page := _page(api, after, exact=True):
                    out.writelines(shown_json(one, None) + "\n" for one in page)
                    after, newest = _number(page[-1]), str(page[-1]["hash"])
                    tell({"done": after})
            except BaseException:
                file.unlink()  # a part of a log would pass for a whole one
                raise
    if as_json:
        show_json({"file": str(file), "entries": after, "newest": newest})
        return
    say(f"{counted(after, 'entry is', 'entries are')} in {file}", "bold")
    say(f"  the newest has the hash {newest}: keep it elsewhere")
    next_step(f"battery-connector evidence verify {quote(str(file))} --newest {newest}")


@app.command()
def verify(
    file: EXPORT,
    newest: Annotated[
        str, typer.Option("--newest", metavar="HASH", help="A hash that was kept elsewhere: it must be in the file.")
    ] = "",
    as_json: JSON = False,
) -> None:
    """Whether an export is whole and unchanged: each entry's hash covers it and the one before.

    Exit code 1: it is not. What was cut off at the end only a hash that was kept elsewhere (--newest) can tell.

    Example: battery-connector evidence verify evidence-2027.jsonl --newest 5f0e...
    """
    from connector.model import Finding
    from connector.provenance.evidence import Exported, check, exported

    with told():
        lines = _lines(file)
        of, hashes = _heading(next(lines, b""), file), [""]

        def read() -> Iterator[Exported]:
            for number, line in enumerate(lines, 2):
                if (entry := exported(line)) is None:
                    raise BadInput(f"{file}, line {number}: this is no entry", hint="write the export again")
                hashes.append(entry.hash)
                yield entry

        findings = check(read())
        if not findings and newest and newest not in hashes:
            said = f"no entry has the hash {newest}: this is another log, or something is cut off or changed"
            findings = [Finding(code="evidence-cut", message=said, hint="ask for the whole log again")]
    if as_json:
        show_json({
            "verdict": "invalid" if findings else "valid", "of": of, "entries": len(hashes) - 1, "newest": hashes[-1],
            "findings": [one.as_json() for one in findings],
        })  # fmt: skip
    elif findings:
        show_findings([one.as_json() for one in findings])
    else:
        say(
            f"valid: {counted(len(hashes) - 1, 'entry', 'entries')}, none changed, none left out; by its first line "
            f"the log is of {of}",
            "green",
        )
        if not newest:
            say("  what was cut off at the end only a hash that was kept elsewhere can tell: --newest HASH")
    raise SystemExit(NO if findings else DONE)


# --- the log ---------------------------------------------------------------------------------------------------------


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while line := stream.readline(_LONGEST):
            yield line


def _heading(line: bytes, file: Path) -> str:
    """Whose log it is."""
    try:
        said = object_in(json.loads(line))
    except ValueError:
        said = {}
    if said.get("format") != _FORMAT:
        raise BadInput(f"{file} is not an export of a log", hint="battery-connector evidence export FILE makes one")
    return str(said.get("of"))


def _page(api: Management, after: int, *, exact: bool = False) -> list[JsonObject]:
    return objects_in(api.get(f"/v1/evidence?after={after}{'&exact' if exact else ''}")["entries"])


def _newest(
    api: Management, wanted: Callable[[JsonObject], bool], last: int, since: str, tell: Callable[[JsonObject], None]
) -> list[JsonObject]:
    """The newest that are wanted and not older than a day, looked for from the end."""
    found: list[JsonObject] = []
    there = api.get("/v1/counts")["evidence"]
    after = there if isinstance(there, int) else 0
    while after > 0 and len(found) < last:
        before, after = after, max(0, after - _PAGE)
        page = [one for one in _page(api, after) if _number(one) <= before]
        found = [one for one in page if entries.when(one) >= since and wanted(one)] + found
        if page and entries.when(page[-1]) < since:
            break
        tell({"done": f"back to entry {after}"})
    return found[-last:]


def _number(entry: JsonObject) -> int:
    number = entry["seq"]
    return number if isinstance(number, int) else 0


def _row(entry: JsonObject, company: Config) -> tuple[Cell, ...]:
    party, colour = entries.party_of(entry), "red" if entries.denied(entry) else "green"
    with_whom, policy = called(company, party) if party else "", (entries.policy_in_words(entry), colour)
    return str(entry["seq"]), entries.when(entry), str(entry["event"]), with_whom, entries.about(entry), policy
