"""What `doctor` looks at on this machine: configuration, secrets, keys, store, disk, ports, plans, policies.

Nothing is changed, and nothing is judged here that something else judges: each check asks what the connector itself
asks when it starts or when it is used. What other companies see is `doctor_network`'s.
"""

from __future__ import annotations

import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import apsw

from connector.cli.client import Management
from connector.cli.map import checked as checked_plan
from connector.cli.policy import checked as checked_policy
from connector.config import MANAGEMENT_TOKEN_VARIABLE, STORE_PASSWORD_VARIABLE, Config, known_secret, secret
from connector.credentials.datamodel import time_text
from connector.credentials.own_methods import OwnMethod, revoked_ids, standing
from connector.credentials.securing import key_id_of
from connector.errors import BadConfig, ConnectorError, KeyUnreachable, PeerUnreachable
from connector.exchange.policies import why_refused
from connector.exchange.rows import DatasetRow
from connector.exchange.stored import micros
from connector.keys.custody import open_id_key
from connector.keys.register import Register
from connector.keys.ring import open_keys
from connector.model import Finding, JsonObject, counted
from connector.peers.shaper import require as require_sql
from connector.stores import backup, datasets_in, look_into, own_credentials
from connector.stores.connection import look
from connector.vocabulary.bundle import load_bundle

