"""Custody URIs: where a key lies. The scheme picks the adapter; `file:` is the one there is.

`file:/absolute/path.pem`, or `file:keys/name.pem` relative to the configuration's folder.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from pathlib import Path

from connector.credentials.signing import Signer
from connector.errors import BadConfig
from connector.keys.file import open_file, read_private

_ID_KEY_BYTES = 32


def open_signer(uri: str, *, key_id: str, passphrase: str, folder: Path = Path()) -> Signer:
    """The signer behind a custody URI. `BadConfig` if there is none."""
    return open_file(_path(uri, folder), key_id=key_id, passphrase=passphrase)


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
        raise BadConfig(f"custody {scheme:.20} is not known", hint="file:keys/name.pem")
    if rest.startswith("//"):
        rest = rest.removeprefix("//")
        if not rest.startswith("/"):
            raise BadConfig(f"{uri:.120}: a file of another host", hint="file:/path/to/key.pem")
    if not rest:
        raise BadConfig("file: names no file", hint="file:keys/name.pem")
    return folder / rest
