"""Keys in encrypted PKCS#8 files: made, opened, used. Nothing here ever writes a key in clear.

The file's mode must keep other users out, and a file that is not encrypted is refused: a backup of the folder gives no
key away.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from connector.credentials.signing import PublicKey
from connector.errors import BadConfig
from connector.keys.memory import MemorySigner, PrivateKey
from connector.model import JsonObject

_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_LIMIT_BYTES = 16_384
_P256 = SECP256R1.name
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def create_key(path: Path, alg: str, passphrase: str) -> JsonObject:
    """Make a key and its file, readable by its owner only; gives the public JWK. An existing file is never replaced."""
    if not passphrase:
        raise BadConfig("a key file needs a passphrase")
    key: PrivateKey
    if alg == "EdDSA":
        key = Ed25519PrivateKey.generate()
    elif alg == "ES256":
        key = generate_private_key(SECP256R1())
    else:
        raise BadConfig(f"unknown algorithm {alg}", hint="EdDSA or ES256")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BadConfig(f"{path} exists already", hint="keys are never overwritten; move the old one away") from error
    except OSError as error:
        raise BadConfig(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as out:
        out.write(pem)
        out.flush()
        os.fsync(out.fileno())
    return PublicKey(key.public_key()).as_jwk()


def open_file(path: Path, *, key_id: str, passphrase: str) -> MemorySigner:
    """The signer of a key file. `BadConfig` says what is wrong with the file, and never its content."""
    pem = read_private(path)
    if not pem.lstrip().startswith(_ENCRYPTED):
        raise BadConfig(f"{path} is not an encrypted PKCS#8 key", hint="`init` makes one; clear keys are refused")
    try:
        key = load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadConfig(f"{path} does not open", hint="wrong passphrase, or the file is damaged") from error
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, EllipticCurvePrivateKey) and key.curve.name == _P256):
        return MemorySigner(key, key_id)
    raise BadConfig(f"{path} holds a key of a kind that is not used here", hint="Ed25519 or P-256")


def read_private(path: Path, limit_bytes: int = _LIMIT_BYTES) -> bytes:
    """The content of a small file that only its owner may read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & _OTHERS:
                raise BadConfig(f"{path} is open to other users", hint=f"chmod 600 {path}")
            content = file.read(limit_bytes + 1)
    except OSError as error:
        hint = "[keys] of connector.toml names it; was it moved, or is it in a backup?"
        raise BadConfig(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if len(content) > limit_bytes:
        raise BadConfig(f"{path} is too large for what it should hold")
    return content
