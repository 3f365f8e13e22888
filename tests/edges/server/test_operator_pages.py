"""Signing in to the operators' pages, and what every request has to prove, over a real socket."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from aiohttp import DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from connector.exchange.rows import ApprovalRow, EvidenceEntry
from connector.model import Did, JsonObject
from connector.server import commands, site
from connector.server.services import Services
from connector.server.sessions import CODE_SECONDS, IDLE, LONGEST
from connector.server.trouble import trouble
from connector.stores.memory import MemoryStore
from tests.edges.server.quiet import quiet_connector
from tests.exchange.signing import AUTHORITY, sign

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
        assert status == 303
        self.cookie, self.place = self.seen["Set-Cookie"].partition(";")[0], self.seen["Location"]
        _, page = await self.get(self.place)
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found is not None
        self.form_token = found[1]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Nobody is signed in."""
    clock = Hands()
    services = replace(quiet_connector(tmp_path)[0], clock=clock)
    async with TestClient(TestServer(site.management_site(services, TOKEN)), cookie_jar=DummyCookieJar()) as client:
        yield Desk(services, client, clock)


async def test_an_address_signs_in_once(desk: Desk) -> None:
    """The cookie is for these pages alone and for no script; a second use gets none, nor do old and invented codes."""
    address = await desk.address()
    assert TOKEN not in address
    status, _ = await desk.get(address)
    cookie = desk.seen["Set-Cookie"]
    assert status == 303
    place = desk.seen["Location"]
    assert re.fullmatch(r"/operator/[^/]{32,}/", place)
    assert {"HttpOnly", f"Path={place}", "SameSite=Strict"} <= set(cookie.split("; "))
    assert not set(re.findall(r"[^/=;]{32,}", place)) & set(re.findall(r"[^/=;]{32,}", cookie.partition(";")[0]))
    for code in (address, "/operator/sign-in/x", "/operator/sign-in/"):
        status, page = await desk.get(code)
        assert (status, "Set-Cookie" in desk.seen) == (401, False)
        assert "battery-connector open" in page
    late = await desk.address()
    desk.clock.at += timedelta(seconds=CODE_SECONDS + 1)
    assert (await desk.get(late))[0] == 401


async def test_looking_at_an_address_does_not_use_it(desk: Desk) -> None:
    """A program that asks for its head gets nothing, and it is good still."""
    address = await desk.address()
    async with desk.client.head(address) as answer:
        assert (answer.status, "Set-Cookie" in answer.headers) == (401, False)
    assert (await desk.get(address))[0] == 303


async def test_an_address_is_for_who_has_the_token(desk: Desk) -> None:
    """Neither a cookie nor nothing opens the management API; nor does the token stand on a page."""
    await desk.sign_in()
    for path in ("/v1/counts", "/v1/sign-in", "/operator%2f../v1/counts", "/operator/../v1/counts"):
        assert (await desk.get(path))[0] in {401, 404, 405}, path
    async with desk.client.post("/v1/sign-in", headers={"Cookie": desk.cookie}) as answer:
        assert answer.status == 401
    for path in PAGES:
        assert TOKEN not in (await desk.get(desk.place + path))[1]


