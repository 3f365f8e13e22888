"""`audit ID`: walk a battery's chain from here through the peers' connectors, and say what holds.

The walk is the running connector's. Here: the verdict and its reasons for people, the report as a page, the
report for a client, the bundle as a file. Checking a bundle is `audit_verify`'s.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer
from typer.core import TyperGroup

from connector.cli.audit_footprint import show_footprint
from connector.cli.audit_sourcing import show_sourcing
from connector.cli.audit_verify import verify
from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, UNCHECKED, next_step, show_json, told
from connector.cli.tables import Cell, has_room, progress, say, show_table
from connector.config import load
from connector.errors import BadInput
from connector.model import counted, objects_in
from connector.provenance.outcomes import MOST_RESTED

if TYPE_CHECKING:
    from connector.config import Config
    from connector.model import Json, JsonObject
    from connector.provenance.report import AuditReport

_COLOURS: Final = {
    "verified": "bold green",
    "qualified": "bold yellow",
    "failed": "bold red",
    "balanced": "green",
    "incomplete": "yellow",
    "no-input-stated": "yellow",
    "unchecked": "yellow",
    "out-of-tolerance": "bold red",
}
_OPEN: Final = frozenset({"pending", "missing", "sealed", "unchecked"})
_NOT_OBTAINED: Final = frozenset({"pending", "missing", "unchecked"})
_BAR: Final = 30
_MOST_REASONS: Final = 4
_SUMS: Final = ("opening", "received", "extracted", "sent", "lost", "closing", "residual", "tolerance")
_SUMS_WIDTH: Final = 130


class _WalksUnlessTold(TyperGroup):
    """`audit ID` walks; `audit verify FILE` is the other command."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # wider: typer's own
        """What is no command of the family is asked of `walk`, `--help` too."""
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["walk", *args])


app = typer.Typer(cls=_WalksUnlessTold)
app.command()(verify)


