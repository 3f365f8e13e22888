"""What a newcomer gets wrong at the management API: each answer says what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli.companies import free_ports
from connector.config import MANAGEMENT_TOKEN_VARIABLE, load, secret
from connector.exchange import pages
from connector.model import AccessClass
from connector.policy.reading import load as load_policy
from connector.server.under_policy import shut, told_of
from connector.vocabulary.bundle import load_bundle
from tests.commands import app
from tests.core.policy.policies import NOW
from tests.edges.cli.companies import PLAN, Company, found, know, serving
from tests.edges.server.stranger import Stranger, ask, site_of

POLICIES = Path(__file__).parents[3] / "policies"
PUBLISH = "POST /v1/publish"
FILE = "POST /v1/publish-file"
PLANS = '{"plan": "plans/%s", "policy": "policies/%s"}'
MISTAKES: list[tuple[str, str, int, str, str]] = [
    (PUBLISH, "plan=plans/sites.yaml", 400, "not JSON", "send a JSON object"),
    (PUBLISH, '{"plan": "plans/sites.yaml",}', 400, "trailing comma", "take the last comma out"),
    (PUBLISH, "[]", 400, "not an object", "send a JSON object"),
    (PUBLISH, "", 422, "plan: it is missing; policy: it is missing", "/v1/openapi.json"),
    (PUBLISH, '{"plan": "p", "polcy": "p"}', 422, "polcy: unknown key", "did you mean 'policy'?"),
    (PUBLISH, '{"plan": "p", "policy": "p", "pin": "yes"}', 422, "pin: it should be a valid boolean", "/v1/"),
    (PUBLISH, PLANS % ("none.yaml", "open.json"), 422, "none.yaml: No such file", "name a file"),
    (PUBLISH, PLANS % ("sites.yaml", "../plans/sites.yaml"), 422, "not JSON", "a policy is one JSON object"),
    (PUBLISH, PLANS % ("../policies/open.json", "open.json"), 422, "Unknown key `@type`", ""),
    (PUBLISH, PLANS % ("outside.yaml", "open.json"), 422, "leads to no other folder", ""),
    (FILE, '{"file": "plans", "policy": "policies/open.json"}', 422, "a folder or a device", "name a file"),
    (FILE, '{"file": "plans\\u0000", "policy": "policies/open.json"}', 400, "U+0000", "take it out"),
    (FILE, '{"file": "a", "policy": "b", "accessClass": "public"}', 422, "'LI+AUTH'", "/v1/openapi.json"),
    ("GET /v1/catalog", "", 422, "peer: it is missing", "/v1/openapi.json"),
    ("GET /v1/catalog?peer=refinr", "", 422, "no peer is called 'refinr'", "did you mean 'refiner'?"),
    ("GET /v1/catalog?peer=did:wbe:x", "", 422, "did:wbe:x", "did resolve DID --trace"),
    ("GET /v1/catalog?peer=refiner", "", 503, "could not be reached", "repeat the command"),
    ("GET /v1/catalog?peer=a&peer=b", "", 422, "peer is said more than once", ""),
    ("GET /v1/records?number=7", "", 422, "number: unknown key", "known: identifier"),
    ("GET /v1/publish", "", 405, "GET is not for this address", "it takes POST"),
    ("GET /v1/publsh", "", 404, "has no /v1/publsh", "/v1/openapi.json"),
    ("POST /v1/approvals/x", '{"decision": "yes"}', 422, "'approve', 'counter' or 'reject'", "/v1/openapi.json"),
    ("POST /v1/fetch", '{"agreement": "urn:x"}', 404, "no agreement urn:x", "battery-connector request"),
    ("POST /v1/verify", '{"credential": "x", "at": "soon"}', 422, "at: no time; it is like 2026", "/v1/openapi.json"),
    ("POST /v1/revoke", '{"digest": "x"}', 404, "no such credential", "credential inspect"),
]  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A mine; the refiner that it knows does not run."""
    folder, ports = tmp_path_factory.mktemp("mistakes"), free_ports(4)
    mine, refiner = found(folder, "mine", *ports[:2]), found(folder, "refiner", *ports[2:])
    know(mine, refiner)
    (mine.folder / "plans" / "outside.yaml").write_text(PLAN.replace("sites*.csv", "../secrets.env"), "utf-8")
    with serving(mine):
        yield mine


def told(company: Company, port: int, request: str, body: str = "", **headers: str) -> dict[str, Any]:
    """The problem that a request is answered with."""
    method, path = request.split()
    shown = {"Authorization": f"Bearer {secret(MANAGEMENT_TOKEN_VARIABLE, load(company.config))}", **headers}
    answer = ask(port, method, path, body.encode(), **shown)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status
    return problem


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_what_to_do(company: Company, mistake: tuple[str, str, int, str, str]) -> None:
    """The status, the sentence, the hint; and where it is a file's fault, the file."""
    request, body, status, what, todo = mistake
    problem = told(company, company.management_port, request, body)
    assert (problem["status"], what in problem["detail"], todo in problem["hint"]) == (status, True, True), problem
    if "plans/" in body and "policies/" in body and status == 422 and not todo.startswith(("/v1", "name")):
        assert str(company.folder) in problem["place"], problem


