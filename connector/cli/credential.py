"""`credential issue|revoke|verify|inspect|import`: credentials as files, for signers, receivers and the curious.

`request` and `requests` are `requesting`'s, `disclose` is `disclosing`'s, `verify` is `verifying`'s.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import disclosing, requesting, verifying
from connector.cli.client import Management
from connector.cli.console import CONFIG, DONE, JSON, NO, UNCHECKED, console, next_step, show_json, told
from connector.cli.lineage import cells_behind, record_of, show_lineage
from connector.cli.passport_records import kept_record
from connector.cli.secured import credentials_in, inspected, inspected_each, octets_in, told_in_words
from connector.cli.several import Several
from connector.cli.tables import say, show_findings
from connector.config import load
from connector.credentials.datamodel import CREDENTIAL_LIMIT_BYTES
from connector.credentials.securing import is_vc11, open_secured, suffix_of
from connector.errors import BadInput, PeerUnreachable
from connector.model import counted, list_in, object_in, objects_in
from connector.server.words import visible

if TYPE_CHECKING:
    from connector.model import JsonObject
    from connector.server.issuing import Job

app = typer.Typer(no_args_is_help=True, help="Credentials: issue, revoke, verify, inspect, disclose, import, request.")
app.command()(requesting.request)
app.command()(requesting.requests)
app.command()(disclosing.disclose)
app.command()(verifying.verify)

FILE = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A credential: a compact `vc+jwt`, an SD-JWT, or JSON with a proof in it."),
]
CHANGED = Annotated[
    str, typer.Argument(metavar="FILE", help="A credential as a file (of an SD-JWT any part), or its digest.")
]
EFFECTIVE = Annotated[str, typer.Option("--effective", help="From when it counts (ISO 8601). Default: now.")]
REASON = Annotated[str, typer.Option("--reason", help="Why, for everybody to read.")]
SITE = Annotated[Path | None, typer.Option("--site", help="Also write DID document and status lists there, as files.")]
SECURING = Annotated[
    str, typer.Option("--securing", help="vc+jwt, or a proof inside: eddsa-jcs-2022, ecdsa-jcs-2019, as the key is.")
]
DISCLOSABLE = Annotated[
    list[str] | None,
    typer.Option(
        "--disclosable", metavar="PATH", help="A value that the holder may leave out: name, identifier/0/value."
    ),
]
DECOYS = Annotated[
    int, typer.Option("--decoys", min=0, max=100, help="With --disclosable: so many digests of nothing besides.")
]
HOLDER = Annotated[
    Path | None, typer.Option("--holder-key", help="With --disclosable: the holder's public JWK, to bind it to.")
]
PROFILE = Annotated[
    str,
    typer.Option(
        "--profile",
        help="vc20-bssl/jwt, or vc11-sl2021/jwt: VC Data Model 1.1, for memberships, roles and mandates of holders "
        "whose programs know no other, as Eclipse EDC.",
    ),
]
CORRECT = Annotated[
    str,
    typer.Option("--correct", metavar="REASON", help="It takes the place of what was signed with other values before."),
]
_DIGEST = re.compile(r"uEi[A-Za-z0-9_-]{44}")


@app.command()
def issue(
    claims: Annotated[list[Path] | None, typer.Argument(metavar="[CLAIMS.json]...", help="Subjects to sign.")] = None,
    *,
    credential_type: Annotated[
        str, typer.Option("--type", help="The credential's type, e.g. MinePermit; or the id of an [issues] entry.")
    ],
    out: Annotated[Path, typer.Option("--out", help="A file for one credential, else a folder.")],
    plan: Annotated[Path | None, typer.Option("--plan", help="Sign the documents of a mapping plan instead.")] = None,
    securing: SECURING = "vc+jwt",
    disclosable: DISCLOSABLE = None,
    decoys: DECOYS = 0,
    holder_key: HOLDER = None,
    profile: PROFILE = "vc20-bssl/jwt",
    correct: CORRECT = "",
    site: SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Sign credentials with this company's key. The running connector does it; without one, or with --site, it is done
    here. With --disclosable PATH, once for each value, it is an SD-JWT: who holds it may leave these values out.

    Example: battery-connector credential issue permit.json --type MinePermit --out permit.jwt

    Example: battery-connector credential issue member.json --type MembershipCredential --profile vc11-sl2021/jwt
    --out member.jwt

    Example: battery-connector credential issue member.json --type ID --out member.jwt (as [issues.ID] says it, in the
    words of another dataspace)
    """
    from connector.cli import issuing
    from connector.server.issuing import ENVELOPE, IN_PART, Job

    with told():
        if not claims and plan is None:
            raise BadInput("nothing to sign", hint="give claim files, or --plan PLAN")
        stated = [issuing.read_claims(path) for path in claims or []]
        plan = plan.resolve() if plan is not None else None
        if (decoys or holder_key) and not disclosable:
            raise BadInput(
                "decoys and a holder's key are for an SD-JWT", hint="--disclosable PATH says what may be left out"
            )
        job = Job(
            record_type=credential_type, claims=stated, plan=plan, disclosable=disclosable or (), decoys=decoys,
            securing=IN_PART if disclosable and securing == ENVELOPE else securing, profile=profile,
            holder_key=disclosing.read_key(holder_key) if holder_key else None, correct=correct,
        )  # fmt: skip
        answer = _issued(job, config, site)
        made, findings = objects_in(answer["credentials"]), objects_in(answer["findings"])
        files = _written(made, out)
        replaced = list_in(answer["replaced"])
    if as_json:
        show_json({"credentials": [*files], "findings": [*findings], "replaced": [*replaced]})
    else:
        if findings:
            show_findings([*findings])
        console().print(f"signed {len(files)} {credential_type}")
        for digest in replaced:
            next_step(
                f"battery-connector credential revoke {digest} --reason ...", ", or the former one goes on counting"
            )
        if files:
            elsewhere = "; a connector that trusts the signer verifies it"
            if disclosable:
                elsewhere += ", and its holder shows a part by `credential disclose`"
            if is_vc11(open_secured(str(made[0]["octets"]).encode(), CREDENTIAL_LIMIT_BYTES, selective=True)):
                elsewhere += "; its holder shows it from the folder `held`, or in an IdentityHub, as VC1_0_JWT"
            next_step(f"battery-connector credential inspect {quote(str(files[0]['file']))}", elsewhere)
    raise SystemExit(NO if findings else DONE)


