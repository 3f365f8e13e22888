"""The floor: what six messages cost with HTTP, JSON, a signed and verified token each, and durable commits alone.

Two processes of this module talk: request, agreement, verification, finalized, transfer, start. Each message has a
fresh ES256 token that is verified with a key at hand; each received message and each acknowledgement is one durable
commit (SQLite, synchronous=FULL, grouped). Nothing is checked beyond that: no schema, no state, no policy, no
duplicates, no evidence. It uses nothing of the product, so that a faster product does not move the floor.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from queue import SimpleQueue
from threading import Thread
from uuid import uuid4

import aiohttp
import apsw
import orjson
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

NEXT = {
    "request": "agreement",
    "agreement": "verification",
    "verification": "finalized",
    "finalized": "transfer",
    "transfer": "start",
}
_ECDSA = ECDSA(SHA256())
_OFFER = {
    "@id": "urn:uuid:0b1c2d3e-0000-4000-8000-000000000000",
    "permission": [{"action": "use", "constraint": [{"leftOperand": f"operand{n}"} for n in range(8)]}],
}
_SCHEMA = """
CREATE TABLE process (pid TEXT PRIMARY KEY, state TEXT, body BLOB) WITHOUT ROWID;
CREATE TABLE message (pid TEXT, jti TEXT, body BLOB, PRIMARY KEY (pid, jti)) WITHOUT ROWID;
CREATE TABLE replay (jti TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE outbox (pid TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
"""


def key_of(name: str) -> EllipticCurvePrivateKey:
    """The key of a side: both know both."""
    return derive_private_key(int.from_bytes(sha256(name.encode()).digest(), "big") >> 2, SECP256R1())


class Commits:
    """Group commit: what waits is run together, and the wait for the disk is in a thread."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path)
        self._connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;").fetchall()
        self._connection.execute(_SCHEMA).fetchall()
        self._waiting: list[tuple[Callable[[apsw.Connection], None], asyncio.Future[None]]] = []
        self._busy = False
        self._queue: SimpleQueue[list[asyncio.Future[None]]] = SimpleQueue()
        Thread(target=self._serve, daemon=True).start()

    async def write(self, work: Callable[[apsw.Connection], None]) -> None:
        """Run with others; return when it is kept."""
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((work, future))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._start)
        await future

    def _start(self) -> None:
        batch, self._waiting = self._waiting, []
        self._connection.execute("BEGIN IMMEDIATE")
        for work, _ in batch:
            work(self._connection)
        self._queue.put([future for _, future in batch])

    def _serve(self) -> None:
        while True:
            futures = self._queue.get()
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._done, futures)

    def _done(self, futures: list[asyncio.Future[None]]) -> None:
        for future in futures:
            future.set_result(None)
        self._busy = bool(self._waiting)
        if self._busy:
            self._loop.call_soon(self._start)


@dataclass(slots=True)
class Side:
    """One of the two."""

    name: str
    peer: str
    peer_url: str
    commits: Commits
    session: aiohttp.ClientSession
    ends: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def go(self, _: web.Request) -> web.Response:
        """The driver's wish: all six messages."""
        pid = uuid4().urn
        end = self.ends[pid] = asyncio.get_running_loop().create_future()
        await self.send(pid, "request")
        await end
        return web.json_response({})

    async def receive(self, request: web.Request) -> web.Response:
        """A message: verify, commit, answer, and go on with the next one."""
        body = await request.read()
        jti = self.verify(request.headers["Authorization"].removeprefix("Bearer "))
        message = orjson.loads(body)
        pid, kind = message["pid"], message["kind"]
        following = NEXT.get(kind)

        def work(connection: apsw.Connection) -> None:
            connection.execute("INSERT INTO replay VALUES (?)", (jti,))
            connection.execute("INSERT OR REPLACE INTO process VALUES (?, ?, ?)", (pid, kind, body))
            connection.execute("INSERT INTO message VALUES (?, ?, ?)", (pid, jti, body))
            if following:
                connection.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?)", (pid, body))

        await self.commits.write(work)
        if following:
            task = asyncio.create_task(self.send(pid, following))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        else:
            self.ends.pop(pid).set_result(None)
        return web.Response(body=orjson.dumps({"pid": pid, "state": kind}), content_type="application/json")

    async def send(self, pid: str, kind: str) -> None:
        """A message: sign, post, commit the acknowledgement."""
        body = orjson.dumps({"pid": pid, "kind": kind, "@id": uuid4().urn, "offer": _OFFER})
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        async with self.session.post(self.peer_url, data=body, headers=headers) as answer:
            told = orjson.loads(await answer.read())

        def work(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM outbox WHERE pid = ?", (pid,))
            connection.execute("INSERT OR REPLACE INTO process VALUES (?, ?, ?)", (pid, told["state"], body))

        await self.commits.write(work)

    def token(self) -> str:
        """A fresh ES256 token."""
        now = int(time.time())
        said = {"iss": self.name, "sub": self.name, "aud": self.peer, "jti": secrets.token_urlsafe(16), "iat": now,
                "exp": now + 300}  # fmt: skip
        text = f"{_encode(orjson.dumps({'alg': 'ES256', 'typ': 'JWT'}))}.{_encode(orjson.dumps(said))}"
        r, s = decode_dss_signature(KEYS[self.name].sign(text.encode(), _ECDSA))
        return f"{text}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def verify(self, token: str) -> str:
        """The token's id, once its signature holds."""
        text, _, signature = token.rpartition(".")
        raw = _decode(signature)
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        PUBLIC[self.peer].verify(der, text.encode(), _ECDSA)
        said = orjson.loads(_decode(text.partition(".")[2]))
        assert said["aud"] == self.name, "meant for us"
        assert said["exp"] > time.time(), "still good"
        return str(said["jti"])


KEYS = {name: key_of(name) for name in ("consumer", "provider")}
PUBLIC = {name: key.public_key() for name, key in KEYS.items()}


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def _run(name: str, port: int, peer_port: int, store: str) -> None:
    peer = "provider" if name == "consumer" else "consumer"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        side = Side(name, peer, f"http://127.0.0.1:{peer_port}/message", Commits(store), session)
        app = web.Application()
        app.router.add_post("/go", side.go)
        app.router.add_post("/message", side.receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
