"""A copy of a company that may be served in its place, made while its connector goes on working.

The store is copied in one reading transaction: it is the store as it was at one moment, its write-ahead log folded in.
The copy is marked as one (SQLite's `user_version`), so that whoever serves it knows that its original may have gone on.
After it come the other files of the company's folder as they are: what the store names by digest never changes. The
copy is then looked through: the store, the chain of its evidence, each file against its digest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import apsw

from connector.config import Config
from connector.credentials.digest import multibase
from connector.errors import BadInput, Unavailable
from connector.exchange.rows import DatasetRow, EvidenceRow
from connector.model import Finding, JsonObject, Place
from connector.provenance.evidence import GENESIS, check
from connector.stores.connection import reading
from connector.stores.records import DATASET
from connector.stores.statements import Shape, statements

OnProgress = Callable[[JsonObject], None]

_EVIDENCE = Shape(EvidenceRow)
_PAGE = 10_000
_BESIDE = ("", "-wal", "-shm", "-journal", ".lock")
"""What lies beside a store in use under its name: the copy of the store stands for all of it."""
_UNFINISHED = ".part"
_DAMAGED = "bring the newest good backup back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A finished copy. `newest`: the hash of the last entry of evidence, to be kept elsewhere; `outside`: folders that
    the configuration names and that are not in the copy, because they lie outside the company's.
    """

    folder: Path
    files: int
    octets: int
    entries: int
    newest: str
    outside: tuple[Path, ...]
    findings: tuple[Finding, ...]


