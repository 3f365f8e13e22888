"""The register beside the keys: a rotation counts without a restart, a slip in the file takes no signature away."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.cli.init import Company, make
from connector.config import Config, load
from connector.credentials.signing import key_from_jwk
from connector.errors import BadConfig, Unavailable
from connector.keys.file import create_key
from connector.keys.register import Register
from connector.keys.ring import open_keys
from connector.model import JsonObject

NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
SWITCH = NOW + timedelta(hours=24)


@pytest.fixture
def company(tmp_path: Path) -> Config:
    """As `init` makes it."""
    wanted = Company(
        name="us", address="https://us.example", port=8080, management_port=8081, algorithm="ES256", loopback=False,
        offset=0,
    )  # fmt: skip
    return load(make(tmp_path / "us", wanted))


async def test_a_rotation_counts_without_a_restart(company: Config) -> None:
    """Published at once, signing from its time on, with the key that is published; of the former's kind."""
    own = open_keys(company, NOW).own
    new = Register(company).rotate("assertionMethod", algorithm="", now=NOW, signs_from=SWITCH)
    assert [one.name for one in own.methods(NOW)] == ["assertion-1", "authentication-1", "assertion-2"]
    assert own.assertion(NOW).key_id == "did:web:us.example#assertion-1"
    signer = own.assertion(SWITCH)
    assert (signer.key_id, signer.alg) == ("did:web:us.example#assertion-2", "ES256")
    assert key_from_jwk(new.public_jwk).holds(await signer.sign(b"message"), b"message")
    assert own.authentication(SWITCH).key_id == "did:web:us.example#authentication-1"


def test_a_former_private_key_may_be_destroyed(company: Config) -> None:
    """After the switch nothing opens it; before, its loss is told."""
    Register(company).rotate("assertionMethod", algorithm="EdDSA", now=NOW, signs_from=SWITCH)
    (company.folder / "keys" / "assertion.pem").unlink()
    assert open_keys(company, SWITCH).own.assertion(SWITCH).alg == "EdDSA"
    with pytest.raises(BadConfig, match=r"assertion\.pem cannot be read"):
        open_keys(company, NOW)


def test_a_key_that_was_put_in_anothers_place_is_refused(company: Config) -> None:
    """Peers know the other one, and would refuse all that it signs."""
    Register(company).rotate("assertionMethod", algorithm="", now=NOW, signs_from=SWITCH)
    keys = company.folder / "keys"
    (keys / "assertion-2.pem").rename(keys / "assertion.pem")
    with pytest.raises(BadConfig, match="is not the key assertion-1 that peers know"):
        open_keys(company, NOW)


def test_a_broken_register_changes_nothing_that_runs(company: Config, caplog: pytest.LogCaptureFixture) -> None:
    """It is told once in the log; a start with it is refused; put right, it counts again."""
    own, register = open_keys(company, NOW).own, Register(company)
    register.rotate("authentication", algorithm="", now=NOW, signs_from=NOW)
    good = register.path.read_bytes()
    assert own.authentication(NOW).key_id.endswith("#authentication-2")
    register.path.write_bytes(good[:-9])
    with caplog.at_level(logging.ERROR, "connector.keys"):
        for _ in range(2):
            assert own.authentication(NOW).key_id.endswith("#authentication-2")
    assert len(caplog.records) == 1
    with pytest.raises(BadConfig, match=r"methods\.json"):
        open_keys(company, NOW)
    register.path.write_bytes(good)
    register.revoke("authentication-2", now=NOW, reason="")
    assert own.authentication(NOW).key_id.endswith("#authentication-3")


def test_a_rotation_that_was_cut_off_is_in_nobodys_way(company: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file that nobody knows stays where it is."""
    register = Register(company)
    left = company.folder / "keys" / "assertion-2.pem"

    def cut_off(path: Path, *_: str) -> None:
        path.write_text("half a key")
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("connector.keys.register.create_key", cut_off)
        with pytest.raises(SystemExit):
            register.rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW)
    assert open_keys(company, NOW).own.assertion(NOW).key_id.endswith("#assertion-1")
    new = register.rotate("assertionMethod", algorithm="", now=NOW, signs_from=NOW)
    assert new.custody == "file:keys/assertion-2.2.pem"
    assert left.read_text() == "half a key"
    assert open_keys(company, NOW).own.assertion(NOW).public_jwk == new.public_jwk


def test_a_lost_register_brings_no_revoked_key_back(company: Config, caplog: pytest.LogCaptureFixture) -> None:
    """What runs goes on, told once in the log; a start or a command without it is refused; back, it counts."""
    own, register = open_keys(company, NOW).own, Register(company)
    register.revoke("assertion-1", now=NOW, reason="stolen")
    assert own.assertion(NOW).key_id.endswith("#assertion-2")
    kept = register.path.read_bytes()
    register.path.unlink()
    with caplog.at_level(logging.ERROR, "connector.keys"):
        for _ in range(2):
            assert own.assertion(NOW).key_id.endswith("#assertion-2")
            assert [one.name for one in own.methods(NOW) if one.revoked] == ["assertion-1"]
    assert len(caplog.records) == 1
    for refused in (lambda: open_keys(company, NOW), lambda: register.revoke("assertion-1", now=NOW, reason="")):
        with pytest.raises(BadConfig, match=r"methods\.json is gone.*assertion-2\.pem"):
            refused()
    successor = company.folder / "keys" / "assertion-2.pem"
    successor.rename(successor.with_suffix(".away"))
    assert own.assertion(NOW).key_id.endswith("#assertion-2"), "what was read once is known to have been there"
    register.path.write_bytes(kept)
    register.path.chmod(0o600)
    assert own.assertion(NOW).key_id.endswith("#assertion-2")


def test_a_key_of_the_configuration_may_bear_any_name(company: Config) -> None:
    """It is none that a lost register left."""
    keys = company.folder / "keys"
    (keys / "assertion.pem").rename(keys / "assertion-7.pem")
    named = company.keys.model_copy(update={"assertion": "file:keys/assertion-7.pem"})
    moved = company.model_copy(update={"keys": named})
    assert open_keys(moved, NOW).own.assertion(NOW).key_id.endswith("#assertion-1")


def test_no_change_of_the_register_undoes_another(company: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revocation in the middle of a rotation is refused, not lost; after it, it holds, and so does the rotation."""
    register, other, said = Register(company), Register(company), list[str]()

    def meanwhile(path: Path, alg: str, passphrase: str) -> JsonObject:
        if not said:
            said.append(path.name)
            with pytest.raises(Unavailable, match="is being changed"):
                other.revoke("assertion-1", now=NOW, reason="stolen")
        return create_key(path, alg, passphrase)

    with monkeypatch.context() as patch:
        patch.setattr("connector.keys.register.create_key", meanwhile)
        register.rotate("authentication", algorithm="", now=NOW, signs_from=NOW)
    assert said == ["authentication-2.pem"]
    other.revoke("assertion-1", now=NOW, reason="stolen")
    told = [(one.name, one.revoked is not None) for one in register.read()]
    assert told == [
        ("assertion-1", True), ("authentication-1", False), ("authentication-2", False), ("assertion-2", False),
    ]  # fmt: skip
