"""A plan as the mapping sheet that integrators document anyway, and a sheet that was changed as a changed plan.

One line per value: source, source field, target term, rule, required, example, label. A sheet that nobody changed gives
the plan back byte for byte; a changed cell changes its value alone, a line taken out or emptied takes the value out, a
new line adds one. What cannot be done is a finding with row and column, and then nothing is changed. Lines of nodes,
`source`, `example` and `label` are for reading; a line without a target term says what is not mapped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.errors import BadInput, BadPlan
from connector.mapping.editing import NoPlace, Path, added, patched, removed, replaced
from connector.mapping.engine import compile_plan
from connector.mapping.naming import misnamed
from connector.mapping.outline import HEADER, Line, composed, is_one_value, lines_of, text_of
from connector.mapping.plan import Plan, parse
from connector.model import Finding, Place
from connector.vocabulary.shapes import Shapes
from connector.vocabulary.terms import Terms

COLUMNS = ("source", "source field", "target term", "rule", "required", "example", "label")
_FIELD, _TARGET, _RULE, _REQUIRED = "source field", "target term", "rule", "required"
_READ = (_FIELD, _TARGET, _RULE, _REQUIRED)
_YES, _VOCABULARY = "yes", "vocabulary"
_SAID_YES = frozenset({"yes", "y", "x", "true", "ja", "oui", "kyllä"})
_SAID_NO = frozenset({"", "no", "n", "false", "nein", "non", "ei", _VOCABULARY})
_ONE_VALUE = "keys and values with commas between, such as `unit: KGM, min: 0`; braces in pairs"
_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:\[[0-9]+\])*)")


def sheet_of(
    text: str, terms: Terms, shapes: Shapes, *, cells: Mapping[str, Mapping[str, str]], language: str = "en"
) -> list[list[str]]:  # fmt: skip
    """The sheet's rows, header first. `cells`: a cell of each column of each source, where exports are at hand."""
    plan = parse(text.encode())
    rows = [list(COLUMNS)]
    for line in lines_of(text):
        term = terms.find(line.class_name, line.term) if line.term else None
        label = term.labels[language] if term is not None else ""
        needed = _needs(plan, shapes, line)
        required = _YES if line.required else (_VOCABULARY if needed else "")
        rows.append([line.source, line.field, line.target, line.rule, required, _example(line, cells), label])
    return rows


def _needs(plan: Plan, shapes: Shapes, line: Line) -> bool:
    shape = shapes.records.get(plan.record) if line.path[:-1] == ("document",) else shapes.nodes.get(line.class_name)
    return shape is not None and line.term in shape.required


def _example(line: Line, cells: Mapping[str, Mapping[str, str]]) -> str:
    if line.field.startswith("="):
        return line.field[1:]
    known = cells.get(line.source, {})
    if "{" in line.field:
        return re.sub(r"\{([^}]*)\}", lambda found: known.get(found[1].strip(), ""), line.field)
    return known.get(line.field) or known.get(line.field.lstrip(".").rpartition(".")[2], "")


# --- reading ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of a sheet that was read, and where it stands."""

    row: int
    field: str
    target: str
    rule: str
    required: bool


@dataclass(slots=True)
class Read:
    """The rows of a sheet, and what is wrong with them."""

    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_sheet(rows: Iterable[tuple[int, Sequence[str]]]) -> Read:
    """The entries of a sheet: row number and cells, the header among the first. Raises `BadInput` without a header."""
    lines = iter(rows)
    places: dict[str, int] = {}
    for _, cells in lines:
        named = {cell.strip().lower(): index for index, cell in enumerate(cells)}
        if _TARGET in named and _FIELD in named:
            places = named
            break
    lost = [name for name in _READ if name not in places]
    if lost:
        raise BadInput(f"The sheet has no column {', '.join(lost)}.", hint=f"its header is: {', '.join(COLUMNS)}")
    found = Read()
    seen: dict[str, int] = {}
    for row, cells in lines:
        said = {name: cells[places[name]].strip() if places[name] < len(cells) else "" for name in _READ}
        if not said[_TARGET]:
            continue
        if said[_TARGET] in seen:
            message = f"The target term stands in row {seen[said[_TARGET]]} already."
            found.findings.append(_finding("duplicate-target", row, _TARGET, said[_TARGET], message))
        seen[said[_TARGET]] = row
        word = said[_REQUIRED].lower()
        if word not in _SAID_YES | _SAID_NO:
            message = "`required` is `yes` or empty."
            found.findings.append(_finding("bad-required", row, _REQUIRED, said[_REQUIRED], message))
        found.entries.append(Entry(row=row, field=said[_FIELD], target=said[_TARGET], rule=said[_RULE],
                                   required=word in _SAID_YES))  # fmt: skip
    return found


def _finding(code: str, row: int, column: str, value: str, message: str, *, hint: str = "") -> Finding:
    return Finding(code=code, message=message, hint=hint, place=Place(line=row, column=column, value=value))


# --- changing ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a value: its text before and after (empty: none), the row and cell that say so (0: none does)."""

    target: str
    before: str
    after: str
    row: int
    path: Path
    column: str = _TARGET
    cell: str = ""


@dataclass(slots=True)
class Revised:
    """The changed plan's text (the old one where there are findings), the changes, the findings."""

    text: str
    changes: list[Change]
    findings: list[Finding]


