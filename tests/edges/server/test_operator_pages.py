"""What the operators' pages tell, of much and of hostile things too. Signing in is `test_sessions`'s."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.exchange.rows import (
    AgreementRow,
    ApprovalRow,
    AttemptRow,
    DatasetRow,
    EvidenceEntry,
    ProcessRow,
    StepCommit,
    TimerRow,
)
from connector.model import Did, JsonObject, Pid
from connector.protocol.process import Process, Role
from connector.server import commands
from connector.server.trouble import trouble
from tests.edges.server.desk import TOKEN, Desk, desk_at
from tests.exchange.signing import AUTHORITY, sign
from tests.kept import connection


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Nobody is signed in."""
    async with desk_at(tmp_path) as opened:
        yield opened


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
    """A credential of ours that ends within 30 days, until a later one is held, and no other; a disk nearly full."""

    def member(until: str, kind: str = "MembershipCredential", about: str = desk.services.config.did) -> bytes:
        said: JsonObject = {
            "type": ["VerifiableCredential", kind], "issuer": AUTHORITY, "validUntil": until,
            "credentialSubject": {"id": about, "type": "Party"},
        }  # fmt: skip
        return sign(said).encode()

    end, later = "2027-04-13T00:00:00Z", "2027-04-15T00:00:00Z"
    held = [member(end), member(end), member(later, "RoleCredential"), member(later, about="did:web:x")]
    nearly = replace(desk.services, shown=lambda: held, room=replace(desk.services.room, min_free_bytes=1 << 60))
    told = [one.says for one in await trouble(nearly)]
    assert told[:2] == [f"MembershipCredential of {AUTHORITY}, good until {end}"] * 2
    assert (len(told), "nothing is taken from peers" in told[2]) == (3, True)
    held.append(member(later))
    assert len(await trouble(nearly)) == 1, "what a later one of its kind replaced is no trouble"


async def entries(desk: Desk, event: str, count: int = 1, **said: Any) -> None:
    """So many entries in the log."""
    row = EvidenceEntry(tenant="", at=1_800_000_000_000_000, event=event, body=orjson.dumps(said))
    await desk.services.store.append_evidence([row] * count)


async def test_an_old_denial_is_found_bit_by_bit(desk: Desk) -> None:
    """One page looks through so many entries, says how far it looked, and leads on."""
    await desk.sign_in()
    rule = {
        "constraint": "permission[1].constraint[0]", "left": "role", "operator": "eq", "right": ["a", "b"],
        "value": "c", "state": "not-satisfied", "source": "",
    }  # fmt: skip
    said = {"decision": "deny", "reason": "not-permitted", "stage": "audit", "at": "2027-01-01T00:00:00Z"}
    await entries(desk, "audit-read", party="did:web:x", decisions={"PUB": {**said, "rules": [rule]}})
    await entries(desk, "data-page", 20_500, party="did:web:x")
    _, page = await desk.get(f"{desk.place}denials")
    assert "Nothing was denied from entry 502 on." in page
    more = re.search(r'href="([^"]+)">Look further back', page)
    assert more is not None
    _, page = await desk.get(html.unescape(more[1]))
    assert "deny: permission[1]: role is c, asked: a, b" in page
    assert "Look further back" not in page
    _, page = await desk.get(f"{desk.place}evidence/1")
    assert "not-satisfied" in page


async def test_what_a_fetch_left_out_is_one_denial(desk: Desk) -> None:
    """However many pages it had. What another one left out, or for another reason, is one of its own."""
    await desk.sign_in()

    def denial(*failed: str) -> dict[str, Any]:
        rules = [
            {
                "constraint": f"permission[0].constraint[{number}]", "left": left, "operator": "eq", "right": "a",
                "value": "c", "state": "not-satisfied", "source": "",
            }
            for number, left in enumerate(failed)
        ]  # fmt: skip
        return {"decision": "deny", "reason": "not-permitted", "stage": "data", "leftOut": 7, "rules": rules}

    await entries(desk, "audit-read", party="did:web:x", decision=denial("leadsTo"))
    for pid, failed in (("urn:t1", ["accessClass"]), ("urn:t1", ["accessClass", "unitBuyer"]), ("urn:t2", ["site"])):
        decisions = [{**denial(*failed), "at": f"2027-01-01T00:00:{second:02}Z"} for second in range(30)]
        for one in decisions:
            await entries(desk, "data-page", party="did:web:x", pid=pid, leftOut={"values": 7}, decisions=[one])
    _, page = await desk.get(f"{desk.place}denials")
    assert page.count("left out 7 credentials: permission[0]: ") == 3
    assert "leadsTo is c" in page, "they don't take the place of another denial"
    _, page = await desk.get(f"{desk.place}evidence/2")
    assert f'href="{desk.place}exchanges/urn:t1"' in page
    assert "accessClass is c, asked: a" in page


