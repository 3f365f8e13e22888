"""What the mapping tests share: run a plan over bytes, with ids that can be read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from textwrap import dedent

from openpyxl import Workbook

from connector.mapping.engine import Result, run
from connector.mapping.plan import Plan, parse
from connector.mapping.source import SourceFile
from connector.model import Finding


def mint(kind: str, key: str) -> str:
    """An id that shows what it is made of."""
    return f"id:{kind}:{key}"


def file(name: str, data: bytes) -> SourceFile:
    """A file as the edge gives it."""
    return SourceFile(name=name, digest=hashlib.sha256(data).hexdigest(), data=data)


def plan_of(sources: str, document: str, header: str = "key: LOT") -> Plan:
    """A plan for material lots."""
    parts = [
        "mapping: trial/1\nrecord: MineralLotPassport\nsubject: MaterialLot",
        dedent(header).strip("\n"),
        "sources:",
        _indented(sources),
        "document:",
        _indented(document),
    ]
    return parse("\n".join(parts).encode())


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in dedent(text).strip("\n").splitlines())


def result_of(plan: Plan, **data: bytes | Sequence[bytes]) -> Result:
    """Run the plan; a source's bytes are its one file, several are its files in order."""
    files = {
        name: [
            file(f"{name}_{number}", each) for number, each in enumerate([given] if isinstance(given, bytes) else given)
        ]
        for name, given in data.items()
    }
    return run(plan, files, mint=mint)


def seen(finding: Finding) -> tuple[int, int, str, str, str]:
    """Record, line, column, value, code."""
    place = finding.place
    return place.record, place.line, place.column, place.value, finding.code


def workbook(rows: Sequence[Sequence[object]], sheet: str = "Data") -> bytes:
    """An XLSX file with one sheet."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


CSV = '{file: "*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, key: LOT'
