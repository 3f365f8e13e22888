"""Lineage of the story: every cell that a value is led back to really stands there, under that column."""

import pytest

from connector.mapping.engine import run
from connector.mapping.plan import Plan, parse
from connector.mapping.reading import open_table
from connector.mapping.source import SourceFile
from connector.mapping.workbook import opened
from tests.examples.rehearsal import FOLDER

PLANS = sorted(FOLDER.glob("*/plans/*.yaml"))


def files_of(folder: str, plan: Plan, name: str, pattern: str) -> list[SourceFile]:
    """The exports of a source, also those that arrive later in the story."""
    source = plan.sources.get(name)
    found = []
    for path in sorted((FOLDER / folder).glob(f"*/**/{pattern}")):
        file = SourceFile(name=path.name, digest=path.name, data=path.read_bytes())
        if source is not None and source.format == "xlsx":
            file = opened(file, source.sheet)
        found.append(file)
    return found


@pytest.mark.parametrize("path", PLANS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_cell_stands_where_lineage_says(path: object) -> None:
    """For each value of each document: file, line and column hold the text that lineage tells."""
    plan_path = next(one for one in PLANS if one == path)
    plan = parse(plan_path.read_bytes())
    files = {name: files_of(plan_path.parts[-3], plan, name, pattern) for name, pattern in plan.patterns().items()}
    assert all(files.values())
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
