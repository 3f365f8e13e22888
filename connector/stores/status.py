"""Which status index a credential takes, counted over all of a tenant's lists."""

from __future__ import annotations

from connector.exchange.rows import CredentialRow

LIST_LENGTH = 131_072
"""Entries of one list (Bitstring Status List 1.0: the minimum, 16 kB)."""


def status_place(row: CredentialRow) -> int | None:
    """The index over all lists, or None when the credential has none or its list is another party's.

    `status_index` counts within its list, as `statusListIndex` does.
    """
    if row.origin != "own" or row.status_index is None or row.status_list is None:
        return None
    if not 0 <= row.status_index < LIST_LENGTH:
        raise ValueError(f"status index {row.status_index} is not within a list of {LIST_LENGTH}")
    return row.status_list * LIST_LENGTH + row.status_index
