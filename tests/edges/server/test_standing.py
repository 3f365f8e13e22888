"""What to do about a refusal: only what can be done."""

from __future__ import annotations

import pytest

from connector.model import Json
from connector.server.standing import advice


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
