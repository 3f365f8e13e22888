"""What opens a transfer's data: of a pull the provider's token in its start, of a push the consumer's in its request.

A token is made with the message that carries it: in clear there alone, as SHA-256 in a row. What it is good for is
looked up when it is shown (`grants`, `inbox`).
"""

from __future__ import annotations

from dataclasses import dataclass

from connector.exchange.draft import Draft
from connector.exchange.ports import Ids
from connector.exchange.rows import DataTokenRow
from connector.exchange.stored import token_digest
from connector.model import Did, JsonObject
from connector.protocol import compose
from connector.protocol.process import Role
from connector.protocol.transfer import PUSH

PUSH_ALARM = "push"
"""When a push is due: as soon as it is started, and after each pause."""
NEVER = (1 << 63) - 1
"""When a token expires that ends with its transfer alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One connector's tokens."""

    tenant: str
    did: Did
    ids: Ids
    data_url: str
    """Where pulls are answered."""
    inbox_url: str
    """Where pushes are taken."""
    data_token_seconds: int
    """How long a pull's token is good, unless it is renewed."""

    def for_pull(self, draft: Draft) -> None:
        """A fresh token for the consumer, in place of any earlier one. It lives when our start is answered; until then
        it is good for whoever has the start.
        """
        draft.secrets, draft.token_live = (self.ids.secret(), self.ids.secret()), None
        expires = draft.at + self.data_token_seconds * 1_000_000
        draft.data_token = self._row(draft, token_digest(draft.secrets[1]), expires)

    def for_push(self, draft: Draft) -> None:
        """The token that the provider shows when it pushes. What it is good for hangs on the transfer's state alone."""
        draft.secrets = self.ids.secret(), ""
        draft.data_token = self._row(draft, "", NEVER)

    def address(self, draft: Draft) -> JsonObject | None:
        """The data address of the message that carries the token; None where it carries none."""
        token, refresh_token = draft.secrets
        if not token:
            return None
        if draft.process.role is Role.CONSUMER:
            return compose.push_address(self.inbox_url, token)
        opens = compose.PullToken(
            token=token, refresh_token=refresh_token, expires_in=self.data_token_seconds,
            refresh_endpoint=f"{self.data_url}/token", audience=self.did,
        )  # fmt: skip
        return compose.pull_address(self.data_url, opens)

    def _row(self, draft: Draft, refresh_sha256: str, expires: int) -> DataTokenRow:
        return DataTokenRow(
            tenant=self.tenant, transfer_pid=draft.process.pid, sha256=token_digest(draft.secrets[0]),
            refresh_sha256=refresh_sha256, expires=expires, live=False,
        )  # fmt: skip


def is_push(content: JsonObject) -> bool:
    """Whether the provider sends the data. A transfer from before there were pushes says nothing of it."""
    return content.get("format") == PUSH


def is_stopped(content: JsonObject) -> bool:
    """Whether a started transfer is to pause or to end: nothing is sent any more, whether or not that is answered."""
    return "suspension" in content or "termination" in content


def gives_data(draft: Draft) -> bool:
    """Whether it is our token that opens our data: then it is live while the transfer is STARTED."""
    return draft.process.role is Role.PROVIDER and not is_push(draft.content)
