"""The audit walk, without I/O: it says what to read and what to check, and takes the answers in any order.

    walk = Walk(root, holder=did, now=now)
    while wants := walk.wanted():      # drained: each want is given out once
        ...
        walk.take_read(read, answer); walk.take_check(check, checked)

Back along links to the mine, forward along `later` to what came of it; a record's version is visited once at each
holder, so a loop through recycling ends. Depth, number of nodes and questions for later records are capped; what a cap
cuts off is counted. What the gathered nodes mean is judged in `nodes.py` (one node) and `assemble.py` (the whole).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.model import Did
from connector.provenance.events import MakeEvent, StocktakeEvent
from connector.provenance.links import BOOKS, LINEAGE, Link
from connector.provenance.nodes import Check, Checked, Edge, Node, Scope, node_key
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import LATEST, Answer, Gap, Later, LaterEntry, Page, PartyName, Read, Target
from connector.provenance.statements import Content, read_content, read_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps of one walk."""

    depth: int = 64
    nodes: int = 20000
    newest: bool = True
    """Whether the newest version of what states how material was sourced is read too (`newest.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ViaLink:
    """Why a link was asked about: the node that holds it."""

    source: str
    link: Link
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class _ViaLater:
    """Why later records were asked for: of which node, and whether to go on from all of them."""

    source: str
    scope: Scope


_LATER_EACH: Final = 8
"""Of the nodes that a walk may have: so many companies may be asked, on average, what came of each. Names cost nothing:
whoever answers may name one more, without end, and no new record.
"""
_SUPPORTING: Final = frozenset({Scope.BACK, Scope.FORWARD, Scope.SUPPORT})
"""A stocktake leans on no permit: counting is allowed without."""


class Walk:
    """State of one walk. `nodes` by key, `edges` in the order found, `unreached` counts what caps and refusals cut.

    `newest`: by record and holder the newest version, apart from the nodes: nothing is followed from there.
    `supports`: key of a node -> keys of those that prove something about it, and are judged as of its time.
    """

    def __init__(self, root: str, *, holder: Did, now: datetime, limits: Limits | None = None) -> None:
        self.now = now
        self.limits = limits or Limits()
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str], Edge] = {}
        self.names: dict[Did, str] = {}
        self.newest: dict[tuple[str, Did], Node] = {}
        self.supports: dict[str, set[str]] = {}
        self.capped = 0
        self.unreached = 0
        self.root_key = ""
        self.asked = root
        self._root = Read(holder=holder, kind="record", ident=root)
        self._wanted: list[Read | Check] = [self._root]
        self._asked: set[Read | Check] = {self._root}
        self._told_later: set[tuple[str, Did, Scope]] = set()
        self._purposes: dict[Read, list[_ViaLink | _ViaLater]] = {}
        self._answers: dict[Read, Answer] = {}
        self._holding: dict[Read, str] = {}
        self._checking: dict[Check, list[Node]] = {}
        self._checked: dict[Check, Checked] = {}

    def wanted(self) -> tuple[Read | Check, ...]:
        """What has become wanted since the last call."""
        wanted, self._wanted = tuple(self._wanted), []
        return wanted

    def take_read(self, read: Read, answer: Answer) -> None:
        """The answer to a read."""
        if read == self._root:
            self._take_root(answer)
        elif isinstance(answer, PartyName):
            self.names[read.holder] = answer.name
        elif read.kind == "record" and read.version == LATEST:
            self._take_newest(read, answer)
        elif read.kind == "record":
            self._take_page(self.nodes[self._holding[read]], answer)
        elif read.kind in {"link", "later"}:
            self._answers[read] = answer
            for purpose in self._purposes.pop(read, []):
                self._follow(purpose, answer)

    def take_check(self, check: Check, checked: Checked) -> None:
        """The result of a verification."""
        self._checked[check] = checked
        for node in sorted(self._checking.pop(check, ()), key=lambda one: one.key):
            self._note_check(node, check, checked)

    # --- arriving ----------------------------------------------------------------------------------------------------

    def _take_root(self, answer: Answer) -> None:
        page = answer if isinstance(answer, Page) else None
        record, version = (page.record, page.version) if page else (self._root.ident, 0)
        node = Node(record=record, version=version, depth=0, holder=self._root.holder)
        node.scopes = {Scope.BACK, Scope.FORWARD}
        node.times = {self.now}
        self.nodes[node.key] = node
        self.root_key = node.key
        self._ask(Read(holder=node.holder, kind="party"))
        self._take_page(node, answer)

    def _take_page(self, node: Node, answer: Answer) -> None:
        if not isinstance(answer, Page):
            node.gap = answer if isinstance(answer, Gap) else _ODD
            return
        node.page, node.type = answer, answer.type
        if (answer.record, answer.version) != (node.record, node.version):
            node.faults.append("the page is that of another record or version")
        for served in node.given:
            assert served.octets is not None  # `given` holds only those
            self._check(node, Check(octets=served.octets, at=self.now))
        self._load(node)

    def _take_newest(self, read: Read, answer: Answer) -> None:
        node = self.newest[read.ident, read.holder]
        if isinstance(answer, Page):
            node.version = answer.version
            if node.key in self.nodes:
                self.newest[read.ident, read.holder] = self.nodes[node.key]
                return
        self._take_page(node, answer)

    def _check(self, node: Node, check: Check) -> None:
        if check in node.checks or check in node.awaited:
            return
        known = self._checked.get(check)
        if known is not None:
            node.checks[check] = known
            return
        node.awaited.add(check)
        self._checking.setdefault(check, []).append(node)
        if check not in self._asked:
            self._asked.add(check)
            self._wanted.append(check)

    def _note_check(self, node: Node, check: Check, checked: Checked) -> None:
        node.checks[check] = checked
        node.awaited.discard(check)
        if node.content is None:
            self._load(node)
        elif check.at == self.now:
            self._check_then(node, check, checked)

    def _check_then(self, node: Node, check: Check, checked: Checked) -> None:
        """A statement that has only run out is judged again as of its making."""
        if node.standing or checked.outcome is not Outcome.EXPIRED or checked.payload is None:
            return
        valid_from = read_statement(checked.payload).valid_from
        times = [time for time in (valid_from, node.content.time if node.content else None) if time is not None]
        if times and max(times) < self.now:
            self._check(node, Check(octets=check.octets, at=max(times)))

    def _load(self, node: Node) -> None:
        """Read the content, as soon as all its credentials were verified once."""
        if node.awaited or node.page is None:
            return
        results = [(check, node.checks[check]) for check in list(node.checks) if check.at == self.now]
        statements = tuple(read_statement(checked.payload) for _, checked in results if checked.payload is not None)
        node.content = read_content(node.type, node.page.record, node.page.version, statements)
        for check, checked in results:
            self._check_then(node, check, checked)
        self._lean(node, frozenset(node.times))
        if node.scopes and self.limits.newest:
            self._ask_newest(node, node.content)
        for scope in sorted(node.scopes):
            self._expand(node, scope)

    def _lean(self, node: Node, times: frozenset[datetime]) -> None:
        """Judge a standing as of these times of events that lean on it, and hand them on to what it leans on itself.

        Only new times: thousands of events lean on the permit of one mine.
        """
        if node.page is None or node.content is None:
            return
        if node.standing:
            for served in node.given:
                assert served.octets is not None  # `given` holds only those
                for time in sorted(times):
                    self._check(node, Check(octets=served.octets, at=time))
        for target in sorted(self.supports.get(node.key, ())):
            self._arrive(self.nodes[target], times if node.content.time is None else node.own_times())

    def _ask_newest(self, node: Node, content: Content) -> None:
        """What is stated here may be stated no more. The root is the newest."""
        leans = any(link.relation == "attestation" for link in content.links)
        place = node.record, node.holder
        if not (leans or content.sourcing) or node.key == self.root_key or place in self.newest:
            return
        read = Read(holder=node.holder, kind="record", ident=node.record)
        if read == self._root:
            self.newest[place] = self.nodes[self.root_key]
            return
        self.newest[place] = Node(record=node.record, version=0, depth=node.depth, holder=node.holder)
        self.newest[place].times = {self.now}
        self._ask(read)

    # --- going on ----------------------------------------------------------------------------------------------------

    def _expand(self, node: Node, scope: Scope) -> None:
        assert node.content is not None  # called when loaded
        for link in node.content.links:
            towards = _towards(scope, link.relation)
            if towards is not None:
                read = Read(holder=node.holder, kind="link", ident=link.id)
                self._ask(read, _ViaLink(source=node.key, link=link, scope=towards))
        if scope is Scope.FORWARD or (scope is Scope.BACK and isinstance(node.content.event, MakeEvent)):
            self._ask_later(node, node.holder, scope)

    def _ask_later(self, node: Node, holder: Did, scope: Scope) -> None:
        if (node.key, holder, scope) in self._told_later:
            return  # two companies may name each other
        if len(self._told_later) >= _LATER_EACH * self.limits.nodes:
            self.capped += 1
            return
        self._told_later.add((node.key, holder, scope))
        read = Read(holder=holder, kind="later", ident=node.record)
        self._ask(read, _ViaLater(source=node.key, scope=scope))

    def _ask(self, read: Read, purpose: _ViaLink | _ViaLater | None = None) -> None:
        answer = self._answers.get(read)
        if answer is not None and purpose is not None:
            self._follow(purpose, answer)
            return
        if purpose is not None:
            self._purposes.setdefault(read, []).append(purpose)
        if read not in self._asked:
            self._asked.add(read)
            self._wanted.append(read)

    def _follow(self, purpose: _ViaLink | _ViaLater, answer: Answer) -> None:
        if isinstance(purpose, _ViaLink):
            self._follow_link(purpose, answer)
        elif isinstance(answer, Later):
            self._follow_later(purpose, answer)
        else:
            source = self.nodes[purpose.source]
            gap = answer if isinstance(answer, Gap) else _ODD
            source.notes.append(f"what came later is {gap.outcome}: {gap.reason}")
            self.unreached += purpose.scope is Scope.FORWARD

    def _follow_link(self, purpose: _ViaLink, answer: Answer) -> None:
        source, link = self.nodes[purpose.source], purpose.link
        if isinstance(answer, Target):
            node = self._node(answer.record, answer.version, answer.holder, source.depth + 1)
        else:
            node = self._node(link.id, 0, source.holder, source.depth + 1)
            if node is not None and node.page is None:
                node.gap = answer if isinstance(answer, Gap) else _ODD
        if node is None:
            return
        node.links.add(link.id)
        if link.digests not in node.expected:
            node.expected.append(link.digests)
        self._connect(Edge(source=source.key, target=node.key, relation=link.relation))
        if purpose.scope is Scope.SUPPORT:
            self.supports.setdefault(source.key, set()).add(node.key)
        self._arrive(node, source.own_times(), purpose.scope)

    def _follow_later(self, purpose: _ViaLater, answer: Later) -> None:
        source = self.nodes[purpose.source]
        if purpose.scope is Scope.FORWARD:
            self.unreached += answer.withheld
        for entry in answer.entries:
            self._follow_entry(source, purpose.scope, entry)
            if purpose.scope is Scope.FORWARD:
                # Who got the thing, or says something later about it, may have made more of it.
                for other in dict.fromkeys((entry.holder, entry.receiver or entry.holder)):
                    self._ask_later(source, other, Scope.FORWARD)

    def _follow_entry(self, source: Node, scope: Scope, entry: LaterEntry) -> None:
        closes = entry.type == StocktakeEvent.__name__
        if scope is Scope.BACK and not closes:
            return
        node = self._node(entry.record, entry.version, entry.holder, source.depth + 1)
        if node is not None:
            self._connect(Edge(source=node.key, target=source.key, relation="later"))
            self._arrive(node, frozenset({self.now}), Scope.STOCKTAKE if closes else Scope.FORWARD)

    def _node(self, record: str, version: int, holder: Did, depth: int) -> Node | None:
        """The node of a record's version at its holder; None when a cap forbids a new one."""
        key = node_key(record, version, holder)
        node = self.nodes.get(key)
        if node is None:
            if depth > self.limits.depth or len(self.nodes) >= self.limits.nodes:
                self.capped += 1
                return None
            node = self.nodes[key] = Node(record=record, version=version, depth=depth, holder=holder)
            if version:
                read = Read(holder=holder, kind="record", ident=record, version=str(version))
                self._holding[read] = key
                self._ask(read)
                self._ask(Read(holder=holder, kind="party"))
        node.depth = min(node.depth, depth)
        return node

    def _connect(self, edge: Edge) -> None:
        known = self.edges.get((edge.source, edge.target))
        if edge.source != edge.target and (known is None or known.relation == "later"):
            self.edges[edge.source, edge.target] = edge

    def _arrive(self, node: Node, times: frozenset[datetime], scope: Scope | None = None) -> None:
        """Reach a node again: with new scopes and times it is expanded and judged further, else nothing happens."""
        new = times - node.times
        if new:
            node.times |= new
            self._lean(node, new)
        if scope is not None and scope not in node.scopes:
            node.scopes.add(scope)
            if node.content is not None:
                self._expand(node, scope)


def _towards(scope: Scope, relation: str) -> Scope | None:
    """How far to go along a link, from why we came here."""
    if relation in BOOKS:
        return Scope.BOOKS if scope is Scope.STOCKTAKE else None
    if relation in LINEAGE:
        return Scope.BACK if scope is Scope.BACK else None
    return Scope.SUPPORT if scope in _SUPPORTING else None


_ODD: Final = Gap(outcome=Outcome.MISSING, reason="the answer is of another kind than what was asked for")
