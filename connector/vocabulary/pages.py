"""A page of text and tables, written as Markdown and as HTML: two forms of one content.

Only what reference pages need: headings with anchors, paragraphs, tables, lists of facts, links within the page. The
HTML stands alone: no script, no picture, no address of others; it follows the reader's light or dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of text that stands out: `code`, or a link to an anchor of this page or to another page (as `.html`)."""

    text: str
    target: str = ""


Inline = str | Mark
Cell = Sequence[Inline]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names with what is said of each."""

    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the first column names the row. `anchors`: names of the rows for links, where they have some."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    anchors: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands under it. `anchor` names it for links; `aside` is a word beside the heading.

    `listed`: whether the table of contents names the sections within.
    """

    title: str
    anchor: str = ""
    aside: str = ""
    text: Cell = ()
    parts: Sequence[Facts | Table] = ()
    sections: Sequence[Section] = ()
    listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole page, with a table of contents where it has several sections."""

    title: str
    text: Cell
    sections: Sequence[Section]

    @property
    def contents(self) -> list[tuple[Section, list[Section]]]:
        """What the table of contents names."""
        if len(self.sections) == 1:
            return []
        return [(one, list(one.sections) if one.listed else []) for one in self.sections]


def plain(cell: Cell) -> str:
    """A cell as text alone."""
    return "".join(part if isinstance(part, str) else part.text for part in cell)


def joined(cells: Iterable[Cell], between: str = ", ") -> list[Inline]:
    """Several cells in one."""
    made: list[Inline] = []
    for cell in cells:
        made += [between, *cell] if made else cell
    return made


# --- Markdown --------------------------------------------------------------------------------------------------------


def markdown(page: Page) -> bytes:
    """The page in Markdown (CommonMark with tables)."""
    lines = [f"# {page.title}", "", _md(page.text), ""]
    for one, within in page.contents:
        inner = ", ".join(f"[{_md_text(two.title)}](#{two.anchor})" for two in within)
        lines.append(f"- [{_md_text(one.title)}](#{one.anchor})" + (f": {inner}" if inner else ""))
    lines += [""] if page.contents else []
    for section in page.sections:
        lines += _md_section(section, 2)
    return ("\n".join(lines).rstrip() + "\n").encode()


def _md_section(section: Section, depth: int) -> list[str]:
    lines = [f'<a id="{section.anchor}"></a>', ""] if section.anchor else []
    lines += [f"{'#' * depth} {_md_text(section.title)}" + (f" ({section.aside})" if section.aside else ""), ""]
    lines += [_md(section.text), ""] if section.text else []
    for part in section.parts:
        if isinstance(part, Facts):
            lines += [f"- {name}: {_md(cell)}" for name, cell in part.rows]
        else:
            rows = [part.head, ["---"] * len(part.head), *([_md(cell) for cell in row] for row in part.rows)]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines.append("")
    for inner in section.sections:
        lines += _md_section(inner, depth + 1)
    return lines


def _md(cell: Cell) -> str:
    return "".join(_md_text(part) if isinstance(part, str) else _md_mark(part) for part in cell)


def _md_mark(mark: Mark) -> str:
    code = f"`{mark.text}`".replace("|", "\\|")
    return f"[{code}]({mark.target.replace('.html', '.md')})" if mark.target else code


def _md_text(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text)


# --- HTML ------------------------------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #566173; --paper: #fdfdfb; --band: #f1f3f0;
  --line: #d9dcd6; --link: #0b5a8a; --mark: #e9eee6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #a3adba; --paper: #14181d; --band: #1c2229;
  --line: #333b45; --link: #7cc0ee; --mark: #232b33; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
.page { display: grid; grid-template-columns: minmax(0, 1fr); max-width: 90rem; margin: 0 auto; }
nav { padding: 1rem 1.25rem; font-size: .9rem; border-bottom: 1px solid var(--line); }
nav ol { list-style: none; margin: 0; padding: 0; columns: 12rem; }
main { padding: 1.25rem; min-width: 0; }
@media (min-width: 64rem) {
  .page.with { grid-template-columns: 17rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border: 0; border-right: 1px solid var(--line); }
  nav ol { columns: auto; }
  main { padding: 2rem 2.5rem; }
}
a { color: var(--link); text-underline-offset: .15em; }
nav a { text-decoration: none; } nav a:hover, nav a:focus { text-decoration: underline; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 2px solid var(--line); font-size: 1.45rem; }
h3 { margin: 2rem 0 .25rem; font-size: 1.1rem; }
h2, h3 { overflow-wrap: anywhere; } h3 small, h2 small { font-weight: 400; color: var(--soft); font-size: .85rem; }
nav p { font-weight: 600; margin: .8rem 0 .2rem; }
section:target > h2, section:target > h3, tr:target > * { background: var(--mark); }
p { max-width: 46rem; margin: .4rem 0; }
code { font: .9em ui-monospace, monospace; background: var(--mark); padding: .05em .3em; border-radius: .25em;
  overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 10rem minmax(0, 1fr); gap: .15rem 1rem; margin: .5rem 0; font-size: .93rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { padding-left: 1rem; } }
.scroll { overflow-x: auto; margin: .75rem 0; border: 1px solid var(--line); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line); }
thead th { background: var(--band); white-space: nowrap; } tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 600; } td code, th code { overflow-wrap: normal; }
"""