def revise(text: str, read: Read, terms: Terms, shapes: Shapes) -> Revised:
    """The plan as the sheet says."""
    known = {line.target: line for line in lines_of(text)}
    changes, findings = _changes(known, read.entries), [*read.findings]
    findings += [_not_editable(entry) for entry in read.entries if _touches_node(known.get(entry.target), entry)]
    wanted = text
    for change in changes:
        if change.after and not is_one_value(change.after):
            message = "The cell is not one value of a plan."
            findings.append(_finding("bad-value", change.row, change.column, change.cell, message, hint=_ONE_VALUE))
            continue
        try:
            _check(_applied(text, change), change, terms, shapes)
            wanted = _applied(wanted, change)
        except NoPlace:
            hint = "write it into the plan; a sheet changes values, and adds them to nodes that are there"
            message = "There is no node in the plan where this could stand."
            findings.append(_finding("unknown-place", change.row, _TARGET, change.target, message, hint=hint))
        except BadPlan as bad:
            findings.append(_finding("bad-value", change.row, change.column, change.cell, bad.detail, hint=bad.hint))
    if changes and not findings:
        findings += _whole(text, wanted, changes)
    return Revised(text if findings else wanted, changes, findings)


def _changes(known: Mapping[str, Line], entries: Sequence[Entry]) -> list[Change]:
    """Other values first, while all paths hold; then what goes, from the end; then what comes."""
    said = {entry.target: entry for entry in entries}
    values, gone, new = [], [], []
    for entry in entries:
        line = known.get(entry.target)
        text = text_of(entry.field, entry.rule, required=entry.required)
        if not (entry.field or entry.rule) or (line is not None and line.node):
            continue
        if line is None:
            new.append(Change(target=entry.target, before="", after=text, row=entry.row, path=path_of(entry.target),
                              cell=entry.target))  # fmt: skip
        elif line.said != (entry.field, entry.rule, entry.required):
            column, cell = (_FIELD, entry.field) if entry.rule == line.rule else (_RULE, entry.rule)
            values.append(Change(target=entry.target, before=_text(line), after=text, row=entry.row, path=line.path,
                                 column=column, cell=cell))  # fmt: skip
    for line in _gone(known, said):
        row = said[line.target].row if line.target in said else 0
        gone.append(Change(target=line.target, before=_text(line), after="", row=row, path=line.path,
                           cell=line.target))  # fmt: skip
    return [*values, *reversed(gone), *new]


def _gone(known: Mapping[str, Line], said: Mapping[str, Entry]) -> Iterator[Line]:
    """Values whose line was taken out or emptied; a node all of whose values go, goes as a whole."""
    lost = {name for name, line in known.items() if not line.node and _is_lost(said.get(name))}
    nodes = [line for line in known.values() if line.node]
    emptied = [node for node in nodes if all(name in lost for name in _values_in(known, node))]
    for line in known.values():
        within = any(line is not node and line.path[: len(node.path)] == node.path for node in emptied)
        if (line.target in lost or line in emptied) and not within:
            yield line


def _is_lost(entry: Entry | None) -> bool:
    return entry is None or not (entry.field or entry.rule)


def _values_in(known: Mapping[str, Line], node: Line) -> list[str]:
    return [name for name, line in known.items() if not line.node and line.path[: len(node.path)] == node.path]


def _text(line: Line) -> str:
    return "(node)" if line.node else text_of(line.field, line.rule, required=line.required)


def _touches_node(line: Line | None, entry: Entry) -> bool:
    return line is not None and line.node and (line.field, line.rule) != (entry.field, entry.rule)


def _not_editable(entry: Entry) -> Finding:
    hint = "change its rows, class or condition in the plan, and export the sheet anew"
    return _finding("not-editable", entry.row, _RULE, entry.rule, "A node's own line is for reading.", hint=hint)


def path_of(target: str) -> Path:
    """Where a target term stands in the plan. Raises `NoPlace` (in `added`) for one that nobody can read."""
    begin: tuple[str | int, ...] = () if target.startswith(HEADER) else ("document",)
    steps: list[str | int] = []
    for part in target.removeprefix(HEADER).split("."):
        found = _STEP.fullmatch(part.strip())
        if found is None:
            return ("", target)
        steps += [found[1], *(int(number) for number in re.findall(r"[0-9]+", found[2]))]
    return (*begin, *steps)


def _applied(text: str, change: Change) -> str:
    if not change.after:
        return patched(text, [removed(text, change.path)])
    if not change.before:
        return patched(text, [added(text, change.path, change.after)])
    return patched(text, [replaced(composed(text), change.path, change.after)])


def _check(text: str, change: Change, terms: Terms, shapes: Shapes) -> None:
    """Whether the plan with this one change is a plan, and the vocabulary knows its names."""
    plan = parse(text.encode())
    compile_plan(plan)
    wrong = [each for each in misnamed(plan, terms, shapes) if each.code == "unknown-term"] if not change.before else []
    if wrong:
        raise BadPlan(wrong[0].message, hint=wrong[0].hint)


def _whole(text: str, wanted: str, changes: Sequence[Change]) -> list[Finding]:
    """All changes together: still a plan, and nothing else than what was wanted is different."""
    try:
        compile_plan(parse(wanted.encode()))
        before = Counter(line.said for line in lines_of(text) if not line.node)
        after = Counter(line.said for line in lines_of(wanted) if not line.node)
    except BadPlan as bad:
        row = next((change.row for change in changes if change.row), 0)
        return [
            _finding("bad-value", row, _TARGET, "", f"Together the changes give no plan: {bad.detail}", hint=bad.hint)
        ]
    came = sum(bool(change.after) for change in changes)
    if (after - before).total() > came:
        return [
            _finding(
                "not-applied", 0, "", "", "The changes cannot be put into this plan.", hint="edit the plan by hand"
            )
        ]
    return []
