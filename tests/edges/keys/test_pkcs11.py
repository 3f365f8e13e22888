"""Keys in a token beyond what every signer promises: generated there, found there, pulled and put back, PINs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.cli.init import Company, make
from connector.config import PIN_VARIABLE, Config, load
from connector.credentials.signing import key_from_jwk
from connector.errors import BadConfig, BadInput, KeyUnreachable
from connector.keys import pkcs11_library
from connector.keys.pkcs11_library import Library
from connector.keys.register import Register
from connector.keys.ring import open_keys
from tests.edges.keys.softhsm import LIBRARY, SoftToken, forget, needs_token, soft_token
from tests.loop_time import LoopTime

# python-pkcs11 ends a search in a session that is gone a second time, when it is collected, and complains of that
stale_search = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftToken]:
    """Asked again at once after it was away."""
    monkeypatch.setattr(pkcs11_library, "_PAUSE_SECONDS", 0.0)
    with soft_token(tmp_path) as fresh:
        yield fresh


@pytest.fixture
def company(tmp_path: Path, token: SoftToken) -> Config:
    """As `init --custody` makes it."""
    return load(make(tmp_path / "us", wanted(token.uri)))


def wanted(custody: str) -> Company:
    """With keys there."""
    return Company(
        name="us", address="https://us.example", port=8080, management_port=8081, algorithm="ES256", loopback=False,
        offset=0, custody=custody,
    )  # fmt: skip


@needs_token
def test_the_private_half_is_in_the_token_alone(company: Config, token: SoftToken) -> None:
    """No key file is made; what is made in the token may not be read out of it."""
    from pkcs11 import Attribute, ObjectClass

    assert [path.name for path in sorted((company.folder / "keys").iterdir())] == ["id.key", "methods.json"]
    looked: list[tuple[str, object, object]] = []

    def work(session: object) -> None:
        for key in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}):  # type: ignore[attr-defined]  # pkcs11's
            looked.append((key.label, key[Attribute.EXTRACTABLE], key[Attribute.SENSITIVE]))  # noqa: PERF401 - told apart

    from connector.keys.pkcs11_library import library_at
    from connector.keys.pkcs11_uri import parse

    library = library_at(str(LIBRARY))
    library.wait(lambda: library.tried(parse(token.uri), lambda: "correct-horse", work))
    did = company.did
    assert sorted(looked) == [(f"{did}#assertion-1", False, True), (f"{did}#authentication-1", False, True)]


@needs_token
async def test_a_rotation_stays_in_the_token_or_leaves_it(company: Config, token: SoftToken) -> None:
    """Beside the former key by default; into a file, and back into the token, when asked for; each signs."""
    register, own = Register(company), open_keys(company, NOW).own
    for place, begins in (("", "pkcs11:"), ("file", "file:keys/assertion-3.pem"), (token.uri, "pkcs11:token=refiner;")):
        new = register.rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW, place=place)
        assert new.custody.startswith(begins)
        signer = own.assertion(NOW)
        assert signer.key_id == f"{company.did}#{new.name}"
        assert key_from_jwk(new.public_jwk).holds(await signer.sign(b"m"), b"m")
    assert register.is_there(new)
    assert register.opened_by(NOW) == [PIN_VARIABLE]


@needs_token
def test_a_key_that_is_there_is_taken_once(company: Config, token: SoftToken) -> None:
    """By its label or id; a second time, or as another kind, it is refused."""
    from connector.keys.custody import take

    uri, jwk = take(token.uri, alg="EdDSA", key_id="ours", secrets=lambda _: "correct-horse")
    register, by_label = Register(company), token.uri.replace("?", ";object=ours?")
    with pytest.raises(BadInput, match="for EdDSA, not for ES256"):
        register.rotate("assertionMethod", algorithm="ES256", now=NOW, signs_from=NOW, place=by_label)
    new = register.rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW, place=by_label)
    assert new.public_jwk == jwk
    with pytest.raises(BadInput, match="is a key of ours already"):
        register.rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW, place=uri)
    with pytest.raises(BadConfig, match="has no key theirs"):
        register.rotate("authentication", algorithm="", now=NOW, signs_from=NOW, place=uri.replace("ours", "theirs"))


@needs_token
@stale_search
def test_a_stolen_token_is_revoked_without_it(company: Config, token: SoftToken) -> None:
    """Where the successor would lie in the token that is away, that is told; a file takes its place."""
    register = Register(company)
    with token.pulled():
        with pytest.raises(KeyUnreachable, match="no token refiner is there"):
            register.revoke("assertion-1", now=NOW, reason="stolen")
        gone, heir = register.revoke("assertion-1", now=NOW, reason="stolen", place="file")
    assert (gone.revoked, heir.custody) == (NOW, "file:keys/assertion-2.pem")


@needs_token
def test_a_lost_register_is_known_by_the_marks_of_tokens(company: Config) -> None:
    """As by the files of keys: a revoked key must not be good again."""
    register = Register(company)
    register.rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW)
    register.path.unlink()
    with pytest.raises(BadConfig, match=r"methods\.json is gone.*assertion-2\.uri"):
        open_keys(company, NOW)


@needs_token
async def test_a_token_that_is_pulled_comes_back(
    company: Config, token: SoftToken, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is away signatures fail with a sentence that tells peers nothing; the log says why, once."""
    signer = open_keys(company, NOW).own.assertion(NOW)
    await signer.sign(b"m")
    with token.pulled(), caplog.at_level(logging.INFO, "connector.keys"):
        for _ in range(3):
            with pytest.raises(KeyUnreachable) as caught:
                await signer.sign(b"m")
            assert "refiner" not in f"{caught.value.detail}{caught.value.hint}{caught.value.place}"
        with pytest.raises(KeyUnreachable, match="no token refiner is there"):
            open_keys(company, NOW)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no token refiner is there" in caplog.text
    with caplog.at_level(logging.INFO, "connector.keys"):
        assert key_from_jwk(signer.public_jwk).holds(await signer.sign(b"m"), b"m")
    assert "answers again" in caplog.text


