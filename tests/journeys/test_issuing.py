"""A membership body that issues over DCP: a company asks it, a person decides, a third company takes what came.

The connectors run in this process, so that their clock can be moved on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.app import SystemClock
from connector.cli.companies import free_ports
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.cli.test_running import ask, run

MEMBERS = {
    "@type": "Set",
    "permission": [
        {"action": "list"},
        {"action": "use", "constraint": [{"leftOperand": "membership", "operator": "eq", "rightOperand": "active"}]},
    ],
}
SECONDS = 60.0


def until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """What is there once it is good."""
    deadline = time.monotonic() + SECONDS
    while not good(there := look()):
        assert time.monotonic() < deadline, there
        time.sleep(0.1)
    return there


def add(company: Company, text: str) -> None:
    """More configuration."""
    with company.config.open("a", encoding="utf-8") as out:
        out.write(text)


def trust(company: Company, issuer: Company) -> None:
    """It takes that issuer's memberships."""
    text = company.config.read_text("utf-8")
    line = f'\nMembershipCredential = ["{issuer.did}"]\nFacilityRecord ='
    company.config.write_text(text.replace("\nFacilityRecord =", line), "utf-8")


def requested(holder: Company, issuer: Company, *more: str) -> str:
    """The holder asks for a membership. Its own id for that."""
    code, asked = ask(holder, "credential", "request", issuer.name, "--type", "MembershipCredential", *more)
    assert (code, asked["state"]) == (0, "requested"), asked
    return str(asked["id"])


def waiting(issuer: Company) -> dict[str, Any]:
    """The one request that waits for a word."""
    (one,) = ask(issuer, "approvals")[1]["approvals"]
    assert (one["turn"], one["can"]) == ("issuance", ["approve", "reject"])
    found: dict[str, Any] = one
    return found


def of(holder: Company, ident: str) -> dict[str, Any]:
    """How far a request is, as the holder knows it."""
    (one,) = [one for one in ask(holder, "credential", "requests")[1]["requests"] if one["id"] == ident]
    known: dict[str, Any] = one
    return known


def approved(issuer: Company, ident: str, claims: Path, subject: dict[str, str]) -> dict[str, Any]:
    """What is issued for these claims, after some that are refused: about another, and beyond the vocabulary."""
    claims.write_text(json.dumps({**subject, "id": issuer.did}))
    code, text = run(issuer, "approve", ident, "--claims", claims)
    assert (code, "not about the holder" in text) == (2, True), text
    claims.write_text(json.dumps({**subject, "favouriteColour": "red"}))
    assert run(issuer, "approve", ident, "--claims", claims)[0] == 2
    claims.write_text(json.dumps(subject))
    code, issued = ask(issuer, "approve", ident, "--claims", claims)
    assert (code, issued["decision"], len(issued["credentials"])) == (0, "issued", 1), issued
    return issued


