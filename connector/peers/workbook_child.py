"""The process that opens a workbook: bytes on standard input, cells as JSON on standard output, within limits.

Started by `files.py`, once per workbook; it caps its own memory and CPU time before it reads anything.
"""

from __future__ import annotations

import json
import sys

from connector.mapping.source import DateCell, NumberCell, PercentCell, SourceFile, Unreadable
from connector.mapping.workbook import opened
from connector.model import Finding

MARKS = {NumberCell: "n", PercentCell: "p", DateCell: "d", str: "t"}
"""What stands before each cell in the answer: its kind."""


def cap(memory_bytes: int = 0, cpu_seconds: int = 0, *, closed: bool = False) -> None:
    """Limit this process, for good: memory and CPU time, and, `closed`, whatever opens or writes a file or a socket."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows; the parent's time limit holds there too
    except ImportError:
        return
    if closed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        return
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))  # at the first SIGXCPU, which says why
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _marked(cell: str) -> str:
    return MARKS[type(cell)] + cell


def _told(found: Finding) -> dict[str, str]:
    return {"code": found.code, "message": found.message, "hint": found.hint}


def main(sheet: str, memory_bytes: int, cpu_seconds: int) -> None:
    """Read one workbook."""
    cap(memory_bytes, cpu_seconds)
    file = SourceFile(name="workbook", digest="", data=sys.stdin.buffer.read())
    answer: dict[str, object]
    try:
        read = opened(file, sheet)
        answer = {
            "rows": [[_marked(cell) for cell in row] for row in read.grid or ()],
            "sheet": read.sheet,
            "remarks": [_told(remark) for remark in read.remarks],
        }
    except Unreadable as broken:
        answer = {"finding": _told(broken.finding)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
