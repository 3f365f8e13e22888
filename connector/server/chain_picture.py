"""Layout of the audit's chain picture: cards in columns, the mine on the left and the battery on the right.

A card is one thing (lot, cells, battery) or a link that leads nowhere further; the event that made it and the records
that prove something about it (assay, facility, permit) stand on it as marks. Values in, positions out; drawing is the
template's. Moves and stocktakes are in the table, not in the picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from connector.provenance.nodes import Edge
from connector.provenance.report import AuditReport, NodeResult

CARD_WIDTH: Final = 228
_HEAD: Final = 74
_MARK: Final = 17
_GAP_X: Final = 44
_GAP_Y: Final = 22
_MARGIN: Final = 14
_MOST_CARDS: Final = 160
_READABLE: Final = 1640

_MARKS: Final = frozenset({"madeIn", "assay", "facilityRecord", "permit", "scheme", "footprint", "socialClaim"})
_NOT_DRAWN: Final = frozenset({"MoveEvent", "StocktakeEvent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One thing with the marks of what it leans on."""

    node: NodeResult
    marks: tuple[NodeResult, ...]
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A link between two cards, as an SVG path. `open`: nothing was obtained at its far end."""

    path: str
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything to draw. `left_out`: cards beyond what a picture can show; the table has them all."""

    width: int
    height: int
    cards: tuple[Card, ...]
    lines: tuple[Line, ...]
    left_out: int

    @property
    def fits(self) -> bool:
        """Narrow enough to be scaled to a page and still be read."""
        return self.width <= _READABLE


def lay_out(report: AuditReport) -> Picture:
    """The picture of a report."""
    nodes = {node.key: node for node in report.nodes}
    heads, owners = _heads(report, nodes)
    links = _links(report.edges, heads, owners)
    shown = sorted(heads, key=lambda key: (nodes[key].depth, key))[:_MOST_CARDS]
    links = {(source, target) for source, target in links if source in shown and target in shown}
    columns = _ordered(_columns(shown, links), links)
    cards = _place(columns, nodes, heads)
    by_key = {card.node.key: card for card in cards}
    return Picture(
        width=max((card.x + CARD_WIDTH for card in cards), default=0) + _MARGIN,
        height=max((card.y + card.height for card in cards), default=0) + _MARGIN,
        cards=cards,
        lines=tuple(_line(by_key[target], by_key[source]) for source, target in sorted(links)),
        left_out=len(heads) - len(shown),
    )


def _heads(
    report: AuditReport, nodes: Mapping[str, NodeResult]
) -> tuple[dict[str, tuple[NodeResult, ...]], dict[str, set[str]]]:
    """Card -> its marks, and mark -> its cards. A mark is what hangs on by a link of that kind, at any distance."""
    below: dict[str, list[str]] = {}
    hangs: set[str] = set()
    for edge in report.edges:
        if edge.relation in _MARKS and edge.target in nodes and edge.source in nodes:
            below.setdefault(edge.source, []).append(edge.target)
            hangs.add(edge.target)
    connected = {key for edge in report.edges for key in (edge.source, edge.target)} | {report.root}
    drawn = (key for key in nodes if key in connected and key not in hangs and nodes[key].type not in _NOT_DRAWN)
    heads: dict[str, tuple[NodeResult, ...]] = {}
    owners: dict[str, set[str]] = {}
    for key in drawn:
        marks: dict[str, None] = {}
        queue = deque(below.get(key, ()))
        while queue:
            mark = queue.popleft()
            if mark not in marks:
                marks[mark] = None
                owners.setdefault(mark, set()).add(key)
                queue.extend(below.get(mark, ()))
        heads[key] = tuple(nodes[mark] for mark in marks)
    return heads, owners


def _links(
    edges: Iterable[Edge], heads: Mapping[str, tuple[NodeResult, ...]], owners: Mapping[str, set[str]]
) -> set[tuple[str, str]]:
    """Links between cards, an event's links counting as those of the things that it made."""
    found: set[tuple[str, str]] = set()
    for edge in edges:
        if edge.relation in _MARKS:
            continue
        sources = {edge.source} if edge.source in heads else owners.get(edge.source, set())
        found |= {(source, edge.target) for source in sources if edge.target in heads and source != edge.target}
    return found


def _columns(shown: list[str], links: set[tuple[str, str]]) -> list[list[str]]:
    """Each card as far left as its longest way to what came of it; a circle ends where it is noticed."""
    uses: dict[str, list[str]] = {}
    for source, target in links:
        uses.setdefault(target, []).append(source)
    layer: dict[str, int] = {}

    def measure(key: str, way: frozenset[str]) -> int:
        if key not in layer:
            after = [measure(user, way | {key}) + 1 for user in uses.get(key, ()) if user not in way]
            layer[key] = max(after, default=0)
        return layer[key]

    for key in shown:
        measure(key, frozenset({key}))
    last = max(layer.values(), default=-1)
    return [[key for key in shown if layer[key] == last - column] for column in range(last + 1)]


def _ordered(columns: list[list[str]], links: set[tuple[str, str]]) -> list[list[str]]:
    """From the battery leftwards, each card beside the middle of what it leads to: few lines cross."""
    users: dict[str, list[str]] = {}
    for source, target in links:
        users.setdefault(target, []).append(source)
    rank: dict[str, float] = {}
    for column in reversed(columns):
        middle = {
            key: sum(rank.get(user, 0.0) for user in users[key]) / len(users[key]) if key in users else 0.0
            for key in column
        }
        column.sort(key=lambda key: (middle[key], key))
        rank |= {key: (position + 0.5) / len(column) for position, key in enumerate(column)}
    return columns


def _place(
    columns: list[list[str]], nodes: Mapping[str, NodeResult], heads: Mapping[str, tuple[NodeResult, ...]]
) -> tuple[Card, ...]:
    # One more row where the card says that it rests on a bad record.
    rows = {key: len(heads[key]) + bool(nodes[key].rests_on) for column in columns for key in column}
    heights = {key: _HEAD + _MARK * count + (8 if count else 0) for key, count in rows.items()}
    tallest = max((sum(heights[key] + _GAP_Y for key in column) for column in columns), default=0)
    cards: list[Card] = []
    for number, column in enumerate(columns):
        y = _MARGIN + (tallest - sum(heights[key] + _GAP_Y for key in column)) // 2
        for key in column:
            x = _MARGIN + number * (CARD_WIDTH + _GAP_X)
            cards.append(Card(node=nodes[key], marks=heads[key], x=x, y=y, height=heights[key]))
            y += heights[key] + _GAP_Y
    return tuple(cards)


def _line(earlier: Card, later: Card) -> Line:
    x1, y1 = earlier.x + CARD_WIDTH, earlier.y + _HEAD // 2
    x2, y2 = later.x, later.y + _HEAD // 2
    bend = max((x2 - x1) // 2, 24)
    path = f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 7} {y2}"
    return Line(path=path, open=earlier.node.outcome in {"sealed", "missing", "pending"})
