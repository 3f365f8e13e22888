"""The commands with which people decide in negotiations, between two real connectors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from connector.server import commands
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run
from tests.edges.cli.visitor import Visitor

OTHER = {"@type": "Set", "permission": [{"action": "use", "constraint": [
    {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2099-01-01T00:00:00Z"}]}]}  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, Company]]:
    """A mine that decides on its sites by hand, and a refiner that asks."""
    folder, ports = tmp_path_factory.mktemp("companies"), free_ports(4)
    mine, refiner = (found(folder, name, ports.pop(), ports.pop()) for name in ("mine", "refiner"))
    know(mine, refiner)
    know(refiner, mine)
    (folder / "other.json").write_text(json.dumps(OTHER))
    with serving(mine, refiner):
        assert run(mine, "publish", "sites", "--policy", "open", "--approval")[0] == 0
        assert run(mine, "publish", "depots", "--policy", "open", "--title", "Our depots")[0] == 0
        yield mine, refiner


def begun(refiner: Company) -> str:
    """A request that the mine holds."""
    code, answer = ask(refiner, "request", "mine", "sites", "--wait", "2")
    assert code == 3
    assert comes_to("REQUESTED", refiner, answer["negotiation"])
    return str(answer["negotiation"])


def comes_to(state: str, company: Company, pid: str) -> bool:
    """Whether a negotiation is in this state there, or will be when the message that is under way has come."""
    deadline = time.monotonic() + 30
    while (found := ask(company, "why", pid)[1]["state"]) != state and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(found == state)


def held(company: Company) -> str:
    """The id of the one turn that waits there, or will when the message that is under way has come."""
    deadline = time.monotonic() + 30
    while not (waiting := ask(company, "approvals")[1]["approvals"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    (one,) = waiting
    return str(one["id"])


def test_a_request_is_approved(pair: tuple[Company, Company]) -> None:
    """The queue says who wants what on which terms and until when; `why` on either side says whose turn it is."""
    mine, refiner = pair
    assert "nothing waits" in run(mine, "approvals")[1]
    pid = begun(refiner)
    ident = held(mine)
    code, text = run(mine, "approvals")
    assert code == 0
    for words in (
        f"refiner ({refiner.did}) asks for sites",
        "may be had by anybody",
        "policy  ours permits",
        "until",
        "approve",
    ):
        assert words in text, words
    _, text = run(mine, "why", ident)
    assert "ours: a person decides on this request, until" in text
    assert f"battery-connector approve {ident} [--counter FILE] --config {mine.config}, or: reject" in text
    _, text = run(refiner, "why", pid)
    assert "turn     the peer's, until" in text
    assert f"battery-connector terminate {pid}" in text
    code, answer = ask(mine, "approve", ident, "--agreement-id", "urn:agreement:1", "--idempotency-key", "k1")
    assert (code, answer["state"], answer["agreement"]) == (0, "FINALIZED", "urn:agreement:1")
    assert ask(mine, "approve", ident, "--agreement-id", "urn:agreement:1", "--idempotency-key", "k1") == (code, answer)
    code, text = run(mine, "approve", ident)
    assert (code, "nothing waits for a decision here" in text) == (2, True)
    assert "battery-connector why urn:" in text
    assert run(refiner, "fetch", "urn:agreement:1")[0] == 0
    code, text = run(mine, "terminate", ident)
    assert (code, "a contract that is final stands" in text) == (1, True)


def test_who_waits_for_a_person_is_told_so(pair: tuple[Company, Company], monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do, and that nothing is lost."""
    monkeypatch.setattr(commands, "_MOMENT_SECONDS", 0.0)
    mine, refiner = pair
    code, text = run(refiner, "request", "mine", "sites", "--wait", "2")
    said = " ".join(text.split())
    assert code == 3
    assert said.startswith("waiting: ")
    assert "Ctrl-C loses nothing, it goes on without you: battery-connector why urn:" in said
    assert ask(mine, "reject", held(mine), "--reason", "no")[0] == 0


