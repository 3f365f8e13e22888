"""Data tokens end after their time and are renewed, by whom they were given to and while the transfer may go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest

from connector.errors import BadMessage, CannotCheck, NotAllowed
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import MessageRow
from connector.exchange.stored import token_digest
from connector.model import Did, JsonObject
from connector.server import fetching
from tests.exchange.test_hostile import play, proof, services
from tests.exchange.test_transfers import Running, pull, started
from tests.network import Request, handled
from tests.simulator import SEALED, SHARED, Node, World, dataset_row

AN_HOUR = 3_700
TRACTUS_X: JsonObject = {"bare": True, "grantInUrl": True}
"""What `read_pull` notes of its data addresses."""


async def ask(
    by: Node, at: Node, access: object, refresh: object, *, audience: str = "", query: bool = False, **said: str
) -> HttpAnswer:
    """A renewal, signed by this company for that audience."""
    assert at.app is not None
    form = urlencode({"grant_type": "refresh_token", "refresh_token": str(refresh), **said})
    bearer = await proof(by, audience or at.config.did, access=str(access))
    url = f"{at.config.public_url}/data/token" + (f"?{form}" if query else "")
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/x-www-form-urlencoded"}
    body = None if query else form.encode()
    return await handled(at.app, Request(method="POST", url=url, headers=headers, body=body, timeout_seconds=10))


def scene(folder: Path, what: Callable[[Running, World], Awaitable[None]], nodes: int = 2) -> None:
    """With a started pull."""

    async def whole(world: World) -> None:
        await what(await started(world), world)

    play(folder, whole, nodes)


def test_a_pull_renews_its_token_by_itself(tmp_path: Path) -> None:
    """After an hour the first token opens nothing any more; the fetch goes through all the same."""

    async def what(running: Running, world: World) -> None:
        before = (await running.address())["authorization"]
        await asyncio.sleep(AN_HOUR)
        assert await running.pulled(before) == 401
        row = await running.row(running.customer)
        here = services(running.customer)
        received = await here.receive.pull(
            Did(running.supplier.config.did), running.agreement, f"{running.supplier.config.public_url}/data",
            lambda refused: here.renew.authorization(row.pid, refused), lambda _: None,
        )  # fmt: skip
        assert (received.records, received.findings) == (2, [])
        after = (await running.address())["authorization"]
        assert await running.pulled(after) == 200
        assert await running.pulled(before) == 401
        said = [entry.event for entry in await running.supplier.store.evidence("")]
        assert said.count("data-token-renewed") == 1

    scene(tmp_path, what)


def test_requests_side_by_side_renew_once(tmp_path: Path) -> None:
    """A refused token is replaced by one renewal, whoever asks first."""

    async def what(running: Running, world: World) -> None:
        await asyncio.sleep(AN_HOUR)
        renew = services(running.customer).renew
        refused = f"Bearer {(await running.address())['authorization']}"
        shown = set(await asyncio.gather(*(renew.authorization(running.pid, refused) for _ in range(5))))
        assert len(shown) == 1
        assert refused not in shown
        assert len(await running.supplier.store.data_tokens_of("", (await running.row(running.supplier)).pid)) == 2

    scene(tmp_path, what)


def test_a_lost_answer_does_not_end_it(tmp_path: Path) -> None:
    """The pair that was used stays good until its successor is used; then it is of the past."""

    async def what(running: Running, world: World) -> None:
        customer, supplier = running.customer, running.supplier
        address = await running.address()
        first = address["authorization"], address["refreshToken"]
        answers = [orjson.loads((await ask(customer, supplier, *first)).body) for _ in range(2)]
        assert [one["token_type"] for one in answers] == ["Bearer", "Bearer"]
        assert [one["expires"] for one in answers] == [one["expires_in"] for one in answers]  # Catena-X's name for it
        assert await running.pulled(first[0]) == 200
        lost, kept = ((one["access_token"], one["refresh_token"]) for one in answers)
        assert lost == kept, "else a late copy of the first would take away what the second has brought"
        assert await running.pulled(kept[0]) == 200
        again = await ask(customer, supplier, *kept, query=True)
        assert again.status == 200
        assert again.headers["cache-control"] == "no-store"
        refused = await ask(customer, supplier, *first)
        assert (refused.status, orjson.loads(refused.body)["error"]) == (400, "invalid_grant")
        assert await running.pulled(orjson.loads(again.body)["access_token"]) == 200

    scene(tmp_path, what)


def test_only_its_holder_renews_it(tmp_path: Path) -> None:
    """Another company, another audience, a token of another transfer, a wrong grant: each is refused by its word."""

    async def what(running: Running, world: World) -> None:
        customer, supplier, other = world.nodes
        address = await running.address()
        access, refresh = address["authorization"], address["refreshToken"]
        second = await fetching.start_transfer(services(customer), running.agreement, "t2", 60)
        elsewhere = second["address"]
        assert isinstance(elsewhere, dict)

        async def word(answer: Awaitable[HttpAnswer]) -> tuple[int, str]:
            got = await answer
            return got.status, orjson.loads(got.body)["error"]

        grant, client = (400, "invalid_grant"), (401, "invalid_client")
        assert await word(ask(other, supplier, access, refresh)) == grant
        assert await word(ask(customer, supplier, access, elsewhere["refreshToken"])) == grant
        assert await word(ask(customer, supplier, refresh, refresh)) == grant
        assert await word(ask(customer, supplier, access, refresh, audience=other.config.did)) == client
        assert await word(ask(customer, supplier, access, refresh, grant_type="password")) == (
            400, "unsupported_grant_type",
        )  # fmt: skip
        many = {f"f{number}": "" for number in range(20)}
        assert await word(ask(customer, supplier, access, refresh, query=False, **many)) == (400, "invalid_request")
        assert (await ask(customer, supplier, access, refresh)).status == 200

    scene(tmp_path, what, nodes=3)


@pytest.mark.parametrize("how", ["suspended", "terminated", "policy"])
def test_no_token_is_renewed_that_may_not_go_on(tmp_path: Path, how: str) -> None:
    """While it is suspended, when it has ended, when the policy no longer holds; the last is on record."""

    async def what(running: Running, world: World) -> None:
        customer, supplier = running.customer, running.supplier
        address = await running.address()
        if how == "policy":
            await supplier.store.commit_dataset(dataset_row(supplier, SHARED, SEALED))
        else:
            await running.act(supplier, "suspend" if how == "suspended" else "terminate")
        answer = await ask(customer, supplier, address["authorization"], address["refreshToken"])
        assert (answer.status, orjson.loads(answer.body)["error"]) == (400, "invalid_grant")
        said = [entry.event for entry in await supplier.store.evidence("")]
        assert ("data-token-refused" in said) is (how == "policy")
        with pytest.raises(NotAllowed):
            await services(customer).renew.authorization(running.pid, f"Bearer {address['authorization']}")

    scene(tmp_path, what)


def test_no_token_in_clear_stays_with_its_giver(tmp_path: Path) -> None:
    """After the acknowledgement the supplier's store holds digests alone; the customer forgets at the end."""

    async def what(running: Running, world: World) -> None:
        address = await running.address()
        assert (await ask(running.customer, running.supplier, address["authorization"], address["refreshToken"])).status
        secrets = [str(address[name]) for name in ("authorization", "refreshToken")]
        kept = await everything(running.supplier, (await running.row(running.supplier)).pid)
        assert not [one for one in secrets if one in kept]
        assert token_digest(secrets[0]) in kept
        said = await everything(running.customer, running.pid)
        assert "refreshToken" in orjson.loads((await running.row(running.customer)).body)["content"]["address"]
        assert all(secrets[0] not in str(one.body) for one in await messages(running.customer, running.pid))
        assert secrets[0] in said
        await running.act(running.customer, "complete")
        assert not [one for one in secrets if one in await everything(running.customer, running.pid)]

    scene(tmp_path, what)


