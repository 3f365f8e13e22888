"""The turns of a negotiation: what a peer's message asks of us, what we may answer, and what is answered by rule.

Each message that leaves the word with us makes a turn. How a turn is decided is configuration (`How`): by the policies,
or by a person, for whom it is held. What a person may say is the same as what a rule may: approve, counter where terms
are on the table, or refuse. Legal is what the table of `negotiation` allows; whether a policy permits is judged before.
DSP 2025-1, Contract Negotiation Protocol: State Transitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from connector.protocol.negotiation import Kind

How: TypeAlias = Literal["decide", "match", "offer", "refuse", "hold"]
"""How a turn is decided. `decide`: approved, if the policy permits. `hold`: by a person. The other three approve terms
that match what stands on our side already, and else hold (`match`), refuse (`refuse`) or answer with our own offer
(`offer`).
"""


class Turn(StrEnum):
    """What waits for our word: the first four as provider, the last two as consumer."""

    REQUEST = "request"
    """Somebody asks for what we offer, word for word."""
    COUNTER_REQUEST = "counter-request"
    """Somebody asks for other terms than our offer's."""
    ACCEPTANCE = "acceptance"
    """The offer that we made was accepted."""
    VERIFICATION = "verification"
    """Our agreement was verified; what follows is final."""
    OFFER = "offer"
    """Somebody offers us a contract, or other terms than we asked for."""
    AGREEMENT = "agreement"
    """The provider agreed; what follows is our verification."""


class Move(StrEnum):
    """What becomes of a turn."""

    APPROVE = "approve"
    COUNTER = "counter"
    REFUSE = "refuse"
    HOLD = "hold"


APPROVES: Final[Mapping[Turn, Kind]] = MappingProxyType(
    {
        Turn.REQUEST: Kind.AGREEMENT,
        Turn.COUNTER_REQUEST: Kind.AGREEMENT,
        Turn.ACCEPTANCE: Kind.AGREEMENT,
        Turn.VERIFICATION: Kind.FINALIZE,
        Turn.OFFER: Kind.ACCEPT,
        Turn.AGREEMENT: Kind.VERIFICATION,
    }
)
"""The message that approves."""

COUNTERS: Final[Mapping[Turn, Kind]] = MappingProxyType(
    {
        Turn.REQUEST: Kind.OFFER,
        Turn.COUNTER_REQUEST: Kind.OFFER,
        Turn.OFFER: Kind.REQUEST,
    }
)
"""The message that answers with other terms; where nothing stands here, there is nothing to bargain about."""


def move(how: How, *, permitted: bool = True, matches: bool = False) -> Move:
    """What is done by rule. `permitted`: the policy allows this peer; `matches`: the terms are ours word for word."""
    if not permitted:
        return Move.REFUSE
    if how == "hold":
        return Move.HOLD
    if how == "decide" or matches:
        return Move.APPROVE
    return {"match": Move.HOLD, "refuse": Move.REFUSE, "offer": Move.COUNTER}[how]
