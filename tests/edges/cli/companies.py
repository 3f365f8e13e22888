"""Companies with real connectors on loopback: what the command line talks to."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from connector.app import running
from connector.cli.init import Company as Wanted
from connector.cli.init import make
from connector.config import load

OPEN = {
    "@type": "Set",
    "permission": [{"action": "use"}, {"action": "audit"}],
}
CLOSED = {
    "@type": "Set",
    "permission": [
        {"action": "list"},
        {"action": "use", "constraint": [{"leftOperand": "role", "operator": "eq", "rightOperand": "refiner"}]},
    ],
}
PLAN = """
mapping: sites/1
record: FacilityRecord
subject: Facility
title: "Site {no}"
key: no
identifiers:
  - {scheme: facilityId, value: no}
sources:
  site: {file: "sites*.csv", format: csv, encoding: utf-8, delimiter: ",", locale: en, key: no}
document:
  name: name
  facilityType: type
  country: country
  operatedBy: =did:web:operator.example
"""
EXPORT = "no,name,type,country\n0010,Tunturi mine,mine,FI\n0011,Leach plant,refinery,FI\n"
BROKEN = "no,name,type,country\n0012,Tailings,moon base,FI\n"


@dataclass(frozen=True, slots=True)
class Company:
    """A folder with a configuration; its connector runs."""

    name: str
    folder: Path
    public_url: str
    management_port: int

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "connector.toml"

    @property
    def did(self) -> str:
        """Its identity."""
        return load(self.config).did


def found(folder: Path, name: str, port: int, management_port: int, *, custody: str = "") -> Company:
    """A company folder with a plan, policies and an export."""
    make(
        folder / name,
        Wanted(
            name=name, address=f"http://localhost:{port}", port=port, management_port=management_port,
            algorithm="EdDSA", loopback=True, offset=0, custody=custody,
        ),
    )  # fmt: skip
    company = Company(name, folder / name, f"http://localhost:{port}", management_port)
    (company.folder / "plans" / "sites.yaml").write_text(PLAN)
    (company.folder / "plans" / "depots.yaml").write_text(PLAN.replace("sites", "depots"))
    (company.folder / "policies" / "open.json").write_text(json.dumps(OPEN))
    (company.folder / "policies" / "closed.json").write_text(json.dumps(CLOSED))
    (company.folder / "exports" / "sites.csv").write_text(EXPORT)
    (company.folder / "exports" / "depots.csv").write_text(EXPORT.replace("001", "002"))
    return company


def know(company: Company, *peers: Company) -> None:
    """Whom it trusts for sites, and names for its peers."""
    names = "\n".join(f'{peer.name} = "{peer.did}"' for peer in peers)
    with company.config.open("a") as out:
        trusted = json.dumps([company.did, *(peer.did for peer in peers)])
        out.write(
            f"\n[trusted_issuers]\nFacilityRecord = {trusted}\n\n[peers]\n{names}\n\n[limits]\nretry_read_seconds = 1\n"
        )


class Bugs(logging.Handler):
    """What a connector's log says of bugs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """One line, with its traceback."""
        self.told.append(self.format(record))


@contextmanager
def serving(*companies: Company) -> Iterator[None]:
    """Their connectors, on an event loop in a thread of its own, until the block ends; none may meet a bug."""
    bugs = Bugs()
    logging.getLogger("connector").addHandler(bugs)
    ready, failed, handle = threading.Event(), list[BaseException](), list[tuple[AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            for one in companies:
                await stack.enter_async_context(running(load(one.config)))
            handle.append((asyncio.get_running_loop(), stop))
            ready.set()
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as problem:  # noqa: BLE001 - told to the test, below
            failed.append(problem)
            ready.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(120)
    assert not failed, failed
    try:
        yield
    finally:
        loop, stop = handle[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(120)
        logging.getLogger("connector").removeHandler(bugs)
    assert not failed, failed
    assert not bugs.told, "\n".join(bugs.told)
