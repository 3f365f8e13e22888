"""The built wheel carries all that the programme needs: vocabulary, policies, story, SQL, templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_the_demo_runs_from_the_wheel_alone(tmp_path: Path) -> None:
    """An unpacked wheel, far from the checkout, plays the whole story."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    place = tmp_path / "unpacked"
    zipfile.ZipFile(wheel).extractall(place)
    done = subprocess.run(
        [sys.executable, "-m", "connector", "demo", "--json"],
        cwd=place, env={**os.environ, "PYTHONPATH": str(place)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["audit"]["verdict"] == "verified"
