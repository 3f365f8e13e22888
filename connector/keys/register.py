"""The register of our verification methods: a file beside the keys, written by `did rotate` and `did revoke` alone.

As long as there is none, the two keys of the configuration are all; it is there before a third key is, so that one that
was lost is known by the keys that it left. It is replaced in one move, so that a running connector, which reads it
whenever it changes (`ring`), never sees half of it, and changed under a lock, so that no change undoes another. What a
rotation means is `credentials.own_methods`' matter.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector.config import PASSPHRASE_VARIABLE, Config, secret
from connector.credentials import own_methods
from connector.credentials.own_methods import OwnMethod, Purpose
from connector.credentials.refused import Refused
from connector.credentials.signing import Signer
from connector.errors import BadConfig, BadInput, Unavailable
from connector.keys.custody import open_signer
from connector.keys.file import create_key, read_private


@dataclass(frozen=True, slots=True)
class Register:
    """Of one company."""

    config: Config

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.config.path(self.config.keys.methods)

    def read(self) -> tuple[OwnMethod, ...]:
        """All methods. `BadConfig`: the file, or a key that the configuration names, cannot be used."""
        if not self.path.exists():
            self._check_never_was()
            assertion, authentication = (
                self._open_at(self.custody(OwnMethod(name="", purpose=purpose, public_jwk={})), "")
                for purpose in own_methods.PREFIXES
            )
            return own_methods.first_methods(assertion.public_jwk, authentication.public_jwk)
        try:
            return own_methods.parse_register(read_private(self.path, own_methods.REGISTER_LIMIT_BYTES))
        except Refused as refused:
            raise BadConfig(f"{self.path}: {refused.detail}", hint="bring it back from a backup") from None

    def _check_never_was(self) -> None:
        first = {self.config.path(self._first(purpose).removeprefix("file:")) for purpose in own_methods.PREFIXES}
        for prefix in own_methods.PREFIXES.values():
            for key in sorted(self.path.parent.glob(f"{prefix}-*.pem")):
                if key.resolve() not in first:
                    raise self.lost(f"{key.name} beside it was made by `did rotate` or `did revoke`")

    def lost(self, why: str) -> BadConfig:
        """The refusal to go on without a register that was there: a revoked key would be good again."""
        return BadConfig(
            f"{self.path} is gone, and with it what was revoked: {why}",
            hint="bring it back from a backup; if there never was one, move that key away",
        )

    def open(self, method: OwnMethod) -> Signer:
        """The signer of a method. `BadConfig` also where another key lies there than the one that peers know."""
        custody = self.custody(method)
        signer = self._open_at(custody, f"{self.config.did}#{method.name}")
        if signer.public_jwk != method.public_jwk:
            raise BadConfig(
                f"{custody} is not the key {method.name} that peers know",
                hint="bring the former file back; a new key is made by `battery-connector did rotate`",
            )
        return signer

    def rotate(self, purpose: Purpose, *, algorithm: str, now: datetime, signs_from: datetime) -> OwnMethod:
        """Make a key that is published from now on and signs later."""
        with self._alone():
            methods = self.read()
            name = own_methods.fresh_name(methods, purpose)
            wanted = OwnMethod(name=name, purpose=purpose, public_jwk={}, published=now, signs_from=signs_from)
            own_methods.rotated(methods, wanted, now)  # refused before a key is made
            new = self._made(methods, wanted, algorithm or self._algorithm(methods, purpose, now))
            self._write(own_methods.rotated(methods, new, now))
            return new

    def revoke(self, name: str, *, now: datetime, reason: str) -> tuple[OwnMethod, OwnMethod]:
        """Publish a method no more. Returns it, and what signs from now on, which is made where there is none."""
        with self._alone():
            return self._revoke(self.read(), name, now, reason)

    def _revoke(
        self, methods: Sequence[OwnMethod], name: str, now: datetime, reason: str
    ) -> tuple[OwnMethod, OwnMethod]:
        heir, successor = own_methods.heir(methods, name, now), None
        revoked = own_methods.named(methods, name)
        own_methods.revoked(methods, name, now=now, reason=reason, successor=None)  # refused before a key is made
        if heir is None:
            fresh = own_methods.fresh_name(methods, revoked.purpose)
            wanted = OwnMethod(name=fresh, purpose=revoked.purpose, public_jwk={}, published=now, signs_from=now)
            successor = self._made(methods, wanted, self._algorithm(methods, revoked.purpose, now))
        after = own_methods.revoked(methods, name, now=now, reason=reason, successor=successor)
        self._write(after)
        return own_methods.named(after, name), own_methods.signing(after, revoked.purpose, now)

    def _algorithm(self, methods: Sequence[OwnMethod], purpose: Purpose, now: datetime) -> str:
        return "EdDSA" if own_methods.signing(methods, purpose, now).public_jwk["kty"] == "OKP" else "ES256"

    def _made(self, methods: Sequence[OwnMethod], wanted: OwnMethod, algorithm: str) -> OwnMethod:
        if not self.path.exists():
            self._write(methods)
        folder, stem, tries = self.path.parent, wanted.name, 1
        while (folder / f"{stem}.pem").exists():  # left by a rotation that was cut off: nobody ever saw that key
            tries += 1
            stem = f"{wanted.name}.{tries}"
        jwk = create_key(folder / f"{stem}.pem", algorithm, secret(PASSPHRASE_VARIABLE, self.config))
        place = (folder / f"{stem}.pem").relative_to(self.config.folder)
        return OwnMethod(
            name=wanted.name, purpose=wanted.purpose, public_jwk=jwk, custody=f"file:{place.as_posix()}",
            published=wanted.published, signs_from=wanted.signs_from,
        )  # fmt: skip

    def custody(self, method: OwnMethod) -> str:
        """Where its private key lies, or lay."""
        return method.custody or self._first(method.purpose)

    def _first(self, purpose: Purpose) -> str:
        named = self.config.keys
        return named.assertion if purpose == "assertionMethod" else named.authentication

    def _open_at(self, custody: str, key_id: str) -> Signer:
        passphrase = secret(PASSPHRASE_VARIABLE, self.config)
        return open_signer(custody, key_id=key_id, passphrase=passphrase, folder=self.config.folder)

    def _write(self, methods: Sequence[OwnMethod]) -> None:
        beside = self.path.with_name(f".{self.path.name}.new")
        try:
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(own_methods.register(methods))
                out.flush()
                os.fsync(out.fileno())
            beside.replace(self.path)
            _keep_names(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> BadInput:
        return BadInput(f"{self.path} cannot be written: {error.strerror}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes it meanwhile. The system lets go of the lock when the process ends, however it ends."""
        try:
            handle = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            _lock(handle)
            yield
        except BlockingIOError as error:
            raise Unavailable(
                f"{self.path} is being changed by another `did rotate` or `did revoke`", hint="try again"
            ) from error
        finally:
            os.close(handle)


def _lock(handle: int) -> None:
    """`BlockingIOError`: another process, or another call, has it."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl  # noqa: PLC0415 - does not exist on Windows

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _keep_names(folder: Path) -> None:
    """Make sure that a power cut takes back no name in this folder."""
    if sys.platform == "win32":  # it opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
