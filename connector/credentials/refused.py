"""The exceptions of this room: something that was given to us is refused, with a word that says why.

`reason` is for logs, reports and tests; what a peer gets to see is decided at the edge.
"""

from __future__ import annotations

from connector.errors import NotAuthenticated


class Refused(NotAuthenticated):
    """The token, key or document is not acceptable."""

    code = "refused"

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Unsupported(Refused):
    """It may be good, and we cannot tell: a way of securing that we do not read. Refused all the same."""
