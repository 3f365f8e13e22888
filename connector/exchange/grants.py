"""What a data token stands for now, and its renewal: the provider's tokens.

A token is good while its transfer is STARTED and it has not expired; what its holder may get is looked up anew each
time, from the credentials that were shown, with today's status lists. What is given out is `serve`'s.

Renewal: Data Plane Signaling, profile Token Renewal (OAuth 2.0 refresh grant, RFC 6749, section 6).
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson

from connector.credentials.token import bare
from connector.errors import Conflict, NotAllowed, NotAuthenticated, NotFound
from connector.exchange.contents import Contents
from connector.exchange.policies import Policies
from connector.exchange.ports import Clock, Ids, Proven, Store
from connector.exchange.rows import DatasetRow, DataTokenRow, EvidenceEntry, ProcessRow
from connector.exchange.stored import content_of, micros, token_digest, under_way
from connector.model import Claim, Did, Facts, JsonObject
from connector.policy.evaluate import Compiled, evaluate
from connector.policy.operands import Stage
from connector.policy.pinning import PIN
from connector.protocol.process import Role
from connector.protocol.transfer import Kind, State

FactsFrom = Callable[[Did, Sequence[bytes]], Awaitable[Facts]]
"""What these credentials prove about a party now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a running transfer gives its consumer. `pid`: the transfer's."""

    pid: str
    facts: Facts
    agreement_id: str
    dataset: DatasetRow
    policy: Compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A fresh token and the one that renews it, in clear; `seconds`: how long it is good."""

    token: str
    refresh_token: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """The tokens of one connector's transfers."""

    tenant: str
    store: Store
    clock: Clock
    ids: Ids
    policies: Policies
    contents: Contents
    facts_from: FactsFrom
    token_key: bytes
    """Makes the pair that follows another one."""
    data_token_seconds: int

    async def open(self, authorization: str, *, expired: bool = False) -> Grant:
        """What the token opens now. `NotAuthenticated`: it is unknown or expired, or its transfer is not started.

        `expired`: it may be, where what it opened in time is still going on.
        """
        _, process = await self._running(bare(authorization), expired=expired)
        return await self.of(process)

    async def of(self, process: ProcessRow) -> Grant:
        """What this transfer gives now. `NotAllowed`: its agreement pins another content than there is now."""
        content = content_of(process)
        dataset = await self.store.load_dataset(self.tenant, content["dataset"])
        if dataset is None:
            raise NotFound("the dataset is no longer offered")
        shown = [str(octets).encode("ascii") for octets in content["credentials"]]
        facts = await self.facts_from(Did(process.counterparty), shown)
        claim = Claim(name="agreementHeld", value="true", source=content["agreement"])
        policy = self.policies.under(dataset, content.get("terms"))
        facts = facts.with_claims(claim, *await self.contents.claims(policy, dataset.dataset_id))
        grant = Grant(pid=process.pid, facts=facts, agreement_id=content["agreement"], dataset=dataset, policy=policy)
        if PIN in policy.operands:
            await self._check_pin(grant)
        return grant

    async def _check_pin(self, grant: Grant) -> None:
        """Content that is not the pinned one is refused as a whole, with the reason, and not just left out."""
        decision = evaluate(grant.policy, grant.facts, self.clock.now(), stage=Stage.TRANSFER)
        if not decision.permit and PIN in decision.failed_operands():
            told: JsonObject = {
                "party": grant.facts.party, "agreement": grant.agreement_id, "pid": grant.pid,
                "decision": decision.as_json(),
            }  # fmt: skip
            await self.store.append_evidence([self._entry("data-denied", told)])
            raise NotAllowed("the data is no longer what the agreement pins", hint="negotiate a new agreement on it")

    async def renew(self, proven: Proven, refresh_token: str) -> Renewed:
        """Fresh tokens for who proved to be the consumer, and named the token that these replace.

        `NotAllowed`: see `renewable`, or the policy no longer holds.
        """
        used, process = await self.renewable(proven, refresh_token)
        grant, now = await self.of(process), self.clock.now()
        decision = evaluate(grant.policy, grant.facts, now, stage=Stage.TRANSFER)
        said: JsonObject = {"pid": process.pid, "party": proven.party, "agreement": grant.agreement_id}
        if not decision.permit:
            told = {**said, "decision": decision.as_json()}
            await self.store.append_evidence([self._entry("data-token-refused", told)])
            raise NotAllowed("the policy does not open the data to you any more")
        token, refresh_token = (self._following(used, which) for which in ("access", "refresh"))
        renewed = Renewed(token=token, refresh_token=refresh_token, seconds=self.data_token_seconds)
        fresh = DataTokenRow(
            tenant=self.tenant, transfer_pid=process.pid, sha256=token_digest(renewed.token),
            refresh_sha256=token_digest(renewed.refresh_token),
            expires=micros(now) + renewed.seconds * 1_000_000, live=used.live,
        )  # fmt: skip
        try:
            await self.store.renew_data_token(used, fresh, self._entry("data-token-renewed", said))
        except Conflict:
            raise NotAllowed("the data token was replaced meanwhile") from None
        return renewed

    def _following(self, used: DataTokenRow, which: str) -> str:
        """Of one pair there is one next: a late copy of a renewal must not replace what its repeat has brought."""
        said = f"{which} token after {used.sha256} of {used.transfer_pid}"
        return hmac.digest(self.token_key, said.encode(), "sha256").hex()

    async def renewable(self, proven: Proven, refresh_token: str) -> tuple[DataTokenRow, ProcessRow]:
        """The pair of tokens and their transfer.

        `NotAllowed`: the tokens do not belong together or to the caller, or the transfer is not started.
        """
        try:
            used, process = await self._running(proven.access_token or "", expired=True)
        except NotAuthenticated as error:
            raise NotAllowed(error.detail) from None
        if process.counterparty != proven.party or used.refresh_sha256 != token_digest(refresh_token):
            raise NotAllowed("the refresh token is not one of yours that came with the access token")
        return used, process

    async def _running(self, token: str, *, expired: bool) -> tuple[DataTokenRow, ProcessRow]:
        """The token, and its transfer, started. `expired`: it may be."""
        row = await self.store.find_data_token(self.tenant, token_digest(token)) if token else None
        process = await self.store.load_process(self.tenant, "transfer", row.transfer_pid) if row else None
        if row is None or process is None or process.role != Role.PROVIDER.value:
            raise NotAuthenticated("the data token opens nothing", hint="start a transfer under the agreement")
        # Whoever shows the token has our start message, also where its acknowledgement is still on the way. That may
        # be committed between the two reads, so a token that was not live yet is looked at again.
        again = row if row.live else await self.store.find_data_token(self.tenant, row.sha256)
        started = again is not None and again.live and process.state == State.STARTED
        if not started and under_way(process) != Kind.START:
            raise NotAuthenticated("the transfer is not started")
        if not expired and row.expires <= micros(self.clock.now()):
            raise NotAuthenticated("the data token has expired", hint="renew it at its refreshEndpoint")
        return row, process

    def _entry(self, event: str, body: JsonObject) -> EvidenceEntry:
        return EvidenceEntry(tenant=self.tenant, at=micros(self.clock.now()), event=event, body=orjson.dumps(body))
