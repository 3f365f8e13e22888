"""Key files: made encrypted and private, and refused when they are not."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from connector.credentials.signing import Signer, key_from_jwk
from connector.errors import BadConfig
from connector.keys.custody import open_id_key, open_signer
from connector.keys.file import create_key
from connector.keys.memory import signer_from_seed

KEY_ID = "did:web:mine.example#assertion-1"


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def refusal(path: Path, passphrase: str = "secret") -> str:
    with pytest.raises(BadConfig) as caught:
        open_signer(f"file:{path}", key_id=KEY_ID, secrets=lambda _: passphrase)
    return f"{caught.value.detail} {caught.value.hint}"


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
async def test_a_key_is_made_and_opened(tmp_path: Path, alg: str) -> None:
    """The public half that `create_key` told is the one that checks the opened key's signatures."""
    jwk = create_key(tmp_path / "a.pem", alg, "secret")
    for uri in ("file:a.pem", f"file:{tmp_path}/a.pem", f"file://{tmp_path}/a.pem"):
        signer: Signer = open_signer(uri, key_id=KEY_ID, secrets=lambda _: "secret", folder=tmp_path)
        assert (signer.alg, signer.key_id, signer.public_jwk) == (alg, KEY_ID, jwk)
        signature = await signer.sign(b"message")
        assert len(signature) == 64
        assert key_from_jwk(jwk).holds(signature, b"message")
        assert not key_from_jwk(jwk).holds(signature, b"massage")


def test_a_key_file_is_private_and_encrypted(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, and nothing in clear."""
    before = os.umask(0)
    try:
        create_key(tmp_path / "a.pem", "EdDSA", "secret")
    finally:
        os.umask(before)
    assert (tmp_path / "a.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a.pem").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """A second `init` must not destroy an identity."""
    create_key(tmp_path / "a.pem", "EdDSA", "secret")
    content = (tmp_path / "a.pem").read_bytes()
    with pytest.raises(BadConfig, match="exists already"):
        create_key(tmp_path / "a.pem", "ES256", "secret")
    assert (tmp_path / "a.pem").read_bytes() == content


def test_keys_cannot_be_made_without_passphrase_kind_or_folder(tmp_path: Path) -> None:
    """Each says what is missing, and leaves no file."""
    for path, alg, passphrase in (("a", "EdDSA", ""), ("a", "RS256", "x"), ("no/where", "EdDSA", "x")):
        with pytest.raises(BadConfig):
            create_key(tmp_path / path, alg, passphrase)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o660, 0o604])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    """Reading or writing, group or world."""
    create_key(tmp_path / "a.pem", "EdDSA", "secret")
    (tmp_path / "a.pem").chmod(mode)
    assert "open to other users" in refusal(tmp_path / "a.pem")


def test_a_clear_key_is_refused(tmp_path: Path) -> None:
    """Even with the right mode: backups would give it away."""
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert "not an encrypted" in refusal(write(tmp_path / "a.pem", pem))


def test_wrong_passphrases_and_files_are_refused_without_telling_secrets(tmp_path: Path) -> None:
    """Damaged, empty, huge, missing, of another kind, a folder."""
    create_key(tmp_path / "a.pem", "ES256", "secret")
    told = refusal(tmp_path / "a.pem", "guess-1234")
    assert "does not open" in told
    assert "guess-1234" not in told
    whole = (tmp_path / "a.pem").read_bytes()
    assert "does not open" in refusal(write(tmp_path / "b.pem", whole[: len(whole) // 2]))
    assert "not an encrypted" in refusal(write(tmp_path / "c.pem", b""))
    assert "too large" in refusal(write(tmp_path / "d.pem", b"x" * 20_000))
    missing = refusal(tmp_path / "missing.pem")
    assert "cannot be read" in missing
    assert "[keys]" in missing
    assert "cannot be read" in refusal(tmp_path)
    p384 = ec.generate_private_key(ec.SECP384R1())
    pem = p384.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    assert "kind that is not used" in refusal(write(tmp_path / "e.pem", pem))


@pytest.mark.parametrize("uri", ["", "a.pem", "pkcs11:token=x", "https://a/b", "file:", "file://", "file://host/a.pem"])
def test_other_custody_is_refused(uri: str) -> None:
    """Unknown schemes and files of other hosts."""
    with pytest.raises(BadConfig):
        open_signer(uri, key_id=KEY_ID, secrets=lambda _: "secret")


def test_the_id_key_is_32_private_bytes(tmp_path: Path) -> None:
    """Base64url with or without padding; anything else is refused."""
    text = urlsafe_b64encode(bytes(range(32)))
    for content in (text, text.rstrip(b"="), text + b"\n"):
        write(tmp_path / "id.key", content)
        assert open_id_key("file:id.key", folder=tmp_path) == bytes(range(32))
    for odd in (b"", text[:-4], b"!" * 43, text * 2):
        write(tmp_path / "id.key", odd)
        with pytest.raises(BadConfig):
            open_id_key("file:id.key", folder=tmp_path)
    write(tmp_path / "id.key", text, 0o644)
    with pytest.raises(BadConfig, match="open to other users"):
        open_id_key("file:id.key", folder=tmp_path)


def test_a_signer_from_a_seed_is_the_same_again() -> None:
    """Tests and examples can be repeated; the private half never shows in a text."""
    one, two = (signer_from_seed(b"seed", "ES256", KEY_ID) for _ in range(2))
    assert one.public_jwk == two.public_jwk
    assert "EllipticCurve" not in repr(one)
