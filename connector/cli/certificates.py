"""How long the TLS certificates of those who are asked are good: noted by the guarded client as it shakes hands.

Whether a certificate counts is decided by the handshake alone (the system's list of authorities, the host's name).
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.credentials.datamodel import time_text
from connector.peers.client import GuardedClient

SOON: Final = timedelta(days=21)
"""Authorities that renew by themselves (RFC 8555) do so some 30 days before the end: what is later has failed."""


class NotingClient(GuardedClient):
    """The guarded client, which notes until when each host's certificate is good."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self.ends: dict[str, datetime] = {}
        super().__init__(unsafe_allow_loopback=allow_loopback, tls=_noting(self.ends))


def _noting(ends: dict[str, datetime]) -> ssl.SSLContext:
    class Noting(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            end = (self.getpeercert() or {}).get("notAfter")
            if self.server_hostname and isinstance(end, str):
                ends[self.server_hostname] = datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)

    context = ssl.create_default_context()
    context.sslobject_class = Noting
    return context


def ends_soon(end: datetime, now: datetime) -> bool:
    """Whether it should have been renewed by now."""
    return end - now < SOON


def sentence(host: str, end: datetime, now: datetime) -> str:
    """What is told of it."""
    days = (end - now).days
    left = f"in {days} days" if days != 1 else "in one day"
    return f"the certificate of {host} is good until {time_text(end)}: it ends {left}"