@pytest.mark.parametrize("profile", ["vc20-bssl/jwt", "vc11-sl2021/jwt"])
def test_a_membership_is_asked_for_approved_used_and_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    """In both data models: rejected once, with the reason; then issued, taken by a third, refused when revoked."""
    ahead = 0.0
    monkeypatch.setattr(SystemClock, "now", lambda _clock: datetime.now(UTC) + timedelta(seconds=ahead))
    body, member, giver = (found(tmp_path, name, *free_ports(2)) for name in ("body", "member", "giver"))
    know(body, member)
    know(member, body, giver)
    know(giver, member)
    add(body, f'\n[issues.membership]\ntype = "MembershipCredential"\nprofile = "{profile}"\n')
    trust(member, body)
    trust(giver, body)
    (giver.folder / "policies" / "members.json").write_text(json.dumps(MEMBERS))
    claims = tmp_path / "member.json"
    subject = {"id": member.did, "type": "Party", "memberOf": "Association", "membershipNumber": "7"}
    with serving(body, member, giver):
        code, text = run(giver, "publish", "sites", "--policy", "members")
        assert code == 0, text
        assert ask(member, "request", "giver", "sites")[0] == 1
        refused = requested(member, body)
        code, text = run(body, "reject", waiting(body)["id"], "--reason", "no contract yet")
        assert (code, "rejected" in text) == (0, True), text
        told = until(lambda: of(member, refused), lambda one: one["state"] == "rejected")
        assert told["reason"] == "no contract yet"

        again = requested(member, body)
        for words, code, said in (
            (("--from", "nobody.example"), 1, "0 requests would be"),
            (("--from", "member"), 0, "1 request would be rejected"),
            (("--from", "member", "--yes"), 0, "1 of 1 request rejected"),
            (("--from", "member", "urn:uuid:1"), 2, "--from WHO"),
            ((), 2, "--from WHO"),
        ):
            got, text = run(body, "reject", *words, "--reason", "not yet")
            assert (got, said in text) == (code, True), text
        until(lambda: of(member, again), lambda one: one["state"] == "rejected")

        asked = requested(member, body)
        ident = waiting(body)["id"]
        code, text = run(body, "approvals")
        assert (code, "asks us to issue MembershipCredential" in text, "--claims FILE" in text) == (0, True, True), text
        issued = approved(body, ident, claims, subject)
        assert ask(body, "approve", ident, "--claims", claims) == (0, issued)
        assert run(body, "reject", ident, "--reason", "after all")[0] == 2
        assert (
            until(lambda: of(member, asked), lambda one: one["state"] == "issued")["credentials"]
            == issued["credentials"]
        )
        received = ask(body, "credential", "requests")[1]["received"]
        assert [one["state"] for one in received] == ["rejected", "rejected", "issued"]
        assert all(one["delivered"] for one in received)
        code, text = run(body, "credential", "requests")
        assert (code, "MembershipCredential for" in text) == (0, True), text

        ahead = 400.0  # what the third one knew of the stranger is over
        code, deal = ask(member, "request", "giver", "sites")
        assert (code, deal["state"]) == (0, "FINALIZED"), deal
        code, text = run(body, "credential", "revoke", issued["credentials"][0], "--reason", "left")
        assert code == 0, text
        ahead = 800.0
        code, deal = ask(member, "request", "giver", "sites")
        assert (code, deal["state"]) == (1, "TERMINATED"), deal
        events = [one["event"] for one in ask(body, "evidence", "list")[1]["entries"]]
        assert [one for one in events if one.startswith("issuance-")] == [
            "issuance-requested", "issuance-rejected", "issuance-delivered",
            "issuance-requested", "issuance-rejected", "issuance-delivered",
            "issuance-requested", "issuance-issued", "issuance-delivered",
        ]  # fmt: skip


def test_a_membership_is_asked_for_anew_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its end comes near, once, also over a restart; what waits and what came is told; the new one is shown."""
    ahead = timedelta()
    monkeypatch.setattr(SystemClock, "now", lambda _clock: datetime.now(UTC) + ahead)
    body, member = (found(tmp_path, name, *free_ports(2)) for name in ("body", "member"))
    know(body, member)
    know(member, body)
    add(body, '\n[issues.membership]\ntype = "MembershipCredential"\nvalid_days = 120\n')
    trust(member, body)
    claims = tmp_path / "member.json"
    claims.write_text(json.dumps({"id": member.did, "type": "Party", "memberOf": "Association"}))

    def approve() -> str:
        """The one request that waits gets a membership."""
        code, issued = ask(body, "approve", waiting(body)["id"], "--claims", claims)
        assert code == 0, issued
        return str(issued["credentials"][0])

    def doctor() -> tuple[str, str]:
        """What it says of the one file of the folder."""
        (file,) = (member.folder / "held").glob("*.jwt")
        (one,) = [one for one in ask(member, "doctor")[1]["checks"] if one["name"] == f"held {file.name}"]
        return one["outcome"], one["says"]

    with serving(body, member):
        asked = requested(member, body)
        first = approve()
        assert until(lambda: of(member, asked), lambda one: one["state"] == "issued")["credentials"] == [first]
        assert doctor()[0] == "good"
        ahead = timedelta(days=100)
        anew = until(lambda: ask(member, "credential", "requests")[1]["requests"], lambda there: len(there) > 1)[1]
        until(lambda: ask(body, "approvals")[1]["approvals"], bool)
        assert (anew["state"], anew["renews"], anew["next"]) == ("requested", [first], None)
    with serving(body, member):
        assert "was asked for a new one" in doctor()[1]
        second = approve()
        assert until(lambda: of(member, anew["id"]), lambda one: one["state"] == "issued")["credentials"] == [second]
        assert doctor()[0] == "good"
        code, text = run(member, "credential", "requests")
        assert (code, "by itself" in text) == (0, True), text
        assert len(ask(body, "credential", "requests")[1]["received"]) == 2
