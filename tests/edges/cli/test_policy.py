"""The policy commands: shapes of `--json` and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli.policy import app
from connector.model import Json

POLICY = Path(__file__).parents[3] / "policies" / "composition.json"
FACTS: Json = {"party": "did:web:rival.example", "claims": {"membership": "active", "role": ["trader"]}}


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """A facts file of a competitor."""
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(FACTS))
    return file


def run(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and output."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_explain_has_the_published_shape(facts: Path) -> None:
    """`{decision, rules: [...]}`; denied is exit code 1, permitted 0."""
    code, out = run("explain", POLICY, "--as", facts, "--json")
    answer = json.loads(out)
    assert (code, answer["decision"]) == (1, "deny")
    assert set(answer["rules"][0]) == {"constraint", "left", "operator", "right", "value", "state", "source"}
    code, out = run("explain", POLICY, "--as", facts, "--stage", "catalogue", "--at", "2027-03-15T09:00:00Z", "--json")
    assert (code, json.loads(out)["decision"]) == (0, "permit")


def test_explain_for_people_names_each_constraint(facts: Path) -> None:
    """What is said to people holds the state, the value and its source."""
    code, out = run("explain", POLICY, "--as", facts)
    assert code == 1
    assert "not-satisfied" in out
    assert "found: trader, from facts file" in out


def test_check_asks_about_words_that_nothing_has(tmp_path: Path) -> None:
    """A misspelt role lets nobody in, and is no mistake of form; the ready-made policies have none."""
    odd = tmp_path / "odd.json"
    constraint = [
        {"leftOperand": "role", "operator": "isAnyOf", "rightOperand": ["cellMaker", "recyler"]},
        {"or": [{"leftOperand": "membership", "operator": "eq", "rightOperand": "gold"}]},
    ]
    odd.write_text(json.dumps({"permission": [{"action": "use", "constraint": constraint}]}))
    code, out = run("check", odd, "--json")
    first, second, third = json.loads(out)["doubts"]
    assert code == 0
    assert first.startswith('permission[0]: role "recyler"')
    assert first.endswith("did you mean recycler?")
    assert second.endswith("known: active")
    assert "values of every class" in third
    assert "is it meant?" in run("check", odd)[1]
    odd.write_text(
        '{"permission": [{"action": "use", "constraint": {"leftOperand": "recordType", "operator": "eq", '
        '"rightOperand": ["BatteryPassport"]}}], "permission": []}'
    )
    code, out = run("check", odd)
    assert (code, "at: $.permission\n" in out) == (2, True)
    odd.write_text(json.dumps({"permission": [{"action": "use", "constraint": [
        {"leftOperand": "recordType", "operator": "isAnyOf", "rightOperand": ["File", "Batterypass"]},
    ]}]}))  # fmt: skip
    assert "did you mean BatteryPassport?" in json.loads(run("check", odd, "--json")[1])["doubts"][0]
    for file in POLICY.parent.glob("*.json"):
        found = json.loads(run("check", file, "--json")[1])
        doubts = [one for one in found.get("doubts", []) if "it ended at 2028-01-01" not in one]  # which it will have
        assert (found["findings"], doubts) == ([], [])


def test_names_of_another_profile_lead_to_ours(tmp_path: Path) -> None:
    """Who brings a policy from elsewhere reads what comes nearest."""
    file = tmp_path / "elsewhere.json"
    names = ["Membership", "BusinessPartnerGroup", "https://w3id.org/catenax/2025/9/policy/UsageRestriction"]
    constraint = [{"leftOperand": name, "operator": "eq", "rightOperand": "x"} for name in names]
    file.write_text(json.dumps({"permission": [{"action": "use", "constraint": constraint}]}))
    hints = [finding["hint"] for finding in json.loads(run("check", file, "--json")[1])["findings"]]
    assert hints[0].startswith('Did you mean "membership"?')
    assert hints[1].startswith('Did you mean "cx-policy:BusinessPartnerNumber"?')
    assert hints[2].startswith("Known: ")


def test_check_tells_all_findings(tmp_path: Path) -> None:
    """Findings are exit code 1, with file and path; a good file 0."""
    bad = tmp_path / "bad.json"
    bad.write_text('{"permission": [{"action": "sell"}, {"action": "use", "constraints": []}]}')
    code, out = run("check", bad, "--json")
    findings = json.loads(out)["findings"]
    assert (code, len(findings)) == (1, 2)
    assert findings[0]["source"] == str(bad)
    assert run("check", bad)[0] == 1
    code, out = run("check", POLICY, "--json")
    assert (code, json.loads(out)) == (0, {"findings": [], "agreed": ["purpose", "onwardSharing"]})
    code, out = run("check", POLICY)
    assert (code, "decided by nobody here: purpose, onwardSharing" in out.replace("\n", " ")) == (0, True)


def test_the_next_step_can_be_pasted(tmp_path: Path) -> None:
    """Also where the path has a blank."""
    file = tmp_path / "our customers.json"
    file.write_bytes(POLICY.read_bytes())
    code, out = run("check", file)
    assert code == 0
    assert f"policy plain '{file}'" in out.replace("\n", "")


def test_plain_says_it(tmp_path: Path) -> None:
    """Words for people, or in `--json`."""
    code, out = run("plain", POLICY, "--json")
    assert (code, "cathodeMaker" in json.loads(out)["plain"]) == (0, True)
    assert "cathodeMaker" in run("plain", POLICY)[1]


@pytest.mark.parametrize(
    ("name", "content"),
    [("absent.json", None), ("cut.json", "{"), ("bad.json", '{"permission": {"action": "sell"}}')],
)
def test_unusable_files_are_exit_code_2(tmp_path: Path, name: str, content: str | None) -> None:
    """A file that can't be used is bad input, with a sentence."""
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    assert run("plain", file)[0] == 2
    assert run("explain", file)[0] == 2


@pytest.mark.parametrize(
    "content",
    ["[]", '{"party": 1}', '{"stage": "party"}', '{"claims": 1}', '{"claims": {"role": 1}}', '{"at": "soon"}'],
)
def test_bad_facts_are_exit_code_2(tmp_path: Path, content: str) -> None:
    """A facts file is checked as strictly as a policy."""
    file = tmp_path / "facts.json"
    file.write_text(content)
    assert run("explain", POLICY, "--as", file)[0] == 2


def test_facts_under_a_wrong_name_are_not_passed_over(tmp_path: Path) -> None:
    """A claim beside `claims` would count for nothing, without a word."""
    file = tmp_path / "facts.json"
    file.write_text(json.dumps({"membership": "active"}))
    code, out = run("explain", POLICY, "--as", file)
    assert (code, "unknown: membership" in out, "claims" in out) == (2, True, True)
