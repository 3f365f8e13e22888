"""Somebody with a browser at the operators' pages of a company: cookies, links, forms, and no script."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tests.edges.cli.companies import Company
from tests.edges.cli.test_running import ask

_FORM = re.compile(r'<form method="post" action="([^"]+)">(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass(frozen=True, slots=True)
class Form:
    """Where a form leads, and what it sends by itself."""

    action: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A page: its status, where it stands after redirects, its source."""

    status: int
    url: str
    text: str

    def forms(self, **fields: str) -> list[Form]:
        """Its forms that have these fields."""
        found = [Form(action, {name: html.unescape(value) for name, value in _FIELD.findall(body)})
                 for action, body in _FORM.findall(self.text)]  # fmt: skip
        return [one for one in found if fields.items() <= one.fields.items()]

    def words(self) -> str:
        """What a person reads."""
        return " ".join(html.unescape(re.sub("<[^>]+>", " ", self.text.partition("</style>")[2])).split())


class Visitor:
    """Signed in by a one-time address."""

    def __init__(self, company: Company) -> None:
        code, answer = ask(company, "open")
        assert code == 0
        self._origin = str(answer["address"]).partition("/operator/")[0]
        self._opener = build_opener(HTTPCookieProcessor())
        self.place = self._open(str(answer["address"]), None).url

    def get(self, path: str = "") -> Seen:
        """One of the pages."""
        return self._open(self.place + path, None)

    def send(self, form: Form, **typed: str) -> Seen:
        """A form with what the person typed, up to the page that it leads to."""
        return self._open(self._origin + form.action, urlencode({**form.fields, **typed}).encode())

    def _open(self, url: str, body: bytes | None) -> Seen:
        request = Request(url, data=body, headers={"Origin": self._origin})
        try:
            answer = self._opener.open(request, timeout=30)
        except HTTPError as refused:
            answer = refused
        with answer:
            seen, further = Seen(answer.status, answer.url, answer.read().decode()), answer.headers.get("Refresh", "")
        return self._open(urljoin(url, further.partition("url=")[2]), None) if further else seen
