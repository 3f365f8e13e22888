"""Credentials about us that run out: when to ask for one anew, and which of those we have a new one takes the place of.

How they are asked for is `exchange.reissue`'s and `exchange.issuance`'s (DCP 1.0.1 section 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from connector.credentials.datamodel import Credential
from connector.credentials.securing import is_vc11
from connector.model import Json

_MEMBERSHIP: Final = "MembershipCredential"


def asked_anew_at(credential: Credential, asked: datetime, days: int) -> datetime | None:
    """When to ask for another one; None: never, it has no end, or `days` is 0. `asked`: when we asked for this one.

    So many days before its end, or when a third of its time is left if that is later: what is given for an hour, or
    again and again until the same day, is not asked for all the time.
    """
    if credential.valid_until is None or not days:
        return None
    whole = max(credential.valid_until - asked, timedelta())
    return credential.valid_until - min(timedelta(days=days), whole / 3)


def renewed(credential: Credential, held: Iterable[Credential]) -> bool:
    """Whether one of these is good for longer and says the same: another role does not stand for this one."""
    until = credential.valid_until
    return until is not None and any(
        says_the_same(other, credential) and (other.valid_until is None or other.valid_until > until) for other in held
    )


def says_the_same(one: Credential, other: Credential) -> bool:
    """Same issuer, types, data model and subject; of a membership nothing counts but that it is one."""
    return _kind(one) == _kind(other) and (_MEMBERSHIP in one.types or one.subject == other.subject)


def replaced(
    old: Sequence[Credential], new: Sequence[Credential], held: Sequence[Credential] = ()
) -> list[Credential]:  # fmt: skip
    """Which of the old ones are not needed beside the new ones: for each there is one of its kind, good for as long.

    Several roles are of one kind: where there are fewer new ones than are `held` (the old ones among them), only that
    goes of which the same is said anew.
    """
    gone: list[Credential] = []
    for one in old:
        alike = [other for other in held or old if _kind(other) == _kind(one)]
        fit = [other for other in new if _kind(other) == _kind(one) and _as_long(other, one)]
        if len(fit) >= len(alike) or any(says_the_same(other, one) for other in fit):
            gone.append(one)
    return gone


def _as_long(new: Credential, old: Credential) -> bool:
    return new.valid_until is None or (old.valid_until is not None and new.valid_until >= old.valid_until)


def _kind(credential: Credential) -> tuple[str, frozenset[str], Json, bool]:
    subject = credential.subject.get("id")
    return credential.issuer, frozenset(credential.types), subject, is_vc11(credential.securing)
