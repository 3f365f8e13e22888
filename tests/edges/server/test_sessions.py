"""Signing in to the operators' pages, and what every request has to prove."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.server.sessions import CODE_SECONDS, IDLE, LONGEST
from tests.edges.server.desk import PAGES, TOKEN, Desk, desk_at


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Nobody is signed in."""
    async with desk_at(tmp_path) as opened:
        yield opened


async def test_an_address_signs_in_once(desk: Desk) -> None:
    """The cookie is for these pages alone and for no script; a second use gets none, nor do old and invented codes."""
    address = await desk.address()
    assert TOKEN not in address
    status, _ = await desk.get(address)
    cookie = desk.seen["Set-Cookie"]
    assert status == 200
    place = desk.seen["Refresh"].removeprefix("0; url=")
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
    assert (await desk.get(address))[0] == 200


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


async def test_no_cookie_of_others_locks_us_out(desk: Desk) -> None:
    """A server at another port may set any whose name it can think of, and they come behind ours (RFC 6265, 5.4)."""
    await desk.sign_in()
    other = replace(desk)
    await other.sign_in()
    for foreign in ("operator=x", "operator-=x", other.cookie.partition("=")[0] + "=x"):
        assert (await replace(desk, cookie=f"{desk.cookie}; {foreign}").get(desk.place))[0] == 200, foreign


async def raw(desk: Desk, method: str, path: str, *headers: bytes, body: bytes = b"") -> bytes:
    """The status line of an answer to octets that no client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.client.port)
    host = f"Host: 127.0.0.1:{desk.client.port}".encode()
    head = [f"{method} {path} HTTP/1.1".encode(), host, b"Connection: close", *headers]
    writer.write(b"\r\n".join([*head, f"Content-Length: {len(body)}".encode(), b"", body]))
    status = (await reader.readline()).strip()
    writer.close()
    return status


async def test_octets_that_are_no_text_open_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """In a cookie, a code, a place or a form's token: nobody is signed in by them, and no bug is found."""
    await desk.sign_in()
    name, cookie = desk.cookie.partition("=")[0].encode(), b"Cookie: " + desk.cookie.encode()
    for value in (b"\xff\xfe", b'"\\377\\200"'):
        assert b" 401 " in await raw(desk, "GET", desk.place, b"Cookie: " + name + b"=" + value)
    assert b" 401 " in await raw(desk, "GET", "/operator/sign-in/%ff%ed%a0%80")
    assert b" 401 " in await raw(desk, "GET", "/operator/%ff%fe/", cookie)
    form = (b"Origin: " + desk.origin.encode(), b"Content-Type: application/x-www-form-urlencoded", cookie)
    assert b" 403 " in await raw(desk, "POST", desk.place + "sign-out", *form, body=b"form_token=%ff%ed")
    assert b" 400 " in await raw(desk, "POST", desk.place + "sign-out", *form, body=b"form_token=\xff")
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


@pytest.mark.parametrize("charset", ["foo", "utf-16", "utf-7", "latin-1", "zlib"])
async def test_a_form_is_in_the_encoding_of_our_pages(desk: Desk, charset: str) -> None:
    """Another one is refused, known or not; UTF-8 may be named."""
    await desk.sign_in()
    headers = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    status, page = await desk.send(desk.place + "sign-out", headers=headers)
    assert (status, "nothing was done" in page) == (400, True)
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    assert (await desk.send(desk.place + "sign-out", headers=headers))[0] == 303


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
    assert (await desk.get(address))[0] == 200


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
    assert (await desk.get(last))[0] == 200


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
