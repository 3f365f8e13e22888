"""An issuer's queue: words from two processes, many rejected at once, what is over forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest

from connector.errors import BadInput, Conflict
from connector.exchange.stored import said_of
from connector.model import JsonObject
from connector.server import decisions, issuances
from connector.server.problems import status_of
from connector.server.requests import Decide, RejectRequests
from connector.server.services import Services
from tests.exchange.test_hostile import proof, say, services
from tests.exchange.test_issuer import Holder, acted, kept, message, word
from tests.simulator import Node


def test_of_two_words_in_two_processes_one_stands(tmp_path: Path) -> None:
    """On one store, signed at the same time: the other one is told so, and what was signed for it is revoked."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        await holder.ask(issuer)
        (row,) = await kept(issuer)
        sign, both = issuances._signed, asyncio.Barrier(2)
        here = services(issuer)
        there = replace(here, issuer=replace(here.issuer, _turn=asyncio.Lock(), word=asyncio.Lock()))

        async def together(*given: Any) -> dict[str, str]:
            made = await sign(*given)
            await both.wait()
            return made

        async def say_at(services: Services, number: str) -> JsonObject:
            claim = {"file": "f", "subject": holder.claims(membershipNumber=number)}
            said = Decide.model_validate({"decision": "approve", "claims": [claim]})
            return await decisions.decided(services, row.pid, said, "")

        with mock.patch.object(issuances, "_signed", together):
            said = await asyncio.gather(say_at(here, "7"), say_at(there, "8"), return_exceptions=True)
        (late,) = [one for one in said if isinstance(one, Conflict)]
        (good,) = [one for one in said if isinstance(one, dict)]
        assert status_of(late) == 409
        (row,) = await kept(issuer)
        assert [*said_of(row)["credentials"]] == good["credentials"]
        (taken_back,) = await issuer.store.status_changes("", 0)
        assert taken_back.digest not in said_of(row)["credentials"]
        with pytest.raises(Conflict):  # a stale word in the moment of the commit, which `said_before` has not seen
            await issuer.store.commit_approval(replace(row, decision="rejected"), None, undecided=True)

    acted(tmp_path, scene)


def test_what_was_signed_when_the_time_for_a_word_was_over_is_revoked(tmp_path: Path) -> None:
    """It ended while it was signed, and nobody said another word."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        await holder.ask(issuer)
        (row,) = await kept(issuer)
        sign = issuances._signed

        async def slowly(*given: Any) -> dict[str, str]:
            made = await sign(*given)
            await issuer.store.commit_approval(replace(row, due=row.asked), None)
            return made

        claim = {"file": "f", "subject": holder.claims(membershipNumber="7")}
        said = Decide.model_validate({"decision": "approve", "claims": [claim]})
        with mock.patch.object(issuances, "_signed", slowly), pytest.raises(Conflict, match="nobody decided in time"):
            await decisions.decided(services(issuer), row.pid, said, "")
        assert len(await issuer.store.status_changes("", 0)) == 1

    acted(tmp_path, scene)


def test_what_has_one_list_alone_is_revoked_not_suspended(tmp_path: Path) -> None:
    """A credential of VC Data Model 1.1, as the refusal says."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        await holder.ask(issuer, ids=("older",))
        (row,) = await kept(issuer)
        role: JsonObject = {"id": holder.did, "type": "Party", "role": ["refiner"], "purpose": ["production"]}
        await word(issuer, row.pid, "approve", role)
        (digest,) = said_of((await kept(issuer))[0])["credentials"]
        revoke, now = services(issuer).revoke, issuer.clock.now()
        with pytest.raises(BadInput, match=r"Data Model 1\.1 has a single list"):
            await revoke.run(digest, purpose="suspension", effective=now, reason="x")
        await revoke.run(digest, purpose="revocation", effective=now, reason="x")

    acted(tmp_path, scene)


