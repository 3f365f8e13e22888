"""The auditor's walk through the peers' connectors.

What to read next and what it means is the core's (`provenance`), the owner's side is `answer`'s. This file asks, checks
what comes, and says how far it is. HTTP and tokens are the edges'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from connector.credentials.verify import Report
from connector.errors import BadMessage, ConnectorError
from connector.exchange.ports import AuditAnswer, AuditReads, Clock, Store, Verifier
from connector.model import Did, Facts, Json, JsonObject
from connector.provenance.assemble import assemble
from connector.provenance.nodes import Check, Checked
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import Answer, Gap, Page, Read, understand
from connector.provenance.report import AuditReport
from connector.provenance.walk import Limits, Walk
from connector.vocabulary.admission import MAX_PAGE_VALUES, admit, admit_message

AT_ONCE: Final = 8
ANSWER_LIMIT_BYTES: Final = 4 << 20
_OK = 200
_MOST_PAGES = 1_000
"""Of what came later than one record."""

Progress = Callable[[int, str], None]
"""Called for each node that was read: how many so far, and what it is."""


class Own(Protocol):
    """Our own answers (`answer`)."""

    async def answer(self, path: str, facts: Facts, now: datetime) -> AuditAnswer:
        """The answer to `GET path` of this caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Walks a chain from one record. Reads at our own connector are answered from our own store."""

    did: Did
    store: Store
    tenant: str
    reads: AuditReads
    own: Own
    verifier: Verifier
    clock: Clock

    async def run(
        self, root: str, holder: Did, *, on_node: Progress | None = None, limits: Limits | None = None
    ) -> AuditReport:
        """Walk from the record, thing or identifier `root` at `holder` until nothing more is wanted; then judge."""
        walk = Walk(root, holder=holder, now=self.clock.now(), limits=limits)
        under_way: set[asyncio.Task[tuple[Read, Answer] | tuple[Check, Checked]]] = set()
        waiting: list[Read | Check] = [*walk.wanted()]
        count = 0
        try:
            while waiting or under_way:
                while waiting and len(under_way) < AT_ONCE:
                    under_way.add(asyncio.create_task(self._obtain(walk, waiting.pop())))
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    want, got = task.result()
                    count = _take(walk, want, got, count, on_node)
                waiting += walk.wanted()
        finally:
            for task in under_way:
                task.cancel()
        return assemble(walk)

    async def _obtain(self, walk: Walk, want: Read | Check) -> tuple[Read, Answer] | tuple[Check, Checked]:
        if isinstance(want, Check):
            return want, await self._check(want, present=want.at == walk.now)
        return want, await self._read(want)

    async def _read(self, read: Read) -> Answer:
        try:
            status, body = await self._ask(read)
            if body is not None and read.kind == "later":
                body = await self._all_pages(read, body)
        except ConnectorError as error:
            return Gap(outcome=Outcome.MISSING, reason=f"{error.code}: {error.detail}")
        return understand(read, status, body)

    async def _ask(self, read: Read) -> tuple[int, JsonObject | None]:
        if read.holder == self.did:
            answer = await self.own.answer(read.path, Facts(party=self.did), self.clock.now())
        else:
            answer = await self.reads.read(read.holder, read.path)
        if answer.status != _OK:
            return answer.status, None
        return answer.status, admit_message(answer.body, ANSWER_LIMIT_BYTES, MAX_PAGE_VALUES)

    async def _all_pages(self, read: Read, body: JsonObject) -> JsonObject:
        """What came later, all of it in one body. A page that is not given counts as withheld."""
        entries: list[Json] = []
        withheld, page, count = False, body, 1
        while isinstance(listed := page.get("later"), list):
            entries += listed
            withheld = withheld or bool(page.get("withheld"))
            place = page.get("next")
            if not isinstance(place, str):
                return {"later": entries, "withheld": int(withheld)}
            _, following = await self._ask(replace(read, after=place)) if count < _MOST_PAGES else (0, None)
            if following is None:
                return {"later": entries, "withheld": 1}
            page, count = following, count + 1
        return page

    async def _check(self, check: Check, *, present: bool) -> Checked:
        report = await self.verifier.verify(check.octets.encode(), None if present else check.at)
        outcome, detail = Outcome(report.outcome()), _detail(report)
        if outcome is Outcome.UNCHECKED and await self._was_valid_at_receipt(report.digest):
            outcome, detail = Outcome.VERIFIED, f"as verified when we received it ({detail})"
        payload = report.credential.payload if report.credential is not None else None
        return Checked(digest=report.digest, outcome=outcome, detail=detail, payload=payload)

    async def _was_valid_at_receipt(self, digest: str) -> bool:
        """A copy that we hold was verified when it came: that counts where keys or status are out of reach now."""
        row = await self.store.find_credential(self.tenant, digest)
        if row is None or not row.report:
            return False
        try:
            return admit(row.report, ANSWER_LIMIT_BYTES).get("verdict") == "valid"
        except BadMessage:
            return False


def _take(walk: Walk, want: Read | Check, got: Answer | Checked, count: int, on_node: Progress | None) -> int:
    if isinstance(want, Check):
        assert isinstance(got, Checked)
        walk.take_check(want, got)
        return count
    assert not isinstance(got, Checked)
    walk.take_read(want, got)
    if want.kind != "record":
        return count
    if on_node is not None:
        what = got.type if isinstance(got, Page) else "nothing"
        on_node(count + 1, f"{what} from {walk.names.get(want.holder, want.holder)}")
    return count + 1


def _detail(report: Report) -> str:
    bad = (check for check in report.checks if check.outcome in {"failed", "unchecked"})
    return "; ".join(f"{check.code}: {check.detail}" for check in bad)
