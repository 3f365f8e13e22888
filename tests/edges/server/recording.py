"""A day of two companies' own software at their management APIs: every operation, and every way to be refused.

The answers are the examples of the API's document. `python -m tests.edges.server.recording` writes them anew, with
other ports and another folder in their place.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson

import connector.server
from connector.cli.companies import free_ports
from connector.config import MANAGEMENT_TOKEN_VARIABLE, load, secret
from connector.keys.register import Register
from connector.server.lines import NDJSON
from connector.server.openapi import PATH
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.server.issuer import issuing
from tests.edges.server.stranger import ask

EXAMPLES = Path(connector.server.__file__).with_name("examples.json")
ROW = "0013,Tailings,moon base,FI\n"
"""A row with a finding."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and what came."""

    operation: str
    body: Any
    status: int
    answer: Any


@dataclass(slots=True)
class Story:
    """Two companies, and what was said so far."""

    mine: Company
    refiner: Company
    issuer: str
    calls: list[Call] = field(default_factory=list)

    def ask(
        self, company: Company, method: str, path: str, body: object = None, *, ident: str = "", key: str = "",
        accept: str = "application/json", token: str = "", **query: str,
    ) -> Any:  # fmt: skip
        """The answer's object. `path` is the document's; `ident` stands in it."""
        shown = token or secret(MANAGEMENT_TOKEN_VARIABLE, load(company.config))
        headers = {"Authorization": f"Bearer {shown}", "Accept": accept} | ({"Idempotency_Key": key} if key else {})
        where = path.replace("{id}", quote(ident, safe=":")) + (f"?{urlencode(query)}" if query else "")
        octets = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        answer = ask(company.management_port, method, where, octets, **headers)
        lines = [orjson.loads(line) for line in answer.body.splitlines()]
        said = lines if accept == NDJSON else lines[0]
        self.calls.append(Call(f"{method} {path}", None if isinstance(body, bytes) else body, answer.status, said))
        return said

    def publish(self) -> None:
        """Ours: rows with a finding, a file, a dataset that waits for a person."""
        ask = self.ask
        ask(self.mine, "GET", "/health/live")
        ask(self.mine, "GET", "/health/ready")
        ask(self.mine, "GET", "/v1/openapi.json")
        ask(self.mine, "POST", "/v1/sign-in")
        body = {"plan": "plans/sites.yaml", "policy": "policies/open.json", "title": "Our sites", "pin": True}
        ask(self.mine, "POST", "/v1/publish", body)
        ask(self.mine, "POST", "/v1/publish", body, accept=NDJSON)
        held = {"plan": "plans/depots.yaml", "policy": "policies/open.json", "approval": True}
        ask(self.mine, "POST", "/v1/publish", held)
        (self.mine.folder / "permit.txt").write_text("granted", "utf-8")
        body = {"file": "permit.txt", "policy": "policies/open.json", "title": "Permit", "accessClass": "PUB"}
        ask(self.mine, "POST", "/v1/publish-file", body)
        ask(self.mine, "GET", "/v1/records")
        records = ask(self.mine, "GET", "/v1/records", identifier="0010")["records"]
        record = ask(self.mine, "GET", "/v1/records/{id}", ident=records[0]["record"])
        octets = record["credentials"][0]["octets"]
        ask(self.mine, "POST", "/v1/verify", {"credential": octets, "at": "2026-12-01T00:00:00Z"})
        ask(
            self.refiner,
            "POST",
            "/v1/import",
            {"credential": octets, "into": "Permits", "policy": "policies/open.json"},
        )
        ask(self.mine, "POST", "/v1/signed-with", {"key": "assertion-1"})
        now = datetime.now(UTC)
        Register(load(self.mine.config)).rotate(
            "authentication", algorithm="", now=now, signs_from=now + timedelta(days=1)
        )
        ask(self.mine, "POST", "/v1/key-changed", {"key": "authentication-2", "by": "operator"})
        permit = {"id": "did:web:miner.example", "type": "Party", "memberOf": "Register", "membershipNumber": "7"}
        claim = {"file": "member.json", "subject": {**permit, "memberSince": "2025-01-01"}}
        issued = ask(self.mine, "POST", "/v1/issue", {"type": "MembershipCredential", "claims": [claim]})
        body = {"digest": issued["credentials"][0]["digest"], "purpose": "suspension", "reason": "fee not paid"}
        ask(self.mine, "POST", "/v1/revoke", body)
        wanted = {"issuer": "register", "types": ["MembershipCredential"]}
        ask(self.mine, "POST", "/v1/credential-requests", wanted)
        ask(self.mine, "GET", "/v1/credential-requests")

    def take(self) -> str:
        """The refiner's: a contract, its data; the agreement."""
        ask, other = self.ask, self.refiner
        ask(other, "GET", "/v1/catalog", peer="mine", filter="name~Our%")
        ask(other, "GET", "/v1/catalog", peer="mine", limit="1", accept=NDJSON)
        wanted = {"peer": "mine", "dataset": "Our sites", "wait_seconds": 30}
        said = ask(other, "POST", "/v1/request", wanted, key="order-4711")
        agreement = str(said["agreement"])
        ask(other, "POST", "/v1/request", {**wanted, "dataset": "Permit"}, key="order-4711")
        ask(other, "POST", "/v1/fetch", {"agreement": agreement}, key="order-4711-data")
        ask(other, "POST", "/v1/fetch", {"agreement": agreement}, accept=NDJSON)
        permit = ask(other, "POST", "/v1/request", {"peer": "mine", "dataset": "Permit"})["agreement"]
        ask(other, "POST", "/v1/fetch", {"agreement": permit})
        ask(other, "GET", "/v1/received")
        ask(other, "GET", "/v1/received", limit="1")
        ask(other, "GET", "/v1/agreements")
        ask(other, "GET", "/v1/agreements/{id}", ident=agreement)
        started = ask(other, "POST", "/v1/fetch", {"agreement": agreement, "pull": False})
        ident = str(started["transfer"])
        why = {"code": "late", "reason": "too late"}
        for word in ("suspend", "complete", "resume", "start", "complete", "terminate"):
            ask(other, "POST", f"/v1/transfers/{{id}}/{word}", why if word == "terminate" else {}, ident=ident)
        ask(other, "GET", "/v1/transfers")
        return agreement

    def decide(self) -> None:
        """A person's words: yes to a request, no to an offer, an end."""
        ask, other = self.ask, self.refiner
        asked = ask(other, "POST", "/v1/request", {"peer": "mine", "dataset": "depots", "wait_seconds": 0})
        while not ask(self.mine, "GET", "/v1/approvals")["approvals"]:
            self.calls.pop()  # the request is on its way
        ident = self.calls[-1].answer["approvals"][0]["id"]
        later = {"decision": "approve", "not_before": "2099-01-01T00:00:00Z"}
        ask(self.mine, "POST", "/v1/approvals/{id}", later, ident=ident)
        ask(self.mine, "GET", "/v1/processes/{id}", ident=ident)
        ask(self.mine, "POST", "/v1/approvals/{id}", {"decision": "approve", "wait_seconds": 30}, ident=ident)
        ask(other, "GET", "/v1/processes/{id}", ident=asked["negotiation"])
        ask(self.mine, "GET", "/v1/processes")
        made = ask(self.mine, "POST", "/v1/offer", {"peer": "refiner", "dataset": "Our sites", "wait_seconds": 0})
        body = {"code": "mistake", "reason": "sent to the wrong party"}
        ask(self.mine, "POST", "/v1/negotiations/{id}/terminate", body, ident=made["negotiation"])
        self.issue()

    def issue(self) -> None:
        """A membership that the refiner asks the mine for: it waits, and is issued."""
        ask, mine = self.ask, self.mine
        ask(self.refiner, "POST", "/v1/credential-requests", {"issuer": "mine", "types": ["MembershipCredential"]})
        (waiting,) = ask(mine, "GET", "/v1/approvals")["approvals"]
        subject = {"id": waiting["with"], "type": "Party", "memberOf": "Association of mines"}
        body = {"decision": "approve", "claims": [{"file": "member.json", "subject": subject}]}
        ask(mine, "POST", "/v1/approvals/{id}", body, ident=waiting["id"])
        ask(mine, "GET", "/v1/credential-requests")
        ask(mine, "GET", "/v1/credential-requests", limit="1")
        no = {"from": "strangers.example", "reason": "we know nobody there", "really": True}
        ask(mine, "POST", "/v1/credential-requests/reject", no)

    def look(self) -> None:
        """What remains: an audit with its bundle, the log, the numbers; things that go."""
        ask = self.ask
        ask(self.refiner, "POST", "/v1/audit", {"id": "0010", "peer": "mine"})
        ask(self.mine, "POST", "/v1/audit", {"id": "0010", "bundle": True})
        ask(self.mine, "GET", "/v1/evidence", after="2")
        ask(self.mine, "GET", "/v1/evidence", exact="")
        ask(self.mine, "GET", "/v1/counts")
        ask(self.refiner, "POST", "/v1/discard", {"from": "mine", "really": True})
        ask(self.mine, "POST", "/v1/withdraw", {"dataset": "Our sites", "reason": "season is over"})

    def be_refused(self, agreement: str) -> None:
        """Every status of a problem."""
        ask, mine, body = self.ask, self.mine, {"plan": "plans/sites.yaml", "polcy": "policies/open.json"}
        ask(mine, "POST", "/v1/publish", body)
        ask(mine, "POST", "/v1/publish", b"plan=plans%2Fsites.yaml")
        ask(mine, "POST", "/v1/publish", b'{"plan":"' + b"x" * (8 << 20) + b'"}')
        ask(mine, "GET", "/v1/counts", token="wrong")
        ask(mine, "GET", "/v1/records/{id}", ident="0815")
        ask(mine, "GET", "/v1/catalog", peer=f"did:web:localhost%3A{free_ports(1)[0]}")
        ask(self.refiner, "POST", "/v1/fetch", {"agreement": agreement, "push": True, "units": ["0010"]})


