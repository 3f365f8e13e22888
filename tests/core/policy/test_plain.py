"""Plain words, and the pages that promise to say the same as the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.policy.operands import CALLER, LISTED_PARTIES, OPERANDS, UNIT, Operand, Stage
from connector.policy.plain import plain
from connector.policy.reading import load
from tests.core.policy.policies import c, policy, rule

HOUSE = Path(__file__).parents[3]
POLICIES = sorted((HOUSE / "policies").glob("*.json"))


def test_each_constraint_is_said() -> None:
    """The sentences hold every rule with all its values."""
    given = policy(
        rule(
            "use", c("membership", "eq", "active"), {"or": [c("role", "isAnyOf", ["a", "b"]), c("mandate", "eq", "x")]}
        ),
        prohibition=[rule("audit")],
    )
    assert plain(given) == (
        "The offer is shown to whoever may have the data. "
        "The data may be had by a party that proves that its membership is active and "
        "(proves the role a or b or shows a mandate (x)). "
        "Audit reads are open to nobody. "
        "Audit reads are in no case open to anybody."
    )


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: str(file.name))
def test_ready_made_policies_are_good_and_said(file: Path) -> None:
    """Each file can be used, and its page says in words what it does."""
    given = load(file.read_bytes())
    page = (HOUSE / "policies" / "README.md").read_text()
    section = page.partition(f"## {file.name}\n")[2].partition("\n## ")[0]
    assert f"> {plain(given)}" in section


def test_the_table_of_the_readme_is_the_table_of_the_code() -> None:
    """Who writes a policy reads the README; it has to be true."""
    page = (HOUSE / "connector" / "policy" / "README.md").read_text()
    table = re.search(r"<!-- operands.*?-->\n.*?\n.*?\n(.*?)<!-- /operands -->", page, re.DOTALL)
    assert table is not None
    assert table[1].splitlines() == [row(operand) for operand in OPERANDS.values()]


def row(operand: Operand) -> str:
    """One line of the README's table."""
    letters = {
        Stage.CATALOGUE: "C", Stage.NEGOTIATION: "N", Stage.TRANSFER: "T", Stage.DATA: "D", Stage.AUDIT: "A",
    }  # fmt: skip
    right = operand.kind.value
    if UNIT in operand.constants:
        right = f"{right} or @unit (`{operand.unit_fact}`)"
    if CALLER in operand.constants:
        right = "@caller"
    fact = {"party": "(the caller itself)", "clock": "(the clock)"}.get(operand.subject, f"`{operand.fact}`")
    assert operand.name == "party" or LISTED_PARTIES not in operand.constants
    cells = (
        f"`{operand.name}`",
        ", ".join(operand.operators),
        right,
        " ".join(letter for stage, letter in letters.items() if stage in operand.stages),
        fact,
        operand.enforced.value,
    )
    return "| " + " | ".join(cells) + " |"
