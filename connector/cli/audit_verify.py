"""`audit verify B.zip`: an audit made once more out of its bundle, offline, without configuration, keys or network.

What is checked is `exchange.reaudit`'s. Here the parts are put together, and the result is told.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import typer

from connector.cli.console import DONE, JSON, NO, UNCHECKED, next_step, show_json, told
from connector.cli.tables import say, show_checks, show_table
from connector.errors import BadInput
from connector.model import list_in, object_in, objects_in

if TYPE_CHECKING:
    from connector.exchange.bundled import Recording
    from connector.exchange.obtained import Obtained
    from connector.exchange.ports import Clock, Verifier
    from connector.exchange.reaudit import Reaudit
    from connector.model import Json, JsonObject

_STYLES: Final = {"same": "bold green", "differs": "bold red", "indeterminate": "bold yellow"}
_SENTENCES: Final = {
    "same": "the same verdict with the same reasons comes out of what is in the bundle",
    "differs": "something is not as it was signed, or another result comes out",
    "indeterminate": "nothing is wrong, and not everything can be checked out of this bundle",
}
_CODES: Final = {"same": DONE, "differs": NO}
_MOST_SHOWN: Final = 20
_LONGEST: Final = 200


def verify(
    file: Annotated[Path, typer.Argument(metavar="B.zip", help="A bundle, as `audit --bundle` wrote it.")],
    *,
    did_document: Annotated[
        Path | None,
        typer.Option(
            "--did-document", metavar="DID.json", help="The walker's DID document, where you have it from elsewhere."
        ),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Check an audit's bundle: eleven numbered checks, the whole walk made once more. Nothing is asked of anybody.

    Exit code 0: the same verdict and reasons come out, whatever they are. 1: something differs or is damaged,
    with its place. 3: not all can be checked (a bundle for a client holds no evidence; another build laid the page
    out). 2: the file cannot be read as a bundle.

    Example: battery-connector audit verify audit.zip
    """
    with told():
        octets, document = _read(file), None if did_document is None else _read(did_document)
        now = datetime.now(UTC)  # noqa: TID251 - a person asks whether the key is revoked by now; there is no connector
        answer = asyncio.run(_checker().run(octets, now=now, document=document)).as_json()
    verdict = str(answer["verdict"])
    if as_json:
        show_json(answer)
    else:
        _show(verdict, answer)
        next_step(f"unzip {quote(str(file))} -d audit, then open audit/report.html in a browser")
    raise SystemExit(_CODES.get(verdict, UNCHECKED))


def _read(file: Path) -> bytes:
    from connector.provenance.archive import MOST_BYTES

    if not file.is_file():
        raise BadInput(f"there is no file {file}")
    if file.stat().st_size > MOST_BYTES:
        raise BadInput(f"{file} has more than the {MOST_BYTES >> 20} MiB that are accepted")
    return file.read_bytes()


def _checker() -> Reaudit:
    """All parts, none of which opens a connection."""
    from connector.exchange.reaudit import Reaudit
    from connector.peers.verifier import FetchingVerifier
    from connector.server.bundling import PRODUCT, rules_of
    from connector.server.report import render_json
    from connector.vocabulary.bundle import load_bundle

    vocabulary = load_bundle()

    def verifier(obtained: Obtained, clock: Clock, recording: Recording) -> Verifier:
        return FetchingVerifier(
            resolver=obtained, reads=obtained, clock=clock, trusted_issuers=recording.trusted,
            contexts=vocabulary.known_contexts, check_shape=vocabulary.check,
        )  # fmt: skip

    def render(report: JsonObject, prepared_for: str) -> str:
        return render_json(report, prepared_for=prepared_for)

    return Reaudit(verifier=verifier, render=render, product=PRODUCT, rules=rules_of(vocabulary))


def apart(kept: Json, found: Json) -> tuple[str, str]:
    """Both sides for people: of two objects the members that differ, and no more than can be read."""
    if isinstance(kept, dict) and isinstance(found, dict):
        names = [name for name in {**kept, **found} if kept.get(name) != found.get(name)]
        kept, found = ({name: side.get(name) for name in names} for side in (kept, found))
    return _cut(str(kept)), _cut(str(found))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _show(verdict: str, answer: JsonObject) -> None:
    audit = object_in(answer["audit"])
    say(verdict.upper(), _STYLES[verdict])
    say(_SENTENCES[verdict])
    for_client = ", told for a client" if audit["kind"] == "client" else ""
    say(f"the audit: {str(audit['verdict']).upper()}, as of {audit['at']}{for_client}")
    by = f"{audit['name']} ({audit['by']})" if audit["name"] else audit["by"]
    say(f"walked by {by} with {audit['product']}, signed at {audit['made']}")
    show_checks(answer["checks"])
    differences = objects_in(answer["differences"])
    if differences:
        say("\ndifferences", "bold")
        rows = [(str(one["where"]), *apart(one["kept"], one["found"])) for one in differences[:_MOST_SHOWN]]
        show_table(("where", "in the report", "found again"), rows)
    if len(differences) > _MOST_SHOWN:
        say(f"... and {len(differences) - _MOST_SHOWN} more")
    if differences:
        say("--json has all of it", "dim")
    say("\nwhat no file can tell", "bold")
    for sentence in list_in(answer["unknowable"]):
        say(f"  - {sentence}")