Outcome = Literal["good", "warning", "bad", "unchecked"]
_OTHERS: Final = 0o077
_SECONDS: Final = 5.0
_READ_AGAIN: Final = timedelta(minutes=1)
"""In which a running connector has long seen that a key is revoked, and signs with it no more."""
_START: Final = "battery-connector serve"
_UNSAFE: Final = {
    "allow_loopback_http": "plain http and loopback addresses are allowed, for us and for peers",
    "clock_offset_seconds": "the clock is shifted",
    "claimed_identity": "callers prove nothing: everybody is who it claims to be",
    "nonconforming_credentials": "credentials count that depart from VC Data Model 1.1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: what it is about, how it went, a sentence, and what to do where it is not good."""

    name: str
    outcome: Outcome
    says: str
    fix: str = ""

    def as_json(self) -> JsonObject:
        """As `--json` shows it."""
        return {"name": self.name, "outcome": self.outcome, "says": self.says, "fix": self.fix}


def good(name: str, says: str) -> Check:
    """Nothing to do."""
    return Check(name=name, outcome="good", says=says)


def wrong(name: str, error: ConnectorError, fix: str, outcome: Outcome = "bad") -> Check:
    """What an error of the tree says; its own hint before the general `fix`."""
    return Check(name=name, outcome=outcome, says=error.detail, fix=error.hint or fix)


def company_checks(company: Config, now: datetime, *, runs: bool, thorough: bool) -> Iterator[Check]:
    """All of them, one after the other."""
    secrets = list(_secrets(company, now))
    yield from secrets
    if all(one.outcome == "good" for one in secrets):
        yield from _keys(company, now)
    else:
        yield Check(name="keys", outcome="unchecked", says="the secrets open them", fix="first mend the secrets")
    yield from _store(company, thorough=thorough)
    yield _disk(company)
    if not runs:
        yield from _ports(company)
    yield from _folder(company, "plans", ("*.yaml", "*.yml"), _plan, "battery-connector map check")
    yield from _folder(company, "policies", ("*.json",), _policy, "battery-connector policy check")
    yield from _exports(company)
    for name, value in company.unsafe:
        if value:
            yield Check(
                name=f"unsafe.{name}", outcome="warning", says=f"{_UNSAFE.get(name, 'a setting for trials')} ({value})",
                fix="take it out of [unsafe] before real data comes near",
            )  # fmt: skip


def running(company: Config) -> Check:
    """Whether a connector runs, is this company's, and is ready."""
    try:
        asked = Management(company.listen.management_port, "", _SECONDS).get("/health/ready")
    except PeerUnreachable as error:
        return Check(name="connector", outcome="warning", says="no connector runs: " + error.detail, fix=_START)
    except (ConnectorError, ValueError) as error:
        said = f"what answers on port {company.listen.management_port} is not ready, or no connector: {error}"
        return Check(name="connector", outcome="bad", says=said, fix="look into its log; end what else listens there")
    if asked.get("did") != company.did:
        said = f"on port {company.listen.management_port} runs {asked.get('name')}, {asked.get('did')}"
        return Check(name="connector", outcome="bad", says=said, fix="change [listen] management_port, or end that one")
    return good("connector", f"it runs and is ready on port {company.listen.port}")


def _secrets(company: Config, now: datetime) -> Iterator[Check]:
    try:
        opening = Register(company).opened_by(now)
    except ConnectorError as error:
        yield wrong("keys", error, "bring it back from a backup")
        return
    for variable in (*opening, MANAGEMENT_TOKEN_VARIABLE):
        try:
            secret(variable, company)
        except ConnectorError as error:
            yield wrong("secrets", error, "bring secrets.env back from a backup")
        else:
            yield good("secrets", f"{variable} is set, and its owner's alone")


def _keys(company: Config, now: datetime) -> Iterator[Check]:
    register = Register(company)
    try:
        open_id_key(company.keys.id_key, folder=company.folder)
        methods = open_keys(company, now).own.methods(now)
    except KeyUnreachable as error:
        yield wrong("keys", error, "bring the token back; the connector goes on by itself", "unchecked")
        return
    except ConnectorError as error:
        yield wrong("keys", error, "bring it back from a backup")
        return
    for one in methods:
        match standing(one, methods, now):
            case "signs":
                yield good("keys", f"{one.name} opens, and signs")
            case "next" if one.signs_from is not None:
                yield good("keys", f"{one.name} opens, and signs from {time_text(one.signs_from)} on")
            case "verifies" | "retired" if _still_there(register, one):
                yield Check(
                    name="keys", outcome="warning", says=f"{one.name} signs no more, and its private key is still kept",
                    fix=f"destroy {register.custody(one)}; its public half stays published",
                )  # fmt: skip


def _still_there(register: Register, former: OwnMethod) -> bool:
    try:
        return register.is_there(former)
    except (BadConfig, KeyUnreachable):
        return False  # its token was put away, as it should be


def _store(company: Config, *, thorough: bool) -> Iterator[Check]:
    scheme, _, rest = company.store.partition(":")
    if scheme != "sqlite":
        yield from _database(company)
        return
    path = company.path(rest)
    if not path.exists():
        yield good("store", f"there is no {path} yet: the first start makes it")
        return
    try:
        step, later = look(path, company.did)
        findings = backup.check_store(path, company.tenant)[2] if thorough else []
    except ConnectorError as error:
        yield wrong("store", error, "put a backup of the company in its place")
        return
    if path.stat().st_mode & _OTHERS:
        yield Check(name="store", outcome="bad", says=f"{path} is open to other users", fix=f"chmod 600 {path}")
    yield from _found("store", findings, "", "put a backup of the company in its place")
    if later:
        says = f"it has schema step {step}; the next start brings it to {later[-1]}"
        yield Check(name="store", outcome="warning", says=says, fix=f"battery-connector backup DIR, then {_START}")
    elif not findings:
        looked = "looked through whole" if thorough else "its content is looked through by --thorough"
        size = sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))
        yield good("store", f"{size / 1e6:,.1f} MB with schema step {step}; {looked}")
    if not later:
        with suppress(apsw.Error):  # the store is damaged, which was told
            yield from _offers(backup.datasets_in(path, company.tenant))
            yield from _orphans(company, lambda before: backup.own_credentials(path, company.tenant, before))


def _offers(datasets: list[DatasetRow]) -> Iterator[Check]:
    """What is offered under a policy that an older version took and this one refuses."""
    for row in datasets:
        if not row.withdrawn and (why := why_refused(row)):
            fix = f"change the policy, and publish under it anew; or: battery-connector withdraw {row.dataset_id}"
            says = f"{row.title} ({row.dataset_id}) opens nothing, because this version refuses its policy: {why}"
            yield Check(name="offers", outcome="bad", says=says, fix=fix)


def _database(company: Config) -> Iterator[Check]:
    password, datasets = known_secret(STORE_PASSWORD_VARIABLE, company), list[DatasetRow]()
    try:
        step, later = look_into(company.store, company=company.did, password=password)
        if not later:
            datasets = datasets_in(company.store, company.tenant, password=password)
    except ConnectorError as error:
        fix = "look at the database, and at `store` in the configuration"
        yield wrong("store", error, fix, "bad" if isinstance(error, BadConfig) else "unchecked")
        return
    if later and step:
        says = f"the database has schema step {step}; the next start brings it to {later[-1]}"
        yield Check(name="store", outcome="warning", says=says, fix=f"pg_dump, then {_START}")
    elif not step:
        yield good("store", "the database answers; the first start fills it")
    else:
        looked = "battery-connector evidence export, and verify, look through the chain in it"
        yield good("store", f"the database answers, with schema step {step}; {looked}")
    yield from _offers(datasets)
    if not later:
        yield from _orphans(
            company, lambda before: own_credentials(company.store, company.tenant, before, password=password)
        )