def test_nothing_is_signed_while_one_of_the_claims_is_bad(tmp_path: Path) -> None:
    """The second of two files: neither is signed."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        await holder.ask(issuer, ids=("member", "older"))
        (row,) = await kept(issuer)
        before = await issuer.store.next_status_index("")
        with pytest.raises(BadInput, match="favouriteColour"):
            await word(issuer, row.pid, "approve", holder.claims(), holder.claims(favouriteColour="red"))
        assert await issuer.store.next_status_index("") == before

    acted(tmp_path, scene)


def test_requests_of_one_party_or_below_one_host_are_rejected_together(tmp_path: Path) -> None:
    """Counted first. A party is told; nothing is sent to names below a host, until they ask. Others wait on."""

    async def scene(issuer: Node, other: Node, holder: Holder) -> None:
        for number in range(3):
            await holder.ask(issuer, f"h{number}")
        theirs = await say(issuer, "/issuer/credentials", message("o", "member"), await proof(other, issuer.config.did))
        assert theirs.status == 201
        for who, found in (("did:web:nobody", 0), ("did:web:localhost", 0), ("example.com", 0), (holder.did, 3)):
            said = RejectRequests.model_validate({"from": who, "reason": "no papers"})
            assert await issuances.reject_all(services(issuer), said) == {"found": found, "rejected": 0}
        said = said.model_copy(update={"really": True})
        assert await issuances.reject_all(services(issuer), said) == {"found": 3, "rejected": 3}
        await asyncio.sleep(5)
        assert [one["rejectionReason"] for one in holder.got] == ["no papers"] * 3
        row = replace(
            (await kept(issuer))[0], pid="urn:x", counterparty="did:web:a1.bad.example", decision="", due=2**52
        )
        await issuer.store.commit_approval(row, None)
        said = RejectRequests.model_validate({"from": "bad.example", "reason": "no", "really": True})
        assert await issuances.reject_all(services(issuer), said) == {"found": 1, "rejected": 1}
        row = await services(issuer).issuer.load("urn:x")
        assert (row.decision, row.not_before) == ("rejected", 0)
        await holder.ask(issuer, "h4")
        await services(issuer).issuer.decide((await kept(issuer))[-1], "rejected", "no", reason="no", silent=True)
        await asyncio.sleep(100)
        assert (len(holder.got), (await decisions.queue(services(issuer), 9))[1]) == (3, 1)
        holder.got.clear()
        assert (await holder.ask(issuer, "h4")).status == 201
        await asyncio.sleep(5)
        assert [(one["holderPid"], one["rejectionReason"]) for one in holder.got] == [("h4", "no")]
        for bad in ({"from": holder.did, "reason": ""}, {"from": "nobody", "reason": "x"}):
            with pytest.raises(BadInput):
                await issuances.reject_all(services(issuer), RejectRequests.model_validate(bad))

    acted(tmp_path, scene)


@pytest.mark.parametrize(
    ("holder", "meant"),
    [
        ("did:web:bad.example", True),
        ("did:web:a1.bad.example", True),
        ("did:web:BAD.example%3A8443:users:1", True),
        ("did:web:notbad.example", False),
        ("did:web:bad.example.com", False),
        ("did:key:bad.example", False),
    ],
)
def test_what_stands_below_a_host(holder: str, meant: bool) -> None:
    """Its own names, at any port and path, and those of its sub-domains."""
    assert issuances._is_of(holder, "", "bad.example") == meant


async def passed(issuer: Node, days: int) -> None:
    """Nobody works meanwhile; then all that is due is done."""
    await issuer.die()
    await asyncio.sleep(days * 86_400)
    issuer.start()
    await asyncio.sleep(610)


def test_requests_that_are_over_are_forgotten_after_the_configured_days(tmp_path: Path) -> None:
    """Since it was delivered, or since nobody can decide it any more. The evidence tells which."""

    async def scene(issuer: Node, other: Node, holder: Holder) -> None:
        await other.die()
        for number in range(2):
            await holder.ask(issuer, f"h{number}")
        first, second = await kept(issuer)
        await word(issuer, first.pid, "reject", reason="no")
        for days in (20, 20):
            assert len(await kept(issuer)) == 2
            await asyncio.sleep(60)
            await passed(issuer, days)
        assert [row.pid for row in await kept(issuer)] == [second.pid]
        (told,) = [one for one in await issuer.store.evidence("", limit=99) if one.event == "issuances-forgotten"]
        assert orjson.loads(told.body)["issuances"] == [first.pid]
        await passed(issuer, 85)
        assert await kept(issuer) == []
        assert (await holder.ask(issuer, "h0")).status == 201

    acted(tmp_path, scene, keep_ended_days=30)
