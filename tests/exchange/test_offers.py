"""What issuers offer: kept for a person, for a while, until it is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from connector.credentials.query import DCP_CONTEXT
from connector.errors import CannotCheck, PeerUnreachable
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import EvidenceEntry
from connector.exchange.stored import micros
from connector.model import Did
from tests.exchange.test_hostile import play, proof, say, services
from tests.exchange.test_issuance import MEMBERSHIP, Issuer, kept, member
from tests.network import Request
from tests.simulator import AUTHORITY_PORT, World


def test_offers_wait_for_a_person(tmp_path: Path) -> None:
    """Of a trusted issuer, in one row that does not grow for ever; nothing is asked for by itself."""

    async def scene(world: World) -> None:
        holder, other = world.nodes
        issuer = Issuer(world).open()
        issuance = services(holder).issuance

        def offer(sender: Did, *ids: str) -> bytes:
            listed = [{"id": one, "credentialType": MEMBERSHIP} for one in ids]
            said = {
                "@context": [DCP_CONTEXT],
                "type": "CredentialOfferMessage",
                "issuer": sender,
                "credentials": listed,
            }
            return orjson.dumps(said)

        theirs = await say(
            holder, "/dcp/offers", offer(Did(other.config.did), "1"), await proof(other, holder.config.did)
        )
        assert (theirs.status, await issuance.requests()) == (403, [])
        for number in range(20):
            ids = [f"{number} {index}" for index in range(16)]
            body = offer(world.authority.did, *ids)
            assert (await say(holder, "/dcp/offers", body, issuer.bearer(holder))).status == 200
        (row,) = await issuance.requests()
        offered = list(orjson.loads(row.detail)["offered"])
        assert (len(offered), offered[:16], row.subject, issuer.asked) == (64, ids, MEMBERSHIP, [])
        unasked = issuer.message(row.pid, member(issuer, holder.config.did))
        assert (await say(holder, "/dcp/credentials", unasked, issuer.bearer(holder))).status == 404, "nobody asked"
        assert kept(holder) == set()
        fitting = f"{MEMBERSHIP} vc20-bssl/jwt"
        await say(holder, "/dcp/offers", offer(world.authority.did, fitting), issuer.bearer(holder))
        issuer.status = 503
        with pytest.raises(PeerUnreachable):
            await issuance.request(world.authority.did, [MEMBERSHIP], [])
        assert list(orjson.loads((await issuance.requests())[0].detail)["offered"]) == [fitting, *offered[:63]]
        issuer.status = 201
        await issuance.request(world.authority.did, [MEMBERSHIP], [])
        row = next(one for one in await issuance.requests() if one.turn == "offer")
        assert list(orjson.loads(row.detail)["offered"]) == offered[:63]
        entry = EvidenceEntry(tenant="", at=0, event="credential-offered", body=b"{}")
        await holder.store.commit_approval(replace(row, due=micros(holder.clock.now())), entry)
        assert [one.turn for one in await issuance.requests()] == ["request", "request"]
        await say(holder, "/dcp/offers", offer(world.authority.did, "new"), issuer.bearer(holder))
        row = next(one for one in await issuance.requests() if one.turn == "offer")
        assert list(orjson.loads(row.detail)["offered"]) == ["new"]
        foreign = offer(Did(other.config.did), "1")
        assert (await say(holder, "/dcp/offers", foreign, issuer.bearer(holder))).status == 400

    play(tmp_path, scene)


def test_what_names_no_profile_may_be_the_first_that_we_read(tmp_path: Path) -> None:
    """An issuer that leaves it out is asked all the same: what comes says itself what it is."""

    async def scene(world: World) -> None:
        issuer = Issuer(world).open()
        address = f"localhost:{AUTHORITY_PORT}"
        site = world.network.sites[address]

        async def unsaid(request: Request) -> HttpAnswer:
            answer = await site(request)
            return replace(answer, body=answer.body.replace(b'"profile":"vc20-bssl/jwt"', b'"profile":""'))

        world.network.sites[address] = unsaid
        await services(world.nodes[0]).issuance.request(issuer.authority.did, [MEMBERSHIP], [])
        assert [one["credentials"] for one in issuer.asked] == [[{"id": f"{MEMBERSHIP} vc20-bssl/jwt"}]]

    play(tmp_path, scene)


def test_an_issuer_that_does_not_tell_what_it_issues_is_not_asked(tmp_path: Path) -> None:
    """What its page says beside an error is nothing."""

    async def scene(world: World) -> None:
        issuer = Issuer(world).open()
        address = f"localhost:{AUTHORITY_PORT}"
        site = world.network.sites[address]

        async def lost(request: Request) -> HttpAnswer:
            answer = await site(request)
            return replace(answer, status=404) if request.url.endswith("/metadata") else answer

        world.network.sites[address] = lost
        with pytest.raises(CannotCheck, match="is not known: HTTP 404"):
            await services(world.nodes[0]).issuance.request(issuer.authority.did, [MEMBERSHIP], [])
        assert issuer.asked == []

    play(tmp_path, scene)
