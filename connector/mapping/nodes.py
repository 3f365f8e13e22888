"""Nodes, lists, ids and links of a document, bound to columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from connector.mapping.binding import At, Made, Make
from connector.mapping.columns import Frame, LinkRequest, Ref, Scope, origins
from connector.mapping.measures import MeasureBinder
from connector.mapping.shape import (
    AnyValue,
    Contained,
    EachValue,
    From,
    Join,
    Link,
    ListOf,
    Mint,
    Node,
    Received,
    Sum,
    Target,
)  # fmt: skip
from connector.mapping.spelling import refuse
from connector.model import Json, JsonObject


class NodeBinder(MeasureBinder):
    """Binds whole documents."""

    def value(self, value: AnyValue, scope: Scope, at: At) -> Made:
        """Any value."""
        if isinstance(value, From):
            return self.quantity(value, scope, at) if value.unit is not None else self._text(value, scope, at)
        if isinstance(value, Contained | Sum):
            return self.quantity(value, scope, at)
        if isinstance(value, Node):
            return self.node(value, scope, at)
        if isinstance(value, EachValue):
            return self.each(value, scope, at)
        if isinstance(value, ListOf):
            return self.list_of(value, scope, at)
        return self._reference(value, scope, at)

    def _text(self, value: From, scope: Scope, at: At) -> Made:
        make, refs, constant = self.plain(value, scope, at)
        return Made(make, constant, refs)

    def _reference(self, value: Mint | Link | Received, scope: Scope, at: At) -> Made:
        if isinstance(value, Mint):
            return self.minted(value, scope, at)
        if isinstance(value, Link):
            return self.link(value, value.link, scope, at)
        return self.received(value, scope, at)

    # --- nodes and lists ---

    def node(self, rule: Node, scope: Scope, at: At) -> Made:
        """A node, or a list of nodes where rows are joined."""
        if rule.join is None:
            made = self.single(rule, scope, at)
            return Made(self.conditional(rule, made.make, made.refs, scope, at), made.constant, made.refs)
        inner, below = self.join(rule.join, scope, at)
        member = at.member()
        made = self.single(rule, inner, member)
        return self._members(rule, rule.join, (below, made.make, member), scope, at)

    def single(self, rule: Node, scope: Scope, at: At) -> Made:
        """One node: its class and its terms. Left out where all its columns are empty."""
        terms: list[tuple[str, Make, bool]] = []
        for term, value in rule.terms.items():
            if term == "link" and rule.type == "EventProduct" and isinstance(value, Link):
                made = self.link(value, value.link, scope, at.term("link"), product="product" not in rule.terms)
            else:
                made = self.value(value, scope, at.term(term))
            terms.append((term, made.make, made.constant))
        constant = all(fixed for _, _, fixed in terms)
        make = _node(rule.type, tuple(terms), keep_empty=constant)
        return Made(_with_product(make) if rule.type == "EventProduct" else make, constant)

    def _members(
        self, rule: Node | EachValue, join: Join, bound: tuple[Callable[[Frame], list[Frame]], Make, At], scope: Scope,
        at: At,
    ) -> Made:  # fmt: skip
        below, make_member, member = bound
        suffix, template = at.suffix, member.template

        def make(frame: Frame) -> list[Json] | None:
            out: list[Json] = []
            draft = frame.draft
            for inner in below(frame):
                inner.prefix = f"{frame.prefix}{suffix}/{frame.offset + len(out)}"
                links, trail = len(draft.links), len(draft.trail)
                found = make_member(inner)
                if found is None:
                    del draft.links[links:], draft.trail[trail:]
                    continue
                draft.trail.append((inner, template))
                out.append(found)
            return out or None

        when = join.when or rule.when
        condition = rule.model_copy(update={"when": when})
        return Made(self.conditional(condition, self.guard(make, (), at), (), scope, at))

    def each(self, rule: EachValue, scope: Scope, at: At) -> Made:
        """A list with one value per joined row."""
        inner, below = self.join(rule, scope, at)
        member = at.member()
        made = self.value(rule.value, inner, member)
        return self._members(rule, rule, (below, made.make, member), scope, at)

    def list_of(self, rule: ListOf, scope: Scope, at: At) -> Made:
        """A list that the plan writes out; empty members are left out."""
        members = []
        for item in rule.items:
            place = at.member()
            many = isinstance(item, EachValue) or (isinstance(item, Node) and item.join is not None)
            members.append((self.value(item, scope, place), place.template, many))
        parts = [(made.make, template, many) for made, template, many in members]
        suffix = at.suffix

        def make(frame: Frame) -> list[Json] | None:
            out: list[Json] = []
            draft = frame.draft
            for make_member, template, many in parts:
                prefix = frame.prefix + suffix
                inner = frame.at(prefix, len(out)) if many else frame.at(f"{prefix}/{len(out)}")
                links, trail = len(draft.links), len(draft.trail)
                found = make_member(inner)
                if found is None:
                    del draft.links[links:], draft.trail[trail:]
                    continue
                draft.trail.append((inner, template))
                out.extend(found if many and isinstance(found, list) else [found])
            return out or None

        return Made(make, all(made.constant for made, _, _ in members))

    # --- ids and links ---

    def minted(self, rule: Mint, scope: Scope, at: At) -> Made:
        """The id of a thing of ours."""
        get, refs, constant = self.plain(rule.key, scope, at)
        mint, kind = lru_cache(maxsize=1024)(self.mint), rule.mint

        def make(frame: Frame) -> str | None:
            found = get(frame)
            return None if found is None else mint(kind, found)

        return Made(self.conditional(rule, make, refs, scope, at), constant, refs)

    def link(self, rule: Link, target: Target, scope: Scope, at: At, *, product: bool = False) -> Made:
        """A place that waits for an upstream link; of an event's product, for the product's id too."""
        request, refs = self._request(target, scope, at)
        suffix = at.suffix
        id_suffix = suffix.removesuffix("/link") + "/product" if product else ""

        def make(frame: Frame) -> JsonObject | None:
            path = frame.prefix + suffix
            made = request(frame, path, frame.prefix + id_suffix if product else "")
            return {} if made else None

        return Made(self.conditional(rule, make, refs, scope, at), refs=refs)

    def received(self, rule: Received, scope: Scope, at: At) -> Made:
        """A place that waits for the id of a thing that another record is about."""
        request, refs = self._request(rule.as_received, scope, at)
        suffix = at.suffix

        def make(frame: Frame) -> str | None:
            return "" if request(frame, "", frame.prefix + suffix) else None

        return Made(self.conditional(rule, make, refs, scope, at), refs=refs)

    def _request(
        self, target: Target, scope: Scope, at: At
    ) -> tuple[Callable[[Frame, str, str], bool], tuple[Ref, ...]]:
        get, refs, _ = self.plain(target.value, scope, at)
        issuer = self.text(target.issuer, scope, at) if target.issuer is not None else None

        def ask(frame: Frame, path: str, id_path: str) -> bool:
            found = get(frame)
            if found is None:
                return False
            frame.draft.links.append(
                LinkRequest(
                    path=path, id_path=id_path, record_type=target.to, scheme=target.scheme, value=found,
                    issuer=issuer(frame) if issuer else None, own=target.own, optional=target.optional,
                    place=origins(refs, frame),
                )
            )  # fmt: skip
            return True

        return ask, refs

    def strings(self, value: AnyValue, scope: Scope, at: At) -> Callable[[Frame], tuple[str, ...]]:
        """A value, or a list of values, as texts."""
        if not isinstance(value, From | EachValue | ListOf):
            raise refuse("Here stands a value or a list of values.", value.line)
        make = self.value(value, scope, at).make

        def texts(frame: Frame) -> tuple[str, ...]:
            found = make(frame)
            listed = found if isinstance(found, list) else [found]
            return tuple(dict.fromkeys(text for text in listed if isinstance(text, str) and text))

        return texts


def _with_product(make: Callable[[Frame], JsonObject | None]) -> Make:
    """Where an event's product is linked, its id waits for the link too."""

    def made(frame: Frame) -> JsonObject | None:
        out = make(frame)
        if out is not None and "link" in out:
            out.setdefault("product", "")
        return out

    return made


def _node(
    kind: str, terms: tuple[tuple[str, Make, bool], ...], *, keep_empty: bool
) -> Callable[[Frame], JsonObject | None]:
    def make(frame: Frame) -> JsonObject | None:
        out: JsonObject = {"type": kind}
        filled = keep_empty
        for term, get, constant in terms:
            found = get(frame)
            if found is not None:
                out[term] = found
                filled = filled or not constant
        return out if filled else None

    return make
