"""The commands' way to a running connector: its management API on loopback, with the token that `init` wrote.

A thin synchronous client on the standard library, so that a command starts quickly. It leaves rendering to the
commands and follows the problem documents of `server/problems.py`.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.cli.console import Bug, of_company
from connector.config import MANAGEMENT_TOKEN_VARIABLE, load, secret
from connector.errors import BadInput, CannotCheck, ConnectorError, IllegalTransition, NotAllowed, PeerUnreachable

if TYPE_CHECKING:
    from connector.model import Json, JsonObject

_BAD_INPUT = range(400, 500)
_UNCHECKED = frozenset({"cannot-check", "bad-message", "too-large"})
"""Bad messages come from peers here, never from a person: the answer could not be used, so nothing is decided."""
_OTHER = (
    f"does another company's connector listen on this management port ([listen])? Else: is {MANAGEMENT_TOKEN_VARIABLE}"
    " of the environment or of secrets.env the one with which this connector was started?"
)
_STOPPED = "what the connector has done so far stands, and the same command goes on from there"
NDJSON = "application/x-ndjson"
OnProgress = Callable[["JsonObject"], None]


@dataclass(frozen=True, slots=True)
class Management:
    """One connector's management API."""

    port: int
    token: str
    timeout_seconds: float = 600.0

    @classmethod
    def of(cls, config_file: Path) -> Management:
        """The running connector that this configuration describes."""
        config = load(config_file)
        return cls(config.listen.management_port, secret(MANAGEMENT_TOKEN_VARIABLE, config))

    def get(self, path: str) -> JsonObject:
        """GET an object."""
        return self._object("GET", path, None, "")

    def pages(self, path: str) -> Iterator[JsonObject]:
        """GET an object, and those that follow it page by page."""
        following: Json = path
        while isinstance(following, str):
            page = self.get(following)
            yield page
            following = page.get("next")

    def post(self, path: str, body: JsonObject, *, key: str = "") -> JsonObject:
        """POST an object. With an idempotency key a repeat gets the first answer."""
        return self._object("POST", path, body, key)

    def work(
        self, path: str, body: JsonObject, *, key: str = "", on_progress: OnProgress | None = None,
        stopped: Callable[[], str] = lambda: _STOPPED,
    ) -> JsonObject:  # fmt: skip
        """POST long work: progress as it comes, then the result. `stopped`: what is so when a person ends the wait."""
        try:
            (told,) = self._lines("POST", path, body, key, on_progress)
        except KeyboardInterrupt:
            sys.stderr.write(f"\nstopped; {stopped()}\n")
            raise
        result = told["result"]
        assert isinstance(result, dict), "the last line of work is its result"
        return result

    def found(self, path: str, on_progress: OnProgress | None = None) -> Iterator[JsonObject]:
        """GET what is found bit by bit, while it comes in."""
        return (line for line in self._lines("GET", path, None, "", on_progress) if "result" not in line)

    def _lines(
        self, method: str, path: str, body: JsonObject | None, key: str, on_progress: OnProgress | None
    ) -> Iterator[JsonObject]:
        """The lines of an answer up to the result, without progress, which is told; a problem is raised, and so is an
        answer without an end.
        """
        connection, response = self._open(method, path, body, key, NDJSON)
        try:
            if response.status != http.client.OK:
                raise _problem(response.status, response.read())
            for text in response:
                line = _parsed(text) if text.strip() else {}
                if isinstance(problem := line.get("problem"), dict):
                    raise _told(problem)
                if isinstance(progress := line.get("progress"), dict):
                    if on_progress:
                        on_progress(progress)
                    continue
                yield line
                if "result" in line:
                    return
        except (OSError, http.client.HTTPException) as error:
            raise PeerUnreachable(f"the connector stopped answering: {error}", hint="is it still running?") from None
        finally:
            connection.close()
        raise PeerUnreachable("the connector stopped before it was done", hint="repeat the command")

    def _object(self, method: str, path: str, body: JsonObject | None, key: str) -> JsonObject:
        connection, response = self._open(method, path, body, key)
        try:
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise PeerUnreachable(f"the connector stopped answering: {error}", hint="is it still running?") from None
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise _problem(response.status, data)
        return _parsed(data)

    def _open(
        self, method: str, path: str, body: JsonObject | None, key: str, accept: str = "application/json"
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_seconds)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Accept": accept}
        if key:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise PeerUnreachable(
                f"no connector answers on port {self.port}: {error}",
                hint=of_company("start it: battery-connector serve"),
            ) from None


def _parsed(data: bytes) -> JsonObject:
    """`PeerUnreachable`: no connector says this."""
    try:
        value: Json = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise PeerUnreachable(
            "what listens on the management port is no connector: its answer is no JSON object",
            hint="end that program, or choose another [listen] management_port; then: battery-connector serve",
        )
    return value


def _problem(status: int, data: bytes) -> ConnectorError:
    return _told({"status": status, "detail": f"HTTP {status}", **_parsed(data)})


def _told(problem: JsonObject) -> ConnectorError:
    """A problem document as the error that it was."""
    status, detail, hint = problem.get("status"), str(problem.get("detail")), str(problem.get("hint", ""))
    if status == http.client.UNAUTHORIZED:
        return NotAllowed(detail, hint=_OTHER)
    if problem.get("kind") in _UNCHECKED or status == http.client.SERVICE_UNAVAILABLE:
        return CannotCheck(detail, hint=hint)
    if problem.get("kind") == IllegalTransition.code:
        return IllegalTransition(detail, hint=hint, place=str(problem.get("place", "")))
    if status == http.client.FORBIDDEN:
        return NotAllowed(detail, hint=hint)
    if isinstance(status, int) and status in _BAD_INPUT:
        return BadInput(detail, hint=hint, place=str(problem.get("place", "")))
    return Bug(detail, hint=hint or "the connector's log says more")
