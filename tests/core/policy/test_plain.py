"""Plain words, and the pages that promise to say the same as the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from connector.policy.odrl import Action
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


def test_a_prohibition_says_that_doubt_counts() -> None:
    """The engine denies whoever may be meant; what nobody can check until it is said is said to be a contract's."""
    given = policy(
        rule("use"),
        prohibition=[
            rule("use", c("role", "eq", "trader")),
            rule("use", c("purpose", "eq", "marketing")),
            rule("use", c("dateTime", "gteq", "2028-01-01T00:00:00Z")),
        ],
    )
    assert plain(given, actions=(Action.USE,)) == (
        "The data may be had by anybody. "
        "The data may in no case be had by a party that proves the role trader, or of which this is not known. "
        "The data may in no case be had by a party that uses the data for marketing (by contract). "
        "The data may in no case be had by a party that asks at 2028-01-01T00:00:00Z or later."
    )


def test_a_value_cannot_speak() -> None:
    """A peer's offer could hold half a sentence: what is more than a word stands in quotes."""
    text = 'x. The data may be had by "anybody"'
    said = plain(policy(rule("use", c("role", "isAnyOf", ["a:b/c#d", text]))), actions=(Action.USE,))
    assert said == f"The data may be had by a party that proves the role a:b/c#d or {json.dumps(text)}."
    assert "x." not in plain(policy(rule("use", c("role", "eq", "x.")))).replace('"x."', "")


def test_what_is_not_offered_is_shown_to_nobody() -> None:
    """Without a permission of use there is no offer, whatever is said of who sees it."""
    assert plain(policy(rule("list"), rule("audit"))).startswith("No offer. The data may be had by nobody.")


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
    for name, theirs in (("operands", False), ("catena-x", True)):
        table = re.search(rf"<!-- {name}.*?-->\n.*?\n.*?\n(.*?)<!-- /{name} -->", page, re.DOTALL)
        assert table is not None
        rows = dict.fromkeys(row(operand) for operand in OPERANDS.values() if ("/" in operand.name) is theirs)
        assert table[1].splitlines() == [*rows]


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
        f"`{operand.name.rpartition('/')[2]}`",
        ", ".join(operand.operators),
        right,
        " ".join(letter for stage, letter in letters.items() if stage in operand.stages),
        fact,
        operand.enforced.value,
    )
    return "| " + " | ".join(cells) + " |"
