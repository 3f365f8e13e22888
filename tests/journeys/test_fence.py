"""The demo's processes share nothing but HTTP: each behind a fence of the kernel that leaves it its own folder.

First a planted read of another company's file fails under exactly the rules that `serve --fence` uses, then the demo
passes under them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from connector.errors import BadConfig
from connector.server.fence import landlock_version
from tests.journeys.demo import play

PLANTED = """
import sys
from pathlib import Path
from connector.config import load
from connector.server.fence import raise_company_fence
own, foreign = Path(sys.argv[1]), Path(sys.argv[2])
raise_company_fence(load(own / "connector.toml").folder)
(own / "store" / "written.txt").write_text("own")
told = {"own": (own / "connector.toml").read_text("utf-8")[:1] != ""}
for name, act in {
    "read": lambda: (foreign / "connector.toml").read_text("utf-8"),
    "secret": lambda: (foreign / "secrets.env").read_bytes(),
    "list": lambda: list(foreign.iterdir()),
    "write": lambda: (foreign / "planted.txt").write_text("x"),
    "beside": lambda: (foreign.parent / "planted.txt").write_text("x"),
    "link": lambda: (own / "way").symlink_to(foreign / "connector.toml") or (own / "way").read_text("utf-8"),
    "move": lambda: (own / "store" / "written.txt").rename(foreign / "moved.txt"),
}.items():
    try:
        act()
        told[name] = "done"
    except PermissionError:
        told[name] = "refused"
    except OSError as error:
        told[name] = "refused" if error.errno == 18 else repr(error)
import json
print(json.dumps(told))
"""

BESIDE = """
import sys
from pathlib import Path
from connector.server.fence import raise_company_fence
sys.path.insert(0, sys.argv[2])
import beside
raise_company_fence(Path(sys.argv[1]))
print(beside.late())
"""


@pytest.fixture(scope="module")
def version() -> int:
    """The kernel's Landlock."""
    try:
        return landlock_version()
    except BadConfig as error:
        print(f"skipped: {error.detail}")
        pytest.skip(error.detail)


def test_a_planted_read_fails(tmp_path: Path, version: int) -> None:
    """A process behind a company's fence can use its own folder, and neither read nor write another company's."""
    for name in ("mine", "refiner"):
        words = ["init", str(tmp_path / name), "--unsafe-loopback", "--port", "25001", "--management-port", "25002"]
        subprocess.run([sys.executable, "-m", "connector", *words], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", PLANTED, str(tmp_path / "mine"), str(tmp_path / "refiner")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told.pop("own")
    assert set(told.values()) == {"refused"}, told
    assert len(told) == 7
    print(f"Landlock ABI {version}: {told}")


def test_the_demo_passes_behind_fences(tmp_path: Path, version: int) -> None:
    """The whole story, every company behind its fence."""
    played = play(tmp_path / "demo", "--fence")
    assert (played.code, played.findings) == (0, []), f"Landlock ABI {version}: {played.told}"
    for name in ("mine", "car"):
        log = (played.folder / name / "connector.log").read_text("utf-8")
        assert "fence" in log, "the process says that its fence is up"


def test_packages_that_lie_elsewhere(tmp_path: Path, version: int) -> None:
    """A folder of packages may be read wherever it lies; what any other folder holds is said before the fence is up."""
    own, told = tmp_path / "own", dict[str, tuple[int, str]]()
    own.mkdir()
    for name in ("site-packages", "libraries"):
        folder = tmp_path / name / "beside"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(
            "def late():\n    from beside import later\n    return later.WORD\n", "utf-8"
        )
        (folder / "later.py").write_text("WORD = 'read'\n", "utf-8")
        words = [sys.executable, "-c", BESIDE, str(own), str(folder.parent)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        told[name] = done.returncode, done.stdout.strip() or done.stderr.splitlines()[-1]
    assert told["site-packages"] == (0, "read"), f"Landlock ABI {version}"
    code, said = told["libraries"]
    assert (code, f"outside the fence, in {tmp_path / 'libraries'}" in said) == (1, True), said
