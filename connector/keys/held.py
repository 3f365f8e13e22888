"""Our own party credentials (membership, roles, mandates): files in a folder, read when they are shown; what an issuer
brings is put there under the request's name.

A new file counts at once. One that is no credential, or not yet a whole one, is passed over and named in the log: it
must not take the others with it. Whether a credential is good is judged by whom it is shown to.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Collection, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TypeAlias

from connector.credentials.datamodel import parse_credential
from connector.credentials.refused import Refused
from connector.credentials.securing import has_proof

_log = logging.getLogger("connector.keys")
_Stamp: TypeAlias = tuple[str, int, int, int, int]
"""A file's name, number, size, and when it and what is said of it were changed."""


@dataclass(frozen=True, slots=True)
class Held:
    """A file of the folder. `shown`: whether peers get it; `problem`: what is wrong with it."""

    path: Path
    octets: bytes
    problem: str
    _: KW_ONLY
    shown: bool
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldCredentials:
    """Every `*.jwt` of the folder; `did` is whom they should be about."""

    folder: Path
    did: str
    _told: dict[Path, bytes] = field(default_factory=dict)
    """The octets about which something was logged: nothing is said twice of them."""
    _seen: dict[frozenset[_Stamp], list[Held]] = field(default_factory=dict)
    """What the files were when they were read last."""

    def __call__(self) -> tuple[bytes, ...]:
        """The credentials, by file name."""
        found = self.look()
        for one in found:
            if one.problem and self._told.get(one.path) != one.octets:
                self._told[one.path] = one.octets
                _log.warning("%s %s", one.path, one.problem)
        return tuple(one.octets for one in found if one.shown)

    async def keep(self, batch: str, credentials: Sequence[bytes], instead_of: Collection[bytes] = ()) -> None:
        """Implements `exchange.issuance.Wallet`: whole files, the earlier ones gone afterwards."""
        await asyncio.to_thread(self._keep, batch, credentials, instead_of)

    def _keep(self, batch: str, credentials: Sequence[bytes], instead_of: Collection[bytes] = ()) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        earlier = set(self.folder.glob(f"{batch}-*.jwt"))
        earlier.update(one.path for one in self.look() if one.octets in instead_of)
        for number, octets in enumerate(credentials):
            path = self.folder / f"{batch}-{number}.jwt"
            half = path.with_suffix(f".{secrets.token_hex(4)}.part")  # another may be writing the same one
            with half.open("wb") as out:
                out.write(octets)
                out.flush()
                os.fsync(out.fileno())
            half.replace(path)
            earlier.discard(path)
        for path in earlier:
            path.unlink(missing_ok=True)

    def types(self) -> set[str]:
        """The types of what is shown. Only who asks for one gets it."""
        return {kind for one in self.look() if one.shown for kind in one.types} - {"VerifiableCredential"}

    def look(self) -> list[Held]:
        """Everything in the folder, with what is wrong with it. It is looked at often, and read when it has news."""
        try:
            with os.scandir(self.folder) as entries:
                files = frozenset(_stamp(entry) for entry in entries if entry.name.endswith(".jwt"))
        except OSError:
            return [Held(self.folder, b"", "is no folder: there is nothing to show who we are", shown=False)]
        found = self._seen.get(files)
        if found is None:
            found = [self._read(self.folder / name) for name, *_ in sorted(files)]
            self._seen.clear()
            if all(one.octets for one in found):  # what could not be read is tried again
                self._seen[files] = found
        return found

    def _read(self, path: Path) -> Held:
        try:
            octets = path.read_bytes().strip()
        except OSError as error:
            return Held(path, b"", f"cannot be read: {error.strerror}", shown=False)
        try:
            compact = b"" if has_proof(octets) else octets  # the profile of DCP has no proofs inside
            credential = parse_credential(compact)
        except Refused as refused:
            said = f"is no credential: {refused}; one compact vc+jwt is expected"
            return Held(path, octets, said, shown=False)
        subject, types = credential.subject.get("id"), credential.types
        if subject != self.did:
            said = f"is about {subject}, not about us ({self.did}): it proves nothing of us"
            return Held(path, octets, said, shown=True, types=types)
        return Held(path, octets, "", shown=True, types=types)


def _stamp(entry: os.DirEntry[str]) -> _Stamp:
    try:
        found = entry.stat()
    except OSError:  # reading it says why
        return entry.name, 0, 0, 0, 0
    return entry.name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