def copy_company(company: Config, target: Path, tell: OnProgress) -> Backup:
    """Copy it all to a folder that does not exist; the folder has its name only when it is whole and on the disk."""
    if not company.store.startswith("sqlite:"):
        raise BadInput(
            "this company's store is no file: its database has a backup of its own",
            hint="pg_dump, and after it a copy of this folder: keys, secrets, and the files that the dump names",
        )
    source, store = company.folder.resolve(), company.path(company.store.removeprefix("sqlite:"))
    _refuse(company, source, store, target)
    if not target.parent.is_dir():
        raise BadInput(f"there is no folder {target.parent}", hint="make it first, or name another one")
    partial = Path(mkdtemp(prefix=f"{target.name}.", suffix=".partial", dir=target.parent))
    try:
        made = _copied(company, partial, tell)
        partial.replace(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync(target.parent)
    return replace(made, folder=target)


def _copied(company: Config, partial: Path, tell: OnProgress) -> Backup:
    source, store = company.folder.resolve(), company.path(company.store.removeprefix("sqlite:"))
    copy = partial / store.relative_to(source)
    _room_for(copy)
    tell({"done": "the store"})
    copy_store(store, copy)
    count, octets = 1, copy.stat().st_size
    if (held := company.path(company.held)).is_dir() and held.is_relative_to(source):
        _room_for(partial / held.relative_to(source) / "*")  # empty at first, and served without it is a fault
    for path in _others(source, {store.with_name(store.name + end) for end in _BESIDE}):
        place = partial / path.relative_to(source)
        _room_for(place)
        shutil.copy2(path, place)
        _sync(place)
        count, octets = count + 1, octets + place.stat().st_size
        tell({"done": count, "at": str(path.relative_to(source))})
    tell({"done": count, "at": "looking it through"})
    entries, newest, findings = check_store(copy, company.tenant)
    if not any(one.code == "store-damaged" for one in findings):
        findings += _unlike(copy, company, source, partial)
    findings += _left_behind(company, source)
    return Backup(
        folder=partial, files=count, octets=octets, entries=entries, newest=newest,
        outside=tuple(_outside(company, source)), findings=tuple(findings),
    )  # fmt: skip


def copy_store(path: Path, target: Path) -> None:
    """Copy the store at `path`, in use or not, to `target`, which must not exist."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))  # else it would get the mode of the mask
    try:
        with closing(reading(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        with closing(apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)) as copied:
            copied.execute(statements()["is_a_copy"])
    except apsw.FullError as error:
        hint = "make room where the copy goes, or name another place: nothing is wrong with the store"
        raise Unavailable(f"the store {path} cannot be copied: {error}", hint=hint) from error
    except apsw.Error as error:
        raise Unavailable(f"the store {path} cannot be copied: {error}", hint=_DAMAGED) from error
    _sync(target)


def check_store(path: Path, tenant: str) -> tuple[int, str, list[Finding]]:
    """Entries of evidence, the hash of the newest, and what is wrong in a store that nobody writes to."""
    entries, newest = 0, GENESIS
    try:
        with closing(reading(path)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
            if said != ["ok"]:
                return entries, newest, [_damaged("; ".join(said), path)]
            while rows := connection.execute(
                statements()["evidence"], {"tenant": tenant, "after": entries, "limit": _PAGE}
            ).fetchall():
                page = [_EVIDENCE.read(row) for row in rows]
                if broken := check(page, previous=newest, first=entries + 1):
                    return entries, newest, broken
                entries, newest = entries + len(page), page[-1].hash
    except apsw.Error as error:
        return entries, newest, [_damaged(str(error), path)]
    return entries, newest, []


def datasets_in(path: Path, tenant: str) -> list[DatasetRow]:
    """All datasets of a store, in use or not."""
    bindings = {"tenant": tenant, "after": "", "limit": -1}
    with closing(reading(path)) as connection:
        return [DATASET.read(row) for row in connection.execute(statements()["list_datasets"], bindings)]


def own_credentials(path: Path, tenant: str, before: int) -> Iterator[tuple[str, bytes]]:
    """Type and octets of each of our own that is served since before a time, of a store, in use or not."""
    with closing(reading(path)) as connection:
        for name, octets in connection.execute(statements()["own_credentials"], {"tenant": tenant, "before": before}):
            yield str(name), bytes(octets)


def _refuse(company: Config, source: Path, store: Path, target: Path) -> None:
    if not store.is_file():
        raise BadInput(f"there is no store {store}", hint="serve this company once: the first start makes it")
    if target.exists():
        raise BadInput(f"{target} is there already", hint="name a new folder: no backup is ever written over")
    if target.resolve().is_relative_to(source):
        raise BadInput(f"{target} is inside the company's folder", hint="keep the copy elsewhere")
    for one in (store, company.path(company.files)):
        if not one.is_relative_to(source):
            raise BadInput(f"{one} is outside the company's folder", hint="move it there, or copy it by other means")


def _others(source: Path, left_out: set[Path]) -> Iterator[Path]:
    """Files and what links to files, in order; what is being received is not whole yet."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and path not in left_out and path.suffix != _UNFINISHED:
            yield path


def _outside(company: Config, source: Path) -> Iterator[Path]:
    """What is not copied: folders elsewhere that the configuration names, and linked ones."""
    for name in company.exports:
        if not (place := company.path(name)).is_relative_to(source):
            yield place
    for path in sorted(source.rglob("*")):
        if path.is_symlink() and path.is_dir():
            yield path


def _left_behind(company: Config, source: Path) -> Iterator[Finding]:
    """What the copy cannot be served without: keys, and our own credentials."""
    keys = company.keys
    custody = (uri.removeprefix("file:") for uri in (keys.assertion, keys.authentication, keys.id_key))
    for place in map(company.path, (*custody, keys.methods, company.held)):
        if not place.is_relative_to(source):
            message = f"{place} is not in the copy: it lies outside the company's folder"
            hint = "copy it by other means, or move it there"
            yield Finding(code="not-copied", message=message, hint=hint, place=Place(source=str(place)))


def _unlike(copy: Path, company: Config, source: Path, partial: Path) -> list[Finding]:
    """Files that the store names and that are not in the copy, or are not what their digest says."""
    with closing(reading(copy)) as connection:
        named = connection.execute("SELECT DISTINCT digest, name FROM file WHERE tenant = ?", (company.tenant,))
        rows = [(str(digest), str(name)) for digest, name in named]
    findings = []
    for digest, name in rows:
        original = company.path(company.files) / digest
        kept = partial / original.relative_to(source)
        if not kept.exists():
            findings.append(_finding("file-missing", f"the file {name} is not there", original))
            continue
        with kept.open("rb") as stream:
            if multibase(hashlib.file_digest(stream, "sha256").digest()) != digest:
                findings.append(_finding("file-damaged", f"the file {name} is not what its digest says", original))
    return findings


def _finding(code: str, message: str, path: Path) -> Finding:
    hint = "fetch it again, or publish it again; an older backup may have it"
    return Finding(code=code, message=message, hint=hint, place=Place(source=str(path)))


def _damaged(message: str, path: Path) -> Finding:
    return Finding(code="store-damaged", message=message, hint=_DAMAGED, place=Place(source=str(path)))


def _room_for(place: Path) -> None:
    """The folders above it, for their owner alone."""
    for folder in reversed(place.parents):
        if not folder.exists():
            folder.mkdir(mode=0o700)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