async def test_pages_are_quiet_and_kept_by_nobody(desk: Desk) -> None:
    """Each is small, loads and runs nothing, stands in no frame, sends forms to us alone."""
    await desk.sign_in()
    for path in (*PAGES, "nothing-here"):
        status, page = await desk.get(desk.place + path)
        assert status == (404 if path == "nothing-here" else 200)
        policy = desk.seen["Content-Security-Policy"]
        for word in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"):
            assert word in policy
        assert "unsafe" not in policy
        assert (desk.seen["Cache-Control"], desk.seen["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert len(page.encode()) < 100_000
        assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:", page)


@pytest.mark.parametrize("path", ["", "exchanges", "nothing-here"])
async def test_nobody_else_sees_anything(desk: Desk, path: str) -> None:
    """Without a session's cookie at its own place: only how to sign in, not even whose pages they are."""
    await desk.sign_in()
    other = replace(desk)
    await other.sign_in()
    name = desk.cookie.partition("=")[0]
    guesses = [("", desk.place), (f"{name}=x", desk.place), (f"{name}=", desk.place)]
    elsewhere = [(desk.cookie, "/operator/"), (desk.cookie, "/operator/x/"), (desk.cookie, other.place)]
    for cookie, place in (*guesses, *elsewhere):
        status, page = await replace(desk, cookie=cookie).get(place + path)
        assert (status, "battery-connector open" in page, "maker" in page) == (401, True, False)
    assert (await desk.get(desk.place))[0] == (await other.get(other.place))[0] == 200


@pytest.mark.parametrize("pause", [IDLE, LONGEST])
async def test_a_session_ends(desk: Desk, pause: timedelta) -> None:
    """After a while without a click, and after a day's work however busy it was."""
    await desk.sign_in()
    began = desk.clock.at
    while desk.clock.at + IDLE < began + pause:
        desk.clock.at += IDLE
        assert (await desk.get(desk.place))[0] == 200
    desk.clock.at = began + pause
    assert (await desk.get(desk.place))[0] == 200
    desk.clock.at += timedelta(seconds=1) if pause == LONGEST else IDLE + timedelta(seconds=1)
    assert (await desk.get(desk.place))[0] == 401
    assert (await desk.send(desk.place + "sign-out"))[0] == 401


async def test_signing_out_ends_one_session(desk: Desk) -> None:
    """The cookie opens nothing any more, if a browser kept it; another session goes on."""
    await desk.sign_in()
    other = replace(desk)
    await other.sign_in()
    assert (await desk.send(desk.place + "sign-out"))[0] == 303
    assert (await desk.get(desk.place))[0] == 401
    assert (await other.get(other.place))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ""}, {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1:1"},
        {"Content-Type": "text/plain"}, {"Content-Type": "application/json"},
    ],
)  # fmt: skip
async def test_a_form_comes_from_our_own_page(desk: Desk, headers: dict[str, str]) -> None:
    """With our origin and as a form; everything else is refused and nothing is done."""
    await desk.sign_in()
    status, page = await desk.send(desk.place + "sign-out", headers=headers)
    assert (status in {403, 413}, "nothing was done" in page) == (True, True)
    assert (await desk.get(desk.place))[0] == 200


async def test_a_form_has_the_token_of_its_session(desk: Desk) -> None:
    """Not another session's, and not none."""
    await desk.sign_in()
    other = replace(desk)
    await other.sign_in()
    for token in ("", "x", other.form_token):
        status, page = await desk.send(desk.place + "sign-out", form_token=token)
        assert (status, "nothing was done" in page) == (403, True)
    status, _ = await desk.send(desk.place + "sign-out", more="x" * (64 << 10))
    assert status == 413
    assert (await desk.get(desk.place))[0] == 200


@pytest.mark.parametrize("host", ["evil.example:8081", "127.0.0.1.evil.example", "localhost.", "", "10.0.0.1:8081"])
async def test_a_foreign_name_gets_no_page(desk: Desk, host: str) -> None:
    """A web site whose name leads to this machine (DNS rebinding) sees nothing, whatever cookie and code it has."""
    await desk.sign_in()
    address = await desk.address()
    for path in (desk.place, address):
        status, page = await desk.get(path, Host=host)
        assert (status, "maker" in page, "Set-Cookie" in desk.seen) in {(403, False, False), (400, False, False)}
    status, _ = await desk.send(desk.place + "sign-out", headers={"Host": host or "x", "Origin": f"http://{host}"})
    assert status == 403
    assert (await desk.get(address))[0] == 303


async def test_a_flood_of_addresses_and_sessions_has_an_end(desk: Desk) -> None:
    """The oldest make way; who worked last stays signed in."""
    await desk.sign_in()
    first = await desk.address()
    for _ in range(100):
        assert (await desk.get(desk.place))[0] == 200
        await replace(desk, cookie="").sign_in()
    assert (await desk.get(desk.place))[0] == 200
    for _ in range(100):
        last = await desk.address()
    assert (await desk.get(first))[0] == 401
    assert (await desk.get(last))[0] == 303


