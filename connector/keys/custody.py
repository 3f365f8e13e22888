"""Custody URIs: where a key lies. The scheme picks the adapter.

`file:/absolute/path.pem`, or `file:keys/name.pem` relative to the configuration's folder: an encrypted file (`file`).
`pkcs11:token=...;object=...?module-path=...` (RFC 7512): a key in a token, which it never leaves (`pkcs11`).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from connector.config import PASSPHRASE_VARIABLE, PIN_VARIABLE
from connector.credentials.signing import Signer
from connector.errors import BadConfig
from connector.keys import pkcs11_uri
from connector.keys.file import open_file, read_private
from connector.keys.pkcs11 import generate_in_token, is_in_token, open_token
from connector.keys.pkcs11_library import Pin
from connector.keys.pkcs11_uri import Pkcs11Uri
from connector.model import JsonObject

FILE = "file"
"""Asked for instead of a custody URI: a file beside the others."""
_ID_KEY_BYTES = 32
_KNOWN = f"file:keys/name.pem, or {pkcs11_uri.EXAMPLE}"

Secrets: TypeAlias = Callable[[str], str]
"""Gives the secret of a variable. `BadConfig`: there is none."""


def open_signer(
    uri: str, *, key_id: str, secrets: Secrets, folder: Path = Path(), public_jwk: JsonObject | None = None
) -> Signer:
    """The signer behind a custody URI. `BadConfig`: there is none.

    `public_jwk`: the public half that peers know. Another key in its place is refused: of a file here, of a token when
    it signs first, so that a token that is away keeps nobody waiting.
    """
    if in_token(uri):
        token = pkcs11_uri.parse(uri)
        return open_token(token, _pin(token, secrets), key_id=key_id, public_jwk=public_jwk)
    signer = open_file(_path(uri, folder), key_id=key_id, passphrase=secrets(PASSPHRASE_VARIABLE))
    if public_jwk is not None and signer.public_jwk != public_jwk:
        raise BadConfig(
            f"{uri} is not the key {key_id.rpartition('#')[2]} that peers know",
            hint="bring the former file back; a new key is made by `battery-connector did rotate`",
        )
    return signer


def in_token(uri: str) -> bool:
    """Whether the key lies, or is to lie, in a token."""
    return uri.startswith(f"{pkcs11_uri.SCHEME}:")


def token_of(uri: str) -> str:
    """The URI of the token alone that holds the key."""
    return str(pkcs11_uri.parse(uri).of_token)


def take(uri: str, *, alg: str, key_id: str, secrets: Secrets) -> tuple[str, JsonObject]:
    """The key that a `pkcs11:` URI names; where it names a token alone, one that is made there.

    Returns its custody URI and public JWK.
    """
    token = pkcs11_uri.parse(uri)
    pin = _pin(token, secrets)
    if token.names_key:
        return str(token), open_token(token, pin, key_id=key_id, public_jwk=None).public_jwk
    made, jwk = generate_in_token(token, pin, alg=alg, label=key_id)
    return str(made), jwk


def is_there(uri: str, *, secrets: Secrets, folder: Path) -> bool:
    """Whether the private key still lies there. `KeyUnreachable`: nobody can say now."""
    if in_token(uri):
        token = pkcs11_uri.parse(uri)
        return is_in_token(token, _pin(token, secrets))
    return _path(uri, folder).exists()


def opened_by(uri: str) -> str:
    """The variable of the secret that opens it, or nothing: a file of its own holds the PIN."""
    if not in_token(uri):
        return PASSPHRASE_VARIABLE
    return "" if pkcs11_uri.parse(uri).pin_source else PIN_VARIABLE


def _pin(uri: Pkcs11Uri, secrets: Secrets) -> Pin:
    def pin() -> str:
        if not uri.pin_source:
            return secrets(PIN_VARIABLE)
        path = Path(uri.pin_source.removeprefix("file:"))
        try:
            return read_private(path).decode("utf-8").strip()
        except UnicodeDecodeError:
            raise BadConfig(f"{path} holds no PIN: it is not UTF-8") from None

    return pin


def open_id_key(uri: str, *, folder: Path = Path()) -> bytes:
    """The tenant's id key: 32 bytes as base64url in a file that only its owner may read."""
    path = _path(uri, folder)
    text = read_private(path).strip().rstrip(b"=")
    try:
        octets = b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise BadConfig(f"{path} is not base64url") from error
    if len(octets) != _ID_KEY_BYTES:
        raise BadConfig(f"{path} holds {len(octets)} bytes instead of {_ID_KEY_BYTES}")
    return octets


def _path(uri: str, folder: Path) -> Path:
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme != "file":
        raise BadConfig(f"custody {scheme:.20} is not known here", hint=_KNOWN)
    if rest.startswith("//"):
        rest = rest.removeprefix("//")
        if not rest.startswith("/"):
            raise BadConfig(f"{uri:.120}: a file of another host", hint="file:/path/to/key.pem")
    if not rest:
        raise BadConfig("file: names no file", hint="file:keys/name.pem")
    return folder / rest
