"""How pages are made: the environment of the templates, the styles and their digests, the headers of a quiet page.

What a page says is its own module's.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from connector.model import counted
from connector.server.languages import TEMPLATES


@cache
def environment() -> Environment:
    """Everything is escaped, and a name that nobody gave is a bug."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    made.filters["counted"] = counted
    return made


def template(name: str) -> Template:
    """One of the templates."""
    return environment().get_template(name)


@cache
def style(name: str) -> str:
    """A style sheet, to stand in the page itself."""
    return (TEMPLATES / f"{name}.css").read_text("utf-8")


@cache
def _digest(name: str) -> str:
    return base64.b64encode(hashlib.sha256(style(name).encode()).digest()).decode()


def html(text: str, *, style_name: str, forms: bool, referrer: str, status: int = 200) -> web.Response:
    """A page that loads nothing, runs nothing, and that nobody frames. `forms`: whether it sends any, to us alone."""
    shown = web.Response(text=text, status=status, content_type="text/html")
    shown.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{_digest(style_name)}'; img-src data:; base-uri 'none'; "
        f"form-action '{'self' if forms else 'none'}'; frame-ancestors 'none'"
    )
    shown.headers["Referrer-Policy"] = referrer
    return shown