async def messages(node: Node, pid: str) -> list[MessageRow]:
    """What was said."""
    return await node.store.messages("", "transfer", pid)


async def everything(node: Node, pid: str) -> str:
    """All that the store keeps of a transfer."""
    parts: list[object] = [await node.store.load_process("", "transfer", pid), await messages(node, pid)]
    parts += [await node.store.data_tokens_of("", pid), await node.store.evidence("")]
    return str(parts)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, {}, CannotCheck),
        (400, {"error": "invalid_grant"}, NotAllowed),
        (200, {"token_type": "Bearer"}, Exception),
        (200, {"access_token": "x\r\nHost: y"}, BadMessage),
    ],
)
def test_a_provider_that_does_not_renew(tmp_path: Path, status: int, body: JsonObject, error: type[Exception]) -> None:
    """Not now, not at all, and nonsense are told apart; the old token stays kept."""

    async def what(running: Running, world: World) -> None:
        address = await running.address()
        host = running.supplier.config.public_url.removeprefix("http://")

        async def odd(_: Request) -> HttpAnswer:
            return HttpAnswer(status=status, headers={}, body=orjson.dumps(body))

        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(world.network.sites, host, odd)
            with pytest.raises(error):
                await services(running.customer).renew.authorization(running.pid, f"Bearer {address['authorization']}")
        assert await running.address() == address

    scene(tmp_path, what)


