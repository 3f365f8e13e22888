"""The person at our connector while the kit asks it for credentials: approves each request, by the management API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from connector.model import JsonObject, objects_in
from tests.interop.company import Company

ISSUES = {"membership": "MembershipCredential", "role": "RoleCredential"}
"""Our id -> what we issue; two, as the kit wants it, of types that our vocabulary has."""
PROFILE = "vc11-sl2021/jwt"
"""The kit asks for nothing else."""
_LOOK_SECONDS = 0.2


def settings() -> str:
    """What our configuration says of it."""
    return "".join(
        f'\n[issues.{name}]\ntype = "{kind}"\nprofile = "{PROFILE}"\n' for name, kind in ISSUES.items()
    )  # fmt: skip


@contextmanager
def approving(us: Company) -> Iterator[None]:
    """Whatever waits is approved until the block ends."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(_LOOK_SECONDS):
            for one in objects_in(us.get("/v1/approvals")["approvals"]):
                claims = [_claims(str(one["with"]), str(wanted["type"])) for wanted in objects_in(one["credentials"])]
                us.post(f"/v1/approvals/{one['id']}", {"decision": "approve", "claims": [*claims]})

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _claims(holder: str, kind: str) -> JsonObject:
    said: dict[str, JsonObject] = {
        "MembershipCredential": {"memberOf": "Kit", "membershipNumber": "1"},
        "RoleCredential": {"role": ["refiner"], "purpose": ["production"]},
    }
    return {"file": kind, "subject": {"id": holder, "type": "Party", **said[kind]}}
