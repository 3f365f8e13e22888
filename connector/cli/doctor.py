"""`doctor`: is this company's connector well? The checks stand in `doctor_company` and `doctor_network`."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from connector.cli.console import CONFIG, DONE, JSON, NO, UNCHECKED, keep_log_quiet, next_step, show_json, told
from connector.cli.tables import Cell, progress, say, show_table
from connector.config import load
from connector.errors import BadConfig

if TYPE_CHECKING:
    from connector.cli.doctor_company import Check
    from connector.model import JsonObject

_STYLES: Final = {"good": "green", "warning": "yellow", "bad": "bold red", "unchecked": "magenta"}


def doctor(
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Look through the whole store: pages, and the chain of evidence.")
    ] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Look whether everything is well: configuration, secrets, keys, store, disk, plans, policies, the connector, what
    peers see of us, whom we trust, our own credentials, the clock.

    Beside a running connector or without one; nothing is changed. Exit code 1: something is bad; 3: nothing is, but
    something could not be checked. Warnings alone are exit code 0.

    Example: battery-connector doctor --config refiner/connector.toml
    """
    with told():
        with progress("looking", quiet=as_json) as tell:
            tell({"done": "at this machine"})
            checks = _look(config, thorough=thorough)
        counted = Counter[str](one.outcome for one in checks)
        if as_json:
            counts: JsonObject = {name: counted[name] for name in _STYLES}
            show_json({"checks": [one.as_json() for one in checks], "counts": counts})
        else:
            _show(checks, counted)
    raise SystemExit(NO if counted["bad"] else UNCHECKED if counted["unchecked"] else DONE)


def _look(config: Path, *, thorough: bool) -> list[Check]:
    from connector.app import clock_of
    from connector.cli import doctor_company, doctor_network

    try:
        company = load(config)
    except BadConfig as error:
        if not config.is_file():
            raise
        return [doctor_company.wrong("configuration", error, "battery-connector config --reference names every key")]
    keep_log_quiet()
    runs = doctor_company.running(company)
    alive = runs.outcome == "good"
    return [
        doctor_company.good("configuration", f"{config} is good: {company.name}, {company.did}"),
        runs,
        *doctor_company.company_checks(company, clock_of(company).now(), runs=alive, thorough=thorough),
        *asyncio.run(doctor_network.network_checks(company, runs=alive)),
    ]


def _show(checks: list[Check], counted: Counter[str]) -> None:
    rows: list[tuple[Cell, ...]] = []
    for one in checks:
        rows.append(((one.outcome, _STYLES[one.outcome]), one.name, one.says))
        if one.fix:
            rows.append(("", "", f"→ {one.fix}"))
    show_table(("outcome", "what", "says"), rows)
    say(", ".join(f"{counted[name]} {name}" for name in _STYLES if counted[name]), "bold")
    if counted["bad"] or counted["unchecked"]:
        next_step("battery-connector doctor", ", when that is mended")
    else:
        next_step("battery-connector catalog PEER")
