"""The configuration that `init` writes, used as it is: https, public names and addresses, nothing unsafe.

Every other journey runs on loopback, which has to be allowed by hand. Here is a network of the test's own
(`in_public`); where the system gives none, the test says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNSHARE = ("unshare", "--net", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))


@pytest.fixture(scope="module")
def namespace() -> tuple[str, ...]:
    """The words before a command that give it a network of its own."""
    missing = [name for name in ("unshare", "ip", "mount") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    tried = subprocess.run([*UNSHARE, "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no network namespaces here: {tried.stderr.strip()}")
    return UNSHARE


def test_a_trade_over_https(tmp_path: Path, namespace: tuple[str, ...]) -> None:
    """Contract and data come through, with receipts; a private address behind a public name is never spoken to."""
    words = [*namespace, sys.executable, "-m", "tests.journeys.in_public", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["asked"]["state"] == "FINALIZED", told
    assert (told["got"]["state"], told["got"]["records"], told["got"]["findings"]) == ("COMPLETED", 2, [])
    assert told["reached"] == ["11.0.0.1", "11.0.0.2", "11.0.0.3"]
    assert "leads to an address that is not public" in told["hidden"]
    tls = next(one for one in told["trace"]["steps"] if one["name"] == "tls")
    assert (tls["outcome"], told["trace"]["outcome"]) == ("warning", "passed"), "its certificate ends in two days"
    assert "the certificate of connector.mine.example is good until " + told["trace"]["certificateUntil"] in tls["says"]
    own = next(one for one in told["doctor"]["checks"] if one["name"] == "certificate")
    assert (own["outcome"], "connector.refiner.example" in own["says"]) == ("warning", True)
    assert "UNSAFE" not in told["logs"]
    assert "ERROR" not in told["logs"]