def test_a_token_without_renewal_is_shown_until_it_is_refused(tmp_path: Path) -> None:
    """As an EDC gives them; a Catena-X connector's answer names its lifetime otherwise."""

    async def what(running: Running, world: World) -> None:
        here = services(running.customer)
        bare: JsonObject = {"endpoint": "https://p.example", "authorization": "Bearer t", "expires": 1}
        await here.transfer.conversation.happen(running.pid, lambda draft: draft.content.update(address=bare))
        assert await here.renew.authorization(running.pid) == "Bearer t"
        with pytest.raises(NotAllowed):
            await here.renew.authorization(running.pid, "Bearer t")
        host = running.supplier.config.public_url.removeprefix("http://")

        async def renews(_: Request) -> HttpAnswer:
            return HttpAnswer(status=200, headers={}, body=b'{"access_token": "u", "expires": 300}')

        renewable: JsonObject = {**bare, "refreshToken": "r", "refreshEndpoint": f"http://{host}/token"}
        await here.transfer.conversation.happen(running.pid, lambda draft: draft.content.update(address=renewable))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(world.network.sites, host, renews)
            assert await here.renew.authorization(running.pid) == "Bearer u"
        address = await running.address()
        assert (address["refreshToken"], address["expires"] != 1) == ("r", True)

    scene(tmp_path, what)


@pytest.mark.parametrize(("habits", "shown", "in_url"), [({}, "Bearer u", False), (TRACTUS_X, "u", True)])
def test_a_tractus_x_connector_wants_the_token_bare_and_the_grant_in_its_url(
    tmp_path: Path, habits: JsonObject, shown: str, in_url: bool
) -> None:
    """Others get it by the book: a scheme before the token (RFC 6750, 2.1), the grant in the body (RFC 6749, 6)."""

    async def what(running: Running, world: World) -> None:
        here, asked = services(running.customer), list[Request]()
        host = running.supplier.config.public_url.removeprefix("http://")

        async def renews(request: Request) -> HttpAnswer:
            asked.append(request)
            return HttpAnswer(status=200, headers={}, body=b'{"access_token": "u", "expires": 300}')

        renewable: JsonObject = {
            "endpoint": "https://p.example", "authorization": "t", "expires": 1, "refreshToken": "r",
            "refreshEndpoint": f"http://{host}/token", **habits,
        }  # fmt: skip
        await here.transfer.conversation.happen(running.pid, lambda draft: draft.content.update(address=renewable))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(world.network.sites, host, renews)
            assert await here.renew.authorization(running.pid) == shown
        (request,) = (one for one in asked if "/token" in one.url)
        grant = "grant_type=refresh_token&refresh_token=r"
        assert (request.url.partition("?")[2], request.body) == ((grant, b"") if in_url else ("", grant.encode()))

    scene(tmp_path, what)


def test_an_edc_client_shows_the_token_bare(tmp_path: Path) -> None:
    """With the scheme in any case, or without it."""

    async def what(running: Running, world: World) -> None:
        token = (await running.address())["authorization"]
        assert (await pull(running.supplier, str(token))).status == 200
        for shown in (token, f"bearer {token}", f"BEARER {token}"):
            grant = await services(running.supplier).grants.open(str(shown))
            assert grant.agreement_id == running.agreement

    scene(tmp_path, what)