@pytest.mark.parametrize("path", ["exchanges?state=GONE", "exchanges?kind=x", "exchanges?peer=nobody", "exchanges/x"])
async def test_what_is_not_there_is_told_on_a_page(desk: Desk, path: str) -> None:
    """A sentence and a way back."""
    await desk.sign_in()
    status, page = await desk.get(desk.place + path)
    assert status in {404, 422}
    assert f'href="{desk.place}"' in page


async def test_odd_places_in_a_list_are_none(desk: Desk) -> None:
    """A number that no store takes, or none, begins at the newest."""
    await desk.sign_in()
    for before in ("x", "~", "9" * 30, "-1~x", "\u0663~x"):
        assert (await desk.get(f"{desk.place}exchanges?before={before}"))[0] == 200


# --- what they tell --------------------------------------------------------------------------------------------------


async def begun(desk: Desk, peer: str, dataset: str) -> str:
    """A request of ours to a peer that nobody reaches."""
    command = await commands.command_of(desk.services, "", peer)
    offer: dict[str, Any] = {"@type": "Offer", "@id": "urn:offer", "permission": [{"action": "use"}]}
    await desk.services.negotiate.request(Did(peer), "https://gone.example/dsp", dataset, offer, command)
    return command.pid


async def tried(desk: Desk) -> None:
    """The delivery of what waits has failed once."""
    work = asyncio.create_task(desk.services.outbox.run())
    for _ in range(1_000):
        if await desk.services.store.undelivered("", limit=1):
            break
        await asyncio.sleep(0.01)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


async def test_what_is_not_delivered_goes_wrong(desk: Desk) -> None:
    """With whom, how often it was tried, what came of it and what to do; the picture shows it."""
    await desk.sign_in()
    assert "Everything is delivered" in (await desk.get(desk.place))[1]
    pid = await begun(desk, "did:web:gone.example", "urn:sites")
    await tried(desk)
    _, page = await desk.get(desk.place)
    for words in ("Goes wrong (1)", "did not get through, tried once", "it is tried again at", "it is given up"):
        assert words in page, words
    _, page = await desk.get(f"{desk.place}exchanges/{pid}")
    assert page.count('class="cross"') == 1
    assert "Tried in vain" in page


async def test_names_of_others_are_text_and_short_in_lists(desk: Desk) -> None:
    """Markup, and what turns or hides, is shown as what it is; the whole stands on the page of the exchange."""
    await desk.sign_in()
    peer, dataset = 'did:web:"><script>alert(1)</script>' + "p" * 300, "\u202e\x1b\u200b'\"&" + "d" * 300
    pid = await begun(desk, peer, dataset)
    await tried(desk)
    for path in ("", "exchanges", f"exchanges/{pid}", "evidence"):
        status, page = await desk.get(desk.place + path)
        assert status == 200
        assert "<script" not in page
        assert not {"\u202e", "\x1b", "\u200b"} & set(page)
        assert ("p" * 300 in page) == (path == f"exchanges/{pid}"), path
    _, page = await desk.get(f"{desk.place}exchanges/{pid}")
    assert "\\u202e\\x1b\\u200b&#39;&#34;&amp;" + "d" * 300 in page


async def test_what_runs_out_is_told_before(desk: Desk, tmp_path: Path) -> None:
    """A credential of ours that ends within 30 days, and no other; a disk that is nearly full."""

    def member(until: str) -> bytes:
        said: JsonObject = {
            "type": ["VerifiableCredential", "MembershipCredential"], "issuer": AUTHORITY, "validUntil": until,
            "credentialSubject": {"id": desk.services.config.did, "type": "Party"},
        }  # fmt: skip
        return sign(said).encode()

    held = [member("2027-04-13T00:00:00Z"), member("2027-04-15T00:00:00Z")]
    nearly = replace(desk.services, shown=lambda: held, room=replace(desk.services.room, min_free_bytes=1 << 60))
    told = [one.says for one in await trouble(nearly)]
    assert told[0] == f"MembershipCredential of {AUTHORITY}, good until 2027-04-13T00:00:00Z"
    assert (len(told), "nothing is taken from peers" in told[1]) == (2, True)


