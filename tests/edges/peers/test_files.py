"""Exports from a folder: plain files only, whole, within limits; workbooks in a child that can be killed."""

from __future__ import annotations

import asyncio
import io
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import Workbook

from connector.errors import BadInput
from connector.mapping.engine import run
from connector.mapping.source import NumberCell, SourceFile
from connector.peers import files
from connector.peers.files import Exports
from tests.core.mapping.trial import CSV, mint, plan_of, workbook

VECTORS = Path(__file__).parents[2] / "vectors"
LISTED = plan_of(f"lots: {CSV.replace('*.csv', 'L_*.csv')}}}", "materialType: A")
BOOK = plan_of(
    'b: {file: "*.xlsx", format: xlsx, sheet: Data, locale: en, key: K}', "netMass: {from: M, unit: KGM}", "key: K"
)


async def test_files_in_name_order(tmp_path: Path) -> None:
    """Only what fits the pattern, in the order of names, with the digest of the bytes."""
    for name in ("L_2.csv", "L_1.csv", "M_1.csv", ".L_0.csv"):
        (tmp_path / name).write_bytes(b"LOT;A\n" + name.encode() + b";x\n")
    files = await Exports().read(LISTED, tmp_path)
    assert [file.name for file in files["lots"]] == ["L_1.csv", "L_2.csv"]
    assert len(files["lots"][0].digest) == 64
    assert [mapped.key for mapped in run(LISTED, files, mint=mint).mapped] == ["L_1.csv", "L_2.csv"]


async def test_nothing_there(tmp_path: Path) -> None:
    """No file and no folder are said, not passed over."""
    with pytest.raises(BadInput, match="fits"):
        await Exports().read(LISTED, tmp_path)
    with pytest.raises(BadInput, match="no folder"):
        await Exports().read(LISTED, tmp_path / "none")


async def test_only_plain_files(tmp_path: Path) -> None:
    """A link, a pipe, a folder and a file that is too large are refused before they are read."""
    secret = tmp_path / "secret"
    secret.write_text("LOT;A\n1;x\n")
    place = tmp_path / "L_1.csv"
    place.symlink_to(secret)
    with pytest.raises(BadInput, match="cannot be opened"):
        await Exports().read(LISTED, tmp_path)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(BadInput, match="no plain file"):
        await asyncio.wait_for(Exports().read(LISTED, tmp_path), 60)
    place.unlink()
    place.mkdir()
    with pytest.raises(BadInput, match="no plain file"):
        await Exports().read(LISTED, tmp_path)
    place.rmdir()
    place.write_bytes(b"x" * 11)
    with pytest.raises(BadInput, match="larger than 10"):
        await Exports(max_file_bytes=10).read(LISTED, tmp_path)


async def test_a_workbook_comes_back_from_its_child(tmp_path: Path) -> None:
    """Cells keep what they are, and the run reads them like any other."""
    (tmp_path / "b.xlsx").write_bytes(workbook([["K", "M"], ["001", 12.5]]))
    files = await Exports().read(BOOK, tmp_path)
    grid = files["b"][0].grid
    assert grid is not None
    assert isinstance(grid[1][1], NumberCell)
    (mapped,) = run(BOOK, files, mint=mint).mapped
    assert (mapped.key, mapped.subject["netMass"]) == ("001", {"type": "Quantity", "value": "12.5", "unit": "KGM"})


async def test_old_workbooks_go_the_same_way(tmp_path: Path) -> None:
    """An XLS is opened in the child; one that breaks its reader there is a finding, and is not opened here."""
    plan = plan_of('b: {file: "*.xls", format: xls, locale: en, key: Batch No}', "share: {from: Share Ni, unit: P1}",
                   "key: Batch No")  # fmt: skip
    data = (VECTORS / "workbooks" / "batches.xls").read_bytes()
    (tmp_path / "b.xls").write_bytes(data)
    files = await Exports().read(plan, tmp_path)
    assert files["b"][0].grid is not None
    assert [mapped.key for mapped in run(plan, files, mint=mint).mapped] == ["B1", "B2"]
    (tmp_path / "b.xls").write_bytes(data[:-10])
    (broken,) = (await Exports().read(plan, tmp_path))["b"]
    assert broken.broken is not None
    unopened = replace(broken, data=b"")
    assert [one.code for one in run(plan, {"b": [unopened]}, mint=mint).findings] == ["damaged-file"]


async def test_a_child_that_takes_too_long_or_too_much_is_ended(tmp_path: Path) -> None:
    """Time and memory are capped; the answer is a clear error within the limit."""
    (tmp_path / "b.xlsx").write_bytes(workbook([["K", "M"], ["001", 12.5]]))
    with pytest.raises(BadInput, match="seconds"):
        await Exports(workbook_seconds=0.001).read(BOOK, tmp_path)
    (tmp_path / "b.xlsx").write_bytes(_far_cell("XFD1048576"))
    with pytest.raises(BadInput, match=r"MiB|seconds"):
        await Exports(workbook_bytes=256 << 20).read(BOOK, tmp_path)


async def test_a_workbook_has_its_time_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of the clock, by which a child of a busy machine waits for its turn: a second of it ends this one."""
    file = SourceFile(name="b.xlsx", digest="", data=_far_cell("DKJ3000"))
    monkeypatch.setattr(files, "_SHARE", 600)
    with pytest.raises(BadInput, match=r"within 0\.9 seconds"):
        await Exports(workbook_seconds=0.9)._in_child(file, "Data")


def _far_cell(place: str) -> bytes:
    """A small workbook whose one far cell makes a reader span the whole grid; its sheet does not say so beforehand."""
    book = Workbook()
    page = book.create_sheet("Data", 0)
    page["A1"] = "K"
    page[place] = "x"
    saved, changed = io.BytesIO(), io.BytesIO()
    book.save(saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, re.sub(rb"<dimension [^>]*/>", b"", old.read(name)))
    return changed.getvalue()


async def test_a_broken_workbook_is_a_finding(tmp_path: Path) -> None:
    """What the child refuses is told by the run, with the file's name."""
    (tmp_path / "b.xlsx").write_bytes(workbook([["K"]], sheet="Other"))
    (tmp_path / "c.xlsx").write_bytes(b"PK\3\4 cut")
    result = run(BOOK, await Exports().read(BOOK, tmp_path), mint=mint)
    assert [(finding.code, finding.place.source) for finding in result.findings] == [("no-sheet", "b.xlsx")]
