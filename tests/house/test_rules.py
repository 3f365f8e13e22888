"""The rules of the house that no tool knows: sizes, names, docstrings, maps, reasons, floors."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

import connector
from connector.peers.messenger import DSP_VERSION

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "connector"
FOLDERS = ("connector", "tests", "examples")
FILE_LINES = 400
BODY_LINES = {"connector": 40, "tests": 80, "examples": 80}
"""Without signature and docstring. Stories and scenes are told in one breath."""
NO_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|common|base)(_|$)")
MAPPED = (
    "connector",
    *(f"connector/{one.name}" for one in sorted(PRODUCT.iterdir()) if (one / "__init__.py").exists()),
)
REASON = re.compile(r"# (?:noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|type: ignore\[[a-z, -]+\])(.*)")
SHORTEST_REASON = 8
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> list[Path]:
    """All Python files of these folders."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def parsed(path: Path) -> ast.Module:
    """A module's tree."""
    return ast.parse(path.read_text("utf-8"))


def name_of(path: Path) -> str:
    """The path as people write it."""
    return str(path.relative_to(ROOT))


def public(tree: ast.Module) -> Iterator[ast.ClassDef | Function]:
    """What others may use: functions and classes, and the methods of these."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    one
                    for one in node.body
                    if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and not one.name.startswith("_")
                )


def body_lines(function: Function) -> int:
    """Lines behind signature and docstring."""
    rest = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (function.end_lineno or 0) - rest[0].lineno + 1


def test_files_are_short() -> None:
    """A file that grows further has two subjects."""
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in modules(*FOLDERS)}
    assert not {name: lines for name, lines in lengths.items() if lines > FILE_LINES}


@pytest.mark.parametrize("folder", FOLDERS)
def test_functions_are_short(folder: str) -> None:
    """One function fits on a screen."""
    too_long = {
        f"{name_of(path)} {node.name}": body_lines(node)
        for path in modules(folder)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > BODY_LINES[folder]
    }
    assert not too_long


def test_names_say_what_is_in_a_file() -> None:
    """`utils`, `helper`, `manager`, `common`, `base` say nothing."""
    parts = [part for path in modules(*FOLDERS) for part in path.relative_to(ROOT).with_suffix("").parts]
    assert not [part for part in parts if NO_NAMES.search(part)]


def test_every_module_says_what_it_holds() -> None:
    """A docstring on top, also in tests and examples."""
    silent = [path for path in modules(*FOLDERS) if path.read_text("utf-8").strip()]
    assert not [name_of(path) for path in silent if not ast.get_docstring(parsed(path))]


def test_what_is_public_is_described() -> None:
    """Functions, classes and methods that others may use; each test says what it shows."""
    described = [(path, node) for path in modules("connector") for node in public(parsed(path))]
    described += [(path, node) for path in modules("tests") for node in parsed(path).body if _is_test(node)]
    assert not [f"{name_of(path)}:{node.lineno} {node.name}" for path, node in described if not ast.get_docstring(node)]


def _is_test(node: ast.stmt) -> TypeGuard[Function]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


@pytest.mark.parametrize("folder", MAPPED)
def test_every_folder_has_a_map_of_its_files(folder: str) -> None:
    """A README that names each module and each room."""
    place = ROOT / folder
    assert (place / "README.md").is_file(), f"{folder} has no README.md"
    said = (place / "README.md").read_text("utf-8") + (ast.get_docstring(parsed(place / "__init__.py")) or "")
    names = [path.stem for path in place.glob("*.py") if not path.stem.startswith("_")]
    names += [path.name for path in place.iterdir() if (path / "__init__.py").exists()]
    assert not [name for name in names if not re.search(rf"\b{name}\b", said)]


@pytest.mark.parametrize("folder", ["vocab", "policies", "examples", "tests"])
def test_the_other_folders_introduce_themselves(folder: str) -> None:
    """A README that names what lies in them."""
    place = ROOT / folder
    said = (place / "README.md").read_text("utf-8")
    inside = [path.name for path in place.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))]
    assert not [name for name in inside if name not in said]


def test_what_a_process_keeps_is_described() -> None:
    """Every key of a process's content that the journeys read or write stands in the README of `exchange`."""
    code = "".join(path.read_text("utf-8") for path in (PRODUCT / "exchange").glob("*.py"))
    keys = set(re.findall(r"""\bcontent(?:\.get|\.pop)?[\[(]"(\w+)\"""", code))
    said = (PRODUCT / "exchange" / "README.md").read_text("utf-8")
    assert len(keys) > 20, "the expression above no longer finds them"
    assert not [key for key in keys if f"`{key}`" not in said]


