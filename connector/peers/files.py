"""Export files of a plan, found and read: only plain files of the one folder, whole, within limits, not while written.

Workbooks are opened in a child process with caps on memory and time, because a small file can unpack to very much; the
child gives cells as text and is killed when it does not come back. What the bytes mean is left to `mapping/`; sources
that SQL makes of others come from `shaper.py`.
"""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import json
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import BadInput
from connector.mapping.source import SourceFile, Unreadable
from connector.mapping.workbook import check_package, is_workbook
from connector.model import Finding, Place
from connector.peers.workbook_child import MARKS

if TYPE_CHECKING:
    from connector.mapping.exports import Source
    from connector.mapping.plan import Plan

_SHARE = 4
"""By the clock a child may take so many times its own: a busy machine lets it have the processor now and then."""
_OUT_OF_TIME = -24
"""SIGXCPU, as a return code (Windows has neither the signal nor the limit)."""
_KINDS = {mark: kind for kind, mark in MARKS.items()}


def _aside(name: str) -> bool:
    """Hidden files, and what Excel lays beside a workbook while somebody has it open."""
    return name.startswith((".", "~$"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """Reads exports. Limits are the operator's; `workbook_seconds` are the processor's."""

    max_file_bytes: int = 512 << 20
    max_files: int = 10_000
    workbook_seconds: float = 30.0
    workbook_bytes: int = 2 << 30

    async def read(self, plan: Plan, *folders: Path, only_columns: bool = False) -> dict[str, list[SourceFile]]:
        """The files of each source and of each code list. Raises `BadInput` where there is none.

        `only_columns`: SQL is tried on headers alone.
        """
        found: dict[str, list[SourceFile]] = {}
        for name, pattern in plan.patterns().items():
            files = await self.read_pattern(pattern, *folders)
            source = plan.sources.get(name)
            if source is not None and source.is_workbook:
                files = [await self._opened(file, source) for file in files]
            found[name] = files
        for name in plan.queries():
            from connector.peers.shaper import Shaper  # noqa: PLC0415 - a start need not wait for it (`readiness`)

            found[name] = [await Shaper().make(plan, name, found, only_columns=only_columns)]
        return found

    async def read_pattern(self, pattern: str, *folders: Path) -> list[SourceFile]:
        """The files whose name fits, in name order."""
        paths = await asyncio.to_thread(self._find, folders, pattern)
        return [await asyncio.to_thread(self._read, path) for path in paths]

    async def read_one(self, path: Path, sheet: str) -> SourceFile:
        """One file by its name; of a workbook this sheet, its name or its number from 1."""
        file = await asyncio.to_thread(self._read, path)
        return await self.opened(file, sheet) if is_workbook(file.data) else file

    def _find(self, folders: tuple[Path, ...], pattern: str) -> list[Path]:
        found: list[Path] = []
        for folder in folders:
            if not folder.is_dir():
                raise BadInput(f"There is no folder {folder}.", place=str(folder))
            names = (path.name for path in folder.iterdir())
            found += [folder / name for name in names if fnmatch.fnmatchcase(name, pattern) and not _aside(name)]
        if not found:
            where = ", ".join(map(str, folders))
            raise BadInput(f"No file in {where} fits `{pattern}`.", hint="is the export there, and is its name right?")
        if len(found) > self.max_files:
            raise BadInput(f"More than {self.max_files} files fit `{pattern}`.")
        return sorted(found, key=lambda path: (path.name, str(path)))

    def _read(self, path: Path) -> SourceFile:
        """The whole file. A link, a pipe or a device is refused; so is a file that changes while it is read."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            handle = os.open(path, flags)
        except OSError as error:
            raise BadInput(
                f"{path.name} cannot be opened: {error.strerror}.",
                place=str(path),
                hint="links are not followed" if path.is_symlink() else "is it there, and may you read it?",
            ) from error
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            os.close(handle)
            hint = "name a file in it" if stat.S_ISDIR(before.st_mode) else "copy what it gives into a file"
            raise BadInput(f"{path.name} is no plain file.", place=str(path), hint=hint)
        with os.fdopen(handle, "rb") as stream:
            if before.st_size > self.max_file_bytes:
                hint = "export it in parts: a source reads all files that fit its pattern"
                raise BadInput(f"{path.name} is larger than {self.max_file_bytes} bytes.", place=str(path), hint=hint)
            data = stream.read(self.max_file_bytes + 1)
            after = os.fstat(stream.fileno())
        if len(data) != before.st_size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            raise BadInput(
                f"{path.name} changed while it was read.", hint="wait until the export is written", place=str(path)
            )
        return SourceFile(name=path.name, digest=hashlib.sha256(data).hexdigest(), data=data)

    async def _opened(self, file: SourceFile, source: Source) -> SourceFile:
        """The workbook's cells. A finding about the file is kept for the run to tell."""
        try:
            return await self.opened(file, source.sheet)
        except Unreadable as broken:
            return replace(file, broken=broken.finding)

    async def opened(self, file: SourceFile, sheet: str) -> SourceFile:
        """The cells of a workbook's sheet, from the child. Raises `Unreadable`."""
        check_package(file, file.data)
        return _read_sheet(await self._in_child(file, sheet), file)

    async def _in_child(self, file: SourceFile, sheet: str) -> bytes:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "connector.peers.workbook_child", sheet, str(self.workbook_bytes),
            str(int(self.workbook_seconds) + 1),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            answer, _ = await asyncio.wait_for(child.communicate(file.data), self.workbook_seconds * _SHARE)
        except TimeoutError:
            raise self._too_long(file) from None
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode == _OUT_OF_TIME:
            raise self._too_long(file)
        if child.returncode:
            raise BadInput(
                f"{file.name} needs more than {self.workbook_bytes >> 20} MiB, or breaks its reader.",
                hint="split the workbook, or export it as CSV",
                place=file.name,
            )
        return answer

    def _too_long(self, file: SourceFile) -> BadInput:
        return BadInput(
            f"{file.name} was not read within {self.workbook_seconds:g} seconds.",
            hint="split the workbook, or export it as CSV",
            place=file.name,
        )


def _read_sheet(answer: bytes, file: SourceFile) -> SourceFile:
    told = json.loads(answer)
    if "finding" in told:
        raise Unreadable(Finding(**told["finding"], place=Place(source=file.name)))
    grid = tuple(tuple(_KINDS[cell[0]](cell[1:]) for cell in row) for row in told["rows"])
    place = Place(source=file.name, sheet=told["sheet"])
    remarks = tuple(Finding(**remark, place=place) for remark in told["remarks"])
    return SourceFile(name=file.name, digest=file.digest, grid=grid, sheet=place.sheet, remarks=remarks)
