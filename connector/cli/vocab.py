"""`vocab build|check|term`: the vocabulary's generated files, and what a term means."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from connector.cli.console import BAD_USAGE, DONE, JSON, NO, console, day_of, next_step, show_json, told
from connector.cli.tables import show_table
from connector.errors import BadInput
from connector.model import Finding, Json, JsonObject, Place, counted
from connector.vocabulary.build import CREDENTIALS_FILE, SOURCES, build, read_dictionary
from connector.vocabulary.build import publish as published
from connector.vocabulary.bundle import default_folder
from connector.vocabulary.dictionary import Dictionary, Known
from connector.vocabulary.pages import Cell, Section, plain
from connector.vocabulary.pages import Table as Grid
from connector.vocabulary.proving import prove
from connector.vocabulary.reference import of_class, of_list
from connector.vocabulary.terms import CREDENTIALS_V2, Code, Term, TermClass, Terms
from connector.vocabulary.versions import read_versions

_SEED = 2027
app = typer.Typer(no_args_is_help=True, help="The vocabulary: generated files, and what a term means.")

Folder = Annotated[Path | None, typer.Option(metavar="DIR", help="Another vocabulary than the shipped one.")]


@app.command(name="build")
def build_files(
    folder: Folder = None,
    publish: Annotated[str, typer.Option(metavar="DAY", help="Fix the current version as of this day, for ever.")] = "",
    as_json: JSON = False,
) -> None:
    """Write everything that is generated from the tables.

    Example: battery-connector vocab build
    """
    with told():
        root = folder or default_folder()
        if publish:
            _write(root / "versions.csv", published(_sources(root), day_of(publish).isoformat()))
        written = [name for name, content in _made(root).items() if _write(root / name, content)]
        if as_json:
            show_json({"written": list[Json](written)})
        else:
            console().print(f"{counted(len(written), 'file')} of {root} written anew.", markup=False)
            next_step("make test")
    raise SystemExit(DONE)


@app.command()
def check(folder: Folder = None, as_json: JSON = False) -> None:
    """Prove the vocabulary: its files, published versions and texts, and that JSON-LD loses nothing.

    Exit code 1: there is a finding.

    Example: battery-connector vocab check
    """
    with told():
        root = folder or default_folder()
        sources = _sources(root)
        made = build(sources)
        version = read_versions(sources["versions.csv"])[-1]
        contexts: dict[str, JsonObject] = {
            CREDENTIALS_V2: json.loads(sources[CREDENTIALS_FILE]),
            version.context_url: json.loads(made[version.context_file]),
        }
        chance = Random(_SEED).randrange  # noqa: S311 - made-up documents, the same at every run
        proof = prove(read_dictionary(sources), version.context_url, contexts, chance)
        findings = [*_differing(root, made), *_unfixed(root, sources), *proof.findings]
        if as_json:
            show_json({
                "findings": [finding.as_json() for finding in findings],
                "proven": {"terms": proof.terms, "documents": proof.documents, "files": len(made)},
            })  # fmt: skip
        else:
            _print_check(findings, f"{proof.terms} terms, {proof.documents} made-up credentials, {len(made)} files")
    raise SystemExit(NO if findings else DONE)


def _differing(root: Path, made: dict[str, bytes]) -> list[Finding]:
    """Committed files that are not what the tables make."""
    return [
        Finding(
            code="not-generated",
            message=f"{name} is not what the tables make",
            hint="battery-connector vocab build",
            place=Place(source=str(root / name)),
        )
        for name, content in made.items()
        if not (root / name).is_file() or (root / name).read_bytes() != content
    ]


def _unfixed(root: Path, sources: dict[str, bytes]) -> list[Finding]:
    """Published versions of which a file is not what it was."""
    findings: list[Finding] = []
    for version in read_versions(sources["versions.csv"]):
        files = sorted((root / "schemas" / version.number).glob("*.json"))
        schemas = {path.stem: json.loads(_read(path)) for path in files}
        if version.published and (what := version.differs(_read(root / version.context_file), schemas)):
            text = f"the {what} of {version.number} changed after {version.published}"
            findings.append(Finding(code="changed-version", message=text, hint="take the published files back"))
    return findings


def _print_check(findings: list[Finding], rests_on: str) -> None:
    """Findings for people, each once with what to do."""
    for finding in findings:
        console().print(finding.message + (f": {finding.hint}" if finding.hint else ""), markup=False)
    if findings:
        console().print(f"{counted(len(findings), 'finding')}; {rests_on}", markup=False)
    else:
        console().print(f"all good: {rests_on}", markup=False)
        next_step("battery-connector vocab term NAME")


@app.command()
def term(name: str, folder: Folder = None, as_json: JSON = False) -> None:
    """What a class, property, code or list means: law, data points, access, units, matches, and where it may stand.

    Of a record type or class it tells what may stand in it, and what has to; of a list its words.

    Example: battery-connector vocab term ratedCapacity
    """
    with told():
        dictionary = read_dictionary(_sources(folder or default_folder()))
        found = dictionary.terms.named(name)
        listed = of_list(dictionary, name) if name in dictionary.terms.codes else None
        near = [] if found or listed else list(_near(dictionary.terms, name))
        if as_json:
            told_of: list[Json] = [_as_json(dictionary, one) for one in found]
            told_of += [{"name": name, "kind": "list", "words": _rows(listed)}] if listed else []
            show_json({"name": name, "found": told_of, "near": list[Json](near)})
        elif found or listed:
            for one in found:
                _print(dictionary, one)
            if listed:
                _print_section(listed)
            next_step(f"all terms: {(folder or default_folder()) / 'reference' / 'terms.html'}")
        else:
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            console(error=True).print(f"The vocabulary has no {name!r}.{hint}", markup=False)
    raise SystemExit(DONE if found or listed else BAD_USAGE)


def _made(root: Path) -> dict[str, bytes]:
    """What the tables of a folder make."""
    return build(_sources(root))


def _sources(root: Path) -> dict[str, bytes]:
    """The tables of a folder."""
    return {name: _read(root / name) for name in SOURCES}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as bad:
        raise BadInput(f"{path} cannot be read: {bad.strerror}", hint="is this a vocabulary's folder?") from bad


def _write(path: Path, content: bytes) -> bool:
    """Whether the file had to be changed."""
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as bad:
        raise BadInput(f"{path} cannot be written: {bad.strerror}") from bad
    return True


def _near(terms: Terms, name: str) -> tuple[str, ...]:
    """Names that look alike, lists and codes last."""
    codes = sorted({*terms.codes, *(code.name for listed in terms.codes.values() for code in listed)})
    return (*terms.near(name), *difflib.get_close_matches(name, codes, n=3))


def _as_json(dictionary: Dictionary, one: Known) -> JsonObject:
    """One entry for machines; of a class also what may stand in it."""
    within = _rows(of_class(dictionary, one)) if isinstance(one, TermClass) else []
    return dictionary.as_json(one) | ({"terms": within} if within else {})


def _rows(section: Section) -> list[Json]:
    """The rows of the tables of a section, each by the names of its columns."""
    return [
        {name: plain(cell) for name, cell in zip(part.head, row, strict=True)}
        for part in section.parts
        if isinstance(part, Grid)
        for row in part.rows
    ]


def _print(dictionary: Dictionary, one: Known) -> None:
    """One entry for people."""
    if isinstance(one, TermClass):
        _print_section(of_class(dictionary, one))
        return
    out = console()
    kind = f"a word of {one.list_name}" if isinstance(one, Code) else one.label
    out.print(f"[bold]{one.name}[/bold]  {kind}")
    out.print(one.definition, markup=False)
    rows: list[tuple[str, Cell]] = [*dictionary.facts(one)]
    if isinstance(one, Term) and one.range.kind == "code":
        rows.append(("words", [", ".join(code.name for code in dictionary.terms.codes[one.range.name])]))
    out.print(_facts(rows))
    out.print()


def _facts(rows: Iterable[tuple[str, Cell]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for heading, cell in rows:
        table.add_row(Text(heading, style="dim"), Text(plain(cell)))
    return table


def _print_section(section: Section) -> None:
    """A class with what may stand in it, or a list with its words, as the reference page has it."""
    out = console()
    out.print(f"[bold]{section.title}[/bold]  {section.aside}")
    out.print(plain(section.text), markup=False)
    for part in section.parts:
        if isinstance(part, Grid):
            show_table(part.head, [[plain(cell) for cell in row] for row in part.rows])
        else:
            out.print(_facts(part.rows))
    out.print()