def html(page: Page) -> bytes:
    """The page in HTML."""
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(page.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
    ]
    if page.contents:
        parts += ['<div class="page with">', '<nav aria-label="Contents">']
        for one, within in page.contents:
            items = "".join(f"<li>{_html_link(two)}</li>" for two in within)
            parts.append(f"<p>{_html_link(one)}</p>" + (f"<ol>{items}</ol>" if items else ""))
        parts.append("</nav>")
    else:
        parts.append('<div class="page">')
    parts += ["<main>", f"<h1>{escape(page.title)}</h1>", f"<p>{_html(page.text)}</p>"]
    for section in page.sections:
        parts += _html_section(section, 2)
    parts += ["</main>\n</div>\n</body>\n</html>\n"]
    return "\n".join(parts).encode()


def _html_link(section: Section) -> str:
    return f'<a href="#{escape(section.anchor)}">{escape(section.title)}</a>'


def _html_section(section: Section, depth: int) -> list[str]:
    aside = f" <small>{escape(section.aside)}</small>" if section.aside else ""
    anchor = f' id="{escape(section.anchor)}"' if section.anchor else ""
    lines = [f"<section{anchor}>", f"<h{depth}>{escape(section.title)}{aside}</h{depth}>"]
    lines += [f"<p>{_html(section.text)}</p>"] if section.text else []
    for part in section.parts:
        lines += _html_facts(part) if isinstance(part, Facts) else _html_table(part, section.title)
    for inner in section.sections:
        lines += _html_section(inner, depth + 1)
    return [*lines, "</section>"]


def _html_facts(facts: Facts) -> list[str]:
    rows = [f"<dt>{escape(name)}</dt><dd>{_html(cell)}</dd>" for name, cell in facts.rows]
    return ["<dl>", *rows, "</dl>"]


def _html_table(table: Table, title: str) -> list[str]:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    rows = []
    anchors = table.anchors or [""] * len(table.rows)
    for name, (first, *others) in zip(anchors, table.rows, strict=True):
        anchor = f' id="{escape(name)}"' if name else ""
        cells = "".join(f"<td>{_html(cell)}</td>" for cell in others)
        rows.append(f'<tr{anchor}><th scope="row">{_html(first)}</th>{cells}</tr>')
    # a wide table scrolls by itself, and can be reached by keyboard
    opening = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
    return [opening, f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>", *rows, "</tbody>\n</table></div>"]


def _html(cell: Cell) -> str:
    return "".join(escape(part) if isinstance(part, str) else _html_mark(part) for part in cell)


def _html_mark(mark: Mark) -> str:
    code = f"<code>{escape(mark.text)}</code>"
    return f'<a href="{escape(mark.target)}">{code}</a>' if mark.target else code
