"""`credential issue|revoke|verify|inspect|import`: credentials as files, for signers, receivers and the curious."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, UNCHECKED, console, next_step, show_json, told, visible
from connector.config import load
from connector.credentials.datamodel import parse_credential
from connector.credentials.digest import digest_multibase
from connector.errors import BadInput

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

app = typer.Typer(no_args_is_help=True, help="Credentials: issue, revoke, verify, inspect, import.")

FILE = Annotated[Path, typer.Argument(metavar="FILE", help="A credential: the compact `vc+jwt` as one line.")]
SITE = Annotated[Path | None, typer.Option("--site", help="Also write DID document and status lists there, as files.")]
_MARKS = {"passed": "[green]✓[/green]", "failed": "[red]✗[/red]", "unchecked": "[yellow]?[/yellow]", "skipped": "·"}


@app.command()
def issue(
    claims: Annotated[list[Path] | None, typer.Argument(metavar="[CLAIMS.json]...", help="Subjects to sign.")] = None,
    *,
    credential_type: Annotated[str, typer.Option("--type", help="The credential's type, e.g. MinePermit.")],
    out: Annotated[Path, typer.Option("--out", help="A file for one credential, else a folder.")],
    plan: Annotated[Path | None, typer.Option("--plan", help="Sign the documents of a mapping plan instead.")] = None,
    site: SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Sign credentials with this company's key, without a running connector.

    Example: battery-connector credential issue permit.json --type MinePermit --out permit.jwt --site public/
    """
    from connector.cli import issuing  # noqa: PLC0415 - `--help` need not load the house

    with told():
        loaded = load(config)
        if not claims and plan is None:
            raise BadInput("nothing to sign", hint="give claim files, or --plan PLAN")
        job = issuing.Job(record_type=credential_type, claims=claims or [], plan=plan)
        signed = asyncio.run(issuing.issue(loaded, [job], site))[0]
        files: list[Json] = []
        for row in signed.credentials:
            single = out.suffix == ".jwt" and len(signed.credentials) == 1
            path = out if single else out / f"{row.credential_type}-{row.digest[-12:]}.jwt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(row.octets)
            files.append(
                {"file": str(path), "digest": row.digest, "type": row.credential_type, "record": row.record_id}
            )
    findings = signed.published.findings
    if as_json:
        show_json({"credentials": files, "findings": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            console(error=True).print(f"{finding.code}: {finding.message} {finding.hint}", markup=False)
        console().print(f"signed {len(files)} {credential_type}")
        next_step(f"battery-connector credential verify {out}")
    raise SystemExit(NO if findings else DONE)


@app.command()
def revoke(
    file: FILE,
    *,
    effective: Annotated[str, typer.Option("--effective", help="From when it counts (ISO 8601). Default: now.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for everybody to read.")] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="revocation, suspension or reinstatement.")] = "revocation",
    site: SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Withdraw a credential that this company issued, with effect from a time.

    Example: battery-connector credential revoke permit.jwt --effective 2026-05-31T00:00:00Z --reason "closed"
    """
    from connector.cli import issuing  # noqa: PLC0415 - as above

    with told():
        loaded = load(config)
        moment = _moment(effective) or datetime.now(UTC)  # noqa: TID251 - the command's own default
        row = asyncio.run(
            issuing.revoke(loaded, _octets(file), purpose=purpose, effective=moment, reason=reason, site=site)
        )
    if as_json:
        show_json({"digest": row.digest, "purpose": purpose, "effective": moment.isoformat()})
    else:
        console().print(f"{row.credential_type} {row.digest}: {purpose} from {moment.isoformat()}", markup=False)


@app.command()
def verify(
    file: FILE,
    *,
    at: Annotated[str, typer.Option("--at", help="Judge as of this time (ISO 8601). Default: now.")] = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Check a credential: ten numbered checks, each with its reason. Exit 0 valid, 1 invalid, 3 could not be checked.

    Example: battery-connector credential verify permit.jwt --at 2026-06-15T00:00:00Z
    """
    with told():
        answer = Management.of(config).post("/v1/verify", {"credential": _octets(file).decode(), "at": at})
    verdict = str(answer["verdict"])
    if as_json:
        show_json(answer)
    else:
        _show_report(verdict, answer)
        next_step(f"battery-connector credential inspect {file}")
    raise SystemExit({"valid": DONE, "invalid": NO}.get(verdict, UNCHECKED))


def _show_report(verdict: str, answer: JsonObject) -> None:
    out = console()
    out.print(f"[bold]{verdict}[/bold]  ", end="")
    out.print(visible(", ".join(map(str, _list(answer.get("types"))))), markup=False)
    for check in _list(answer.get("checks")):
        if isinstance(check, dict):
            mark = _MARKS.get(str(check["outcome"]), "?")
            out.print(f"  {mark} {check['step']:>2} {check['name']:<11} ", end="")
            said = f"{check['code'] or check['outcome']}  {check['detail']}  ({check['spec']})"
            out.print(visible(said), markup=False)


@app.command()
def inspect(
    file: FILE,
    *,
    lineage: Annotated[bool, typer.Option("--lineage", help="Lead every value back to its cell.")] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Show what a credential says; with --lineage, from which file, row and column each value of ours came.

    Example: battery-connector credential inspect lot.jwt --lineage
    """
    with told():
        octets = _octets(file)
        credential = parse_credential(octets)
        shown: JsonObject = {
            "digest": digest_multibase(octets), "header": dict(credential.jws.header), "credential": credential.payload
        }  # fmt: skip
        if lineage:
            shown["lineage"] = _lineage(credential.payload, config)
    if as_json:
        show_json(shown)
        return
    console().print(visible(json.dumps(shown["credential"], indent=2, ensure_ascii=False)), markup=False)
    if lineage:
        _show_lineage(shown["lineage"])
    console().print(f"digest {shown['digest']}")
    next_step(f"battery-connector credential verify {file}")


def _lineage(payload: JsonObject, config: Path) -> list[Json]:
    """The cells behind the values that this credential holds."""
    record, subject = payload.get("record"), payload.get("credentialSubject")
    if not isinstance(record, dict) or not isinstance(subject, dict):
        raise BadInput("the credential names no record", hint="lineage is kept for records that were published here")
    kept = Management.of(config).get(f"/v1/records/{record['id']}").get("lineage")
    if not isinstance(kept, dict) or not kept:
        raise BadInput("no lineage is kept for this record", hint="it was published by another company")
    return [
        {"value": pointer, "plan": kept["plan"], **cell}
        for pointer, cells in _dict(kept["values"]).items()
        if pointer.lstrip("/").partition("/")[0] in subject
        for cell in _cells(_list(cells), _list(kept["files"]))
    ]


def _cells(cells: list[Json], files: list[Json]) -> list[JsonObject]:
    found: list[JsonObject] = []
    for cell in cells:
        match cell:
            case [int(number), record, line, column, text]:
                origin = _dict(files[number])
                found.append({
                    "file": origin["name"], "sha256": origin["sha256"], "sheet": origin["sheet"], "record": record,
                    "line": line, "column": column, "cell": text,
                })  # fmt: skip
    return found


def _show_lineage(entries: Json) -> None:
    from rich.table import Table  # noqa: PLC0415 - only where a table is shown
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table("value", "file", "line", "column", "cell")
    for entry in _list(entries):
        row = _dict(entry)
        table.add_row(*(Text(visible(str(row[name]))) for name in ("value", "file", "line", "column", "cell")))
    console().print(table)


@app.command(name="import")
def import_(
    file: FILE,
    *,
    policy: Annotated[Path, typer.Option("--policy", help="The policy under which it is passed on and audited.")],
    into: Annotated[str, typer.Option("--into", help="The dataset that it joins, e.g. the plan's name.")],
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Keep a third party's credential (a permit, a laboratory's certificate) so that our records can link to it.

    Example: battery-connector credential import assay.jwt --into assays --policy policies/customers.json
    """
    with told():
        body: JsonObject = {"credential": _octets(file).decode(), "into": into, "policy": str(policy.resolve())}
        answer = Management.of(config).post("/v1/import", body)
    findings = _list(answer.get("findings"))
    if as_json:
        show_json(answer)
    else:
        for finding in findings:
            said = visible(f"{_dict(finding)['code']}: {_dict(finding)['message']}")
            console(error=True).print(said, markup=False)
        console().print(f"kept {answer['credentials']} credential(s), {answer['unchanged']} were here already")
    raise SystemExit((UNCHECKED if answer.get("unchecked") else NO) if findings else DONE)


def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes().strip()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no time", hint="like 2026-05-31T00:00:00Z") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _dict(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
