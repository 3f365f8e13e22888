"""`backup`: a copy of a company, made while its connector goes on working, and looked through.

What is copied, and how, is `stores.backup`'s.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.console import CONFIG, DONE, JSON, NO, next_step, show_json, told
from connector.cli.tables import progress, say, show_findings
from connector.config import load
from connector.model import counted

if TYPE_CHECKING:
    from connector.stores.backup import Backup


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the copy goes; it must not exist yet.")],
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Copy this company while its connector works: store, files, keys, secrets, plans, policies, exports.

    The copy is looked through: the store, the chain of its evidence, each file against its digest, and whether the keys
    are in it. Exit code 1: something is wrong in it.

    It holds the keys and what opens them, so keep it as you keep those; and it is the company, so never let both be
    served. Served in the company's place it gives no version number twice that was given since it was made.

    Example: battery-connector backup /backups/refiner-monday
    """
    from connector.stores.backup import copy_company

    with told():
        company = load(config)
        with progress("copying", quiet=as_json) as tell:
            made = copy_company(company, folder, tell)
        if as_json:
            _show_json(made)
        else:
            _show(made)
    raise SystemExit(NO if made.findings else DONE)


def _show_json(made: Backup) -> None:
    show_json({
        "folder": str(made.folder), "files": made.files, "bytes": made.octets,
        "evidence": {"entries": made.entries, "newest": made.newest},
        "outside": [str(one) for one in made.outside],
        "findings": [one.as_json() for one in made.findings],
    })  # fmt: skip


def _show(made: Backup) -> None:
    say(f"{counted(made.files, 'file')}, {made.octets / 1e6:,.1f} MB, in {made.folder}", "bold")
    log = counted(made.entries, "entry", "entries")
    say(f"  {log} of evidence; the newest has the hash {made.newest}: keep it elsewhere, too")
    for one in made.outside:
        say(f"  not in it, because it lies outside the company's folder: {one}")
    if made.findings:
        show_findings([one.as_json() for one in made.findings])
        next_step("mend what is listed, and make another backup; keep the last good one until then")
        return
    next_step(
        f"battery-connector serve --config {quote(f'{made.folder}/connector.toml')}",
        ", but only where this one never runs again",
    )
