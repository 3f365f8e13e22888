"""`config`: every key of `connector.toml` with its default, what it may be, what it means, and what it is here.

All of it is read off the one model in `connector/config.py`, meanings from its docstrings; so CONFIGURATION.md, which
is `config --reference`, can't say anything else than what the connector does.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from connector import config as model
from connector.cli.console import CONFIG, JSON, next_step, show_json, shown_json, told
from connector.cli.tables import say, show_table
from connector.config import Config, Issue, Peer, load
from connector.errors import BadInput

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from connector.cli.tables import Cell
    from connector.model import Json, JsonObject

_NAMED: Final[dict[str, type[BaseModel]]] = {"issues.ID": Issue, "peers.NAME": Peer}
"""Tables of which there may be many, each under a name of the company's own."""
_HEADS: Final = "| key | default | may be | meaning |\n|---|---|---|---|\n"
_KIB: Final = 1024
_SECONDS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))
_BYTES: Final = (("TiB", _KIB**4), ("GiB", _KIB**3), ("MiB", _KIB**2), ("KiB", _KIB))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key. `section`: its table, empty for those at the top; `default` is `None` where there is none."""

    section: str
    name: str
    default: Json
    required: bool
    may_be: str
    meaning: str

    @property
    def key(self) -> str:
        """With its table, as errors name it."""
        return f"{self.section}.{self.name}" if self.section else self.name


def config(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Only keys in whose name this stands.")] = "",
    reference: Annotated[
        bool, typer.Option("--reference", help="All keys and their defaults as Markdown; no company is needed.")
    ] = False,
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Every key of connector.toml: what it is here, what it would be by default, what it may be, what it means.

    Example: battery-connector config retry
    """
    with told():
        found = [one for one in settings() if key.lower() in one.key.lower()]
        if not found:
            raise BadInput(f"no key has {key!r} in its name", hint="battery-connector config --reference")
        here: JsonObject = {} if reference else load(config).model_dump(mode="json")
        if as_json:
            show_json({"settings": [_as_json(one, here) for one in found]})
        elif reference:
            typer.echo(as_markdown(found), nl=False)
        else:
            _show(found, here)
            next_step("battery-connector doctor", ", when you changed something; `serve` reads it at its start")


def settings() -> list[Setting]:
    """All keys, in the order of the model."""
    meanings = _meanings()
    top = Config.model_fields.items()
    parts = [(name, kind) for name, field in top if (kind := _part(field))]
    plain = [_setting("", name, field, meanings["Config"]) for name, field in top if _is_plain(name, field)]
    return plain + [
        _setting(section, name, field, meanings[kind.__name__])
        for section, kind in (*parts, *_NAMED.items())
        for name, field in kind.model_fields.items()
    ]


def _part(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _is_plain(name: str, field: FieldInfo) -> bool:
    return not field.exclude and not any(many.startswith(f"{name}.") for many in _NAMED) and _part(field) is None


def _setting(section: str, name: str, field: FieldInfo, meanings: Mapping[str, str]) -> Setting:
    default = None if field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True))
    return Setting(
        section=section, name=name, default=default, required=field.is_required(), may_be=_may_be(field),
        meaning=meanings[name],
    )  # fmt: skip


def _meanings() -> dict[str, dict[str, str]]:
    """Class -> field -> the docstring below it."""
    found: dict[str, dict[str, str]] = {}
    for part in ast.parse(inspect.getsource(model)).body:
        if isinstance(part, ast.ClassDef):
            found[part.name] = dict(_docstrings(part.body))
    return found


def _docstrings(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, said in pairwise(body):
        match field, said:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


def _may_be(field: FieldInfo) -> str:
    bounds = {name: getattr(one, name) for one in field.metadata for name in ("ge", "gt", "le") if hasattr(one, name)}
    if bounds:
        least = f"from {bounds['ge']}" if "ge" in bounds else f"more than {bounds['gt']}"
        return least + (f" to {bounds['le']}" if "le" in bounds else "")
    kind = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if get_origin(kind) in {tuple, UnionType}:
        return "a list"
    if get_origin(kind) is not None:
        return "a table"
    if kind is bool:
        return "true, false"
    return "a text" if kind is str else "a number"


def _values(one: Setting, here: JsonObject) -> JsonObject:
    """What a key is here: one value, or for each named table of its kind one."""
    if not one.section:
        return {one.key: here[one.name]}
    many, _, a_name = one.section.partition(".")
    table = here[many]
    assert isinstance(table, dict)
    if not a_name:
        return {one.key: table[one.name]}
    return {f"{many}.{name}.{one.name}": part[one.name] for name, part in table.items() if isinstance(part, dict)}


def _as_json(one: Setting, here: JsonObject) -> JsonObject:
    values: JsonObject = {"values": _values(one, here)} if here else {}
    return {
        "key": one.key, "default": one.default, "required": one.required, "may_be": one.may_be,
        "meaning": one.meaning, **values,
    }  # fmt: skip


def _show(found: list[Setting], here: JsonObject) -> None:
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        rows += [
            (key, in_words(one.name, value), "" if value == one.default else _default(one), one.meaning)
            for key, value in _values(one, here).items()
        ]
    if rows:
        show_table(("key", "here", "else by default", "what it means"), rows)
    else:
        say("no table of that kind is there; what it may hold: battery-connector config --reference")


def _default(one: Setting) -> str:
    return "has to be said" if one.required else in_words(one.name, one.default)


def in_words(name: str, value: Json) -> str:
    """A value as it stands in the file, with its size where the name tells a unit and the number is large."""
    text = shown_json(value, indent=None)
    units = _BYTES if name.endswith("_bytes") else _SECONDS if name.endswith("_seconds") else ()
    if isinstance(value, int | float) and not isinstance(value, bool):
        for unit, size in units:
            if value >= size:
                return f"{text} ({value / size:.4g} {unit})"
    return text


def as_markdown(found: list[Setting]) -> str:
    """A table for each table of the file."""
    parts: list[str] = []
    for section in dict.fromkeys(one.section for one in found):
        title = f"`[{section}]`" if section else "At the top"
        rows = "".join(_row(one) for one in found if one.section == section)
        parts.append(f"## {title}\n\n{_HEADS}{rows}")
    return "\n".join(parts)


def _row(one: Setting) -> str:
    default = "has to be said" if one.required else f"`{in_words(one.name, one.default)}`"
    return f"| `{one.name}` | {default} | {one.may_be} | {one.meaning} |\n"
