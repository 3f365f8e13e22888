"""The companies of a story on this machine: folders by `init`, one process each, started again when it dies.

What a company does is asked of it through its management API (`client`). The order of the story is `storyline`'s.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import threading
import time
import tomllib
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from connector.cli.client import Management
from connector.cli.init import Company as NewCompany
from connector.cli.init import make
from connector.cli.spawned import end, note, spawn
from connector.config import MANAGEMENT_TOKEN_VARIABLE, Config, load, secret
from connector.errors import ConnectorError, Unavailable

START_SECONDS = 120.0
_WATCH_SECONDS = 0.1
_QUIET_PORTS = range(20_000, 32_000)
_NEAR = 100


def examples_folder() -> Path:
    """Where the stories lie: beside the package in a checkout, within it in a wheel."""
    package = Path(__file__).resolve().parents[1]
    within = package / "_data" / "examples"
    return within if within.is_dir() else package.parent / "examples"


@dataclass(slots=True, kw_only=True)
class Company:
    """One participant: its folder, and its process while it runs."""

    name: str
    title: str
    folder: Path
    config: Config
    process: subprocess.Popen[bytes] | None = None
    stopped: bool = False

    @property
    def did(self) -> str:
        """Its DID."""
        return self.config.did

    @property
    def config_file(self) -> Path:
        """Its configuration."""
        return self.folder / "connector.toml"

    def management(self) -> Management:
        """Its management API."""
        return Management(self.config.listen.management_port, secret(MANAGEMENT_TOKEN_VARIABLE, self.config))


@dataclass(slots=True, kw_only=True)
class Companies:
    """All of them, and the static web site of those who only sign."""

    story: Path
    folder: Path
    fence: bool
    connectors: dict[str, Company] = field(default_factory=dict)
    signers: dict[str, Company] = field(default_factory=dict)
    site: subprocess.Popen[bytes] | None = None
    site_port: int = 0
    _watch: threading.Thread | None = None
    _ending: threading.Event = field(default_factory=threading.Event)

    # --- set-up ------------------------------------------------------------------------------------------------------

    def set_up(self, connectors: list[str], signers: list[str], now: str) -> None:
        """A folder, keys and a configuration for each, on free ports; the story's clock begins at `now`."""
        offset = int((datetime.fromisoformat(now) - datetime.now(UTC)).total_seconds())  # noqa: TID251 - the story begins now
        ports = free_ports(2 * len(connectors) + 1)
        self.site_port = ports.pop()
        for name in connectors:
            port, management_port = ports.pop(), ports.pop()
            self.connectors[name] = self._make(name, f"http://localhost:{port}", port, management_port, offset)
        for name in signers:
            url = f"http://localhost:{self.site_port}/{name}"
            self.signers[name] = self._make(name, url, self.site_port, self.site_port + 1, offset)
        for company in [*self.connectors.values(), *self.signers.values()]:
            self._configure(company)

    def _make(self, name: str, url: str, port: int, management_port: int, offset: int) -> Company:
        told = tomllib.loads((self.story / name / "company.toml").read_text("utf-8"))
        folder = self.folder / name
        config = make(
            folder,
            NewCompany(
                name=told["name"], address=url, port=port, management_port=management_port,
                algorithm=told["algorithm"], loopback=True, offset=offset,
            ),
        )  # fmt: skip
        for part in ("plans", "policies"):
            if (self.story / name / part).is_dir():
                shutil.copytree(self.story / name / part, folder / part, dirs_exist_ok=True)
        return Company(name=name, title=told["name"], folder=folder, config=load(config))

    def _configure(self, company: Company) -> None:
        """Write into the configuration whom the company trusts for what, and its names for peers."""
        told = tomllib.loads((self.story / company.name / "company.toml").read_text("utf-8"))
        lines = ["", "[trusted_issuers]"]
        for kind, names in told.get("trusted_issuers", {}).items():
            lines.append(f"{kind} = {json.dumps([self._did(name) for name in names])}")
        lines += ["", "[peers]"]
        lines += [f"{name} = {json.dumps(peer.did)}" for name, peer in self.connectors.items() if peer is not company]
        with company.config_file.open("a", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
        company.config = load(company.config_file)

    def _did(self, name: str) -> str:
        known = self.connectors.get(name) or self.signers.get(name)
        return known.did if known else name

    def dids(self) -> dict[str, str]:
        """Name -> DID, of everybody."""
        return {name: company.did for name, company in (self.connectors | self.signers).items()}

    # --- processes ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the site and every connector, wait until all are ready, then keep them running."""
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        words = ["site", str(site), "--port", str(self.site_port)]
        self.site = spawn(self.folder, "site", words, self.folder / "site.log")
        for company in self.connectors.values():
            self._start(company)
        for company in self.connectors.values():
            self.wait_ready(company)
        self._note_processes()
        self._watch = threading.Thread(target=self._keep_running, daemon=True)
        self._watch.start()

    def _start(self, company: Company) -> None:
        words = ["serve", "--config", str(company.config_file), *(["--fence"] if self.fence else [])]
        company.process = spawn(self.folder, company.name, words, company.folder / "connector.log")

    def wait_ready(self, company: Company) -> None:
        """Wait until a connector answers."""
        deadline = time.monotonic() + START_SECONDS
        management = company.management()
        while True:
            try:
                management.get("/health/ready")
            except ConnectorError:
                if time.monotonic() > deadline or (company.process and company.process.poll() not in {None, -9}):
                    log = (company.folder / "connector.log").read_text("utf-8", "replace").strip()
                    raise Unavailable(f"{company.title} does not start: {log[-2000:]}") from None
                time.sleep(0.02)
            else:
                return

    def _keep_running(self) -> None:
        while not self._ending.wait(_WATCH_SECONDS):
            self.raise_dead()

    def raise_dead(self) -> None:
        """What a service manager does: start again what died and was not stopped. Whose lock is still held waits, and
        so does all that the system does not let us do at this moment.
        """
        for company in self.connectors.values():
            if company.process and company.process.poll() is not None and not company.stopped:
                with suppress(OSError):
                    self._start(company)
                    self._note_processes()

    def _note_processes(self) -> None:
        """For whoever watches, and for `--stop`."""
        running = {name: one.process.pid for name, one in self.connectors.items() if one.process}
        note(self.folder, {**running, **({"site": self.site.pid} if self.site else {})})

    def stop(self, company: Company) -> None:
        """Stop one for good."""
        company.stopped = True
        if company.process:
            end(company.process)

    def leave(self) -> None:
        """Leave all processes running, and stop watching them."""
        self._ending.set()

    def close(self) -> None:
        """Stop everything that was started here."""
        self._ending.set()
        if self._watch:
            self._watch.join()
        processes = [one.process for one in self.connectors.values() if one.process]
        for process in [*processes, *([self.site] if self.site else [])]:
            process.terminate()
        for process in [*processes, *([self.site] if self.site else [])]:
            end(process)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses now, near each other; nobody else is given them while this process lives. They
    lie below those that the system gives away, so that nobody takes one before its use.
    """
    start = _QUIET_PORTS[0] + secrets.randbelow(len(_QUIET_PORTS))
    claims: dict[int, socket.socket] = {}
    with ExitStack() as stack:
        for port in range(start, start + _NEAR):
            served = stack.enter_context(socket.socket())
            claim = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            with suppress(OSError):
                claim.bind(("127.0.0.1", port))  # first: whose port it is may be about to listen there
                served.bind(("127.0.0.1", port))
                claims[port] = claim
            if len(claims) == count:
                for taken in claims.values():
                    taken.detach()  # bound until this process ends; what is served is served over TCP
                return list(claims)
    raise Unavailable(f"there are not {count} free ports from {start} on", hint="try again: others are looked at then")
