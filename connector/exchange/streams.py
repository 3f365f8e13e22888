"""Octets of any size, as protocols: files that lie outside of the store, and answers that are read as they come.

Nothing here is ever whole in memory. What a file means, and who may have it, is a row (`rows.FileRow`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from connector.exchange.ports import HttpAnswer

CHUNK_BYTES = 1 << 20
"""What is read, hashed and written at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpStream:
    """An answer whose body is read as it comes. `headers` are lower-case; `chunks` raises what `stream` raises."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Carrier(Protocol):
    """The guarded way out (`ports.Http`) for octets of any size."""

    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, idle_seconds: float = 30.0
    ) -> AbstractAsyncContextManager[HttpStream]:
        """GET whose body is read as it comes. `PeerUnreachable` and `AddressBlocked`, also while it is read."""

    async def upload(
        self,
        url: str,
        chunks: AsyncIterator[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        idle_seconds: float = 60.0,
    ) -> HttpAnswer:
        """POST octets; the answer is small. The same errors."""


class OpenFile(Protocol):
    """A kept file, open. It stays readable although it may be dropped meanwhile."""

    size: int

    async def read(self, start: int, size: int) -> bytes:
        """So many bytes from there, fewer at the end."""


class PartFile(Protocol):
    """A file that is still coming. What was written stays for the next try, unless it is kept or dropped."""

    size: int

    async def write(self, octets: bytes) -> None:
        """Put more behind it."""

    async def restart(self) -> None:
        """Begin again."""

    async def digest(self) -> str:
        """The digestMultibase of what was written."""

    async def keep(self) -> None:
        """It is whole: from now on it is found under its digest, durably."""


class Files(Protocol):
    """The files of one company, each under its digest."""

    async def add(self, source: Path, on_bytes: Callable[[int], None]) -> tuple[str, int]:
        """Keep a copy of a file: digest and size. `BadInput`: it can't be read, or changes meanwhile."""

    async def size(self, digest: str) -> int | None:
        """The size of a kept file, or None."""

    def open(self, digest: str) -> AbstractAsyncContextManager[OpenFile]:
        """Read a kept file. `NotFound`: it is not kept."""

    def part(self, key: str) -> AbstractAsyncContextManager[PartFile]:
        """The coming file of this key, with what is there of it. One at a time."""

    async def drop(self, digest: str) -> None:
        """Keep it no longer."""

    def path(self, digest: str) -> Path:
        """Where people find it."""

    def forget_parts(self, before: float) -> None:
        """Drop parts that nobody wrote to since then (seconds since the epoch): their fetch was given up."""

    async def room(self) -> int:
        """How many bytes can still be kept."""
