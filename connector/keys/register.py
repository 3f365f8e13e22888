"""The register of our verification methods: a file beside the keys, written by `did rotate` and `did revoke` (and
by `init`, where the keys are in a token).

As long as there is none, the two keys of the configuration are all; it is there before a third key is, so that one that
was lost is known by the keys that it left (of one in a token: by a mark beside, `assertion-2.uri`). It is replaced in
one move, so that a running connector, which reads it whenever it changes (`ring`), never sees half of it, and changed
under a lock, so that no change undoes another. What a rotation means is `credentials.own_methods`' matter.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from connector.config import PASSPHRASE_VARIABLE, Config, secret
from connector.credentials import own_methods
from connector.credentials.own_methods import OwnMethod, Purpose
from connector.credentials.refused import Refused
from connector.credentials.signing import Signer
from connector.errors import BadConfig, BadInput, Unavailable
from connector.keys.custody import FILE, in_token, is_there, open_signer, opened_by, take, token_of
from connector.keys.file import create_key, read_private
from connector.model import JsonObject

_MARK: Final = ".uri"
"""Of a file beside the register that says that a key in a token was taken: it makes a lost register known."""


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
            for key in sorted(self.path.parent.glob(f"{prefix}-*")):
                if key.suffix in {".pem", _MARK} and key.resolve() not in first:
                    raise self.lost(f"{key.name} beside it was made by `did rotate` or `did revoke`")

    def lost(self, why: str) -> BadConfig:
        """The refusal to go on without a register that was there: a revoked key would be good again."""
        return BadConfig(
            f"{self.path} is gone, and with it what was revoked: {why}",
            hint="bring it back from a backup; if there never was one, move that key away",
        )

    def open(self, method: OwnMethod) -> Signer:
        """The signer of a method. `BadConfig` also where another key lies there than the one that peers know."""
        return self._open_at(self.custody(method), f"{self.config.did}#{method.name}", method.public_jwk)

    def is_there(self, method: OwnMethod) -> bool:
        """Whether the private key of a method still lies where it lay. `KeyUnreachable`: nobody can say now."""
        return is_there(self.custody(method), secrets=self._secret, folder=self.config.folder)

    def opened_by(self, now: datetime) -> list[str]:
        """The variables of the secrets that open what is in use."""
        uris = set(map(self._first, own_methods.PREFIXES))
        if self.path.exists():
            uris = {self.custody(one) for one in own_methods.needed(self.read(), now)}
        return sorted(filter(None, set(map(opened_by, uris))))

    def begin(self, methods: Sequence[OwnMethod]) -> None:
        """Write the list of a new company, so that its keys are known while their token is away."""
        self._write(methods)

    def rotate(
        self, purpose: Purpose, *, algorithm: str, now: datetime, signs_from: datetime, place: str = ""
    ) -> OwnMethod:
        """Make a key that is published from now on and signs later. `place`: as `did rotate --custody` says."""
        with self._alone():
            methods = self.read()
            name = own_methods.fresh_name(methods, purpose)
            wanted = OwnMethod(name=name, purpose=purpose, public_jwk={}, published=now, signs_from=signs_from)
            own_methods.rotated(methods, wanted, now)  # refused before a key is made
            new = self._made(methods, wanted, now, algorithm, place)
            self._write(own_methods.rotated(methods, new, now))
            return new

    def revoke(self, name: str, *, now: datetime, reason: str, place: str = "") -> tuple[OwnMethod, OwnMethod]:
        """Publish a method no more. Returns it, and what signs from now on, which is made where there is none."""
        with self._alone():
            return self._revoke(self.read(), name, now, reason, place)

    def _revoke(
        self, methods: Sequence[OwnMethod], name: str, now: datetime, reason: str, place: str
    ) -> tuple[OwnMethod, OwnMethod]:
        heir, successor = own_methods.heir(methods, name, now), None
        revoked = own_methods.named(methods, name)
        own_methods.revoked(methods, name, now=now, reason=reason, successor=None)  # refused before a key is made
        if heir is None:
            fresh = own_methods.fresh_name(methods, revoked.purpose)
            wanted = OwnMethod(name=fresh, purpose=revoked.purpose, public_jwk={}, published=now, signs_from=now)
            successor = self._made(methods, wanted, now, "", place)
        after = own_methods.revoked(methods, name, now=now, reason=reason, successor=successor)
        self._write(after)
        return own_methods.named(after, name), own_methods.signing(after, revoked.purpose, now)

    def _made(
        self, methods: Sequence[OwnMethod], wanted: OwnMethod, now: datetime, algorithm: str, place: str
    ) -> OwnMethod:
        """With a key of its own: where `place` says, else beside the one that signs now, and of its kind."""
        former = own_methods.signing(methods, wanted.purpose, now)
        place = place or (token_of(self.custody(former)) if in_token(self.custody(former)) else FILE)
        if not self.path.exists():
            self._write(methods)
        kind = algorithm or _kind(former.public_jwk)
        uri, jwk = self._in_file(wanted, kind) if place == FILE else self._in_token(wanted, kind, place)
        if any(one.public_jwk == jwk for one in methods):
            raise BadInput(f"{uri} is a key of ours already", hint="name another; or the token alone, and one is made")
        if algorithm not in {"", _kind(jwk)}:
            raise BadInput(f"{uri} is a key for {_kind(jwk)}, not for {algorithm}")
        return replace(wanted, public_jwk=jwk, custody=uri)

    def _in_file(self, wanted: OwnMethod, algorithm: str) -> tuple[str, JsonObject]:
        path = self._unused(wanted, ".pem")
        jwk = create_key(path, algorithm, self._secret(PASSPHRASE_VARIABLE))
        return f"file:{path.relative_to(self.config.folder).as_posix()}", jwk

    def _in_token(self, wanted: OwnMethod, algorithm: str, place: str) -> tuple[str, JsonObject]:
        uri, jwk = take(place, alg=algorithm, key_id=f"{self.config.did}#{wanted.name}", secrets=self._secret)
        self._unused(wanted, _MARK).write_text(f"{uri}\n", "utf-8")
        return uri, jwk

    def _unused(self, wanted: OwnMethod, suffix: str) -> Path:
        folder, stem, tries = self.path.parent, wanted.name, 1
        while (folder / f"{stem}{suffix}").exists():  # left by a rotation that was cut off: nobody ever saw that key
            tries += 1
            stem = f"{wanted.name}.{tries}"
        return folder / f"{stem}{suffix}"

    def custody(self, method: OwnMethod) -> str:
        """Where its private key lies, or lay."""
        return method.custody or self._first(method.purpose)

    def _first(self, purpose: Purpose) -> str:
        named = self.config.keys
        return named.assertion if purpose == "assertionMethod" else named.authentication

    def _open_at(self, uri: str, key_id: str, public_jwk: JsonObject | None = None) -> Signer:
        folder = self.config.folder
        return open_signer(uri, key_id=key_id, secrets=self._secret, folder=folder, public_jwk=public_jwk)

    def _secret(self, variable: str) -> str:
        return secret(variable, self.config)

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


def _kind(jwk: JsonObject) -> str:
    return "EdDSA" if jwk["kty"] == "OKP" else "ES256"


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