async def test_a_bug_is_a_page_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its reader is a person; and its line in the log does not name the session's place."""
    await desk.sign_in()
    await entries(desk, "data-page", party="did:web:x")

    def broken(*_: object, **__: object) -> bool:
        raise KeyError("x")

    monkeypatch.setattr("connector.server.entries.wanted", broken)
    status, page = await desk.get(f"{desk.place}denials")
    assert (status, "This is a bug of the connector" in page, "Back to what is to be done" in page) == (500, True, True)
    told = [one.getMessage() for one in caplog.records if "bug while" in one.getMessage()]
    assert told == ["bug while showing /operator/{place}/denials"]


async def test_a_changed_log_is_told(desk: Desk) -> None:
    """By the number of the entry that does not fit; before that it was whole."""
    await desk.sign_in()
    await entries(desk, "data-page", 1_200, party="did:web:x")
    _, page = await desk.get(f"{desk.place}evidence/check")
    assert "1,200 entries, none changed, none left out" in page
    connection(desk.services.store).execute("UPDATE evidence SET body = x'7b7d' WHERE seq = 1101")
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


async def test_an_offer_that_this_version_refuses_says_so(desk: Desk) -> None:
    """An older one took its policy: it opens nothing, and why."""
    await desk.sign_in()
    purpose = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "audit"}
    older = orjson.dumps({"@type": "Set", "permission": [{"action": "audit", "constraint": purpose}]})
    row = DatasetRow(
        tenant="", dataset_id="urn:older", title="old lots", plan="", record_types=("Lot",), at=1, policy_digest="x",
        policy=older,
    )  # fmt: skip
    await desk.services.store.commit_dataset(row)
    _, page = await desk.get(f"{desk.place}offers")
    assert "opens nothing, because this version refuses it: purpose is not known where it is decided" in page


async def agreed(desk: Desk, number: int, state: str = "FINALIZED") -> None:
    """An agreement whose negotiation stands like that."""
    pid = f"urn:n-{number}"
    said = {"assigner": "did:web:us", "assignee": "did:web:x", "permission": [{"action": "use"}]}
    made = AgreementRow(
        tenant="", agreement_id=f"urn:a-{number:03}", negotiation_pid=pid, role="provider", counterparty="did:web:x",
        dataset_id=f"urn:d-{number % 2}", agreement=orjson.dumps(said), at=1 + number // 2,
    )  # fmt: skip
    body = orjson.dumps({"process": Process(role=Role.PROVIDER, pid=Pid(pid), state=state), "content": {}})
    row = ProcessRow(
        tenant="", kind="negotiation", pid=pid, peer_pid=None, counterparty="did:web:x", role="provider", state=state,
        version=1, body=body, deadline=None, created=1, updated=1,
    )  # fmt: skip
    await desk.services.store.commit_step(StepCommit(process=row, expected_version=0, agreement=made))


