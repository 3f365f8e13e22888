"""A token in software (SoftHSM2, Debian package `softhsm2`) for tests: the same calls as one in hardware."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.config import PIN_VARIABLE
from connector.keys.pkcs11_library import library_at

LIBRARY = next(
    (
        path
        for path in map(
            Path,
            (
                "/usr/lib/softhsm/libsofthsm2.so",
                "/usr/local/lib/softhsm/libsofthsm2.so",
                "/opt/homebrew/lib/softhsm/libsofthsm2.so",
            ),
        )
        if path.exists()
    ),
    None,
)
needs_token = pytest.mark.skipif(
    LIBRARY is None or shutil.which("softhsm2-util") is None,
    reason="there is no SoftHSM2 here, so keys in tokens are not tried (Debian: apt-get install softhsm2)",
)
PIN = "correct-horse"


@dataclass(frozen=True, slots=True)
class SoftToken:
    """A token called `refiner`; its PIN is in the environment."""

    folder: Path

    @property
    def uri(self) -> str:
        """Of the token, without a key."""
        return self.uri_of("refiner")

    def uri_of(self, label: str) -> str:
        """Of another one that the same library leads to."""
        return f"pkcs11:token={label}?module-path={LIBRARY}"

    @contextmanager
    def pulled(self) -> Iterator[None]:
        """It is away for a while, and what was open in this process is gone."""
        away = self.folder.with_suffix(".away")
        self.folder.rename(away)
        self.folder.mkdir()
        forget()
        try:
            yield
        finally:
            self.folder.rmdir()
            away.rename(self.folder)

    def tool(self, *words: str) -> None:
        """Whatever its own tool does."""
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)


def forget() -> None:
    """End all that is open, behind the back of who opened it: SoftHSM itself never notices that a token went."""
    from pkcs11 import PKCS11Error, lib

    with suppress(PKCS11Error):
        library_at(str(LIBRARY)).wait(lib(str(LIBRARY)).finalize)


@contextmanager
def soft_token(folder: Path) -> Iterator[SoftToken]:
    """A fresh one, for this process and its children."""
    token = SoftToken(folder / "tokens")
    token.folder.mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {token.folder}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        patch.setitem(os.environ, PIN_VARIABLE, PIN)
        token.tool("--init-token", "--free", "--label", "refiner", "--pin", PIN, "--so-pin", "5678")
        library = library_at(str(LIBRARY))
        library.wait(library._begin_anew)
        yield token
        gc.collect()  # what complains at its end does so in the test that left it
