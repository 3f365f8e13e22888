"""A plan's header and document, bound: what makes one document out of one row's frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector.mapping.binding import At
from connector.mapping.columns import Draft, Frame, Template, Test
from connector.mapping.nodes import NodeBinder
from connector.mapping.shape import AnyValue, From, ListOf, Mint, Node, Received
from connector.mapping.source import Row
from connector.mapping.spelling import refuse
from connector.mapping.unfit import Unfit
from connector.model import Json, JsonObject

Text = Callable[[Frame], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is read from one row, before it gets its record's ids."""

    key: str
    title: str
    subject: JsonObject
    model_id: str | None
    buyers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The bound plan. `keys` and `where`: of each source, for joins and filters."""

    lookers: tuple[Callable[[Frame], Frame | None], ...]
    tests: tuple[Test, ...]
    key: Text
    title: Text
    subject_id: Text | None
    document: Callable[[Frame], Json]
    model_id: Text
    buyers: Callable[[Frame], tuple[str, ...]]
    template: Template
    keys: dict[str, Text]
    where: dict[str, tuple[Test, ...]]
    mint: Callable[[str, str], str]
    subject_class: str

    def frame(self, row: Row, draft: Draft) -> Frame:
        """The frame of a driving row, with its look-ups."""
        frame = Frame(row, None, (), "", draft)
        if self.lookers:
            frame.looked = tuple(look(frame) for look in self.lookers)
        return frame

    def counts(self, frame: Frame) -> bool:
        """Whether the row makes a document."""
        return all(test(frame) for test in self.tests)

    def parts(self, frame: Frame) -> Parts:
        """The document of a row. Raises `Unfit`."""
        draft = frame.draft
        key = self.key(frame)
        made = self.document(frame)
        subject: JsonObject = {"id": None, "type": self.subject_class}
        if isinstance(made, dict):
            subject.update(made)
        if self.subject_id is None:
            subject["id"] = self.mint(self.subject_class, key or "")
        else:
            subject["id"] = self.subject_id(frame)
        draft.trail.append((frame, self.template))
        parts = Parts(
            key=key or "", title=self.title(frame) or key or "", subject=subject, model_id=self.model_id(frame),
            buyers=self.buyers(frame),
        )  # fmt: skip
        if not key:
            raise Unfit("empty-key", "The row has no key.", "totals and empty lines can be skipped: `skip`, `where`")
        if subject["id"] is None:
            raise Unfit("empty-key", "The row has nothing to make the subject's id from.")
        return parts


def bind(binder: NodeBinder) -> Program:
    """Bind the plan's header and document."""
    plan = binder.plan
    scope = binder.scope(plan.driving, None, plan.line)
    lookers = binder.lookups(plan.lookup, scope)
    at = At("", "")
    subject_id: Text | None = None
    if isinstance(plan.subject_id, Mint | Received):
        subject_id = _text(binder.value(plan.subject_id, scope, at.term("id")).make)
    title = From(from_=plan.title, line=plan.line) if plan.title else plan.key
    return Program(
        lookers=lookers,
        tests=binder.tests(plan.where, scope),
        key=binder.text(plan.key, scope, At("", "key")),
        title=binder.text(title, scope, At("", "title")),
        subject_id=subject_id,
        document=binder.single(_document(binder), scope, at).make,
        model_id=_text(binder.minted(plan.model_id, scope, At("", "model_id")).make) if plan.model_id else _nothing,
        buyers=binder.strings(plan.buyers, scope, At("", "buyers")) if plan.buyers is not None else _nobody,
        template=at.template,
        keys=_keys(binder),
        where=_where(binder),
        mint=binder.mint,
        subject_class=str(plan.subject),  # no text that knows its line: a schema takes none
    )


def _document(binder: NodeBinder) -> Node:
    """The document with the header's identifiers in it."""
    plan = binder.plan
    if not plan.identifiers:
        return plan.document
    members: list[AnyValue] = []
    for rule in plan.identifiers:
        terms: dict[str, AnyValue] = {"scheme": From(from_=f"={rule.scheme}", line=rule.line), "value": rule.value}
        if rule.issuer is not None:
            terms["issuer"] = rule.issuer
        members.append(
            Node.model_construct(type="Identifier", join=None, terms=terms, line=rule.line, when=(), required=False)
        )
    listed = ListOf.model_construct(items=tuple(members), line=plan.line)
    return plan.document.model_copy(update={"terms": {"identifier": listed, **plan.document.terms}})


def _keys(binder: NodeBinder) -> dict[str, Text]:
    found = {}
    for name, joined in binder.joined.items():
        key = binder.plan.sources[name].key
        if joined.keyed and key is not None:
            found[name] = binder.text(key, binder.scope(name, None, binder.plan.line), At("", f"key of {name}"))
    return found


def _where(binder: NodeBinder) -> dict[str, tuple[Test, ...]]:
    found = {}
    for name in {binder.plan.driving, *binder.joined}:
        if name not in binder.plan.sources:
            raise refuse(f"`{name}` is no source.", binder.plan.line)
        source = binder.plan.sources[name]
        found[name] = binder.tests(source.where, binder.scope(name, None, source.line))
    return found


def _text(make: Callable[[Frame], Json]) -> Text:
    def text(frame: Frame) -> str | None:
        found = make(frame)
        return found if isinstance(found, str) else None

    return text


def _nothing(_: Frame) -> None:
    return None


def _nobody(_: Frame) -> tuple[str, ...]:
    return ()
