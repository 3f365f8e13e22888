"""Java on this machine: what Maven brings for a `pom.xml` of ours, and processes with a bounded heap."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HOW_TO_INSTALL = """Java 17 or newer (a JDK) and Maven are needed:
  Debian, Ubuntu   apt-get install default-jdk-headless maven
  Fedora           dnf install java-17-openjdk-devel maven
  macOS            brew install openjdk@17 maven"""
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "interop"
_OLDEST = 17
_HEAP = "-Xmx512m"
_STOP_SECONDS = 15.0
_TRIES = 3
"""So often Maven may ask for what it fetches from elsewhere."""


def missing() -> str:
    """What this machine lacks for Java, with the way to get it; empty if nothing."""
    absent = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not found.\n{HOW_TO_INSTALL}"
    said = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    if found is None or int(found[1]) < _OLDEST:
        return f"this Java is too old: {said.stdout.strip()}.\n{HOW_TO_INSTALL}"
    return ""


def class_path(pom: Path) -> str:
    """The class path of a pom. Maven fetches into the user's own repository; asked once per content of the pom."""
    kept = CACHE / f"{pom.parent.name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}.classpath"
    if kept.exists() and all(Path(jar).exists() for jar in kept.read_text("utf-8").split(os.pathsep)):
        return kept.read_text("utf-8")
    CACHE.mkdir(parents=True, exist_ok=True)
    words = ["mvn", "-q", "-B", "-f", str(pom), "dependency:build-classpath", f"-Dmdep.outputFile={kept}"]
    for _ in range(_TRIES):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if not done.returncode:
            break
    if done.returncode:
        raise SystemExit(f"Maven could not fetch what {pom} names:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return kept.read_text("utf-8")


def compiled(source: Path, pom: Path, folder: Path) -> Path:
    """The folder, now with the class of this file, as an extension that an EDC finds."""
    words = ["javac", "-d", str(folder), "-cp", class_path(pom), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{source} can't be compiled:\n{done.stderr[-3000:]}")
    services = folder / "META-INF" / "services"
    services.mkdir(parents=True)
    (services / "org.eclipse.edc.spi.system.ServiceExtension").write_text(f"{source.stem}\n", "utf-8")
    return folder


@contextmanager
def running(
    words: Sequence[str], pom: Path, log: Path, *, classes: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A Java process with what the pom names, and classes of our own; ended with the block, come what may."""
    path = class_path(pom) if classes is None else f"{classes}{os.pathsep}{class_path(pom)}"
    with log.open("wb") as out:
        process = subprocess.Popen(["java", _HEAP, "-cp", path, *words], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
