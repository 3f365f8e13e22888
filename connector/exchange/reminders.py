"""Reminders: a peer that has acknowledged our message and then is silent is looked at, and told again what it lost.

An acknowledgement says that a message was read, not that it is kept: a peer may have died, or written an older state
over it, as a real EDC does when two of its threads meet. Then both would wait for ever. So a negotiation in which the
peer owes the next message has an alarm: its process is looked at, and if it stands where our last message that it took
is the next one, the same words go out again. Under another `@id`: a real EDC knows the old one for ever, and passes it
over. No state moves here: for a peer that has the message this is a repeat. The pauses grow with the age of the
negotiation; its patience ends it. One that is final is looked at once if its peer still says what came before: it may
have lost the end. The same where a peer refuses our next message because it has lost the one before (`outbox`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from connector.errors import ConnectorError
from connector.exchange.alarms import look_later
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Draft
from connector.exchange.looks import look
from connector.exchange.opening import Opening
from connector.exchange.ports import Peers
from connector.exchange.rows import AttemptRow, MessageRow
from connector.model import Did
from connector.protocol.process import Ask, GiveUp
from connector.protocol.transfer import Kind, State

_MOST_AT_ONCE, _MOST_AT_ONE_PEER = 32, 4
"""Looks under way, so that silent peers hold up nothing; whoever finds no room comes again."""
_REFUSED = 400


@dataclass(slots=True, kw_only=True)
class Reminders:
    """Those of one connector."""

    conversation: Conversation
    peers: Peers
    _looking: dict[str, str] = field(default_factory=dict)
    """The negotiations that are being looked at, each with its counterparty."""

    async def run(self, pid: str) -> None:
        """An alarm went off. The next one is set first, so that it costs one look, whatever comes of this one."""
        with suppress(ConnectorError):  # it changed, or has ended: then there is nothing to remind of
            draft = await self.conversation.happen(pid, self._next)
            here, party = list(self._looking.values()), draft.counterparty
            if pid in self._looking or len(here) >= _MOST_AT_ONCE or here.count(party) >= _MOST_AT_ONE_PEER:
                return
            self._looking[pid] = party
            try:
                await self._look(draft)
            finally:
                del self._looking[pid]

    def _next(self, draft: Draft) -> None:
        if "waits" not in draft.content:  # held just now: other alarms stand there
            draft.alarms, draft.over = {}, draft.process.state in self.conversation.topic.at_rest

    async def _look(self, draft: Draft) -> None:
        process, topic = draft.process, self.conversation.topic
        last = await self._last_word(draft)
        if last is None:
            return
        peer, base = Did(draft.counterparty), draft.content["peer_base"]
        try:
            state = await look(self.peers, topic.kind, peer, base, str(process.peer_pid))
            if state == topic.table.target_of_termination() and process.state not in topic.table.terminal:
                await self.conversation.happen(process.pid, _ended_there)
            elif (
                state != process.state
                and topic.table.target(str(state), last.message_type, process.role) is not None
                and await self._is_silent_still(draft)
            ):
                url, body = topic.compose(draft, last.message_type, self.conversation.ids.urn())
                answer = (await self.peers.post(peer, url, body)).answer
                await self._note(draft, answer.status, f"the peer shows {state} still: told again")
        except ConnectorError as error:
            await self._note(draft, 0, f"looking at the peer's process: {error.detail}")

    async def _last_word(self, draft: Draft) -> MessageRow | None:
        """Our message to which the peer owes an answer; not the first one, without which it shows no process.

        Nothing is held here, or there would be no alarm; so with nothing under way, or what it says it can't take now,
        the word is with the peer, unless it was terminated as the alarm went off.
        """
        topic, tenant, pending = self.conversation.topic, self.conversation.tenant, draft.process.pending
        if draft.process.state == topic.table.target_of_termination() or (pending is not None and not pending.races):
            return None
        said = await self.conversation.store.messages(tenant, topic.kind, draft.process.pid)
        ours = [one for one in said[1:] if one.direction == "out" and one.status < _REFUSED]
        return ours[-1] if ours else None

    async def _is_silent_still(self, draft: Draft) -> bool:
        """Whether nothing came while we looked: what the peer shows may follow from that."""
        assert draft.row is not None, "it was there before it was looked at"
        return (await self.conversation.load(draft.process.pid)).version == draft.row.version + 1

    async def _note(self, draft: Draft, status: int, detail: str) -> None:
        """Put on record what came of it."""

        def tried(now: Draft) -> None:
            now.attempt = AttemptRow(
                tenant=self.conversation.tenant, kind=self.conversation.topic.kind, pid=now.process.pid, seq=0,
                at=now.at, status=status, detail=detail, next_at=None,
            )  # fmt: skip

        await self.conversation.happen(draft.process.pid, tried)


def _ended_there(draft: Draft) -> GiveUp | None:
    """The peer has ended it. Its own word may still be on its way, so that counts first, until the next look."""
    if not draft.content.get("ended_there"):
        draft.content["ended_there"] = True
        return None
    draft.content["termination"] = {
        "code": "ended-by-peer",
        "reason": ["its process shows that it ended"],
        "by": "peer",
    }
    return GiveUp()


@dataclass(slots=True, kw_only=True)
class Restarts:
    """A consumer that has acknowledged our start, without a receipt, and lost it waits: it gets another, with a fresh
    token, because that of the first is not kept.
    """

    conversation: Conversation
    peers: Peers
    opening: Opening

    async def run(self, pid: str) -> None:
        """An alarm went off. The next one is set first; a consumer that is no longer waiting is left alone."""
        with suppress(ConnectorError):  # it changed, or nobody can say now: the next look may
            draft = await self.conversation.happen(pid, self._next)
            process, base = draft.process, draft.content["peer_base"]
            if process.state == State.STARTED and process.pending is None:
                state = await look(self.peers, "transfer", draft.counterparty, base, str(process.peer_pid))
                await self.conversation.happen(pid, self._again if state == State.REQUESTED else _known_there)

    def _next(self, draft: Draft) -> None:
        draft.content["looked"] = draft.content.get("looked", 0) + 1
        if draft.process.state == State.STARTED:  # else whatever ended it has set what is due
            look_later(draft)

    def _again(self, draft: Draft) -> Ask | None:
        if draft.process.state != State.STARTED or draft.process.pending is not None:
            return None
        self.opening.for_pull(draft)
        return Ask(kind=Kind.START, message_id=self.opening.ids.urn())


def _known_there(draft: Draft) -> None:
    if draft.process.state == State.STARTED:
        draft.over = True
