"""The way out of a connector that has none: a signer that works on its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from connector.errors import PeerUnreachable
from connector.exchange.ports import HttpAnswer
from connector.exchange.streams import HttpStream


class NoNetwork:
    """Ports `Http` and `Carrier`: whatever is asked, nothing leaves."""

    async def request(self, method: str, url: str, **_options: object) -> HttpAnswer:
        """Nothing is ever sent."""
        raise PeerUnreachable(f"{method} {url} was not sent: this command works without network")

    def stream(self, url: str, **_options: object) -> AbstractAsyncContextManager[HttpStream]:
        """Nothing is ever asked."""
        raise PeerUnreachable(f"{url} was not asked: this command works without network")

    async def upload(self, url: str, chunks: AsyncIterator[bytes], **_options: object) -> HttpAnswer:  # noqa: ARG002 - not even read
        """Nothing is ever sent."""
        return await self.request("POST", url)
