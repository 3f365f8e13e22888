"""The keys of a company, opened: `OwnKeys` over the register, read anew when it changes, and the id key.

A rotation counts at once, without a restart. A register that cannot be used while the connector runs is named in the
log, and what was there before goes on: neither a slip in a file nor a full disk takes a company's signature away.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.config import Config
from connector.credentials.own_methods import OwnKeys, OwnMethod, Purpose, needed, signing
from connector.credentials.signing import Signer
from connector.errors import BadConfig, KeyUnreachable
from connector.keys.custody import open_id_key
from connector.keys.pkcs11 import TokenSigner
from connector.keys.register import Register

_log = logging.getLogger("connector.keys")
_State = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What signs, and the key that makes ids."""

    own: OwnKeys
    id_key: bytes

    @property
    def access_token_key(self) -> bytes:
        """The key of access tokens, derived from the id key, so that a restart keeps them good."""
        return hmac.digest(self.id_key, b"access-token", hashlib.sha256)

    @property
    def link_key(self) -> bytes:
        """The key that seals links to the catalogue's pages."""
        return hmac.digest(self.id_key, b"catalogue-link", hashlib.sha256)


def open_keys(config: Config, now: datetime) -> Keys:
    """Open the keys that sign now or later, and the id key. `BadConfig` names the one that does not open.

    `KeyUnreachable`: its token is away.
    """
    ring = KeyRing(register=Register(config))
    ring.open(now)
    ring.look()
    return Keys(own=ring, id_key=open_id_key(config.keys.id_key, folder=config.folder))


@dataclass(slots=True, kw_only=True)
class KeyRing:
    """Implements `OwnKeys`."""

    register: Register
    _methods: tuple[OwnMethod, ...] = ()
    _signers: dict[str, Signer] = field(default_factory=dict)
    _seen: _State = None
    _read: bool = False
    """Whether what is known comes from a register; without one there are the first two keys."""
    _path: str = field(init=False)

    def __post_init__(self) -> None:
        """Find the file once: each signature looks at it."""
        self._path = str(self.register.path)

    def open(self, now: datetime) -> None:
        """Read the register and open what signs now or later."""
        self._seen = _state(self._path)
        if self._seen is None and self._read:
            raise self.register.lost("this process has read it")
        methods = self.register.read()
        signers = {one.name: self._known(one) or self.register.open(one) for one in needed(methods, now)}
        self._methods, self._signers = methods, signers
        self._read = self._seen is not None

    def look(self) -> None:
        """Whether the keys in tokens could sign now. `KeyUnreachable` or `BadConfig` says why not."""
        for signer in self._signers.values():
            if isinstance(signer, TokenSigner):
                signer.look()

    def _known(self, method: OwnMethod) -> Signer | None:
        known = self._signers.get(method.name)
        return known if known and known.public_jwk == method.public_jwk else None

    def assertion(self, now: datetime) -> Signer:
        """The signer of credentials, status lists and their changes."""
        return self._signer("assertionMethod", now)

    def authentication(self, now: datetime) -> Signer:
        """The signer of tokens, presentations and receipts."""
        return self._signer("authentication", now)

    def methods(self, now: datetime) -> Sequence[OwnMethod]:
        """All that ever were."""
        self._look(now)
        return self._methods

    def _signer(self, purpose: Purpose, now: datetime) -> Signer:
        self._look(now)
        method = signing(self._methods, purpose, now)
        signer = self._signers.get(method.name)
        if signer is None:  # the clock went back over a switch
            signer = self._signers[method.name] = self.register.open(method)
        return signer

    def _look(self, now: datetime) -> None:
        """Take over what changed in the register."""
        if _state(self._path) == self._seen:
            return
        try:
            self.open(now)
        except (BadConfig, KeyUnreachable) as error:
            _log.error("the keys did not change: %s", error.detail)
        else:
            names = [one.name for one in needed(self._methods, now)]
            _log.info("the keys changed; in use now or later: %s", ", ".join(names))


def _state(path: str) -> _State:
    """What tells that a file was replaced."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the price of Path's
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
