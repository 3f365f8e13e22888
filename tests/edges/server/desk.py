"""Somebody at the operators' pages of a quiet connector, over a real socket: a browser that keeps nothing by itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from connector.server import site
from connector.server.services import Services
from connector.server.sessions import CODE_SECONDS
from tests.edges.server.quiet import quiet_connector

TOKEN = "the-management-token"
PAGES = ("", "exchanges", "denials", "offers", "agreements", "received", "evidence", "evidence/check")


@dataclass
class Hands:
    """A clock that the test moves."""

    at: datetime = datetime(2027, 3, 15, 9, tzinfo=UTC)

    def now(self) -> datetime:
        """Now."""
        return self.at


@dataclass(repr=False)  # pytest would show all of the connector, for every test
class Desk:
    """The management listener, and a browser that keeps nothing by itself."""

    services: Services
    client: TestClient[Any, Any]
    clock: Hands
    cookie: str = ""
    form_token: str = ""
    place: str = ""
    origin: str = ""
    seen: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and page."""
        sent = {"Cookie": self.cookie} if self.cookie else {}
        async with self.client.get(path, headers={**sent, **headers}, allow_redirects=False) as answer:
            self.seen = dict(answer.headers)
            return answer.status, await answer.text()

    async def send(self, path: str, *, headers: dict[str, str] | None = None, **form: str) -> tuple[int, str]:
        """The same of a form, as a browser sends it from one of the pages; an empty header is left out."""
        sent = {"Cookie": self.cookie, "Origin": self.origin, **(headers or {})}
        sent = {name: value for name, value in sent.items() if value}
        form = {"form_token": self.form_token, **form}
        async with self.client.post(path, data=form, headers=sent, allow_redirects=False) as answer:
            self.seen = dict(answer.headers)
            return answer.status, await answer.text()

    async def address(self) -> str:
        """The path of a fresh one-time address."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.client.post("/v1/sign-in", headers=headers) as answer:
            told = await answer.json()
        assert (answer.status, told["seconds"]) == (200, CODE_SECONDS)
        self.origin, slash, path = str(told["address"]).partition("/operator/")
        return slash + path

    async def sign_in(self) -> None:
        """With a cookie and a form token from then on."""
        status, _ = await self.get(await self.address())
        assert status == 200
        self.cookie, self.place = (
            self.seen["Set-Cookie"].partition(";")[0],
            self.seen["Refresh"].removeprefix("0; url="),
        )
        _, page = await self.get(self.place)
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found is not None
        self.form_token = found[1]


@asynccontextmanager
async def desk_at(folder: Path) -> AsyncIterator[Desk]:
    """Nobody is signed in."""
    clock = Hands()
    services = replace(quiet_connector(folder)[0], clock=clock)
    async with TestClient(TestServer(site.management_site(services, TOKEN)), cookie_jar=DummyCookieJar()) as client:
        yield Desk(services, client, clock)