def test_nothing_is_left_open() -> None:
    """No mark that says that something has still to be done."""
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")))
    open_ends = [name_of(path) for path in modules(*FOLDERS) if marks.search(path.read_text("utf-8"))]
    assert not open_ends


def test_every_exception_from_a_rule_has_its_reason() -> None:
    """Beside each silenced finding stands why."""
    bare = [
        f"{name_of(path)}:{number}"
        for path in modules(*FOLDERS)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if ("# no" + "qa" in line or "# type: " + "ignore" in line)
        and len("".join(REASON.findall(line)).strip(" -#")) < SHORTEST_REASON
    ]
    assert not bare


def test_the_command_line_is_put_together_once() -> None:
    """A further `mount` in a module of tests makes every command of all tests slower: `tests.commands` has them all."""
    again = re.compile(r"^from connector\.cli import .*\bmount\b", re.MULTILINE)
    callers = [name_of(path) for path in modules("tests") if again.search(path.read_text("utf-8"))]
    assert callers == ["tests/commands.py"]


def test_the_floors_hold() -> None:
    """The contracts of import-linter."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_map_names_every_room_and_version() -> None:
    """`connector.__doc__` is the map of the house; its constants are what the rooms speak."""
    rooms = [path.name for path in PRODUCT.iterdir() if (path / "__init__.py").exists()]
    assert not [room for room in rooms if room not in str(connector.__doc__)]
    assert connector.DATASPACE_PROTOCOL == DSP_VERSION


ACCESS = re.compile(r"access_?(class|level)?|clearance|audience", re.IGNORECASE)


def access_word(node: ast.AST) -> bool:
    """Whether an expression is a level of access: by its own name, its key, or what it is made of."""
    match node:
        case ast.Name(id=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return ACCESS.fullmatch(name) is not None
        case ast.Attribute(value=inner, attr="value" | "name" | "index"):
            return access_word(inner)
        case ast.Subscript(value=inner, slice=key):
            return access_word(inner) or access_word(key)
        case ast.Attribute(value=ast.Name(id="AccessClass" | "Audience")):
            return True
        case ast.Attribute(attr=name):
            return ACCESS.fullmatch(name) is not None
        case ast.Call(func=function, args=arguments):
            return access_word(function) or any(map(access_word, arguments))
    return False


def ranks(node: ast.AST) -> bool:
    """Whether levels of access are compared by order, counted, or numbered."""
    match node:
        case ast.Compare(left=left, ops=operators, comparators=others):
            ordered = any(isinstance(one, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for one in operators)
            return ordered and any(map(access_word, (left, *others)))
        case ast.Call(func=ast.Attribute(attr="index"), args=arguments) as call:
            return access_word(call.func) or any(map(access_word, arguments))
        case ast.Dict(keys=keys, values=values):
            numbers = [one for one in values if isinstance(one, ast.Constant) and isinstance(one.value, int)]
            return bool(numbers) and any(one is not None and access_word(one) for one in keys)
        case ast.ClassDef(name=name, bases=bases):
            return access_word(ast.Name(name)) and any("Int" in ast.dump(base) for base in bases)
    return False


def test_access_classes_have_no_order() -> None:
    """They form a lattice (Battery Regulation, Art. 77(2)): a ladder shows an authority what only recyclers may see.

    Nobody compares, numbers or ranks them.
    """
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules("connector", "examples")
        for node in ast.walk(parsed(path))
        if ranks(node) and isinstance(node, ast.expr | ast.stmt)
    ]
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "row.access_class >= viewer.access_class", "LEVELS[access] > 2", "2 <= int(row['accessClass'])",
        "rank = {AccessClass.PUBLIC: 0, AccessClass.B2B: 1}", "list(AccessClass).index(access)",
        "class Audience(IntEnum): pass", "accessLevel < 3", "Audience.PUBLIC < audience",
    ],
)  # fmt: skip
def test_a_ladder_would_be_found(code: str) -> None:
    """The rule above sees the ways in which a ladder comes in."""
    assert any(map(ranks, ast.walk(ast.parse(code))))
