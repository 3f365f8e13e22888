"""What a start loads, and what it leaves for later."""

from __future__ import annotations

import subprocess
import sys

from connector.server.readiness import LATER

_LOADED = "import sys, connector.app; print(*sys.modules)"


def test_a_start_waits_for_nothing_that_can_come_later() -> None:
    """One import at the top of a module brings all of it back, and nobody would see it. Each is there, too."""
    told = subprocess.run([sys.executable, "-c", _LOADED], check=True, capture_output=True, text=True).stdout.split()
    assert "connector.app" in told
    assert not set(LATER) & set(told)
    subprocess.run([sys.executable, "-c", f"import {', '.join(LATER)}"], check=True)