def test_a_request_is_countered_and_the_counter_accepted(pair: tuple[Company, Company], tmp_path: Path) -> None:
    """The mine answers with other terms; at the refiner these wait, until somebody says yes."""
    mine, refiner = pair
    begun(refiner)
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps(OTHER))
    ident = held(mine)
    assert run(mine, "approve", ident, "--counter", terms, "--offer-id", "urn:offer:1", "--wait", "3")[0] == 0
    assert comes_to("OFFERED", mine, ident)
    assert held(refiner)
    code, text = run(refiner, "approvals")
    assert f"mine ({mine.did}) offers us" in text
    assert "2099" in text
    code, text = run(refiner, "approve", held(refiner))
    assert (code, "FINALIZED" in text, "agreement" in text) == (0, True, True)


def test_a_word_for_later_can_be_taken_back(pair: tuple[Company, Company]) -> None:
    """It is shown with its time; until then another word takes its place."""
    mine, refiner = pair
    pid = begun(refiner)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    code, text = run(mine, "approve", held(mine), "--not-before", later)
    assert (code, f"ours is said at {later}" in " ".join(text.split())) == (0, True)
    assert "decided approve, to be said at" in run(mine, "approvals")[1]
    assert "ours: it was decided to approve, which is said at" in run(mine, "why", held(mine))[1]
    code, answer = ask(mine, "reject", held(mine), "--reason", "no capacity this year", "--code", "full")
    assert (code, answer["state"]) == (0, "TERMINATED")
    assert comes_to("TERMINATED", refiner, pid)
    code, text = run(refiner, "why", pid)
    assert "the peer refused (full): no capacity this year" in text


def test_an_offer_is_made_and_ended(pair: tuple[Company, Company], tmp_path: Path) -> None:
    """Nobody asked; it waits at the peer, and the one that made it takes it back."""
    mine, refiner = pair
    code, answer = ask(mine, "offer", "refiner", "Our depots", "--wait", "3")
    assert code == (0 if answer["state"] == "OFFERED" else 3)
    assert comes_to("OFFERED", mine, answer["negotiation"])
    assert held(refiner)
    assert "offers us" in run(refiner, "approvals")[1]
    code, text = run(mine, "terminate", answer["negotiation"], "--reason", "sold out")
    assert (code, "TERMINATED" in text) == (0, True)
    assert ask(refiner, "approvals")[1] == {"approvals": [], "more": 0}
    assert "the peer ended it (operator): sold out" in run(refiner, "why", answer["negotiation"])[1]
    code, text = run(mine, "offer", "refiner", "nothing")
    assert (code, "Our depots" in text) == (2, True)
    for broken in ("{", "[]", '{"permission": []}'):
        (tmp_path / "broken.json").write_text(broken)
        assert run(mine, "offer", "refiner", "Our depots", "--terms", tmp_path / "broken.json")[0] == 2
    assert run(mine, "approve", "x", "--offer-id", "y")[0] == 2


def test_audit_reads_wait_for_a_word(pair: tuple[Company, Company]) -> None:
    """Of a dataset on which people decide: pending until a word, which counts for all of the asker's reads."""
    mine, refiner = pair
    assert ask(refiner, "audit", "0010", "--peer", "mine")[1]["outcomes"] == {"pending": 1}
    text = run(mine, "approvals")[1]
    assert f"refiner ({refiner.did}) wants to read, for an audit, sites" in text
    assert "records/0010/latest" in text
    ident = held(mine)
    assert run(mine, "approve", ident, "--not-before", "2099-01-01T00:00:00Z")[0] == 2
    code, text = run(mine, "approve", ident)
    assert (code, "the reads are allowed, until" in text) == (0, True)
    assert ask(mine, "approvals")[1] == {"approvals": [], "more": 0}
    assert ask(refiner, "audit", "0010", "--peer", "mine")[1]["outcomes"] == {"verified": 1}
    code, answer = ask(mine, "reject", ident, "--reason", "not this year")
    assert (code, answer["decision"], answer["with"]) == (0, "reject", refiner.did)
    assert ask(refiner, "audit", "0010", "--peer", "mine")[1]["outcomes"] == {"sealed": 1}


def test_publishing_again_keeps_the_mark(pair: tuple[Company, Company]) -> None:
    """A nightly publish does not open what people decide on; only --no-approval does."""
    mine, refiner = pair
    assert run(mine, "publish", "sites", "--policy", "open")[0] == 0
    pid = begun(refiner)
    assert run(refiner, "terminate", pid)[0] == 0
    assert run(mine, "publish", "sites", "--policy", "open", "--no-approval")[0] == 0
    code, answer = ask(refiner, "request", "mine", "sites")
    assert (code, answer["state"]) == (0, "FINALIZED")


