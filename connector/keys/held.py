"""Our own party credentials (membership, roles, mandates): files in a folder, read when they are shown.

A new file counts at once. One that is no credential, or not yet a whole one, is passed over and named in the log: it
must not take the others with it. Whether a credential is good is judged by whom it is shown to.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from connector.credentials.datamodel import parse_credential
from connector.credentials.refused import Refused
from connector.credentials.securing import has_proof

_log = logging.getLogger("connector.keys")


@dataclass(frozen=True, slots=True)
class HeldCredentials:
    """Every `*.jwt` of the folder; `did` is whom they should be about."""

    folder: Path
    did: str
    _told: dict[Path, bytes] = field(default_factory=dict)
    """The octets about which something was logged: nothing is said twice of them."""

    def __call__(self) -> tuple[bytes, ...]:
        """The credentials, by file name."""
        if not self.folder.is_dir():
            self._say(self.folder, b"", "is no folder: there is nothing to show who we are")
        return tuple(octets for path in sorted(self.folder.glob("*.jwt")) if (octets := self._read(path)))

    def _read(self, path: Path) -> bytes:
        """One credential; nothing if it is none."""
        octets = b""
        try:
            octets = path.read_bytes().strip()
            compact = b"" if has_proof(octets) else octets  # the profile of DCP has no proofs inside
            subject = parse_credential(compact).subject.get("id")
        except OSError as error:
            self._say(path, octets, f"cannot be read: {error.strerror}")
            return b""
        except Refused as refused:
            self._say(path, octets, f"is no credential: {refused}; one compact vc+jwt is expected")
            return b""
        if subject != self.did:
            self._say(path, octets, f"is about {subject}, not about us ({self.did}): it proves nothing of us")
        return octets

    def _say(self, path: Path, octets: bytes, what: str) -> None:
        if self._told.get(path) != octets:
            self._told[path] = octets
            _log.warning("%s %s", path, what)
