"""Layout of the audit's chain picture: cards in columns, the mine on the left and what came of it on the right.

A card is one thing (lot, cells, battery) or a link that leads nowhere further; the event that made it and the records
that prove something about it (assay, facility, permit) stand on it as marks. Cards of one company that stand together
share a frame. What goes round through a recycler has lines of its own kind. Values in, positions out; drawing is the
template's. Moves and stocktakes are in the table, not in the picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connector.provenance.nodes import Edge
from connector.provenance.origin import RECYCLED
from connector.provenance.report import AuditReport, NodeResult

CARD_WIDTH: Final = 222
_HEAD: Final = 58
_MARK: Final = 17
_GAP_X: Final = 46
_GAP_Y: Final = 12
_PAD: Final = 9
_TITLE: Final = 40
_GAP_FRAMES: Final = 18
_MARGIN: Final = 12
_MOST_CARDS: Final = 160
_READABLE: Final = 1700

_MARKS: Final = frozenset({"madeIn", "assay", "facilityRecord", "permit", "attestation", "footprint", "socialClaim"})
_ORDER: Final = ("MakeEvent", "FacilityRecord", "MinePermit", "SchemeAttestation", "AssayCertificate")
_NOT_DRAWN: Final = frozenset({"MoveEvent", "StocktakeEvent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Records of one kind and outcome that a thing leans on."""

    node: NodeResult
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One thing with the marks of what it leans on."""

    node: NodeResult
    marks: tuple[Mark, ...]
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Cards of one company at one stage. `told`: whether it was told who that is."""

    holder: str
    told: bool
    site: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A link between two cards, as an SVG path. `open`: nothing was obtained at its far end; `round`: recycled."""

    path: str
    open: bool
    round: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything to draw. `left_out`: cards beyond what a picture can show; the table has them all."""

    width: int
    height: int
    frames: tuple[Frame, ...]
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
    shown = sorted(heads, key=lambda key: (nodes[key].depth, key))[:_MOST_CARDS]
    # in order: where a circle is cut must not change from one process to the next
    within = frozenset(shown)
    links = sorted(pair for pair in _links(report.edges, heads, owners) if within.issuperset(pair))
    columns = _ordered(_columns(shown, links), links, nodes)
    frames, cards = _place(columns, nodes, heads)
    by_key = {card.node.key: card for card in cards}
    recycled = _recycled(links, nodes)
    return Picture(
        width=max((frame.x + frame.width for frame in frames), default=0) + _MARGIN,
        height=max((frame.y + frame.height for frame in frames), default=0) + _MARGIN,
        frames=frames,
        cards=cards,
        lines=tuple(_line(by_key[target], by_key[source], recycled=target in recycled) for source, target in links),
        left_out=len(heads) - len(shown),
    )


def _heads(
    report: AuditReport, nodes: Mapping[str, NodeResult]
) -> tuple[dict[str, tuple[Mark, ...]], dict[str, set[str]]]:
    """Card -> its marks, and mark -> its cards. A mark is what hangs on by a link of that kind, at any distance."""
    below: dict[str, list[str]] = {}
    hangs: set[str] = set()
    for edge in report.edges:
        if edge.relation in _MARKS and edge.target in nodes and edge.source in nodes:
            below.setdefault(edge.source, []).append(edge.target)
            hangs.add(edge.target)
    flows = [edge for edge in report.edges if edge.relation != "covers"]
    connected = {edge.target for edge in flows} | {edge.source for edge in flows if edge.relation not in _MARKS}
    connected.add(report.root)
    drawn = (key for key in nodes if key in connected and key not in hangs and nodes[key].type not in _NOT_DRAWN)
    heads: dict[str, tuple[Mark, ...]] = {}
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
        heads[key] = _folded(nodes[mark] for mark in marks)
    return heads, owners


def _folded(nodes: Iterable[NodeResult]) -> tuple[Mark, ...]:
    """Records of one kind and outcome as one mark, in a fixed order of kinds."""
    groups: dict[tuple[str, str], list[NodeResult]] = {}
    for node in sorted(nodes, key=lambda node: (_ORDER.index(node.type) if node.type in _ORDER else 9, node.type)):
        groups.setdefault((node.type, node.outcome), []).append(node)
    return tuple(Mark(node=group[0], count=len(group)) for group in groups.values())


def _links(
    edges: Iterable[Edge], heads: Mapping[str, tuple[Mark, ...]], owners: Mapping[str, set[str]]
) -> set[tuple[str, str]]:
    """Links between cards, an event's links counting as those of the things that it made."""
    found: set[tuple[str, str]] = set()
    for edge in edges:
        if edge.relation in _MARKS:
            continue
        sources = {edge.source} if edge.source in heads else owners.get(edge.source, set())
        found |= {(source, edge.target) for source in sources if edge.target in heads and source != edge.target}
    return found


