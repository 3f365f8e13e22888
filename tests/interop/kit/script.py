"""What a person at our connector does in each test of the kit: words to turns that wait, and commands in a state.

The kit plays one side; ours stands in its test plan. Each turn has its word, in order; what no word is for goes on
waiting. A command is given once the process rests in its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`words`: (turn, decision) as they come. `commands`: (state, command) as they come."""

    words: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()


def _says(*words: tuple[str, str]) -> Part:
    return Part(words=words)


def _does(*commands: tuple[str, str]) -> Part:
    return Part(commands=commands)


_OFFER, _TO_OFFER, _TO_ACCEPTANCE = ("request", "counter"), ("offer", "approve"), ("acceptance", "approve")
_AGREE, _FINALIZE, _VERIFY = ("request", "approve"), ("verification", "approve"), ("agreement", "approve")

TO_PROVIDE, TO_CONSUME = _says(_AGREE, _FINALIZE), _says(_VERIFY)
"""Where all that is wanted is an agreement."""

NEGOTIATIONS: Mapping[str, Part] = {
    "CN:01-01": _says(_OFFER),
    "CN:01-02": _says(_OFFER, ("counter-request", "reject")),
    "CN:01-03": _says(_OFFER, _TO_ACCEPTANCE, _FINALIZE),
    "CN:01-04": _says(_AGREE, _FINALIZE),
    "CN:02-01": _says(("request", "reject")),
    "CN:02-02": _says(),
    "CN:02-03": _says(_AGREE),
    "CN:02-04": _says(_OFFER),
    "CN:02-05": Part(words=(_OFFER,), commands=(("OFFERED", "terminate"),)),
    "CN:02-06": _says(_OFFER, ("acceptance", "reject")),
    "CN:02-07": _says(_AGREE, ("verification", "reject")),
    "CN:03-01": _says(_AGREE, _FINALIZE),
    "CN:03-02": _says(_OFFER),
    "CN:03-03": _says(_OFFER),
    "CN:03-04": _says(_OFFER),
}
"""As provider, by the dataset of the test."""

REQUESTS: Mapping[str, Part] = {
    "CN_C:01-01": _says(_TO_OFFER, _VERIFY),
    "CN_C:01-02": _says(("offer", "counter")),
    "CN_C:01-03": _says(("offer", "reject")),
    "CN_C:01-04": _says(_VERIFY),
    "CN_C:02-01": _says(),
    "CN_C:02-02": _does(("REQUESTED", "terminate")),
    "CN_C:02-03": _says(("agreement", "reject")),
    "CN_C:02-04": _says(),
    "CN_C:02-05": _says(_TO_OFFER),
    "CN_C:02-06": _says(_VERIFY),
    "CN_C:03-01": _says(),
    "CN_C:03-02": _says(),
    "CN_C:03-03": _says(),
    "CN_C:03-04": _says(_TO_OFFER),
    "CN_C:03-05": _says(_TO_OFFER),
    "CN_C:03-06": _says(_TO_OFFER),
}
"""As consumer, by the dataset that the kit asks us to request."""

_START = ("REQUESTED", "start")

DELIVERIES: Mapping[str, Part] = {
    "TP:01-01": _does(_START, ("STARTED", "terminate")),
    "TP:01-02": _does(_START, ("STARTED", "complete")),
    "TP:01-03": _does(_START, ("STARTED", "suspend"), ("SUSPENDED", "terminate")),
    "TP:01-04": _does(_START, ("STARTED", "suspend"), ("SUSPENDED", "resume"), ("STARTED", "complete")),
    "TP:01-05": _does(("REQUESTED", "terminate")),
    "TP:02-01": _does(_START),
    "TP:02-02": _does(_START),
    "TP:02-03": _does(_START),
    "TP:02-05": _does(),
    "TP:03-01": _does(),
    "TP:03-02": _does(),
    "TP:03-03": _does(_START),
    "TP:03-04": _does(_START),
    "TP:03-05": _does(_START),
    "TP:03-06": _does(_START),
}
"""As provider, by the agreement of the test."""

FETCHES: Mapping[str, Part] = {
    "TP_C:01-01": _does(),
    "TP_C:01-02": _does(),
    "TP_C:01-03": _does(),
    "TP_C:01-04": _does(),
    "TP_C:01-05": _does(),
    "TP_C:02-01": _does(("STARTED", "terminate")),
    "TP_C:02-02": _does(("STARTED", "complete")),
    "TP_C:02-03": _does(("STARTED", "suspend"), ("SUSPENDED", "terminate")),
    "TP_C:02-05": _does(("REQUESTED", "terminate")),
    "TP_C:03-01": _does(),
    "TP_C:03-02": _does(),
    "TP_C:03-03": _does(),
    "TP_C:03-04": _does(),
    "TP_C:03-05": _does(),
    "TP_C:03-06": _does(),
}
"""As consumer, by the agreement that the kit asks us to fetch under."""
