"""The PKCS #11 URI (RFC 7512): which key of which token, through which library, and where its PIN is.

    pkcs11:token=refiner;object=assertion;type=private?module-path=/usr/lib/softhsm/libsofthsm2.so

Read strictly: an attribute that nobody here knows could have named another key, so it is refused (section 2.3 wants it
not to match). A PIN in the URI is refused too: the configuration is no place for a secret. What the URI leads to is
`pkcs11`'s matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from connector.errors import BadConfig

SCHEME: Final = "pkcs11"
EXAMPLE: Final = "pkcs11:token=refiner?module-path=/usr/lib/softhsm/libsofthsm2.so"
_PATH: Final = ("token", "manufacturer", "serial", "model", "object", "id", "type")
_QUERY: Final = ("module-path", "pin-source")
_FREE: Final = "/:[]@!$'()*+,="
"""What a value may hold as it is beside letters and digits (section 2.3)."""
_NO_CODE: Final = re.compile("%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Uri:
    """An empty attribute says nothing."""

    token: str = ""
    manufacturer: str = ""
    serial: str = ""
    model: str = ""
    object: str = ""
    """The label of the key."""
    id: bytes = b""
    """Its `CKA_ID`."""
    module_path: str = ""
    pin_source: str = ""
    """`file:/path` of a file that holds the PIN; without it the PIN is a secret of the environment."""

    @property
    def names_key(self) -> bool:
        """Whether it names a key, and not the token alone."""
        return bool(self.object or self.id)

    @property
    def of_token(self) -> Pkcs11Uri:
        """The same without the key."""
        return replace(self, object="", id=b"")

    def __str__(self) -> str:
        """As it stands in the configuration."""
        path = [f"{name}={_quoted(getattr(self, name))}" for name in _PATH[:-1] if getattr(self, name)]
        path += ["type=private"] if self.names_key else []
        asked = [f"module-path={_quoted(self.module_path)}"]
        asked += [f"pin-source={_quoted(self.pin_source)}"] if self.pin_source else []
        return f"{SCHEME}:{';'.join(path)}?{'&'.join(asked)}"


def parse(text: str) -> Pkcs11Uri:
    """Read a URI. `BadConfig` says what is wrong with it, and never repeats a PIN."""
    scheme, _, rest = text.partition(":")
    if scheme != SCHEME:
        raise BadConfig(f"custody {scheme:.20} is no PKCS #11 URI", hint=EXAMPLE)
    path, _, query = rest.partition("?")
    found = {**_attributes(path, ";", _PATH), **_attributes(query, "&", _QUERY)}
    if found.get("type", b"private") != b"private":
        raise BadConfig("pkcs11: the key that signs has type=private", hint=EXAMPLE)
    texts = {name: _text(name, found.get(name, b"")) for name in (*_PATH[:5], *_QUERY)}
    if not texts["token"] and not texts["serial"]:
        raise BadConfig("pkcs11: it names no token, neither by label nor by serial number", hint=EXAMPLE)
    if not texts["module-path"].startswith("/"):
        raise BadConfig("pkcs11: module-path has to be the whole path of the token's library", hint=EXAMPLE)
    if texts["pin-source"] and not texts["pin-source"].startswith("file:/"):
        raise BadConfig("pkcs11: pin-source has to be a file", hint="pin-source=file:/etc/connector/pin")
    return Pkcs11Uri(
        token=texts["token"], manufacturer=texts["manufacturer"], serial=texts["serial"], model=texts["model"],
        object=texts["object"], id=found.get("id", b""), module_path=texts["module-path"],
        pin_source=texts["pin-source"],
    )  # fmt: skip


def _attributes(text: str, separator: str, known: tuple[str, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise BadConfig(
                "pkcs11: a PIN never stands in the configuration", hint="pin-source=file:/path, or a secret"
            )
        if name not in known or not equals:
            raise BadConfig(f"pkcs11: {name:.40} is not known here", hint=f"one of {', '.join((*_PATH, *_QUERY))}")
        if name in found:
            raise BadConfig(f"pkcs11: {name} stands there twice")
        if _NO_CODE.search(value):
            raise BadConfig(f"pkcs11: {name} has a % that begins no code of two digits")
        found[name] = unquote_to_bytes(value)
    return found


def _text(name: str, octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadConfig(f"pkcs11: {name} is not UTF-8") from None


def _quoted(value: str | bytes) -> str:
    return quote(value, safe=_FREE) if isinstance(value, str) else "".join(f"%{octet:02x}" for octet in value)