async def entries(desk: Desk, event: str, count: int = 1, **said: Any) -> None:
    """So many entries in the log."""
    row = EvidenceEntry(tenant="", at=1_800_000_000_000_000, event=event, body=orjson.dumps(said))
    await desk.services.store.append_evidence([row] * count)


async def test_an_old_denial_is_found_bit_by_bit(desk: Desk) -> None:
    """One page looks through so many entries, says how far it looked, and leads on."""
    await desk.sign_in()
    rule = {"constraint": "permission[1]", "left": "role", "operator": "eq", "right": ["a", "b"], "value": "c",
            "state": "not-satisfied", "source": ""}  # fmt: skip
    said = {"decision": "deny", "reason": "not-permitted", "stage": "audit", "at": "2027-01-01T00:00:00Z"}
    await entries(desk, "audit-read", party="did:web:x", decisions={"PUB": {**said, "rules": [rule]}})
    await entries(desk, "data-page", 20_500, party="did:web:x")
    _, page = await desk.get(f"{desk.place}denials")
    assert "Nothing was denied from entry 502 on." in page
    more = re.search(r'href="([^"]+)">Look further back', page)
    assert more is not None
    _, page = await desk.get(html.unescape(more[1]))
    assert "deny: role is c, asked: a, b" in page
    assert "Look further back" not in page
    _, page = await desk.get(f"{desk.place}evidence/1")
    assert "not-satisfied" in page


async def test_a_changed_log_is_told(desk: Desk) -> None:
    """By the number of the entry that does not fit; before that it was whole."""
    await desk.sign_in()
    await entries(desk, "data-page", 1_200, party="did:web:x")
    _, page = await desk.get(f"{desk.place}evidence/check")
    assert "1,200 entries, none changed, none left out" in page
    log = cast("MemoryStore", desk.services.store)._evidence[""]
    log[1_100] = replace(log[1_100], body=b"{}")
    _, page = await desk.get(f"{desk.place}evidence/check")
    assert "evidence entry 1101: was changed after it was recorded" in page


async def test_a_long_list_goes_on_where_it_ended(desk: Desk) -> None:
    """Page by page each exchange stands once, whatever the filter."""
    await desk.sign_in()
    pids = {await begun(desk, f"did:web:p{number % 2}.example", "urn:sites") for number in range(104)}
    for wanted, count in (
        ("", 104),
        ("?peer=did:web:p1.example", 52),
        ("?kind=negotiation", 104),
        ("?kind=transfer", 0),
    ):
        path, seen = f"exchanges{wanted}", list[str]()
        while path:
            _, page = await desk.get(desk.place + path)
            seen += re.findall(r"exchanges/(urn:uuid:[^\"]+)", page)
            older = re.search(r'href="[^"]+/(exchanges\?[^"]+)">Older ones', page)
            path = html.unescape(older[1]) if older else ""
        assert (len(seen), len(set(seen)), set(seen) <= pids) == (count, count, True)


async def test_a_peer_that_asks_for_much_fills_no_page(desk: Desk) -> None:
    """The longest waiting stand there, and how many there are behind them."""
    await desk.sign_in()
    noted = EvidenceEntry(tenant="", at=0, event="audit-held", body=b"{}")
    for number in range(60):
        row = ApprovalRow(
            tenant="", kind="audit", pid=f"urn:{number:02}", turn="audit", counterparty="did:web:x",
            subject="urn:sites", asked=number, due=0, detail=b'{"read":"records/1/latest"}',
        )  # fmt: skip
        await desk.services.store.commit_approval(row, noted)
    _, page = await desk.get(desk.place)
    assert ("Waits for your word (60)" in page, "10 more wait behind these" in page) == (True, True)
    assert re.findall(r"approvals/urn:(\d\d)", page) == [f"{number:02}" for number in range(50) for _ in range(2)]
    assert len(page.encode()) < 150_000
