"""What is told of a policy where something is offered under it: who gets nothing by it, and what in it is hardly meant.

`publish` and `publish-file` tell it the same way; what needs no content `policy check` asks, too. Nothing here keeps
anybody from offering.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

from connector.exchange.pages import FILE
from connector.model import AccessClass, counted
from connector.policy.doubts import RECORD_TYPE, doubts
from connector.policy.odrl import Policy
from connector.policy.reading import load
from connector.vocabulary.bundle import Bundle

_OF_UNITS: Final = ("unitBuyer", "unitStatus")


def codes(bundle: Bundle) -> dict[str, list[str]]:
    """The words of each code list that a policy may speak of."""
    words = {name: [code.name for code in listed] for name, listed in bundle.terms.codes.items()}
    return {**words, RECORD_TYPE: [*bundle.record_types, FILE]}


def told_of(
    policy_octets: bytes, bundle: Bundle, now: datetime, *, record_type: str, classes: Collection[AccessClass],
    unbought: int = 0,
) -> list[str]:  # fmt: skip
    """All there is to say. `classes`: of what is offered; `unbought`: how many documents are said to have no buyer."""
    policy = load(policy_octets)
    asked = doubts(policy, codes(bundle), now, of_values=record_type != FILE)
    return [*shut(policy, record_type, classes, unbought), *(f"is it meant? {one}" for one in asked)]


def shut(policy: Policy, record_type: str, classes: Collection[AccessClass], unbought: int = 0) -> Iterator[str]:
    """That nobody gets it: contracts would be made on it, and be empty."""
    if not policy.offerable:
        return
    if classes and not any(map(policy.opens, classes)):
        yield (
            f"the policy gives nobody any of these values: they are of class {', '.join(sorted(classes))}, and its"
            " rules ask for others (accessClass); who makes a contract gets nothing"
        )
    if record_type == FILE:  # which is no unit: it has no buyer and no status
        for operand in filter(policy.hangs_on, _OF_UNITS):
            yield f"the policy gives nobody this file: its rules ask for {operand}, which no file has; choose another"
    elif unbought and policy.hangs_on("unitBuyer"):
        yield (
            f"the policy gives a unit to its buyer alone, and {counted(unbought, 'document has', 'documents have')}"
            " none: nobody gets them; say `buyers` in the plan, or choose another policy"
        )
    if not policy.opens(record_type, "recordType"):
        yield f'the policy gives nobody any of it: its rules ask for other types of record than "{record_type}"'
