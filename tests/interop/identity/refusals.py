"""Who shows no membership that counts is refused, by either side, and the refusing side's operator reads why."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from connector.errors import NotAllowed
from connector.model import objects_in
from tests.bench.authority import Authority
from tests.interop.company import WAIT_SECONDS
from tests.interop.edc import actions
from tests.interop.edc.journeys import Scene
from tests.interop.edc.runtime import Edc
from tests.interop.identity.hub import Hub
from tests.interop.identity.issuer import GOOD, WITHDRAWN, Association, index_of, membership

_LOOK_SECONDS = 0.1


class Holders(Protocol):
    """Both sides, and what each of them shows."""

    @property
    def scene(self) -> Scene:
        """Both sides."""

    @property
    def hub(self) -> Hub:
        """EDC's."""

    def we_hold(self, credential: bytes | None) -> None:
        """From now on we show this membership, or none."""

    def we_are_good(self) -> None:
        """We are a member."""

    def all_good(self) -> None:
        """Both are members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Both sides, what each of them holds, and who may vouch for them: one issuer is trusted by both, one by none."""

    scene: Scene
    hub: Hub
    issuer: Association
    issued: Mapping[tuple[str, str], Path]
    """What it issued: by party and kind."""
    stranger: Authority

    def we_hold(self, credential: bytes | None) -> None:
        """From now on we show this membership, or none."""
        file = self.scene.us.running.config.folder / "held" / "MembershipCredential.jwt"
        file.unlink(missing_ok=True)
        if credential is not None:
            file.write_bytes(credential)

    def we_are_good(self) -> None:
        """We are a member."""
        self.we_hold(self.issued[self.scene.us.did, GOOD].read_bytes())

    def all_good(self) -> None:
        """Both are members."""
        self.we_are_good()
        self.hub.hold(self.issued[self.hub.did, GOOD].read_bytes())


# --- EDC is refused by us --------------------------------------------------------------------------------------------


def refused_by_us(members: Holders, held: bytes | None, reason: str) -> str:
    """EDC's hub shows this, and a negotiation fails for it: what we note of it."""
    members.hub.hold(held)
    try:
        return why_refused(members, edc_asks(members), reason)
    finally:
        members.all_good()


def edc_asks(members: Holders) -> str:
    """Of us, for what is for members, with what its hub shows. Its id of the negotiation."""
    edc, us = members.scene.edc, members.scene.us
    return actions.ask_for(edc, us.dsp, us.did, actions.catalog(edc, us.dsp, us.did)["open"])


def why_refused(members: Holders, ident: str, reason: str) -> str:
    """Both have the end of it, and our operator reads why: this reason, or none where nothing was shown."""
    assert outcome_of(members.scene.edc, ident) == "TERMINATED"
    row = members.scene.us.until(ident, "TERMINATED")
    content = row["content"]
    assert isinstance(content, dict), row
    decision = content["decision"]
    assert isinstance(decision, dict), row
    (rule,) = (one for one in objects_in(decision["rules"]) if one["left"] == "membership")
    assert rule["state"] == "unknown", rule
    doubted = decision.get("doubted", [])
    assert isinstance(doubted, list), decision
    assert [one for one in doubted if reason in str(one)] if reason else not doubted, doubted
    if reason:  # the peer is told the operand, and no more
        assert reason not in json.dumps(content["termination"]), content
    return str(doubted[0]) if doubted else "nothing was shown"


def outcome_of(edc: Edc, ident: str) -> str:
    """FINALIZED or TERMINATED, by EDC's log: another thread of its may write an older state over the state itself."""
    said = re.compile(f"ContractNegotiation {ident} is now in state (FINALIZED|TERMINATED)")
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := said.search(edc.log.read_text("utf-8", "replace"))):
        assert time.monotonic() < deadline, edc.get(f"/contractnegotiations/{ident}")
        time.sleep(_LOOK_SECONDS)
    return found[1]


def we_refuse_a_stranger(members: Members) -> str:
    """An EDC whose hub holds nothing."""
    return refused_by_us(members, None, "")


def we_refuse_an_unknown_issuer(members: Members) -> str:
    """One whose membership somebody issued whom we do not trust."""
    return refused_by_us(members, membership(members.stranger, members.hub.did), "issuer-not-anchored")


def we_refuse_a_revoked_one(members: Members) -> str:
    """One whose membership was withdrawn before anybody looked at the list: our connector keeps lists a minute."""
    return refused_by_us(members, members.issued[members.hub.did, WITHDRAWN].read_bytes(), "revoked")


# --- we are refused by EDC -------------------------------------------------------------------------------------------


def refused_by_edc(members: Holders, held: bytes | None, reason: str) -> str:
    """We show this, and EDC shows us no catalogue: what its log says of it."""
    edc, us = members.scene.edc, members.scene.us
    heard = len(edc.log.read_bytes())
    members.we_hold(held)
    try:
        with pytest.raises(NotAllowed, match="401"):
            us.get(f"/v1/catalog?peer={edc.participant.replace('%', '%25')}")
    finally:
        members.we_are_good()
    log = edc.log.read_bytes()[heard:].decode("utf-8", "replace")
    told = re.findall("Unauthorized: ([^\x1b\n]*)", log)
    assert log.count("Incoming CatalogRequestMessage") == 2, log  # a 401 is asked once more, with a fresh token
    assert len(told) >= 2, told  # a look of ours at what went before may be under way, too
    assert len(set(told)) == 1, told
    assert reason in told[0], told
    return str(told[0])


def edc_refuses_a_stranger(members: Members) -> str:
    """We hold nothing: it cannot even read a presentation of nothing."""
    return refused_by_edc(members, None, "could not be parsed")


def edc_refuses_an_unknown_issuer(members: Members) -> str:
    """Our membership is of somebody whom it does not trust."""
    return refused_by_edc(members, membership(members.stranger, members.scene.us.did), "not supported for issuer")


def edc_refuses_a_revoked_one(members: Members) -> str:
    """Ours counts, is withdrawn by our issuer's operator, and counts no more at once: EDC reads the issuer's list."""
    edc, us = members.scene.edc, members.scene.us
    file = members.issued[us.did, WITHDRAWN]
    members.we_hold(file.read_bytes())
    assert us.get(f"/v1/catalog?peer={edc.participant.replace('%', '%25')}")["datasets"]
    members.issuer.revoke(file)
    return refused_by_edc(members, file.read_bytes(), f"status at index {index_of(file)} is '1'")


BY_EDC: tuple[Callable[[Members], str], ...] = (
    edc_refuses_a_stranger, edc_refuses_an_unknown_issuer, edc_refuses_a_revoked_one
)  # fmt: skip
BY_US: tuple[Callable[[Members], str], ...] = (
    we_refuse_a_stranger, we_refuse_an_unknown_issuer, we_refuse_a_revoked_one
)  # fmt: skip