@app.command()
def walk(
    ident: Annotated[
        str, typer.Argument(metavar="ID", help="A serial or lot number, or the id of a battery, lot or record.")
    ],
    peer: Annotated[
        str, typer.Option("--peer", metavar="PEER", help="Who holds it: name, DID or address. Default: this company.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="REPORT.html", help="Write the report as a page.")
    ] = None,
    client: Annotated[
        Path | None,
        typer.Option(
            "--client", metavar="CLIENT.json", help="A client's own audit (its `--json`): tell it as for them."
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="B.zip", help="Write report and evidence, signed, as one file to hand over."),
    ] = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Walk a chain back to its mines and forward to what became of it, and judge every record on the way.

    Exit code 0: verified. 1: failed, or qualified by a finding, a gap or a sealed record. 3: nothing could be judged,
    because the first record was not obtained or keys and status of records were out of reach. Inputs bought without
    proof are coverage, not findings. With --client, suppliers that are sealed for the client stay sealed in all that
    is written; its bundle holds the signed report and no evidence. `audit verify B.zip` checks a bundle, anywhere.

    Example: battery-connector audit CM27-84-000201 --peer car --out report.html --bundle audit.zip
    """
    with told():
        for file in (out, bundle):
            if file is not None and (file.is_dir() or not file.parent.is_dir()):  # said before a long walk
                raise BadInput(f"{file} can't be written", hint="give a file, in a folder that is there")
        theirs = None if client is None else _document(client)
        body: JsonObject = {"id": ident, **({"peer": peer} if peer else {})}
        if bundle is not None:
            body |= {"bundle": True, "client": theirs, "preparedFor": _named(client)}
        with progress("auditing, records read", quiet=as_json) as tell:
            answer = Management.of(config).work("/v1/audit", body, on_progress=tell)
        packed = answer.pop("bundle", None)
        report = _report(answer, theirs, load(config))
        answer = answer if theirs is None else report.as_json()
        if out is not None:
            _write(out, report, client)
        if bundle is not None:
            bundle.write_bytes(base64.b64decode(str(packed)))
        if as_json:
            show_json(answer)
        else:
            _show({**answer, "parties": {**report.parties}}, report)
            _say_next(answer, _command(ident, peer, client), out, bundle)
    raise SystemExit(exit_code(answer))


def exit_code(answer: JsonObject) -> int:
    """What the verdict means for a script."""
    if answer["verdict"] == "verified":
        return DONE
    nodes = objects_in(answer.get("nodes"))
    words = {str(node["outcome"]) for node in nodes}
    root = next((node for node in nodes if node["key"] == answer["root"]), None)
    if root is None or root["outcome"] in _NOT_OBTAINED:
        return UNCHECKED
    only_unchecked = words <= {"verified", "unchecked"} and not answer["findings"] and not answer["unreached"]
    return UNCHECKED if only_unchecked else NO


def _document(file: Path) -> Json:
    try:
        document: Json = orjson.loads(file.read_bytes())
    except OSError as problem:
        raise BadInput(f"{file} can't be read: {problem.strerror}") from None
    except orjson.JSONDecodeError as problem:
        raise BadInput(f"{file} is not JSON: {problem}", hint="give what `audit --json` wrote") from None
    return document


def _named(client: Path | None) -> str:
    return "" if client is None else client.stem


def _report(answer: JsonObject, theirs: Json, company: Config) -> AuditReport:
    """For ourselves with the names that `[peers]` gives to whoever did not answer with its own."""
    from connector.provenance.client import for_client
    from connector.provenance.retelling import read_report

    report = read_report(answer)
    if theirs is not None:
        return for_client(report, read_report(theirs))
    known = {peer.id: name for name, peer in company.peers.items()}
    return replace(report, parties={**known, **report.parties})


def _write(out: Path, report: AuditReport, client: Path | None) -> None:
    from connector.server.report import render

    try:
        out.write_text(render(report, prepared_for=_named(client)), "utf-8")
    except OSError as problem:
        raise BadInput(f"{out} can't be written: {problem.strerror}") from None


# --- for people ------------------------------------------------------------------------------------------------------


def _show(answer: JsonObject, report: AuditReport) -> None:
    from connector.server.report import sentence

    verdict = str(answer["verdict"])
    say(f"{verdict.upper()}: {sentence(report)}", _COLOURS.get(verdict, ""))
    outcomes = answer.get("outcomes")
    words = ", ".join(f"{count} {word}" for word, count in outcomes.items()) if isinstance(outcomes, dict) else ""
    behind = f"; {answer['unreached']} behind gaps unreached" if answer.get("unreached") else ""
    say(f"{counted(len(objects_in(answer.get('nodes'))), 'record')}: {words}{behind}; as of {answer['at']}")
    _show_findings(answer)
    _show_nodes(answer)
    _show_balances(answer)
    _show_coverage(answer)
    show_footprint(answer)
    show_sourcing(answer)


def _show_findings(answer: JsonObject) -> None:
    places = _names(answer, "places")
    nodes = [
        (
            str(node["outcome"]),
            record_called(node, answer),
            _names(answer, "parties").get(str(node["holder"]), str(node["holder"])),
            _reasons(node),
        )
        for node in objects_in(answer.get("nodes"))
        if node["outcome"] != "verified"
    ]
    sums = [
        (
            str(one["code"]),
            ", ".join(str(one[name]) for name in ("metal", "period") if one[name]),
            places.get(str(one["site"]), str(one["site"])),
            str(one["message"]) + _residual(one),
        )
        for one in objects_in(answer.get("findings"))
    ]
    if nodes or sums:
        say("\nfindings and gaps", "bold")
        failed_first = sorted(nodes, key=lambda row: row[0] in _OPEN)
        rows: list[tuple[Cell, ...]] = [
            ((row[0], "yellow" if row[0] in _OPEN else "bold red"), *row[1:]) for row in (*failed_first, *sums)
        ]
        show_table(("word", "what", "where", "reason"), rows)
    else:
        say("no findings")


def _residual(finding: JsonObject) -> str:
    """Of masses that do not add up; a footprint's finding says its figures itself."""
    return f": {finding['residual']} kg, tolerance {finding['tolerance']} kg" if finding["metal"] else ""


def _show_nodes(answer: JsonObject) -> None:
    parties = _names(answer, "parties")
    nodes = sorted(objects_in(answer.get("nodes")), key=_place)
    rows: list[tuple[Cell, ...]] = [
        (
            str(node["type"]) or "not told",
            str(node.get("name") or node["id"]),
            parties.get(str(node["holder"]), str(node["holder"])),
            (str(node["outcome"]), _outcome_style(str(node["outcome"]))),
            _reasons(node),
        )
        for node in nodes
    ]
    say("\nrecords", "bold")
    show_table(("type", "name", "holder", "outcome", "reasons"), rows)


def _place(node: JsonObject) -> tuple[bool, int, str]:
    """By depth and type; what stays sealed in a report for a client comes last."""
    return node["id"] == "sealed", _number(node.get("depth")), str(node["type"])


def _show_balances(answer: JsonObject) -> None:
    places = _names(answer, "places")
    sums = _SUMS if has_room(_SUMS_WIDTH) else _SUMS[-2:]
    rows: list[tuple[Cell, ...]] = [
        (
            places.get(str(one["site"]), str(one["site"])),
            str(one["metal"]),
            str(one["period"]),
            *(str(one[name]) for name in sums),
            (str(one["outcome"]), _COLOURS.get(str(one["outcome"]), "")),
        )
        for one in objects_in(answer.get("balances"))
    ]
    if rows:
        say("\nbalances on contained metal, kg", "bold")
        show_table(("site", "metal", "period", *sums, "outcome"), rows)


def _show_coverage(answer: JsonObject) -> None:
    coverage = answer.get("coverage")
    found = coverage.items() if isinstance(coverage, dict) else ()
    if found:
        say("\nverified origin of the metal", "bold")
    for metal, part in found:
        if not isinstance(part, dict):
            continue
        physical, allocated = _share(part.get("physical")), _share(part.get("allocated"))
        full, half = round(physical * _BAR), round((physical + allocated) * _BAR)
        bar = "█" * full + "▒" * (half - full) + "·" * (_BAR - half)
        mass = f", of {part['mass']} kg" if part.get("mass") else ""
        split = f"{physical * 100:.1f} physical, {allocated * 100:.1f} allocated{mass}"
        say(f"  {metal:<3}{bar} {(physical + allocated) * 100:5.1f} %  ({split})")
        say(f"     {' ' * _BAR} recycled: {_recycled(part)}; else: {_grounds(part)}", "dim")
        if doubted := _doubted(answer, metal):
            say(
                f"     its books do not add up at {doubted}: what comes through there is no better than they",
                "bold red",
            )


def _doubted(answer: JsonObject, metal: str) -> str:
    """The sites whose books of the metal do not add up."""
    places = _names(answer, "places")
    found = [
        places.get(str(one["site"]), str(one["site"]))
        for one in objects_in(answer.get("findings"))
        if one["metal"] == metal and one["code"] != "tolerance-too-wide"
    ]
    return ", ".join(dict.fromkeys(found))


def _recycled(part: JsonObject) -> str:
    kinds = part.get("recycled")
    split = kinds if isinstance(kinds, dict) else {}
    waste, consumer = _share(split.get("manufacturingWaste")), _share(split.get("postConsumer"))
    return f"{consumer * 100:.1f} % post-consumer, {waste * 100:.1f} % manufacturing waste"


def _grounds(part: JsonObject) -> str:
    shares = part.get("shares")
    rest = [
        f"{_share(value) * 100:.1f} % {ground}"
        for ground, value in (shares.items() if isinstance(shares, dict) else ())
        if ground != "verified"
    ]
    return ", ".join(rest) or "nothing"


def _say_next(answer: JsonObject, command: str, out: Path | None, bundle: Path | None) -> None:
    root = next((node for node in objects_in(answer.get("nodes")) if node["key"] == answer["root"]), None)
    if out is not None:
        say(f"\nreport: {out}")
        next_step(f"open {out} in a browser")
    if bundle is not None:
        say(f"\nbundle: {bundle}")
        next_step(f"battery-connector audit verify {quote(str(bundle))}", "   (on any machine: it needs nothing else)")
    elif out is not None:
        next_step(f"to hand it over: {command} --bundle audit.zip")
    elif root is None or root["outcome"] == "missing":
        next_step("is the number right? If another company holds it: the same with --peer PEER")
    else:
        next_step(f"{command} --out report.html --bundle audit.zip")


def _command(ident: str, peer: str, client: Path | None) -> str:
    """The same audit once more; a client's stays one for that client, or it would hand over what is sealed for it."""
    words = ["battery-connector", "audit", ident, *(("--peer", peer) if peer else ())]
    return join([*words, *(("--client", str(client)) if client else ())])


def record_called(node: JsonObject, answer: JsonObject) -> str:
    """What a record is called; one that was not told, by the record that leads to it."""
    if node["type"]:
        return f"{node['type']} {node.get('name') or node['id']}"
    known = {str(one["key"]): one for one in objects_in(answer.get("nodes")) if one["type"]}
    for edge in objects_in(answer.get("chain")):
        if edge["to"] == node["key"] and (source := known.get(str(edge["from"]))) is not None:
            return f"{edge['relation']} of {record_called(source, answer)}"
    return f"record not told {node['id']}"


def _reasons(node: JsonObject) -> str:
    reasons = node.get("reasons")
    told = [str(one) for one in reasons] if isinstance(reasons, list) else []
    more = [f"and {len(told) - _MOST_REASONS} more"] if len(told) > _MOST_REASONS else []
    rests = node.get("restsOn")
    count = len(rests) if isinstance(rests, list) else 0
    more_rest = " or more" if count >= MOST_RESTED else ""
    leans = [f"rests on {count}{more_rest} that are not verified"] if count else []
    return "; ".join([*told[:_MOST_REASONS], *more, *leans])


def _outcome_style(word: str) -> str:
    return "green" if word == "verified" else "yellow" if word in _OPEN else "bold red"


def _names(answer: JsonObject, name: str) -> dict[str, str]:
    value = answer.get(name)
    return {key: str(text) for key, text in value.items()} if isinstance(value, dict) else {}


def _share(value: Json) -> float:
    return float(value) if isinstance(value, str) else 0.0


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0