@pytest.mark.parametrize("shown", ["", "Basic abc", "Bearer wrong", "the token alone"])
def test_a_token_that_is_none_is_told_how_it_is_shown(company: Company, shown: str) -> None:
    """And where it stands."""
    problem = told(company, company.management_port, "GET /v1/counts", Authorization=shown)
    assert problem["status"] == 401
    assert MANAGEMENT_TOKEN_VARIABLE in problem["hint"]


def test_an_offer_of_nothing_is_told() -> None:
    """Business values under the policy for public ones: whoever makes a contract gets none of them."""
    policies = Path(__file__).resolve().parents[3] / "policies"
    public = (policies / "public.json").read_bytes()
    (told,) = under(public, AccessClass.B2B)
    assert "class B2B" in told
    assert not [*under(public, AccessClass.B2B, AccessClass.PUBLIC), *under(public)]
    assert not under((policies / "direct-customer.json").read_bytes(), AccessClass.B2B)
    assert not under((policies / "audit-only.json").read_bytes(), AccessClass.ORGANISATION)


def test_what_a_policy_is_asked_about_is_asked_where_something_is_offered_under_it() -> None:
    """`policy check` asked it, and who published never saw it. Of a file it is not asked which classes it opens."""
    ended = b'{"permission": {"action": "use", "constraint": {"leftOperand": "dateTime", "operator": "lt", '
    ended += b'"rightOperand": "2020-01-01T00:00:00Z"}}}'
    (told, of_classes) = under(ended, AccessClass.B2B)
    assert told == "is it meant? permission[0]: it ended at 2020-01-01T00:00:00Z, so it lets nobody in any more"
    assert "values of every class" in of_classes
    assert told_of(ended, load_bundle(), NOW, record_type=pages.FILE, classes={AccessClass.B2B}) == [told]


def under(policy: bytes, *classes: AccessClass, unbought: int = 0) -> list[str]:
    """What is told of sites that are offered under a policy."""
    return told_of(policy, load_bundle(), NOW, record_type="FacilityRecord", classes=set(classes), unbought=unbought)


def test_units_without_a_buyer_under_a_policy_for_buyers_are_told() -> None:
    """Whoever makes a contract would get none of them."""
    policies = Path(__file__).resolve().parents[3] / "policies"
    customer = (policies / "direct-customer.json").read_bytes()
    (told,) = under(customer, unbought=2)
    assert "2 documents have none: nobody gets them; say `buyers`" in told
    others = ("public.json", "members.json", "audit-only.json")
    assert not [
        *under(customer),
        *(one for name in others for one in under((policies / name).read_bytes(), unbought=2)),
    ]


def test_the_public_port_says_where_operators_ask(company: Company) -> None:
    """Two ports are easily taken for one another."""
    problem = told(company, load(company.config).listen.port, "GET /v1/counts")
    assert (problem["status"], "management_port" in problem["hint"]) == (404, True)


def test_another_program_on_the_management_port_is_no_connector(tmp_path: Path) -> None:
    """Whatever it answers: exit code 3, and what to do."""
    ports = free_ports(2)
    company, squatter = found(tmp_path, "mine", *ports), Stranger(ports[1], "squatter")
    with site_of(squatter):
        for words in (["agreement", "list"], ["approve", "urn:x"]):
            result = CliRunner().invoke(app, [*words, "--config", str(company.config)])
            assert result.exit_code == 3
            assert "is no connector" in result.output
            assert "[listen] management_port" in result.output


@pytest.mark.parametrize(
    ("policy", "access_class", "told"),
    [
        ("public", "B2B", "the policy gives nobody any of these values: they are of class B2B"),
        ("direct-customer", "B2B", "its rules ask for unitBuyer, which no file has"),
        ("public", "PUB", ""),
        ("members", "PUB", ""),
        ("named-customers", "B2B", ""),
    ],
)
def test_a_file_that_a_policy_gives_to_nobody_is_told_as_such(policy: str, access_class: str, told: str) -> None:
    """Contracts were made on it, and who fetched got nothing, with no word to either side."""
    octets = (POLICIES / f"{policy}.json").read_bytes()
    warnings = told_of(octets, load_bundle(), NOW, record_type=pages.FILE, classes={AccessClass(access_class)})
    assert [told in one for one in warnings] == ([True] if told else [])


def test_a_file_is_a_type_of_record() -> None:
    """A rule for other types gives none."""
    rule = '{"permission": {"action": "use", "constraint": {"leftOperand": "recordType", "operator": "isAnyOf", '
    given = load_policy(f'{rule}"rightOperand": ["MakeEvent", "MoveEvent"]}}}}}}'.encode())
    (told,) = shut(given, pages.FILE, {AccessClass.PUBLIC})
    assert 'other types of record than "File"' in told
    assert "BatteryPassport" in next(shut(given, "BatteryPassport", {AccessClass.PUBLIC})), "and so is a record"
    given = load_policy(f'{rule}"rightOperand": ["MakeEvent", "File"]}}}}}}'.encode())
    assert [*shut(given, pages.FILE, {AccessClass.PUBLIC})] == []
