"""The order of a message: which segments open a group, and which stand in it (ISO 9735-1, 7.5; X12.6 calls it a loop).

Written as `RFF(DTM) NAD(LOC RFF(DTM))`: a segment with brackets opens a group, what stands in it follows it. A segment
belongs to the innermost open group that still has a place for it in its order; where none has, to the innermost that
knows it at all: not every sender keeps to the order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from connector.mapping.segments import Segment

MAX_DEPTH = 32
_PARTS = re.compile(r"\s*(?:([A-Z][A-Z0-9]{1,2})(\()?|(\)))")


@dataclass(slots=True)
class Group:
    """What may stand in a group: the place of each segment in its order, and the groups that open there."""

    order: dict[str, int] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)


class BadGroups(ValueError):
    """Groups that are not written as they have to be."""


@lru_cache(maxsize=64)
def group_of(written: str) -> Group:
    """The groups as written. Raises `BadGroups`."""
    open_now, place = [Group()], 0
    while place < len(written.rstrip()):
        part = _PARTS.match(written, place)
        if part is None or len(open_now) > MAX_DEPTH:
            raise BadGroups(f"cannot be read from place {place + 1} on")
        place = part.end()
        tag, opens, closes = part.groups()
        if closes:
            open_now.pop()
            if not open_now:
                raise BadGroups(f"closes more than it opened, at place {place}")
            continue
        here = open_now[-1]
        if tag in here.order:
            raise BadGroups(f"names {tag} twice in one group")
        here.order[tag] = len(here.order)
        if opens:
            here.groups[tag] = Group()
            open_now.append(here.groups[tag])
    if len(open_now) > 1:
        raise BadGroups("lacks a closing bracket")
    return open_now[0]


class Nest:
    """The groups that are open while a message is read. Begins with the segment that holds all."""

    def __init__(self, top: Segment, group: Group) -> None:
        self.open = [_Open(top, group)]

    def put(self, segment: Segment) -> bool:
        """Put a segment where it belongs. False: no open group knows it."""
        name = segment.name
        for keeps_order in (True, False):
            for depth in range(len(self.open) - 1, -1, -1):
                here = self.open[depth]
                place = here.group.order.get(name)
                if place is not None and not (keeps_order and place < here.place):
                    self._put(segment, depth, place)
                    return True
        return False

    def put_below(self, parent: Segment, segment: Segment) -> bool:
        """Put a segment that names its parent itself (X12's HL) below it. False: the message has no such group."""
        top = self.open[0]
        if segment.name not in top.group.groups:
            return False
        self._put(segment, 0, top.group.order[segment.name])
        top.segment.children.pop()
        parent.children.append(segment)
        return True

    def _put(self, segment: Segment, depth: int, place: int) -> None:
        del self.open[depth + 1 :]
        here = self.open[depth]
        here.place = max(here.place, place)
        here.segment.children.append(segment)
        inner = here.group.groups.get(segment.name)
        if inner is not None:
            self.open.append(_Open(segment, inner))


@dataclass(slots=True)
class _Open:
    """A group that is open: its first segment, and how far in its order the message is."""

    segment: Segment
    group: Group
    place: int = 0
