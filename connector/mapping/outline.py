"""A plan's text as lines of a mapping sheet: each value with its source field, its place and its rule.

Integrators document a mapping as a sheet: source field, target term, rule. A value of a plan is one line of it: its
column, template or constant is the field, the rest of it the rule, in the plan's own language (`(field)` stands where
the field goes, and first of all where nothing else is said). A node is a line too, for reading. The lines know where
their values stand in the text, so that `editing` can change one and leave everything else, comments too, as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import yaml

from connector.mapping.quoting import flow
from connector.mapping.shape import NODE_KEYS

FIELD = "(field)"
HEADER = "plan: "
_LEADING = f"from: {FIELD}"
_REQUIRED = "required"
_HEADERS = ("title", "key", "buyers", "subject_id", "model_id", "identifiers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the sheet. `source`: whose rows it is made from; `node`: a node's own line, which is only for reading.

    `path` leads to the value in the plan's text; `term` is the term that it fills, in a node of `class_name`.
    """

    target: str
    field: str
    rule: str
    required: bool = False
    source: str = ""
    node: bool = False
    class_name: str = ""
    term: str = ""
    path: tuple[str | int, ...] = ()

    @property
    def said(self) -> tuple[str, str, bool]:
        """What a person may change."""
        return self.field, self.rule, self.required


@dataclass(frozen=True, slots=True)
class Around:
    """Where a value stands: its source, its node's class, what the source's rows are looked up with."""

    source: str
    class_name: str
    outer: str = ""
    lookup: dict[str, str] = field(default_factory=dict)

    def source_of(self, column: str) -> str:
        """The source that a column is of."""
        if column.startswith("="):
            return ""
        head, dot, _ = column.partition(".")
        if column.startswith(".."):
            return self.outer
        return self.lookup.get(head, self.source) if dot else self.source


def composed(text: str) -> yaml.MappingNode:
    """The text's nodes, with their places. The text has been parsed as a plan before."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    return node


def members(node: yaml.Node) -> dict[str, yaml.Node]:
    """A mapping's values by key; nothing for another node."""
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


@lru_cache(maxsize=4)
def lines_of(text: str) -> tuple[Line, ...]:
    """The sheet of a plan."""
    plan = members(composed(text))
    driving = _scalar(plan.get("from")) or next(iter(members(plan["sources"])))
    around = Around(driving, _scalar(plan.get("subject")), lookup=_lookups(plan.get("lookup")))
    header = (
        line for name in _HEADERS if name in plan for line in _value(plan[name], f"{HEADER}{name}", (name,), around, "")
    )
    document = _terms(members(plan["document"]), "", ("document",), around)
    return (*header, *document)


def _terms(
    inside: dict[str, yaml.Node], target: str, path: tuple[str | int, ...], around: Around
) -> Iterator[Line]:  # fmt: skip
    for name, value in inside.items():
        if name not in NODE_KEYS:
            yield from _value(value, f"{target}.{name}".strip("."), (*path, name), around, name)


def _value(
    node: yaml.Node, target: str, path: tuple[str | int, ...], around: Around, term: str
) -> Iterator[Line]:  # fmt: skip
    inside = members(node)
    if isinstance(node, yaml.SequenceNode):
        for number, member in enumerate(node.value):
            yield from _value(member, f"{target}[{number}]", (*path, number), around, term)
    elif "type" in inside:
        yield from _node(inside, target, path, around, term)
    else:
        yield _leaf(node, target, path, around, term)


def _node(
    inside: dict[str, yaml.Node], target: str, path: tuple[str | int, ...], around: Around, term: str
) -> Iterator[Line]:  # fmt: skip
    own = {name: value for name, value in inside.items() if name in NODE_KEYS}
    source = _scalar(inside.get("each")) or around.source
    column = _scalar(own.get("on"))
    rule = ", ".join(f"{name}: {written(value)}" for name, value in own.items() if name != "on")
    yield Line(target=target, field=column, rule=rule, source=source, node=True, path=path, term=term,
               class_name=around.class_name)  # fmt: skip
    lookup = _lookups(inside.get("lookup")) if "each" in inside else around.lookup
    below = Around(source, _scalar(inside["type"]), around.source if "each" in inside else around.outer, lookup)
    yield from _terms(inside, target, path, below)


def _leaf(node: yaml.Node, target: str, path: tuple[str | int, ...], around: Around, term: str) -> Line:
    inside = members(node)
    found = primary(node)
    column = found.value if found is not None else ""
    required = _scalar(inside.get(_REQUIRED)) == "true"
    rule = "" if found is node else _rule(inside, found)
    each = inside.get("each") or members(inside.get("sum", node)).get("each")
    source = (_scalar(each) if each is not None else around.source_of(column)) if column else ""
    return Line(target=target, field=column, rule=rule, required=required, source=source, term=term,
                class_name=around.class_name, path=path)  # fmt: skip


def _rule(inside: dict[str, yaml.Node], found: yaml.Node | None) -> str:
    parts = {name: value for name, value in inside.items() if name != _REQUIRED}
    text = ", ".join(f"{flow(name)}: {written(value, found)}" for name, value in parts.items())
    return text.removeprefix(_LEADING).removeprefix(", ") if text.startswith(_LEADING) else text


def primary(node: yaml.Node | None) -> yaml.ScalarNode | None:
    """The scalar that is a value's source field: of a link its number, of a sum over rows what is added up."""
    if isinstance(node, yaml.ScalarNode):
        return node
    inside = members(node) if node is not None else {}
    for name in ("from", "link", "as_received", "mint", "sum", "value", "of"):
        if name == "mint" and name in inside:
            return primary(inside.get("key"))
        if name in inside:
            return primary(inside[name])
    return None


def written(node: yaml.Node, found: yaml.Node | None = None) -> str:
    """A node as flow text; `(field)` in the place of the source field."""
    if node is found:
        return FIELD
    if isinstance(node, yaml.MappingNode):
        return "{" + ", ".join(f"{flow(key.value)}: {written(value, found)}" for key, value in node.value) + "}"
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(written(member, found) for member in node.value) + "]"
    return flow(str(node.value))


def text_of(column: str, rule: str, *, required: bool) -> str:
    """The value's text in the plan, from what a line says."""
    if not rule and not required:
        return flow(column)
    if FIELD not in rule and column:
        rule = f"{_LEADING}, {rule}" if rule else _LEADING
    if required:
        rule += f", {_REQUIRED}: true"
    return "{" + rule.replace(FIELD, flow(column)) + "}"


def is_one_value(text: str) -> bool:
    """Whether the text is one value of a plan and nothing behind it: no line, no comment, no second value."""
    try:
        node = yaml.compose(f"[{text}]", Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return False
    return text.isprintable() and isinstance(node, yaml.SequenceNode) and len(node.value) == 1


def _lookups(node: yaml.Node | None) -> dict[str, str]:
    inside = members(node) if node is not None else {}
    return {name: _scalar(members(rule).get("source")) or name for name, rule in inside.items()}


def _scalar(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
