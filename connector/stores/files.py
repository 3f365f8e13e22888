"""Files of a company on its disk, each under its digest: `exchange.streams.Files`.

A file comes as a part, is hashed while it is written, and gets its name when it is whole and durable; a part that was
cut stays, so that the next try goes on behind it. One at a time writes to a part, in all processes that share the
folder. Work on the disk runs in threads, a piece at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from weakref import WeakValueDictionary

from connector.credentials.digest import multibase
from connector.errors import BadInput, NotFound, Unavailable
from connector.exchange.streams import CHUNK_BYTES
from connector.stores.locking import locked

_LOOK_SECONDS = 0.2
_READABLE = "name a file that the connector may read"
_DIGEST = re.compile(r"u[A-Za-z0-9_-]{20,100}")


@dataclass(slots=True)
class _Open:
    """Implements `OpenFile`."""

    number: int
    size: int

    async def read(self, start: int, size: int) -> bytes:
        """So many bytes from there."""
        return await asyncio.to_thread(os.pread, self.number, size, start)


class _Part:
    """Implements `PartFile`."""

    def __init__(self, stream: BinaryIO, folder: Path) -> None:
        self.size = 0
        self._stream, self._folder = stream, folder
        self._hash = hashlib.sha256()

    def read_again(self) -> None:
        """Hash what is there already."""
        self._stream.seek(0)
        while piece := self._stream.read(CHUNK_BYTES):
            self._hash.update(piece)
            self.size += len(piece)

    async def write(self, octets: bytes) -> None:
        """Put more behind it."""
        await asyncio.to_thread(self._write, octets)

    async def restart(self) -> None:
        """Begin again."""
        self._hash, self.size = hashlib.sha256(), 0
        await asyncio.to_thread(self._stream.truncate, 0)

    async def digest(self) -> str:
        """Of what was written."""
        return multibase(self._hash.digest())

    async def keep(self) -> None:
        """Durable first, then named."""
        await asyncio.to_thread(self._keep, await self.digest())

    def _write(self, octets: bytes) -> None:
        rest = memoryview(octets)
        try:
            while rest:
                rest = rest[self._stream.write(rest) :]
        except OSError as error:
            raise Unavailable(f"the disk does not take the file: {error.strerror}") from None
        self._hash.update(octets)
        self.size += len(octets)

    def _keep(self, digest: str) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        Path(self._stream.name).replace(self._folder / digest)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(slots=True)
class FileStore:
    """Implements `exchange.streams.Files` in one folder, which is made when the first file comes."""

    folder: Path
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def add(self, source: Path, on_bytes: Callable[[int], None]) -> tuple[str, int]:
        """Keep a copy of a file: digest and size."""
        try:
            number = await asyncio.to_thread(os.open, source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise BadInput(f"{source}: {error.strerror}", hint=_READABLE) from None
        if not stat.S_ISREG(os.fstat(number).st_mode):  # of a pipe or a device nobody knows where it ends
            os.close(number)
            raise BadInput(f"{source} is a folder or a device, not a file", hint=_READABLE)
        with os.fdopen(number, "rb", buffering=0) as stream:
            before = os.fstat(number)
            async with self.part(f"add {source}") as part:
                await part.restart()
                try:
                    while piece := await asyncio.to_thread(stream.read, CHUNK_BYTES):
                        await part.write(piece)
                        on_bytes(part.size)
                except OSError as error:
                    raise BadInput(f"{source}: {error.strerror}") from None
                after = os.fstat(number)
                if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                    raise BadInput(f"{source} changed while it was read", hint="publish it again when it is written")
                digest = await part.digest()
                await part.keep()
                return digest, part.size

    async def size(self, digest: str) -> int | None:
        """The size of a kept file."""
        try:
            return (await asyncio.to_thread(self.path(digest).stat)).st_size
        except FileNotFoundError:
            return None

    @asynccontextmanager
    async def open(self, digest: str) -> AsyncIterator[_Open]:
        """Read a kept file."""
        try:
            number = await asyncio.to_thread(os.open, self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound("the file is not kept any more") from None
        try:
            yield _Open(number, os.fstat(number).st_size)
        finally:
            os.close(number)

    @asynccontextmanager
    async def part(self, key: str) -> AsyncIterator[_Part]:
        """The coming file of this key."""
        name = hashlib.sha256(key.encode()).hexdigest()
        async with self._turns.setdefault(name, asyncio.Lock()):
            while (stream := await asyncio.to_thread(self._opened, name)) is None:  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(_LOOK_SECONDS)
            try:
                part = _Part(stream, self.folder)
                await asyncio.to_thread(part.read_again)
                yield part
            finally:
                await asyncio.to_thread(stream.close)

    async def drop(self, digest: str) -> None:
        """Keep it no longer."""
        with suppress(FileNotFoundError):
            await asyncio.to_thread(os.unlink, self.path(digest))

    def path(self, digest: str) -> Path:
        """Where people find it."""
        if not _DIGEST.fullmatch(digest):
            raise NotFound("that is no digest of a file")
        return self.folder / digest

    async def room(self) -> int:
        """How many bytes the disk still takes."""
        return await asyncio.to_thread(self._room)

    def forget_parts(self, before: float) -> None:
        """Drop parts that nobody wrote to since then (seconds since the epoch): their fetch was given up."""
        for part in self.folder.glob("*.part"):
            with suppress(
                FileNotFoundError
            ):  # another process of the company gave it its name, or dropped it, just now
                if part.stat().st_mtime < before:
                    part.unlink()

    def _opened(self, name: str) -> BinaryIO | None:
        """The part, locked; None while another process of the company has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.part"
        stream = open(path, "a+b", buffering=0, opener=_own)  # noqa: SIM115 - `part` closes it
        if not locked(stream.fileno()):
            stream.close()
            return None
        if path.exists() and path.stat().st_ino == os.fstat(stream.fileno()).st_ino:
            return stream
        stream.close()  # whoever had it gave it its name, or dropped it, between opening and locking
        return self._opened(name)

    def _room(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free


def _own(path: str, flags: int) -> int:
    """What comes is nobody else's on this machine."""
    return os.open(path, flags, 0o600)