def _columns(shown: list[str], links: Sequence[tuple[str, str]]) -> list[list[str]]:
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
    place = {key: last - depth for key, depth in layer.items()}
    for key in shown:  # what led to nothing more stands right after what it came from
        origins = [place[target] for source, target in links if source == key]
        if key not in uses and origins:
            place[key] = max(origins) + 1
    return [[key for key in shown if place[key] == column] for column in range(last + 1)]


def _recycled(links: Sequence[tuple[str, str]], nodes: Mapping[str, NodeResult]) -> set[str]:
    """Things that a recycler took in, and those that are made of nothing else."""
    origins: dict[str, set[str]] = {}
    for source, target in links:
        origins.setdefault(source, set()).add(target)
    taken = {key for pair in links for key in pair if nodes[key].source_kind in RECYCLED}
    return taken | {key for key, sources in origins.items() if sources <= taken}


def _ordered(
    columns: list[list[str]], links: Sequence[tuple[str, str]], nodes: Mapping[str, NodeResult]
) -> list[list[list[str]]]:
    """From the right leftwards, each company's cards together beside the middle of what they lead to: few crossings."""
    users: dict[str, list[str]] = {}
    for source, target in links:
        users.setdefault(target, []).append(source)
    rank: dict[str, float] = {}
    found: list[list[list[str]]] = []
    for column in reversed(columns):
        middle = {key: _mean([rank.get(user, 0.0) for user in users.get(key, ())]) for key in column}
        groups: dict[str, list[str]] = {}
        for key in sorted(column, key=lambda key: (middle[key], nodes[key].name, key)):
            groups.setdefault(_company(nodes[key]), []).append(key)
        ordered = sorted(groups.values(), key=lambda group: _mean([middle[key] for key in group]))
        flat = [key for group in ordered for key in group]
        rank |= {key: (position + 0.5) / len(flat) for position, key in enumerate(flat)}
        found.append(ordered)
    return found[::-1]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _company(node: NodeResult) -> str:
    """Whose card it is. Of a link that was not told where it leads, only who holds the link is known."""
    return node.holder if node.version else ""


def _place(
    columns: list[list[list[str]]],
    nodes: Mapping[str, NodeResult],
    heads: Mapping[str, tuple[Mark, ...]],
) -> tuple[tuple[Frame, ...], tuple[Card, ...]]:
    # One more row where the card says that it rests on a bad record.
    rows = {key: len(heads[key]) + bool(nodes[key].rests_on) for column in columns for group in column for key in group}
    heights = {key: _HEAD + _MARK * count + (8 if count else 0) for key, count in rows.items()}
    frames: list[Frame] = []
    cards: list[Card] = []
    totals = [_height_of(column, heights) for column in columns]
    for number, column in enumerate(columns):
        x = _MARGIN + number * (CARD_WIDTH + 2 * _PAD + _GAP_X)
        # The first one stands at the top: a narrow screen shows it alone, beside columns that may be much longer.
        y = _MARGIN + ((max(totals) - totals[number]) // 2 if number else 0)
        for group in column:
            height = _frame_height(group, heights)
            first = nodes[group[0]]
            facilities = (mark.node.name for key in group for mark in heads[key] if mark.node.type == "FacilityRecord")
            frames.append(
                Frame(
                    holder=first.holder,
                    told=bool(first.version),
                    site=next(facilities, ""),
                    x=x,
                    y=y,
                    width=CARD_WIDTH + 2 * _PAD,
                    height=height,
                )
            )
            top = y + _TITLE
            for key in group:
                cards.append(Card(node=nodes[key], marks=heads[key], x=x + _PAD, y=top, height=heights[key]))
                top += heights[key] + _GAP_Y
            y += height + _GAP_FRAMES
    return tuple(frames), tuple(cards)


def _frame_height(group: list[str], heights: Mapping[str, int]) -> int:
    return _TITLE + sum(heights[key] + _GAP_Y for key in group) - _GAP_Y + _PAD


def _height_of(column: list[list[str]], heights: Mapping[str, int]) -> int:
    return sum(_frame_height(group, heights) + _GAP_FRAMES for group in column) - _GAP_FRAMES


def _line(earlier: Card, later: Card, *, recycled: bool) -> Line:
    x1, y1 = earlier.x + CARD_WIDTH, earlier.y + _HEAD // 2
    x2, y2 = later.x, later.y + _HEAD // 2
    bend = max((x2 - x1) // 2, 24)
    path = f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 7} {y2}"
    return Line(path=path, open=earlier.node.outcome in {"sealed", "missing", "pending"}, round=recycled)