# --- the same by page ------------------------------------------------------------------------------------------------


@pytest.fixture
def waits(pair: tuple[Company, Company]) -> Iterator[str]:
    """The refiner's id of a request that waits at the mine; it ends with the test."""
    mine, refiner = pair
    assert run(mine, "publish", "sites", "--policy", "open", "--approval")[0] == 0
    pid = begun(refiner)
    yield pid
    run(refiner, "terminate", pid)


def test_a_request_is_approved_by_page_once(pair: tuple[Company, Company], waits: str) -> None:
    """The page says what `approvals` says; a form that is sent twice, as by a double click, makes one agreement."""
    mine, refiner = pair
    desk, ident = Visitor(mine), held(mine)
    page = desk.get()
    for words in (f"refiner {refiner.did} asks for sites", "may be had by anybody", "ours permits", "after that it is"):
        assert words in page.words(), words
    (form,) = page.forms(decision="approve")
    before = len(ask(mine, "agreement", "list")[1]["agreements"])
    for _ in range(2):
        after = desk.send(form)
        assert (after.status, after.url) == (200, f"{desk.place}exchanges/{ident}")
        assert comes_to("FINALIZED", mine, ident)
        after = desk.get(f"exchanges/{ident}")
        assert "FINALIZED" in after.words()
        assert "Contract agreement verification" in after.text
    assert len(ask(mine, "agreement", "list")[1]["agreements"]) == before + 1
    assert comes_to("FINALIZED", refiner, waits)
    assert "Nothing waits for a decision." in desk.get().words()


def test_a_word_counts_for_what_was_shown(pair: tuple[Company, Company], waits: str) -> None:
    """What was decided elsewhere, or waits no more, is said so; nothing is said to the peer."""
    mine, refiner = pair
    desk = Visitor(mine)
    (yes,), (no,) = desk.get().forms(decision="approve"), desk.get().forms(decision="reject")
    assert desk.send(no).status == 422  # without a reason
    assert desk.send(yes, seen="0" * 64).status == 409
    assert desk.send(yes, decision="counter").status == 422
    assert desk.send(yes, form_token="x").status == 403
    assert ask(mine, "why", held(mine))[1]["state"] == "REQUESTED"
    assert run(refiner, "terminate", waits)[0] == 0
    late = desk.send(yes)
    assert (late.status, "nothing was said" in late.words()) == (409, True)


def test_what_others_write_is_text(pair: tuple[Company, Company], waits: str) -> None:
    """A reason that would be markup, or turn the direction of reading, reaches the peer's page as what it is."""
    mine, refiner = pair
    asked = Visitor(mine)
    (form,) = asked.get().forms(decision="reject")
    reason = "<img src=x onerror=alert(1)> \u202e\x1b[2J" + "long " * 150
    assert "TERMINATED" in asked.send(form, reason=reason).words()
    assert comes_to("TERMINATED", refiner, waits)
    desk = Visitor(refiner)
    for path in ("", f"exchanges/{waits}", "exchanges?state=TERMINATED"):
        page = desk.get(path)
        assert page.status == 200
        assert "<img" not in page.text
        assert not {"\u202e", "\x1b"} & set(page.text)
    assert "the peer refused" in desk.get().words()
    assert "\\u202e\\x1b[2J" in desk.get().words()
    assert "long " * 149 not in desk.get().words()
    assert ("long " * 150).strip() in desk.get(f"exchanges/{waits}").words()


def test_audit_reads_are_decided_by_page(pair: tuple[Company, Company]) -> None:
    """As by command; once."""
    mine, refiner = pair
    assert run(mine, "publish", "depots", "--policy", "open", "--title", "Our depots", "--approval")[0] == 0
    assert ask(refiner, "audit", "0020", "--peer", "mine")[1]["outcomes"] == {"pending": 1}
    desk = Visitor(mine)
    assert "wants to read, for an audit, Our depots" in desk.get().words()
    (form,) = desk.get().forms(decision="approve")
    done = desk.send(form)
    assert (done.status, done.url) == (200, desk.place)
    assert desk.send(form).status == 409
    assert ask(refiner, "audit", "0020", "--peer", "mine")[1]["outcomes"] == {"verified": 1}
