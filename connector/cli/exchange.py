"""`publish`, `request`, `fetch`: what a company offers, asks for and gets. What it has is `received`'s.

All work is the running connector's (`client`); here its answers become tables, sentences and exit codes. Why a
negotiation or transfer stands where it stands is `why`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import typer

from connector.cli.client import Management
from connector.cli.console import (
    CONFIG,
    DONE,
    JSON,
    KEY,
    NO,
    PEER,
    UNCHECKED,
    WAIT,
    console,
    next_step,
    of_company,
    one_line,
    show_json,
    told,
)
from connector.cli.tables import progress, say, show_findings
from connector.config import Config, load
from connector.errors import BadInput
from connector.model import counted, list_in
from connector.policy.reading import load as load_policy
from connector.server.words import refused_in_words

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

POLICY = Annotated[str, typer.Option("--policy", metavar="P", help="An ODRL policy: a file, or a name in `policies/`.")]
PIN = Annotated[
    bool | None,
    typer.Option("--pin/--no-pin", help="Whether the offer pins the content by digest. Default: as before."),
]
_SECONDS: Final = 60.0
_RECORDS_SHOWN: Final = 50


# --- publish ---------------------------------------------------------------------------------------------------------


def publish(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A mapping plan: a file, or a name in `plans/`.")],
    policy: POLICY,
    credential: Annotated[
        str, typer.Option("--credential", metavar="TYPE", help="Refuse unless the plan makes this type.")
    ] = "",
    title: Annotated[
        str, typer.Option("--title", help="The dataset's title in the catalogue. Default: the plan's.")
    ] = "",
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset", metavar="ID", help="The dataset's id, where it must be a given one. Default: minted."
        ),
    ] = "",
    correct: Annotated[
        str, typer.Option("--correct", metavar="REASON", help="Changed records become a new version, for this reason.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Changed records keep their version: breaks links that others signed.")
    ] = False,
    approval: Annotated[
        bool | None,
        typer.Option("--approval/--no-approval", help="Whether a person decides on each contract, beside the policy."),
    ] = None,
    pin: PIN = None,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Map exports, sign what comes out, and offer it under a policy. Exit code 1: there are findings.

    Rows with findings are not published, all others are. Nothing changes for records that did not change.

    Example: battery-connector publish lots --policy direct-customer
    """
    with told():
        company = load(config)
        body: JsonObject = {
            "plan": str(named(plan, company.path("plans"), (".yaml", ".yml", ".json"))),
            "policy": str(named(policy, company.path("policies"), (".json",))),
            "title": title, "credential": credential, "correct": correct, "overwrite": overwrite,
            "dataset": dataset, "approval": approval, "pin": pin,
        }  # fmt: skip
        with progress("publishing", quiet=as_json) as tell:
            answer = Management.of(config).work("/v1/publish", body, on_progress=tell)
        findings = list_in(answer.get("findings"))
        if as_json:
            show_json(answer)
        else:
            _show_published(answer, findings, company, Path(str(body["policy"])))
    raise SystemExit(NO if findings else DONE)


def named(text: str, folder: Path, endings: tuple[str, ...]) -> Path:
    """A path, or a bare name in the company's folder."""
    given = Path(text)
    for path in (given, *(folder / f"{text}{ending}" for ending in ("", *endings))):
        if path.is_file():
            return path.resolve()
    known = sorted(path.stem for path in folder.glob("*") if path.suffix in endings) if folder.is_dir() else []
    hint = f"in {folder}: {', '.join(known)}" if known else f"give a file, or put one into {folder}"
    raise BadInput(f"there is no {text}", hint=hint)


def _show_published(answer: JsonObject, findings: list[Json], company: Config, policy: Path) -> None:
    out = console()
    out.print(
        f"[bold]{counted(answer['documents'], 'document[/bold] stands', 'documents[/bold] stand')}, with "
        f"{counted(answer['credentials'], 'credential')}"
        f" ({counted(answer.get('minted', 0), 'document')} new or changed, {answer.get('unchanged', 0)} as before);"
        f" {counted(answer['rows'], 'row was', 'rows were')} read"
    )
    for warning in list_in(answer.get("warnings")):
        out.print("warning:", style="yellow", end=" ")
        out.print(one_line(str(warning)), markup=False)
    if findings:
        show_findings(findings)
    offered = load_policy(policy.read_bytes()).offerable
    if answer["documents"] and not offered:
        say(f"kept as {answer.get('title')!r}, dataset {answer.get('dataset')}; this policy offers it to nobody")
    elif answer["documents"]:
        say(f"offered as {answer.get('title')!r}, dataset {answer.get('dataset')}")
        if answer.get("pin"):
            say(f"the offer pins this content: {answer['pin']}")
    if findings:
        next_step("mend the rows, or the plan, and publish again: what stands already stays as it is")
    elif not offered:
        next_step("an auditor with a mandate: ", f"battery-connector audit NUMBER --peer {company.did}")
    else:
        next_step("at a peer: ", f"battery-connector catalog {company.did}")


# --- request ---------------------------------------------------------------------------------------------------------


