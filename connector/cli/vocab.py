"""`vocab build|check|term`: the vocabulary's generated files, and what a term means."""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from connector.cli.console import BAD_USAGE, DONE, NO, console, next_step, show_json, told
from connector.errors import BadInput
from connector.model import Finding, Json, JsonObject, Place
from connector.vocabulary.build import SOURCES, build
from connector.vocabulary.build import publish as published
from connector.vocabulary.bundle import default_folder
from connector.vocabulary.terms import Code, Term, TermClass, Terms, read_terms

app = typer.Typer(no_args_is_help=True, help="The vocabulary: generated files, and what a term means.")

Folder = Annotated[Path | None, typer.Option(metavar="DIR", help="Another vocabulary than the shipped one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable answer.")]


@app.command(name="build")
def build_files(
    folder: Folder = None,
    publish: Annotated[str, typer.Option(metavar="DAY", help="Fix the current version as of this day, for ever.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write everything that is generated from the tables.

    Example: battery-connector vocab build
    """
    with told():
        root = folder or default_folder()
        if publish:
            _write(root / "versions.csv", published(_sources(root), _day(publish)))
        written = [name for name, content in _made(root).items() if _write(root / name, content)]
        if as_json:
            show_json({"written": list[Json](written)})
        else:
            console().print(f"{len(written)} files of {root} were written anew.", markup=False)
            next_step("make test")
    raise SystemExit(DONE)


@app.command()
def check(folder: Folder = None, as_json: AsJson = False) -> None:
    """Hold the generated files against the tables. Exit code 1: something differs.

    Example: battery-connector vocab check
    """
    with told():
        root = folder or default_folder()
        findings = [
            Finding(
                code="not-generated",
                message=f"{name} is not what the tables make",
                hint="battery-connector vocab build",
                place=Place(source=str(root / name)),
            )
            for name, content in _made(root).items()
            if not (root / name).is_file() or (root / name).read_bytes() != content
        ]
        if as_json:
            show_json({"findings": [finding.as_json() for finding in findings]})
        else:
            for finding in findings:
                console().print(finding.message, markup=False)
            console().print("nothing differs" if not findings else f"do: {findings[0].hint}", markup=False)
    raise SystemExit(NO if findings else DONE)


@app.command()
def term(name: str, folder: Folder = None, as_json: AsJson = False) -> None:
    """What a class, property or code means, who may see it, and where it may stand.

    Example: battery-connector vocab term ratedCapacity
    """
    with told():
        terms = read_terms(_read((folder or default_folder()) / "terms.csv"))
        found = [_shown(one) for one in terms.named(name)]
        near = [] if found else list(_near(terms, name))
        if as_json:
            show_json({"name": name, "found": list[Json](found), "near": list[Json](near)})
        elif found:
            for one in found:
                _print(one)
        else:
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            console(error=True).print(f"The vocabulary has no {name!r}.{hint}", markup=False)
    raise SystemExit(DONE if found else BAD_USAGE)


def _made(root: Path) -> dict[str, bytes]:
    """What the tables of a folder make."""
    return build(_sources(root))


def _sources(root: Path) -> dict[str, bytes]:
    """The tables of a folder."""
    return {name: _read(root / name) for name in SOURCES}


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as bad:
        raise BadInput(f"{text!r} is no day", hint="such as 2027-03-01") from bad


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
    """Names that look alike, codes last."""
    codes = sorted({code.name for listed in terms.codes.values() for code in listed})
    return (*terms.near(name), *difflib.get_close_matches(name, codes, n=3))


def _shown(one: Term | TermClass | Code) -> JsonObject:
    """A row of the table, in the words of its columns."""
    shown: JsonObject = {"name": one.name, "label": one.label, "definition": one.definition}
    if isinstance(one, Code):
        return {**shown, "kind": "code", "list": one.list_name}
    if isinstance(one, TermClass):
        return {**shown, "kind": "class", "iri": one.iri}
    return {
        **shown,
        "kind": "property",
        "iri": one.iri,
        "domain": list[Json](one.domains),
        "range": f"{one.range.kind} {one.range.name}".strip() + (", a list" if one.many else ""),
        "unit": list[Json]([*one.units, *one.ucum_units]),
        "access": {key: value.value for key, value in one.access.items()},
        "level": {key: value.value for key, value in one.level.items()},
        "quantityKind": one.quantity_kind,
        "law": one.law,
        "guidance": one.guidance,
    }


def _print(one: JsonObject) -> None:
    """One row for people: what is empty is left out."""
    out = console()
    out.print(f"[bold]{one['name']}[/bold] ({one['kind']})")
    for key, value in one.items():
        if key in {"name", "kind"} or not value:
            continue
        if isinstance(value, dict):
            text = ", ".join(str(inner) if name == "*" else f"{name}: {inner}" for name, inner in value.items())
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        out.print(f"  {key}: {text}", markup=False)
