"""IDoc XML (SAP interface repository 3.0 shape) to flat records: the segment of the plan's path, with its parents.

Read with expat directly, because it knows lines and lets a DOCTYPE be refused before any entity is made (XML 1.0,
2.8). One IDoc is held in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat  # DOCTYPE, and with it every entity, is refused below

from connector.mapping.records import Flat
from connector.mapping.segments import Flattening, Naming, Segment
from connector.mapping.source import SourceFile, Unreadable, content, unreadable

MAX_DEPTH = 32
_CHUNK = 1 << 16


@dataclass(slots=True)
class _Element(Segment):
    """An element while it is read: a segment if it has parts, else a field."""

    text: list[str] = field(default_factory=list)
    parts: int = 0


class _Builder:
    """Collects the segments of the document; each complete element below the root's path is handed over."""

    def __init__(self, file: SourceFile, top: str) -> None:
        self.file = file
        self.top = top
        self.open: list[_Element] = []
        self.done: list[Segment] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.data

    def doctype(self, *_: object) -> NoReturn:
        raise unreadable(
            self.file, "xml-doctype-forbidden", "The XML has a DOCTYPE.", line=self.parser.CurrentLineNumber
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002  # expat's signature
        if len(self.open) >= MAX_DEPTH:
            raise unreadable(
                self.file, "bad-structure", f"The XML is nested deeper than {MAX_DEPTH}.",
                line=self.parser.CurrentLineNumber,
            )  # fmt: skip
        if self.open:
            self.open[-1].parts += 1
        self.open.append(_Element(name.rpartition(":")[2], self.parser.CurrentLineNumber))

    def data(self, text: str) -> None:
        if self.open:
            self.open[-1].text.append(text)

    def end(self, name: str) -> None:  # noqa: ARG002  # expat's signature
        closed = self.open.pop()
        if closed.name == self.top:
            self.done.append(closed)
        elif self.open and closed.parts:
            self.open[-1].children.append(closed)
        elif self.open:
            self.open[-1].fields.setdefault(closed.name, "".join(closed.text).strip())


def records(file: SourceFile, path: str, qualifiers: dict[str, str]) -> Iterator[Flat]:
    """One flat record per segment at the path. Raises `Unreadable`."""
    steps = path.split("/")
    flattening = Flattening(file, Naming(qualifiers=qualifiers, short=True))
    for top in _tops(file, steps[0]):
        yield from flattening.below(top, steps[1:])


def outline(file: SourceFile) -> tuple[dict[str, int], dict[str, str]]:
    """For proposals: the paths of all segments with how often each stands; segments with their qualifying field."""
    return outline_of(_tops(file, "IDOC"))


def outline_of(tops: Iterable[Segment]) -> tuple[dict[str, int], dict[str, str]]:
    """The same of IDocs that are read already."""
    paths: dict[str, int] = {}
    qualifiers: dict[str, str] = {}
    for top in tops:
        open_now = [("IDOC", top)]
        while open_now:
            path, segment = open_now.pop(0)
            if segment.fields and not path.endswith("/EDI_DC40"):
                paths[path] = paths.get(path, 0) + 1
            qualifier = next((name for name in segment.fields if name == "QUALF" or name.endswith("_Q")), None)
            if qualifier is not None:
                qualifiers[segment.name] = qualifier
                paths.pop(path, None)
            open_now += [(f"{path}/{child.name}", child) for child in segment.children]
    return paths, qualifiers


def _tops(file: SourceFile, top: str) -> Iterator[Segment]:
    data = content(file)
    builder = _Builder(file, top)
    found = False
    try:
        for start in range(0, len(data), _CHUNK):
            builder.parser.Parse(data[start : start + _CHUNK], False)
            found = found or bool(builder.done)
            yield from builder.done
            builder.done.clear()
        builder.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _broken(file, error) from error
    except (LookupError, ValueError) as error:  # expat knows no encoding of several bytes but UTF, nor any made-up one
        hint = "save it as UTF-8, or have it exported so"
        raise unreadable(
            file, "bad-encoding", f"The XML says an encoding that cannot be read: {error}.", hint=hint, line=1
        ) from error
    yield from builder.done
    if not (found or builder.done):
        raise unreadable(
            file, "header-missing", f"The XML has no element {top}.",
            hint="of XML only IDocs are read, and `record` begins with IDOC: export others as CSV, XLSX or JSON",
        )  # fmt: skip


def _broken(file: SourceFile, error: expat.ExpatError) -> Unreadable:
    reason = expat.ErrorString(error.code)
    line = error.lineno
    cut = error.code in {3, 5, 20}  # no element, unclosed token, unclosed CDATA: the file ended
    code = "truncated-file" if cut else "bad-structure"
    hint = "the file may be cut off; export it again" if cut else "the XML is not well-formed there"
    return unreadable(file, code, f"The XML cannot be read: {reason}.", hint=hint, line=line)