async def test_agreements_stand_page_by_page_and_say_which_one_was_broken_off(desk: Desk) -> None:
    """The newest first, each once, read so many at a time; that its negotiation was terminated is told there."""
    await desk.sign_in()
    for number in range(120):
        await agreed(desk, number, "TERMINATED" if number == 7 else "FINALIZED")
    for wanted, count in (("", 120), ("?dataset=urn:d-1", 60), ("?peer=did:web:y", 0)):
        path, seen, broken = f"agreements{wanted}", list[str](), 0
        while path:
            _, page = await desk.get(desk.place + path)
            seen += re.findall(r"agreements/urn:a-(\d+)", page)
            broken += page.count("TERMINATED")
            older = re.search(r'href="[^"]+/(agreements\?[^"]+)">Older ones', page)
            path = html.unescape(older[1]) if older else ""
        assert (len(seen), seen) == (count, sorted(seen, reverse=True)), wanted
        assert broken == (count > 0), wanted
    told, where = list[dict[str, str]](), "/v1/agreements?limit=50"
    while where:
        async with desk.client.get(where, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            page = await answer.json()
        assert 0 < len(page["agreements"]) <= 50
        told, where = told + page["agreements"], page["next"]
    assert [one["agreement"] for one in told] == [f"urn:a-{number:03}" for number in range(120)]
    assert [one["agreement"] for one in told if one["state"] == "TERMINATED"] == ["urn:a-007"]
    async with desk.client.get("/v1/agreements?after=no", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
        assert answer.status == 404


async def test_what_a_holder_asks_us_to_issue_is_refused_here_and_approved_with_claims(desk: Desk) -> None:
    """The page has no place for claims, and says what has; after a refusal it is gone."""
    await desk.sign_in()
    asked = {"id": "m", "credential_type": "MembershipCredential", "profile": "vc20-bssl/jwt"}
    row = ApprovalRow(
        tenant="", kind="issuance", pid="urn:asked", turn="issuance", counterparty="did:web:x", subject="m", asked=1,
        due=2**52, detail=orjson.dumps({"holderPid": "h", "asked": [asked]}),
    )  # fmt: skip
    await desk.services.store.commit_approval(row, None)
    _, page = await desk.get(desk.place)
    assert "asks us to issue MembershipCredential" in page
    assert ("approve urn:asked --claims FILE" in page, 'class="yes"' in page) == (True, False)
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen is not None
    status, _ = await desk.send(
        f"{desk.place}approvals/urn:asked", decision="reject", reason="no papers", key="k", seen=seen[1]
    )
    assert status == 303
    kept = await desk.services.store.load_approval("", "issuance", "urn:asked")
    assert kept is not None
    assert kept.decision == "rejected"
    assert "asks us to issue" not in (await desk.get(desk.place))[1]


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


async def put(desk: Desk, pid: str, state: str, at: int, *, role: Role = Role.PROVIDER, **content: Any) -> None:
    """A transfer as it stands in the store; of one that is pushed the alarm and a try in vain."""
    process = Process(role=role, pid=Pid(pid), state=state)
    known = {name: one for name, one in {"dataset": "urn:sites", **content}.items() if one is not None}
    body = orjson.dumps({"process": process, "content": known})
    row = ProcessRow(
        tenant="", kind="transfer", pid=pid, peer_pid=None, counterparty="did:web:x", role=role.value, state=state,
        version=1, body=body, deadline=None, created=at, updated=at,
    )  # fmt: skip
    tried = AttemptRow(tenant="", kind="transfer", pid=pid, seq=0, at=at, status=0, detail="silence", next_at=at)
    alarm = TimerRow(tenant="", kind="transfer", pid=pid, name="push", due=at)
    pushed = "push_tries" in content
    step = StepCommit(
        process=row, expected_version=0, attempt=tried if pushed else None, timers=[alarm] if pushed else None
    )
    await desk.services.store.commit_step(step)


async def test_a_request_for_what_nobody_agreed_is_about_no_dataset(desk: Desk) -> None:
    """It is refused, and kept: its page is a page."""
    await desk.sign_in()
    await put(desk, "urn:refused", "", 1, dataset=None)
    status, page = await desk.get(f"{desk.place}exchanges/urn:refused")
    assert (status, "none that is known" in page) == (200, True)


async def test_what_waits_for_a_start_is_hidden_by_nothing(desk: Desk) -> None:
    """Neither by what we asked for later, nor by later ones: those that wait longest stand there, and how many more."""
    await desk.sign_in()
    await put(desk, "urn:oldest", "REQUESTED", 1)
    for number in range(120):
        await put(desk, f"urn:ours-{number}", "REQUESTED", 10 + number, role=Role.CONSUMER)
    _, page = await desk.get(desk.place)
    assert ("Waits for your word (1)" in page, page.count("starts/urn:oldest")) == (True, 2)
    for number in range(1_100):
        await put(desk, f"urn:later-{number:04}", "REQUESTED", 1_000 + number)
    _, page = await desk.get(desk.place)
    assert ("Waits for your word (1101)" in page, "1051 more transfers wait behind these" in page) == (True, True)
    found = re.findall(r"starts/urn:([^\"]+)", page)[::2]
    assert found == ["oldest", *(f"later-{number:04}" for number in range(49))]


async def test_a_push_that_fails_is_hidden_by_nothing(desk: Desk) -> None:
    """Not by pulls, which stay started; nor is one told that has got on since, or more than a page takes."""
    await desk.sign_in()
    await put(desk, "urn:push", "STARTED", 1, push_tries=1)
    for number in range(120):
        await put(desk, f"urn:pull-{number}", "STARTED", 10 + number)
    _, page = await desk.get(desk.place)
    assert ("Goes wrong (1)" in page, "our data did not get through, tried once" in page) == (True, True)
    for number in range(20):
        await put(desk, f"urn:push-{number}", "STARTED", 200 + number, push_tries=number)
    told = [one.says for one in await trouble(desk.services)]
    assert (len(told), "more" in told[-1]) == (20, False)
    await put(desk, "urn:last", "STARTED", 500, push_tries=1)
    told = [one.says for one in await trouble(desk.services)]
    assert (len(told), "more" in told[-1]) == (21, True)


@pytest.mark.parametrize("form", ["approvals", "starts"])
async def test_who_is_refused_is_told_why(desk: Desk, form: str) -> None:
    """A form without a reason is refused, whatever the browser asked for: nothing was said."""
    await desk.sign_in()
    await put(desk, "urn:waits", "REQUESTED", 1)
    word = "reject" if form == "approvals" else "terminate"
    status, page = await desk.send(f"{desk.place}{form}/urn:waits", decision=word, reason=" ", key="k", seen="")
    assert (status, "nothing was said yet" in page) == (422, True)
    row = await desk.services.store.load_process("", "transfer", "urn:waits")
    assert (row.version if row else 0) == 1
