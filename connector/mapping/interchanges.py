"""EDI interchanges to flat records: what EDIFACT and X12 share. What sets them apart is a `Syntax`, theirs to fill in.

A message is a tree: its segments in their groups, below the headers around it. A path begins with the message's type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from connector.mapping.elements import Raw
from connector.mapping.envelopes import Message
from connector.mapping.exports import Source
from connector.mapping.groups import Group, Nest, group_of
from connector.mapping.records import Flat
from connector.mapping.segments import Flattening, Naming, Segment, count_paths, known
from connector.mapping.source import SourceFile, unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Syntax:
    """One of the two. `type_element`: of a message's header; `orders`: the messages whose groups are known.

    `messages` and `segments` are the reader's two functions (a segment that repeats an element makes several); `nest`
    puts them in their places.
    """

    noun: str
    type_element: int
    orders: Mapping[str, str]
    messages: Callable[[SourceFile, str | None], Iterator[Message]]
    segments: Callable[[Raw], Iterator[Segment]]
    nest: Callable[[SourceFile, Segment, Group], Nest]

    def records(self, file: SourceFile, source: Source, qualifiers: dict[str, str]) -> Iterator[Flat]:
        """One flat record per segment at the path; `qualifiers`: per segment its field. Raises `Unreadable`."""
        kind, *steps = (source.record or "").split("/")
        flattening = Flattening(file, Naming(qualifiers=qualifiers, deep=True))
        seen: dict[str, int] = {}
        for message in self.messages(file, source.encoding):
            found = message.header.value(self.type_element)
            seen[found] = 1
            if found == kind:
                top, _ = self._tree(file, message, source.groups)
                yield from flattening.below(top, [*(raw.name for raw in message.around[1:]), kind, *steps])
        if kind not in seen:
            raise unreadable(
                file, "header-missing", f"The file has no {self.noun} {kind}.",
                hint=f"`record` begins with: {known(seen)}",
            )  # fmt: skip

    def outline(self, file: SourceFile, encoding: str | None) -> tuple[dict[str, int], dict[str, int]]:
        """For proposals: how often each message stands, and each path of a segment, where the groups are known."""
        kinds: dict[str, int] = {}
        paths: dict[str, int] = {}
        for message in self.messages(file, encoding):
            kind = message.header.value(self.type_element)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind in self.orders:
                _, header = self._tree(file, message, None)
                count_paths(header, paths)
        return kinds, paths

    def _tree(self, file: SourceFile, message: Message, groups: str | None) -> tuple[Segment, Segment]:
        """The outermost header, and the message's own below it. Raises `Unreadable`."""
        kind = message.header.value(self.type_element)
        headers = [segment for raw in (*message.around, message.header) for segment in self.segments(raw)]
        for outer, inner in pairwise(headers):
            outer.children.append(inner)
        headers[-1].step = kind
        nest = self.nest(file, headers[-1], group_of(groups if groups is not None else self.orders.get(kind, "")))
        for raw in message.body:
            for segment in self.segments(raw):
                if not nest.put(segment):
                    raise unreadable(
                        file, "bad-structure", f"Segment {raw.number} ({raw.name[:20]}) has no place in a {kind[:20]}.",
                        hint="`groups` writes down another order, such as `BGM DTM RFF(DTM)`", segment=raw.number,
                    )  # fmt: skip
        return headers[0], headers[-1]