@contextmanager
def companies(folder: Path) -> Iterator[Story]:
    """Both, running, and a register that issues memberships."""
    with issuing() as issuer:
        yield from _companies(folder, issuer)


def _companies(folder: Path, issuer: str) -> Iterator[Story]:
    ports = free_ports(4)
    mine = found(folder, "mine", ports[0], ports[1])
    refiner = found(folder, "refiner", ports[2], ports[3])
    know(mine, refiner)
    know(refiner, mine)
    text = refiner.config.read_text("utf-8")
    trusted = f'\nMembershipCredential = ["{mine.did}"]\nFacilityRecord ='
    refiner.config.write_text(text.replace("\nFacilityRecord =", trusted), "utf-8")
    text = mine.config.read_text("utf-8") + '\n[issues.membership]\ntype = "MembershipCredential"\n'
    text = text.replace("\nFacilityRecord =", f'\nMembershipCredential = ["{issuer}"]\nFacilityRecord =')
    mine.config.write_text(text.replace("\nrefiner =", f'\nregister = "{issuer}"\nrefiner ='), "utf-8")
    with (mine.folder / "exports" / "sites.csv").open("a") as export:
        export.write(ROW)
    with serving(mine, refiner):
        yield Story(mine, refiner, issuer)


def told(story: Story) -> list[Call]:
    """The whole story."""
    story.publish()
    agreement = story.take()
    story.decide()
    story.look()
    story.be_refused(agreement)
    return story.calls


