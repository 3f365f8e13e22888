"""Ids that a re-run makes again and nobody can guess: `urn:uuid` version 8 (RFC 9562 section 5.8) from an HMAC-SHA-256.

The key is the tenant's id key, which never rotates. Version and variant take 6 of the 128 bits. Beside them: places in
a list, sealed, because the id at which a page ends may be of a record that its reader must not know of; and the ids
under which a dataset gives its units.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import digest
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from connector.credentials import base64url
from connector.credentials.refused import Refused

_VERSION_8 = 0x8 << 76
_VARIANT = 0x2 << 62
_FREE_BITS = ~((0xF << 76) | (0x3 << 62))
_UUID_BYTES = 16


def mint(id_key: bytes, tenant: str, kind: str, key: str) -> str:
    """The id of the thing or record of this kind and business key."""
    return _urn(id_key, "thing", tenant, kind, key)


def link_id(id_key: bytes, from_record: str, to_record: str, version: int) -> str:
    """The id of an upstream link from one of our records to a version of a record. It tells neither of them."""
    return _urn(id_key, "link", from_record, to_record, str(version))


def _urn(id_key: bytes, *parts: str) -> str:
    # each part with its length, so that no two lists of parts give the same message
    message = b"".join(len(octets).to_bytes(4, "big") + octets for octets in map(str.encode, parts))
    number = int.from_bytes(digest(id_key, message, sha256)[:_UUID_BYTES], "big")
    return UUID(int=number & _FREE_BITS | _VERSION_8 | _VARIANT).urn


def seal_place(key: bytes, place: str) -> str:
    """A place in a list as a reader may have it: equal places give equal texts, and none tells the place."""
    return base64url.encode(_siv(key).encrypt(place.encode(), None)).decode()


def open_place(key: bytes, sealed: str) -> str:
    """The place again. `Refused`: it is none of ours."""
    try:
        return _siv(key).decrypt(base64url.decode(sealed.encode()), None).decode()
    except (InvalidTag, ValueError) as bad:
        raise Refused("bad-place", "no place of ours") from bad


def unit_id(key: bytes, dataset_id: str, record_id: str) -> str:
    """The id under which a dataset gives one of its units: always the same, and it tells nothing of the record."""
    return base64url.encode(_siv(key, b"unit").encrypt(record_id.encode(), [dataset_id.encode()])).decode()


def open_unit(key: bytes, dataset_id: str, ident: str) -> str:
    """The record's id again. `Refused`: it is no id of a unit of this dataset."""
    try:
        return _siv(key, b"unit").decrypt(base64url.decode(ident.encode()), [dataset_id.encode()]).decode()
    except (InvalidTag, ValueError) as bad:
        raise Refused("bad-unit", "no unit of this dataset") from bad


def _siv(key: bytes, purpose: bytes = b"place") -> AESSIV:
    return AESSIV(digest(key, purpose, sha256))