@needs_token
async def test_a_token_that_is_away_takes_no_other_with_it(
    company: Config, token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asks for it again at once; what the same library has beside it signs meanwhile."""
    own = open_keys(company, NOW).own
    monkeypatch.setattr(pkcs11_library, "_PAUSE_SECONDS", 3_600.0)
    elsewhere = token.uri_of("gone")
    for _ in range(2):
        with pytest.raises(KeyUnreachable, match="no token gone is there"):
            Register(company).rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW, place=elsewhere)
        await own.assertion(NOW).sign(b"m")


@needs_token
@stale_search
async def test_a_wrong_pin_is_shown_to_a_token_once(company: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would lock itself. A mended one counts without a restart; neither is ever told."""
    shown: list[str] = []
    monkeypatch.setenv(PIN_VARIABLE, "wrong-4711")
    forget()
    opened = Library._opened

    def counted(self: Library, token: object, pin: pkcs11_library.Pin, *, writable: bool) -> object:
        before = len(self._refused)
        try:
            return opened(self, token, pin, writable=writable)  # type: ignore[arg-type]  # pkcs11's
        finally:
            shown.extend(["refused"] * (len(self._refused) - before))

    monkeypatch.setattr(Library, "_opened", counted)
    for _ in range(3):
        with pytest.raises(BadConfig, match="refused the PIN") as caught:
            open_keys(company, NOW)
        assert "4711" not in f"{caught.value.detail} {caught.value.hint}"
    assert shown == ["refused"]
    monkeypatch.setenv(PIN_VARIABLE, "correct-horse")
    await open_keys(company, NOW).own.assertion(NOW).sign(b"m")


@needs_token
def test_a_pin_may_stand_in_a_file_of_its_own(
    tmp_path: Path, token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As systemd's LoadCredential gives it; one that others may read is refused."""
    pin = tmp_path / "pin"
    pin.write_text("correct-horse\n")
    pin.chmod(0o600)
    monkeypatch.delenv(PIN_VARIABLE)
    made = load(make(tmp_path / "them", wanted(f"{token.uri}&pin-source=file:{pin}")))
    assert Register(made).opened_by(NOW) == []
    open_keys(made, NOW)
    pin.chmod(0o644)
    forget()
    with pytest.raises(BadConfig, match="open to other users"):
        open_keys(made, NOW)


@needs_token
def test_a_token_without_the_library_is_a_sentence(tmp_path: Path, token: SoftToken) -> None:
    """Nothing is made then."""
    with pytest.raises(BadConfig, match="there is no PKCS #11 library"):
        make(tmp_path / "them", wanted("pkcs11:token=refiner?module-path=/no/where.so"))
    assert not (tmp_path / "them").exists()


async def test_a_library_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call has a time, and so many may wait; the loop goes on meanwhile, and the library when it answers."""
    monkeypatch.setattr(pkcs11_library, "_MOST", 3)
    library, go, time = Library("/hangs.so"), threading.Event(), LoopTime()

    async def taken_up() -> None:
        """Its thread has begun all that was asked."""
        await asyncio.sleep(0)
        while library._calls.qsize():  # noqa: ASYNC110 - the thread tells nobody
            await asyncio.sleep(0.01)

    waiting = [asyncio.create_task(library.ask(go.wait))]
    await taken_up()
    waiting += [asyncio.create_task(library.ask(lambda: True)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(KeyUnreachable, match="did not answer"):
        await library.ask(lambda: True)
    await asyncio.sleep(0.05)
    assert not any(one.done() for one in waiting), "one too many waits for nothing"
    time.move(pkcs11_library._SECONDS)
    for one in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(one, KeyUnreachable)
    go.set()
    await taken_up()
    assert await library.ask(lambda: "answers") == "answers"
