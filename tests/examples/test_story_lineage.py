"""Lineage of the story: every cell that a value is led back to really stands there, under that column."""

import pytest

from connector.mapping.engine import run
from connector.mapping.plan import parse
from connector.mapping.reading import open_table
from connector.mapping.source import SourceFile
from tests.examples.rehearsal import FOLDER

PLANS = sorted(FOLDER.glob("*/plans/*.yaml"))


def files_of(folder: str, pattern: str) -> list[SourceFile]:
    """The exports that fit; workbooks are opened by another process and left out here."""
    return [
        SourceFile(name=path.name, digest=path.name, data=path.read_bytes())
        for path in sorted((FOLDER / folder).glob(f"*/**/{pattern}"))
        if path.suffix != ".xlsx"
    ]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_cell_stands_where_lineage_says(path: object) -> None:
    """For each value of each document: file, line and column hold the text that lineage tells."""
    plan_path = next(one for one in PLANS if one == path)
    plan = parse(plan_path.read_bytes())
    files = {name: files_of(plan_path.parts[-3], pattern) for name, pattern in plan.patterns().items()}
    if any(source.format == "xlsx" for source in plan.sources.values()) or not all(files.values()):
        pytest.skip("its exports are workbooks, or come later in the story")
    rows: dict[tuple[str, int, int], list[dict[str, str]]] = {}
    for name, source in plan.sources.items():
        table = open_table(name, source, files[name])
        for row in table.rows:
            place = (row.origin.file, row.line, row.record)
            rows.setdefault(place, []).append(dict(zip(table.columns, row.cells, strict=False)))
    for mapped in run(plan, files, mint=lambda kind, key: f"id:{kind}:{key}").mapped:
        for pointer, cells in mapped.lineage.cells().items():
            for cell in cells:
                standing = rows[cell.file, cell.line, cell.record]
                assert any(row.get(cell.column) == cell.value for row in standing), (pointer, cell)
