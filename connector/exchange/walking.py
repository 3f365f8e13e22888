"""A walk driven to its end: what it wants is read and checked, at once and as it comes, or once more in a kept order.

What to read next and what it means is the core's (`provenance.walk`). Where answers come from is the caller's: other
companies in an audit, its bundle when that is checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from connector.credentials.verify import Report
from connector.errors import BadMessage, ConnectorError
from connector.exchange.obtained import Receipts
from connector.exchange.ports import AuditReads, Verifier
from connector.model import Json, JsonObject
from connector.provenance.nodes import Check, Checked
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import Answer, Gap, Page, Read, understand
from connector.provenance.walk import Walk
from connector.vocabulary.admission import MAX_PAGE_VALUES, admit, admit_message

AT_ONCE: Final = 8
ANSWER_LIMIT_BYTES: Final = 4 << 20
_OK: Final = 200
_MOST_PAGES: Final = 1_000
"""Of what came later than one record."""

Progress = Callable[[int, str], None]
"""Called for each node that was read: how many so far, and what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One want of a walk that was met. `now`: of a check, when it was made."""

    want: Read | Check
    now: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Met:
    """A step, with what came of it."""

    step: Step
    got: Answer | Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Walker:
    """Meets the wants of a walk."""

    reads: AuditReads
    verifier: Verifier
    receipts: Receipts

    async def run(self, walk: Walk, *, on_node: Progress | None = None) -> tuple[Step, ...]:
        """Until nothing more is wanted; the steps in the order in which they counted."""
        under_way: set[asyncio.Task[_Met]] = set()
        waiting: list[Read | Check] = [*walk.wanted()]
        steps: list[Step] = []
        count = 0
        try:
            while waiting or under_way:
                while waiting and len(under_way) < AT_ONCE:
                    under_way.add(asyncio.create_task(self._meet(walk, waiting.pop())))
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    met = task.result()
                    steps.append(met.step)
                    _take(walk, met)
                    count = _tell(walk, met, count, on_node)
                waiting += walk.wanted()
        finally:
            for task in under_way:
                task.cancel()
        return tuple(steps)

    async def again(
        self, walk: Walk, steps: Iterable[Step], *, at: Callable[[datetime], None]
    ) -> tuple[list[Read | Check], list[Read | Check]]:
        """The same walk once more. Steps that it did not want, which were passed over; and what it wants at the end.

        `at` is told when a check was made, before it is made.
        """
        wanted = dict.fromkeys(walk.wanted())
        strays: list[Read | Check] = []
        for step in steps:
            if step.want in wanted:
                del wanted[step.want]
                if step.now is not None:
                    at(step.now)
                _take(walk, await self._meet(walk, step.want))
                wanted |= dict.fromkeys(walk.wanted())
            else:
                strays.append(step.want)
        return strays, [*wanted]

    async def _meet(self, walk: Walk, want: Read | Check) -> _Met:
        if isinstance(want, Check):
            return await self._check(want, present=want.at == walk.now)
        return _Met(step=Step(want=want), got=await self._read(want))

    async def _read(self, read: Read) -> Answer:
        try:
            status, body = await self._ask(read)
            if body is not None and read.kind == "later":
                body = await self._all_pages(read, body)
        except ConnectorError as error:
            return Gap(outcome=Outcome.MISSING, reason=f"{error.code}: {error.detail}")
        return understand(read, status, body)

    async def _ask(self, read: Read) -> tuple[int, JsonObject | None]:
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

    async def _check(self, check: Check, *, present: bool) -> _Met:
        report = await self.verifier.verify(check.octets.encode(), None if present else check.at)
        outcome, detail = Outcome(report.outcome()), _detail(report)
        if outcome is Outcome.UNCHECKED and await self._was_valid_at_receipt(report.digest):
            outcome, detail = Outcome.VERIFIED, f"as verified when we received it ({detail})"
        payload = report.credential.payload if report.credential is not None else None
        checked = Checked(digest=report.digest, outcome=outcome, detail=detail, payload=payload)
        return _Met(step=Step(want=check, now=report.now), got=checked)

    async def _was_valid_at_receipt(self, digest: str) -> bool:
        """A copy that we hold was verified when it came: that counts where keys or status are out of reach now."""
        try:
            kept = await self.receipts(digest)
            return bool(kept) and admit(kept, ANSWER_LIMIT_BYTES).get("verdict") == "valid"
        except BadMessage:
            return False


def _take(walk: Walk, met: _Met) -> None:
    want, got = met.step.want, met.got
    if isinstance(want, Check):
        assert isinstance(got, Checked)
        walk.take_check(want, got)
    else:
        assert not isinstance(got, Checked)
        walk.take_read(want, got)


def _tell(walk: Walk, met: _Met, count: int, on_node: Progress | None) -> int:
    want, got = met.step.want, met.got
    if isinstance(want, Check) or want.kind != "record":
        return count
    if on_node is not None:
        what = got.type if isinstance(got, Page) else "nothing"
        on_node(count + 1, f"{what} from {walk.names.get(want.holder, want.holder)}")
    return count + 1


def _detail(report: Report) -> str:
    bad = (check for check in report.checks if check.outcome in {"failed", "unchecked"})
    return "; ".join(f"{check.code}: {check.detail}" for check in bad)