def request(
    peer: PEER,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Title or id of a dataset of its catalogue.")],
    offer_id: Annotated[
        str, typer.Option("--offer-id", metavar="ID", help="Which of the dataset's offers. Default: the first.")
    ] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Only begin; `why` says how it goes on.")] = False,
    wait: WAIT = _SECONDS,
    key: KEY = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Negotiate a contract on a dataset. Exit code 1: refused; 3: the peer has not answered yet.

    Example: battery-connector request refiner refiner-lots
    """
    with told():
        body: JsonObject = {
            "peer": peer, "dataset": dataset, "offer_id": offer_id, "wait_seconds": 0.0 if no_wait else wait
        }  # fmt: skip
        patience = _Patience()
        with progress(f"negotiating with {peer}", quiet=as_json) as tell:

            def told_so_far(how_far: JsonObject) -> None:
                tell(how_far)
                patience.hear(how_far, quiet=as_json)

            answer = Management.of(config).work(
                "/v1/request", body, key=key, on_progress=told_so_far, stopped=patience.stopped
            )
        state = str(answer["state"])
        if as_json:
            show_json(answer)
        else:
            _show_requested(answer, state)
    raise SystemExit(_settled(state, good="FINALIZED", begun=no_wait))


@dataclass(slots=True)
class _Patience:
    """What a person is told who waits for the peer, and who stops waiting."""

    negotiation: str = ""

    def hear(self, how_far: JsonObject, *, quiet: bool) -> None:
        """Once, when it takes more than a moment."""
        if self.negotiation or not how_far.get("negotiation"):
            return
        self.negotiation = str(how_far["negotiation"])
        if not quiet:
            out = console(error=True)
            out.print(f"waiting: {one_line(str(how_far['waiting']))}", style="yellow", markup=False)
            out.print(f"  {self.stopped()}; at the peer: battery-connector approvals", markup=False)

    def stopped(self) -> str:
        """Nothing is lost, and a repeated request would be another one."""
        if not self.negotiation:
            return "what was begun goes on without you: battery-connector why"
        return of_company(f"Ctrl-C loses nothing, it goes on without you: battery-connector why {self.negotiation}")


def _show_requested(answer: JsonObject, state: str) -> None:
    out = console()
    if state == "FINALIZED":
        out.print(f"[bold green]{state}[/bold green]: the contract stands")
        say(f"  agreement {answer['agreement']}")
        next_step(f"battery-connector fetch {quote(str(answer['agreement']))}")
        return
    if state == "TERMINATED":
        out.print(f"[bold red]{state}[/bold red]: ", end="")
        say(refused_in_words(answer.get("termination")))
    elif answer.get("waits"):
        out.print(f"[yellow]{state}[/yellow]: the peer's answer waits for a word of ours")
        next_step("battery-connector approvals")
        return
    else:
        out.print(f"[yellow]{state or 'begun'}[/yellow]: the peer has not answered to the end yet")
    next_step(f"battery-connector why {quote(str(answer['negotiation']))}")


def _settled(state: str, *, good: str, begun: bool = False) -> int:
    if state == "TERMINATED":
        return NO
    return DONE if state == good or begun else UNCHECKED


# --- fetch -----------------------------------------------------------------------------------------------------------


def fetch(
    agreement: Annotated[
        str,
        typer.Argument(
            metavar="AGREEMENT", help="The agreement that `request` named; or a transfer that was begun, to go on."
        ),
    ],
    push: Annotated[bool, typer.Option("--push", help="Let the owner send it to us, instead of fetching it.")] = False,
    unit: Annotated[
        list[str] | None,
        typer.Option(
            "--unit",
            metavar="NUMBER",
            help="Only this unit: a serial or lot number, an id, or an address, as in a data carrier. Repeatable.",
        ),
    ] = None,
    wait: WAIT = _SECONDS,
    key: KEY = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Transfer the data of an agreement, or single units of it, verify and keep it.

    Exit code 1: something was rejected or is not there for us, or the transfer refused; 3: something could not be
    checked, or the peer has not answered yet. What is good is kept in each case.

    Example: battery-connector fetch urn:uuid:5a0f... --unit CM27-84-000201
    """
    with told():
        body: JsonObject = {"agreement": agreement, "wait_seconds": wait, "push": push, "units": [*(unit or [])]}
        with progress("fetching", quiet=as_json) as tell:
            answer = Management.of(config).work("/v1/fetch", body, key=key, on_progress=tell)
        state = str(answer["state"])
        code = _settled(state, good="COMPLETED")
        if code == DONE:
            code = NO if answer.get("rejected") else UNCHECKED if answer.get("unchecked") else DONE
            code = NO if code == DONE and answer["findings"] else code
        if as_json:
            show_json(answer)
        else:
            _show_fetched(answer, state)
    raise SystemExit(code)


def _show_fetched(answer: JsonObject, state: str) -> None:
    out = console()
    out.print(f"[bold {'green' if state == 'COMPLETED' else 'red'}]{state or 'begun'}[/]", end="")
    files, records = (
        answer.get("files"),
        f"{counted(answer['records'], 'record')} with {counted(answer['credentials'], 'credential')}",
    )
    parts = [records] if answer["records"] or not files else []
    out.print(f": kept under this agreement: {' and '.join([*parts, counted(files, 'file')] if files else parts)}")
    if state == "TERMINATED":
        say(refused_in_words(answer.get("termination")))
    if state == "COMPLETED" and not (answer["records"] or answer.get("files") or answer["findings"]):
        nothing = "there is nothing in the dataset, or nothing that these terms give us: `agreement show` tells them"
        kept = f"{answer['unchanged']} came as they are kept already, under another agreement (`agreement show`)"
        say(kept if answer["unchanged"] else nothing)
    if answer["findings"]:
        out.print(f"not kept: {answer.get('rejected')} rejected, {answer.get('unchecked')} could not be checked")
        show_findings(list_in(answer["findings"]))
    if state != "COMPLETED" or answer["findings"]:
        next_step(f"battery-connector why {quote(str(answer['transfer']))}")
    else:
        next_step("battery-connector received")
