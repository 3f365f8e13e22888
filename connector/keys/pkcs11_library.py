"""A PKCS #11 library in this process: one thread in which its calls take turns, and the sessions with its tokens.

A token may be pulled, its daemon may restart: then nothing that was open is good any more, and the library has to be
begun anew (`C_Finalize`, `C_Initialize`). That is done once for each call, and a call that fails even so says
`KeyUnreachable`. For a moment after it nobody asks again: a token that is away must not cost each request a search.
A PIN that was refused is never shown twice, because a token locks itself after a few. What is done with a key is
`pkcs11`'s matter.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from contextlib import suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from connector.errors import BadConfig, KeyUnreachable
from connector.keys.pkcs11_uri import Pkcs11Uri

if TYPE_CHECKING:
    from pkcs11.types import Session, Token

T = TypeVar("T")
Pin = Callable[[], str]
"""Gives the PIN when it is needed, so that a changed one counts and none is kept."""

_log = logging.getLogger("connector.keys")
_SECONDS: Final = 10.0
"""So long a call may take, the calls before it included."""
_MOST: Final = 256
"""So many calls may wait."""
_PAUSE_SECONDS: Final = 1.0
_PIN_HINT: Final = (
    "mend the PIN; a token locks itself after a few wrong ones, so a refused one is not shown to it again"
)


@cache
def library_at(path: str) -> Library:
    """The one of this process: a library is begun once, whoever uses it."""
    return Library(path)


class Library:
    """What stands behind a `module-path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._calls: SimpleQueue[tuple[Callable[[], object], Future[Any]]] = SimpleQueue()
        self._sessions: dict[int, Session] = {}
        self._slots: dict[Pkcs11Uri, int] = {}
        self._kept: dict[Pkcs11Uri, Any] = {}
        self._refused: set[bytes] = set()
        self._down: dict[Pkcs11Uri, tuple[KeyUnreachable, float]] = {}
        """Tokens that were away, and when each may be asked again."""
        self._told = ""
        # one that hangs in a call must not keep the process from ending
        threading.Thread(target=self._work, name=f"pkcs11 {path}", daemon=True).start()

    # --- from outside ------------------------------------------------------------------------------------------------

    async def ask(self, job: Callable[[], T]) -> T:
        """Run in the library's thread, without holding up anybody. `KeyUnreachable`: it takes too long."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._submit(job)), _SECONDS)
        except TimeoutError:
            raise self._silent() from None

    def wait(self, job: Callable[[], T]) -> T:
        """The same for who may wait."""
        future = self._submit(job)
        try:
            return future.result(_SECONDS)
        except TooLate:
            future.cancel()
            raise self._silent() from None

    def note(self, trouble: str) -> None:
        """Log a trouble that begins, and (with an empty text) its end: once each, not at every signature."""
        if trouble and trouble != self._told:
            _log.warning("a key cannot be used: %s", trouble)
        if self._told and not trouble:
            _log.info("%s answers again", self.path)
        self._told = trouble

    def _silent(self) -> KeyUnreachable:
        return KeyUnreachable(f"{self.path} did not answer within {_SECONDS:g} seconds", hint="is its daemon well?")

    def _submit(self, job: Callable[[], T]) -> Future[T]:
        if self._calls.qsize() >= _MOST:
            raise self._silent()
        future: Future[T] = Future()
        self._calls.put((job, future))
        return future

    # --- in its thread -----------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            job, future = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - who asked is told, and the thread goes on
                future.set_exception(error)

    def tried(self, uri: Pkcs11Uri, pin: Pin, work: Callable[[Session], T], *, writable: bool = False) -> T:
        """Do it in a session with the URI's token; where something is not good any more, once again from the start."""
        exceptions = _exceptions()
        down = self._down.get(uri.of_token)
        if down is not None and time.monotonic() < down[1]:
            raise down[0].afresh()
        for again in (True, False):
            try:
                done = work(self._session(uri, pin, writable=writable))
            except exceptions.PKCS11Error as error:
                self._begin_anew()
                if not again:
                    raise self._away(uri, error) from error
            else:
                self._down.pop(uri.of_token, None)
                return done
        raise AssertionError

    def kept(self, uri: Pkcs11Uri, find: Callable[[], T]) -> T:
        """What was found in a session, for as long as that is good."""
        if uri not in self._kept:
            self._kept[uri] = find()
        found: T = self._kept[uri]
        return found

    def _away(self, uri: Pkcs11Uri, error: Exception) -> KeyUnreachable:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        away = KeyUnreachable(
            f"the token {uri.token or uri.serial} is out of reach ({said})",
            hint=f"is it there, and does what leads to it run? {self.path} was asked",
        )
        self._down[uri.of_token] = away, time.monotonic() + _PAUSE_SECONDS
        return away.afresh()

    def _session(self, uri: Pkcs11Uri, pin: Pin, *, writable: bool) -> Session:
        slot = self._slots.get(uri.of_token)
        session = self._sessions.get(slot) if slot is not None else None
        if session is not None and (session.rw or not writable):
            return session
        if session is not None:
            self._begin_anew()
        token = self._token(uri)
        slot = token.slot.slot_id
        self._slots[uri.of_token] = slot
        if slot not in self._sessions:
            self._sessions[slot] = self._opened(token, pin, writable=writable)
        return self._sessions[slot]

    def _token(self, uri: Pkcs11Uri) -> Token:
        exceptions, path = _exceptions(), Path(self.path)
        if not path.is_file():
            raise BadConfig(
                f"there is no PKCS #11 library {path}", hint="install the token's, and name it: module-path"
            )
        from pkcs11 import lib  # noqa: PLC0415 - an extra

        found = [token for token in lib(self.path).get_tokens() if _is_meant(token, uri)]
        if not found:
            raise exceptions.NoSuchToken(f"no token {uri.token or uri.serial} is there")
        if len(found) > 1:
            raise BadConfig(
                f"{len(found)} tokens are called {uri.token}", hint="name one by its serial number: serial="
            )
        return found[0]

    def _opened(self, token: Token, pin: Pin, *, writable: bool) -> Session:
        from pkcs11.constants import TokenFlag  # noqa: PLC0415 - an extra

        exceptions, shown = _exceptions(), pin()
        mark = hashlib.sha256(b"%s\0%s" % (token.serial, shown.encode())).digest()
        if mark in self._refused:
            raise BadConfig(f"the token {token.label} refused the PIN", hint=_PIN_HINT)
        if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise BadConfig(
                f"the token {token.label} locks itself at the next wrong PIN, so none is tried from here",
                hint="log in once with the token's own tool: that gives it its tries back",
            )
        try:
            return token.open(rw=writable, user_pin=shown)
        except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange):
            self._refused.add(mark)
            raise BadConfig(f"the token {token.label} refused the PIN", hint=_PIN_HINT) from None
        except (exceptions.PinLocked, exceptions.PinExpired, exceptions.UserPinNotInitialized) as error:
            said = type(error).__name__
            raise BadConfig(f"the token {token.label} takes no PIN: {said}", hint="its own tool sets one") from None

    def _begin_anew(self) -> None:
        """Let go of all; the next call begins the library again, and sees the tokens that are there then."""
        from pkcs11 import lib  # noqa: PLC0415 - an extra

        self._sessions.clear()
        self._slots.clear()
        self._kept.clear()
        with suppress(_exceptions().PKCS11Error):
            lib(self.path).finalize()


def _is_meant(token: Token, uri: Pkcs11Uri) -> bool:
    said = {
        "token": token.label, "serial": token.serial.decode("utf-8", "replace"),
        "manufacturer": token.manufacturer_id, "model": token.model,
    }  # fmt: skip
    return all(getattr(uri, name) in {"", text.strip()} for name, text in said.items())


def _exceptions() -> Any:  # noqa: ANN401 - a module that is there with the extra only
    """`BadConfig`: the extra is not installed."""
    try:
        from pkcs11 import exceptions  # noqa: PLC0415 - an extra
    except ImportError:
        raise BadConfig(
            "keys in tokens need the extra `pkcs11`", hint="pip install 'battery-connector[pkcs11]'"
        ) from None
    return exceptions
