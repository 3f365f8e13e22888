"""The register of our verification methods: a file beside the keys, written by `did rotate` and `did revoke` alone.

As long as there is none, the two keys of the configuration are all. It is replaced in one move, so that a running
connector, which reads it whenever it changes (`ring`), never sees half of it. What a rotation means is
`credentials.own_methods`' matter.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector.config import PASSPHRASE_VARIABLE, Config, secret
from connector.credentials import own_methods
from connector.credentials.own_methods import OwnMethod, Purpose
from connector.credentials.refused import Refused
from connector.credentials.signing import Signer
from connector.errors import BadConfig, BadInput
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
            assertion, authentication = (
                self._open_at(self.custody(OwnMethod(name="", purpose=purpose, public_jwk={})), "")
                for purpose in own_methods.PREFIXES
            )
            return own_methods.first_methods(assertion.public_jwk, authentication.public_jwk)
        try:
            return own_methods.parse_register(read_private(self.path, own_methods.REGISTER_LIMIT_BYTES))
        except Refused as refused:
            raise BadConfig(f"{self.path}: {refused.detail}", hint="bring it back from a backup") from None

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
        methods = self.read()
        name = own_methods.fresh_name(methods, purpose)
        wanted = OwnMethod(name=name, purpose=purpose, public_jwk={}, published=now, signs_from=signs_from)
        own_methods.rotated(methods, wanted, now)  # refused before a key is made
        new = self._made(wanted, algorithm or self._algorithm(methods, purpose, now))
        self._write(own_methods.rotated(methods, new, now))
        return new

    def revoke(self, name: str, *, now: datetime, reason: str) -> tuple[OwnMethod, OwnMethod]:
        """Publish a method no more. Returns it, and what signs from now on, which is made where there is none."""
        methods = self.read()
        heir, successor = own_methods.heir(methods, name, now), None
        revoked = own_methods.named(methods, name)
        own_methods.revoked(methods, name, now=now, reason=reason, successor=None)  # refused before a key is made
        if heir is None:
            fresh = own_methods.fresh_name(methods, revoked.purpose)
            wanted = OwnMethod(name=fresh, purpose=revoked.purpose, public_jwk={}, published=now, signs_from=now)
            successor = self._made(wanted, self._algorithm(methods, revoked.purpose, now))
        after = own_methods.revoked(methods, name, now=now, reason=reason, successor=successor)
        self._write(after)
        return own_methods.named(after, name), own_methods.signing(after, revoked.purpose, now)

    def _algorithm(self, methods: Sequence[OwnMethod], purpose: Purpose, now: datetime) -> str:
        return "EdDSA" if own_methods.signing(methods, purpose, now).public_jwk["kty"] == "OKP" else "ES256"

    def _made(self, wanted: OwnMethod, algorithm: str) -> OwnMethod:
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
        named = self.config.keys
        return method.custody or (named.assertion if method.purpose == "assertionMethod" else named.authentication)

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
        except OSError as error:
            raise BadInput(f"{self.path} cannot be written: {error.strerror}") from error