def _orphans(company: Config, credentials: Callable[[int], Iterable[tuple[str, bytes]]]) -> Iterator[Check]:
    """What we serve and a revoked key signed: looked for among what stands since before a key was revoked."""
    register = Register(company)
    try:
        methods = register.read() if register.path.exists() else ()  # without one nothing was revoked
    except ConnectorError:  # the check of the keys tells why
        return
    revoked = [one.revoked for one in methods if one.purpose == "assertionMethod" and one.revoked is not None]
    if not revoked:
        return
    gone, before = revoked_ids(methods, company.did), micros(max(revoked) + _READ_AGAIN)
    types = Counter(name for name, octets in credentials(before) if key_id_of(octets) in gone)
    if types:
        says = f"{counted(types.total(), 'credential')} of ours cannot be verified by anybody: signed by a revoked key"
        listed = ", ".join(f"{count} {name}" for name, count in sorted(types.items()))
        fix = 'battery-connector publish PLAN --policy P --correct "key revoked", or credential issue --correct'
        yield Check(name="credentials", outcome="bad", says=f"{says} ({listed})", fix=fix)


def _disk(company: Config) -> Check:
    place = company.path(company.files)
    while not place.exists():
        place = place.parent
    free, least = shutil.disk_usage(place).free, company.limits.min_free_bytes
    says = f"{free / 1e9:,.1f} GB are free at {place}; below {least / 1e9:,.1f} GB nothing is taken from peers"
    if free >= 2 * least:
        return good("disk", says)
    fix = "free some of it, or remove what is not needed any more: battery-connector discard"
    return Check(name="disk", outcome="warning" if free > least else "bad", says=says, fix=fix)


def _ports(company: Config) -> Iterator[Check]:
    listen = company.listen
    for host, port in ((listen.host, listen.port), ("127.0.0.1", listen.management_port)):
        try:
            with socket.create_server((host, port)):
                pass
        except OSError as error:
            yield Check(
                name="ports", outcome="bad", says=f"nothing can listen on {host}, port {port}: {error.strerror}",
                fix="end the program that listens there, or change [listen]",
            )  # fmt: skip
        else:
            yield good("ports", f"{host}, port {port} is free")


def _folder(
    company: Config, name: str, patterns: tuple[str, ...], findings_of: Callable[[Path], list[Finding]], command: str
) -> Iterator[Check]:
    """Every file of a folder, one check for all that are good. `command` tells more of one."""
    files = sorted(path for pattern in patterns for path in company.path(name).glob(pattern))
    fine = 0
    for path in files:
        try:
            findings = findings_of(path)
        except ConnectorError as error:
            says = f"{path}: {error.detail} {error.place.removeprefix(f'{path}, ')}".strip()
            yield Check(name=name, outcome="bad", says=says, fix=error.hint or f"{command} {path}")
            continue
        fine += not findings
        yield from _found(name, findings, f"{path}: ", f"{command} {path}")
    if fine or not files:
        yield good(name, f"{fine} in {company.path(name)} are good" if files else f"none in {company.path(name)}")


def _found(name: str, findings: list[Finding], where: str, fix: str) -> Iterator[Check]:
    for one in findings:
        yield Check(name=name, outcome="bad", says=f"{where}{one.message} [{one.code}]", fix=one.hint or fix)


def _plan(path: Path) -> list[Finding]:
    compiled, findings = checked_plan(path, load_bundle())
    for name in compiled.plan.queries():
        require_sql(name)
    return findings


def _policy(path: Path) -> list[Finding]:
    return list(checked_policy(path)[1])


def _exports(company: Config) -> Iterator[Check]:
    for name in company.exports:
        if not company.path(name).is_dir():
            fix = "make it, or change `exports` in the configuration"
            yield Check(name="exports", outcome="bad", says=f"there is no folder {company.path(name)}", fix=fix)
