"""The container of an audit's bundle: a zip that anybody can open, in the one layout that is accepted back.

Entries are stored, not packed, in the order of their names, without times, attributes or extra fields (PKWARE APPNOTE
6.3.10, sections 4.3.7, 4.3.12, 4.3.16). So equal files give equal octets for ever, nothing can inflate, and whatever
two readers of zip could take for two different things is refused: what was read, written once more, must be what was
given. What the files mean is left to others; nothing is ever written to a disk.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from connector.errors import BadInput

MOST_BYTES: Final = 512 << 20
"""Of a whole container."""
MOST_FILES: Final = 60_000
_NAME: Final = re.compile(r"[a-z]{1,20}(?:/[A-Za-z0-9_-]{1,100})?\.(?:json|html|jws|jwt)", re.ASCII)
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION: Final = 10
_NO_TIME, _FIRST_DAY = 0, (1 << 5) | 1
"""Midnight of 1980-01-01: the beginning of zip's time."""
_HINT: Final = "give the file as `audit --bundle` wrote it; one that was packed again is another file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """The files by name. `damaged`: those whose octets are not the ones that their checksum was made over."""

    files: Mapping[str, bytes]
    damaged: tuple[str, ...]


def pack(files: Mapping[str, bytes]) -> bytes:
    """The container of these files. `BadInput`: more, or larger, than is accepted back."""
    if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES // 2:
        raise BadInput(
            f"{len(files)} files with {sum(map(len, files.values())) >> 20} MiB are too much for one bundle",
            hint="audit a part of the chain: a lot or a component instead of the whole battery",
        )
    return _laid_out([(name, files[name], zlib.crc32(files[name])) for name in sorted(files)])


def unpack(octets: bytes) -> Unpacked:
    """The files of a container. `BadInput`: it is none, or not in the accepted layout."""
    if len(octets) > MOST_BYTES:
        raise BadInput(f"the bundle has more than the {MOST_BYTES >> 20} MiB that are accepted", hint=_HINT)
    entries: list[tuple[str, bytes, int]] = []
    at = 0
    while octets[at : at + len(_LOCAL_MARK)] == _LOCAL_MARK:
        name, content, crc, at = _entry(octets, at)
        if not _NAME.fullmatch(name) or (entries and name <= entries[-1][0]):
            raise BadInput(f"the bundle has a file {name[:80]!r}: no such name, or not in its place", hint=_HINT)
        entries.append((name, content, crc))
        if len(entries) > MOST_FILES:
            raise BadInput(f"the bundle has more than {MOST_FILES} files", hint=_HINT)
    if not entries or _laid_out(entries) != octets:
        raise BadInput("this is no bundle of an audit, or it was changed", hint=_HINT)
    return Unpacked(
        files={name: content for name, content, _ in entries},
        damaged=tuple(name for name, content, crc in entries if zlib.crc32(content) != crc),
    )


def _entry(octets: bytes, at: int) -> tuple[str, bytes, int, int]:
    """Name, content, checksum and end of the entry that begins here."""
    begin = at + _LOCAL.size
    if begin > len(octets):
        raise BadInput("the bundle ends in the middle", hint=_HINT)
    *_, crc, _, size, name_size, _ = _LOCAL.unpack_from(octets, at)
    content = begin + name_size
    if content + size > len(octets):
        raise BadInput("the bundle ends in the middle", hint=_HINT)
    return octets[begin:content].decode("latin-1"), octets[content : content + size], crc, content + size


def _laid_out(entries: Iterable[tuple[str, bytes, int]]) -> bytes:
    parts: list[bytes] = []
    directory: list[bytes] = []
    at = 0
    for name, content, crc in entries:
        called, size = name.encode("latin-1"), len(content)
        told = (_VERSION, 0, 0, _NO_TIME, _FIRST_DAY, crc, size, size, len(called), 0)
        parts += [_LOCAL.pack(_LOCAL_MARK, *told), called, content]
        directory += [_CENTRAL.pack(_CENTRAL_MARK, _VERSION, *told, 0, 0, 0, 0, at), called]
        at += _LOCAL.size + len(called) + size
    listed, count = b"".join(directory), len(directory) // 2
    return b"".join([*parts, listed, _END.pack(_END_MARK, 0, 0, count, count, len(listed), at, 0)])