def _short(value: Any) -> Any:
    """Lists are told by their first two members."""
    if isinstance(value, list):
        return [_short(one) for one in value[:2]]
    return {name: _short(one) for name, one in value.items()} if isinstance(value, dict) else value


def examples(story: Story) -> dict[str, Any]:
    """Of each operation the first good answer, of each status the first problem; without this machine's traces."""
    shown: dict[str, Any] = {"problems": {}}
    for call in story.calls:
        body = {"body": call.body} if call.body is not None else {}
        if call.status != 200:
            shown["problems"].setdefault(str(call.status), call.answer)
        elif isinstance(call.answer, dict) and call.operation != f"GET {PATH}":
            shown.setdefault(call.operation, {"answer": _short(call.answer), **body})
    text = json.dumps(shown, indent=1, ensure_ascii=False, sort_keys=True)
    text = text.replace(str(story.mine.folder.parent), "/srv")
    text = text.replace(story.issuer, "did:web:register.example")
    for company, port in ((story.mine, 8080), (story.refiner, 9080)):
        own = load(company.config).listen
        text = text.replace(str(own.management_port), str(port + 1)).replace(str(own.port), str(port))
    return dict(json.loads(text))


def main() -> None:
    """Write the examples anew."""
    with tempfile.TemporaryDirectory() as folder, companies(Path(folder)) as story:
        told(story)
        text = json.dumps(examples(story), indent=1, ensure_ascii=False, sort_keys=True)
    EXAMPLES.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
