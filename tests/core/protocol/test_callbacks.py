"""Where a peer wants to be called back: our paths are put behind its address, so nothing may stand there already."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.errors import BadMessage
from connector.model import JsonObject, Pid
from connector.protocol import compose
from connector.protocol import messages as m
from connector.protocol.process import Process, Role

OFFER: JsonObject = {"@id": "o", "@type": "Offer", "target": "d", "permission": [{"action": "use"}]}
CONSUMER, PROVIDER = (Process(role=role, pid=Pid("own")) for role in (Role.CONSUMER, Role.PROVIDER))
FIRST: list[Callable[[str], JsonObject]] = [
    lambda address: compose.contract_request("i", CONSUMER, offer=OFFER, callback_address=address),
    lambda address: compose.contract_offer("i", PROVIDER, offer=OFFER, callback_address=address),
    lambda address: compose.transfer_request(
        "i", CONSUMER, agreement_id="a", data_format="HttpData-PULL", callback_address=address
    ),
]


@pytest.mark.parametrize("first", FIRST, ids=["request", "offer", "transfer"])
def test_a_callback_address_has_no_query_and_no_fragment(first: Callable[[str], JsonObject]) -> None:
    """DSP 2025-1, 7.3.1 and 9.3.1: behind a `?` our path would be a parameter of whatever the address calls."""
    good = m.parse(first("https://p.example/dsp"))
    assert getattr(good, "callback_address", None) == "https://p.example/dsp"
    for odd in ("https://p.example/dsp?x=", "https://p.example/dsp#", "https://p.example/?x=#", ""):
        with pytest.raises(BadMessage) as caught:
            m.parse(first(odd))
        assert caught.value.place == "callbackAddress"