def _issued(job: Job, config: Path, site: Path | None) -> JsonObject:
    """What was signed, with its octets: by the running connector, or here where none answers or a site is wanted."""
    from connector.cli import issuing

    if site is None:
        with suppress(PeerUnreachable):
            return Management.of(config).work("/v1/issue", job.as_json())
    return asyncio.run(issuing.issue(load(config), [job], site))[0].as_json()


def _written(credentials: list[JsonObject], out: Path) -> list[JsonObject]:
    """Each as a file of its own; what the answer says of it."""
    files: list[JsonObject] = []
    for one in credentials:
        octets = str(one["octets"]).encode()
        suffix = suffix_of(octets)
        single = out.suffix == suffix and len(credentials) == 1
        path = out if single else out / f"{one['type']}-{str(one['digest'])[-12:]}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
        files.append({"file": str(path), "digest": one["digest"], "type": one["type"], "record": one["record"]})
    return files


@app.command()
def revoke(
    what: CHANGED,
    *,
    effective: EFFECTIVE = "",
    reason: REASON = "",
    purpose: Annotated[str, typer.Option("--purpose", help="As the two below.", hidden=True)] = "revocation",
    site: SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Withdraw a credential that this company issued, with effect from a time, for ever.

    The running connector does it; without one, and with --site, it is done here. `credential inspect NUMBER` tells the
    digests of a published record.

    Example: battery-connector credential revoke permit.jwt --effective 2026-05-31T00:00:00Z --reason "closed"
    """
    _change(what, purpose, effective=effective, reason=reason, site=site, config=config, as_json=as_json)


@app.command()
def suspend(
    what: CHANGED,
    *,
    effective: EFFECTIVE = "",
    reason: REASON = "",
    site: SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Suspend a credential that this company issued, with effect from a time, until it is reinstated.

    While it is suspended nobody's verification passes; an audit judges each event by what held on its day.

    Example: battery-connector credential suspend permit.jwt --reason "under review"
    """
    _change(what, "suspension", effective=effective, reason=reason, site=site, config=config, as_json=as_json)


@app.command()
def reinstate(
    what: CHANGED,
    *,
    effective: EFFECTIVE = "",
    reason: REASON = "",
    site: SITE = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """End a suspension, with effect from a time.

    Example: battery-connector credential reinstate permit.jwt --reason "the review found nothing"
    """
    _change(what, "reinstatement", effective=effective, reason=reason, site=site, config=config, as_json=as_json)


def _change(
    what: str, purpose: str, *, effective: str, reason: str, site: Path | None, config: Path, as_json: bool
) -> None:
    from connector.cli import issuing

    with told():
        loaded, which = load(config), what if _DIGEST.fullmatch(what) else octets_in(Path(what))
        moment = _moment(effective) or datetime.now(UTC)  # noqa: TID251 - the command's own default
        said: JsonObject = {"purpose": purpose, "effective": moment.isoformat()}
        named: JsonObject = {"digest": which} if isinstance(which, str) else {"credential": which.decode()}
        digest = "" if site is not None else _asked_to_revoke(config, {**said, **named, "reason": reason})
        by_connector = bool(digest)
        if not by_connector:
            change = issuing.revoke(loaded, which, purpose=purpose, effective=moment, reason=reason, site=site)
            digest = asyncio.run(change).digest
        if as_json:
            show_json({"digest": digest, **said})
            return
        console().print(f"{digest}: {purpose} from {moment.isoformat()}", markup=False)
        if not by_connector and site is None:
            next_step("nobody sees it yet: battery-connector serve", ", or write it for your web server with --site")
        elif purpose == "suspension":
            next_step(f"battery-connector credential reinstate {quote(str(what))}", ", when it may count again")


def _asked_to_revoke(config: Path, body: JsonObject) -> str:
    """The digest of what a running connector changed; empty: none runs."""
    with suppress(PeerUnreachable):
        return str(Management.of(config).post("/v1/revoke", body)["digest"])
    return ""


@app.command()
def inspect(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A file with a credential, or with several; or a record of this connector, by its id or number.",
        ),
    ],
    *,
    lineage: Annotated[bool, typer.Option("--lineage", help="Lead every value back to its cell.")] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Show what a credential says; with --lineage, from which file, row and column each value of ours came.

    Of a record, given by its id or number, all its credentials are shown.

    Example: battery-connector credential inspect 0000004711 --lineage
    """
    with told():
        file = Path(what)
        a_file = file.is_file() or not config.is_file()
        shown = _of_file(file, config, lineage=lineage) if a_file else _of_record(what, config, lineage=lineage)
        if as_json:
            show_json(shown)
            return
        for one in map(object_in, list_in(shown.get("credentials")) or [shown]):
            console().print(visible(json.dumps(one["credential"], indent=2, ensure_ascii=False)), markup=False)
            console().print(f"digest {one['digest']}")
            if words := told_in_words(one):
                console().print(visible(words), markup=False)
        if beside := object_in(shown.get("beside")):
            found = counted(len(beside), "value")
            say(f"beside them the file says {found}; whether they are what the credentials say, `verify` tells")
        if lineage:
            show_lineage(shown["lineage"])
        following = f"verify {what}" if a_file else f"inspect {what} --lineage"
        if a_file or not lineage:
            next_step(f"battery-connector credential {following}")


def _of_file(file: Path, config: Path, *, lineage: bool) -> JsonObject:
    read = credentials_in(file)
    if isinstance(read, Several):
        each = inspected_each(read)
        shown: JsonObject = {"beside": read.beside, "credentials": [*each]}
    else:
        each, shown = [inspected(read)], inspected(read)
    if not lineage:
        return shown
    payloads = [object_in(one["credential"]) for one in each]
    if len({str(object_in(payload.get("record")).get("id")) for payload in payloads}) != 1:
        raise BadInput(f"{file} holds credentials of several records", hint="--lineage is for one record at a time")
    return {**shown, "lineage": cells_behind(record_of(payloads[0], config), payloads)}


def _of_record(ident: str, config: Path, *, lineage: bool) -> JsonObject:
    kept = kept_record(Management.of(config), ident)
    credentials = [inspected(str(object_in(one)["octets"]).encode()) for one in list_in(kept["credentials"])]
    shown: JsonObject = {
        **{name: kept[name] for name in ("record", "type", "version", "holder")}, "credentials": [*credentials]
    }  # fmt: skip
    payloads = [object_in(one["credential"]) for one in credentials]
    return {**shown, "lineage": cells_behind(kept, payloads)} if lineage else shown


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

    Example: battery-connector credential import assay.jwt --into assays --policy policies/direct-customer.json
    """
    with told():
        body: JsonObject = {"credential": octets_in(file).decode(), "into": into, "policy": str(policy.resolve())}
        answer = Management.of(config).post("/v1/import", body)
    findings = list_in(answer.get("findings"))
    if as_json:
        show_json(answer)
    else:
        for finding in findings:
            said = visible(f"{object_in(finding)['code']}: {object_in(finding)['message']}")
            console(error=True).print(said, markup=False)
        console().print(f"kept {answer['credentials']} credential(s), {answer['unchanged']} were here already")
    raise SystemExit((UNCHECKED if answer.get("unchecked") else NO) if findings else DONE)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no time", hint="like 2026-05-31T00:00:00Z") from None
