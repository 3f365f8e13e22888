"""The management API's document against two running connectors: it validates, and what it says is what happens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate
from pydantic import BaseModel
from typer.testing import CliRunner

from connector.cli.client import Management
from connector.config import MANAGEMENT_TOKEN_VARIABLE, load, secret
from connector.model import objects_in
from connector.server import management, openapi_page
from connector.server.sessions import PREFIX
from tests.commands import app
from tests.edges.server.documented import OPERATIONS, check
from tests.edges.server.driving import Driver, Made
from tests.edges.server.outline import outline
from tests.edges.server.recording import EXAMPLES, Story, companies, examples, told
from tests.edges.server.stranger import ask

ELSEWHERE = {
    "Told",
    "Progress",
    "Attempt",
    "Pending",
    "Elsewhere",
    "AuditDecided",
    "Edge",
    "BalanceFinding",
    "CredentialOffer",
}
"""What no quick and quiet day has: long work, a peer that is away, other catalogues, held audit reads, a chain,
an offer of an issuer."""
EACH = 20
"""Requests made up for each operation."""
AUDIT_READS = {("Waiting", "read"), ("Waiting", "reason")}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Two companies after a day's work."""
    with companies(tmp_path_factory.mktemp("story")) as begun:
        told(begun)
        yield begun


@pytest.fixture(scope="module")
def document(story: Story) -> dict[str, Any]:
    """As it is served, without a token."""
    return dict(Management(story.mine.management_port, "").get("/v1/openapi.json"))


def members(value: BaseModel) -> Iterator[tuple[str, str]]:
    """Every member that was said, as class and name."""
    for name in value.model_fields_set & set(type(value).model_fields):
        held = getattr(value, name)
        yield type(value).__name__, type(value).model_fields[name].alias or name
        for part in held if isinstance(held, list) else [held]:
            if isinstance(part, BaseModel):
                yield from members(part)


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    """By a validator that others keep; every example fits its schema, and every reference leads somewhere."""
    validate(document)
    assert document["openapi"] == "3.1.1"


def test_the_command_writes_what_is_served(story: Story, document: dict[str, Any], tmp_path: Path) -> None:
    """The same document, in a file."""
    out = tmp_path / "openapi.json"
    result = CliRunner().invoke(app, ["openapi", "--out", str(out), "--config", str(story.mine.config), "--json"])
    assert (result.exit_code, orjson.loads(result.stdout)["operations"]) == (0, len(OPERATIONS))
    assert orjson.loads(out.read_bytes()) == document


def test_the_page_says_what_the_document_says(story: Story, document: dict[str, Any]) -> None:
    """Every operation and every shape has its place there, each link leads to one, and nothing is loaded or run."""
    answer = ask(story.mine.management_port, "GET", openapi_page.PATH)
    text = answer.body.decode()
    places = set(re.findall(r'id="(\w+)"', text))
    assert places >= {one["operationId"] for some in document["paths"].values() for one in some.values()}
    assert places >= {*document["components"]["schemas"], *document["components"]["responses"]}
    assert set(re.findall(r'href="#(\w+)"', text)) <= places
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|src=|https?://(?!127)", re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL))


def test_every_route_and_every_operation_was_heard(story: Story, document: dict[str, Any]) -> None:
    """What is routed is described, what is described was asked, and answered well at least once."""
    described = {f"{method.upper()} {path}" for path, some in document["paths"].items() for method in some}
    pages = (PREFIX, openapi_page.PATH)
    routed = {f"{one.method} {one.path}" for one in management.routes() if not one.path.startswith(pages)}
    assert described == routed == set(OPERATIONS)
    assert {call.operation for call in story.calls if call.status == 200} == described


def test_every_answer_is_what_the_document_says(story: Story, document: dict[str, Any]) -> None:
    """No member more, none less, no other type, no other status; and what may be missing was there at least once."""
    heard: set[tuple[str, str]] = set()
    for call in story.calls:
        method, path = call.operation.split()
        for one in check(method, path, call.status, call.answer):
            heard.update(members(one))
    bodies = {"Claim", *(one.asked.__name__ for one in OPERATIONS.values() if one.has_body and one.asked)}
    parts = {kind: part for kind, part in document["components"]["schemas"].items() if kind not in bodies}
    described = {(kind, name) for kind, part in parts.items() for name in part.get("properties", ())}
    assert {(kind, name) for kind, name in described - heard if kind not in ELSEWHERE} == AUDIT_READS


def test_the_examples_are_of_this_run(story: Story) -> None:
    """Each has the members that the same request is answered with now."""
    kept = orjson.loads(EXAMPLES.read_bytes())
    assert outline(kept) == outline(examples(story)), "make them anew: python -m tests.edges.server.recording"


def words(story: Story) -> tuple[str, ...]:
    """What means something to the mine."""
    mine = Management.of(story.mine.config)
    found = [
        (one, name)
        for path, name in (("processes", "pid"), ("agreements", "agreement"), ("records", "record"))
        for one in objects_in(mine.get(f"/v1/{path}")[path])
    ]
    octets = mine.get(f"/v1/records/{found[-1][0]['record']}")["credentials"]
    return (
        "mine", "refiner", story.mine.did, "Our sites", "depots", "plans/sites.yaml", "policies/open.json",
        "permit.txt", "0010", "counter", "FacilityRecord", "assertion-1", str(objects_in(octets)[0]["octets"]),
        *(str(one[name]) for one, name in found[-8:]),
    )  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_is_asked_is_answered_as_documented(operation: str, story: Story, document: dict[str, Any]) -> None:
    """No bug, no status and no member that the document does not tell, whatever is sent."""
    method, path = operation.split()
    driver = Driver(document, words(story))
    token = secret(MANAGEMENT_TOKEN_VARIABLE, load(story.mine.config))

    @settings(max_examples=EACH, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck])
    @given(driver.requests(document["paths"][path][method.lower()]))
    def send(made: Made) -> None:
        where = path
        for name, ident in made.idents.items():
            where = where.replace(f"{{{name}}}", quote(ident, safe=""))
        headers = {"Authorization": f"Bearer {token}", "Idempotency_Key": made.key}
        octets = b"" if method == "GET" or made.body is None else orjson.dumps(made.body)
        answer = ask(
            story.mine.management_port, method, f"{where}?{urlencode(made.query, doseq=True)}", octets, **headers
        )
        check(method, path, answer.status, orjson.loads(answer.body))

    send()
