"""What tests of verification share: the refiner and its list, a verdict in three words, the status check alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from connector.credentials.status import Unobtained
from connector.credentials.status_list import encode_list
from connector.credentials.verify import Material, Report, verify
from connector.keys.memory import MemorySigner
from connector.model import Did, Json, JsonObject
from tests.core.credentials.conftest import LIST_URL

OTHER = Did("did:web:other.example")
Issue = Callable[[JsonObject], bytes]
Forge = Callable[[MemorySigner, JsonObject, bytes], bytes]
Listed = Callable[..., bytes]


def code(report: Report) -> str:
    """The code of the first check that failed or was left open."""
    return next(check.code for check in report.checks if check.outcome in {"failed", "unchecked"})


def first_no(report: Report) -> tuple[str, str, str]:
    """The verdict, and name and code of the first check that failed or was left open."""
    return next(
        (report.verdict, check.name, check.code) for check in report.checks if check.outcome in {"failed", "unchecked"}
    )


def judged(octets: bytes, material: Material, now: datetime, at: datetime | None = None) -> tuple[str, str, str]:
    """Verdict, the audit's word, and that code."""
    report = verify(octets, at=at or now, now=now, material=material)
    return report.verdict, report.outcome(), code(report)


def status_of(report: Report) -> tuple[str, str, str]:
    """Outcome, code and detail of the status check."""
    return next((check.outcome, check.code, check.detail) for check in report.checks if check.name == "status")


def with_status(material: Material, octets: bytes | Unobtained, changed: bytes | Unobtained) -> Material:
    """The same with this list and these changes."""
    return replace(material, lists={LIST_URL: octets}, changes={LIST_URL: changed}, opened={})


def listing(purpose: Json) -> JsonObject:
    """The subject of a list in which no bit is set."""
    return {"type": "BitstringStatusList", "statusPurpose": purpose, "encodedList": encode_list([])}
