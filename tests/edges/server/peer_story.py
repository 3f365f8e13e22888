"""The exchange that `connector/server/PEERS.md` tells, run against a real connector: its curl lines are the requests.

`python -m tests.edges.server.peer_story` writes the answers into the page anew, with other ports in the ones' place.
"""

from __future__ import annotations

import json
import re
import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import connector.server
from connector.cli.client import Management
from connector.cli.companies import free_ports
from tests.edges.cli.companies import Company, found, know, serving
from tests.edges.server.stranger import Answer, Heard, Stranger, ask, site_of

PAGE = Path(connector.server.__file__).with_name("PEERS.md")
_PART = re.compile(
    r"```(?P<kind>sh|json (?P<what>[^\n]+))\n(?P<text>.*?)```|`(?P<name>[A-Z_]+)` is `(?P<path>[^`]+)`", re.DOTALL
)
_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Peer:
    """Whoever follows the page."""

    mine: Company
    stranger: Stranger
    heard: list[Heard]
    said: dict[str, str] = field(default_factory=dict)
    """What its variables stand for."""

    def follow(self, page: str) -> Iterator[tuple[re.Match[str], Any]]:
        """Each answer of the page (its block) with the one that came now. A status that is another one is an error."""
        answer, now = Answer(0, b""), None
        for part in _PART.finditer(page):
            if part["kind"] == "sh":
                answer = self._curl(part["text"])
            elif part["kind"]:
                word, _, message = part["what"].partition(" ")
                now = self._listen(message) if word == "heard" else answer.json()
                assert word == "heard" or answer.status == int(word), (answer, part["text"])
                yield part, now
            else:
                self.said[part["name"]] = str(_at(now, part["path"]))

    def _curl(self, line: str) -> Answer:
        words = iter(shlex.split(line.replace("\\\n", " "))[1:])
        method, url, body, headers = "GET", "", "", dict[str, str]()
        for word in words:
            if word == "-X":
                method = next(words)
            elif word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name.replace("-", "_")] = self._filled(value)
            elif word == "-d":
                body = self._filled(next(words))
            else:
                url = self._filled(word)
        where = urlsplit(url)
        assert where.port, url
        return ask(where.port, method, where.path, body.encode(), **headers)

    def _filled(self, text: str) -> str:
        known = {
            "TOKEN": self.stranger.token(self.mine.did), "CONNECTOR": self.mine.public_url, "THEM": self.mine.did,
            "ME": self.stranger.did, "CALLBACK": f"http://localhost:{self.stranger.port}/dsp", **self.said,
        }  # fmt: skip
        return re.sub(r"\$([A-Z_]+)", lambda name: known[name[1]], text)

    def _listen(self, message: str) -> Any:
        """The next message of this kind at our callback."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for one in self.heard:
                if one.path.endswith(f"/{message}"):
                    self.heard.remove(one)
                    return json.loads(one.body)
            time.sleep(0.05)
        raise AssertionError(f"no {message} came")


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step) if step.isdecimal() else step]
    return value


@contextmanager
def peer(folder: Path) -> Iterator[Peer]:
    """A mine that offers its sites to everybody, and a stranger."""
    ports = free_ports(3)
    mine, stranger = found(folder, "mine", ports[0], ports[1]), Stranger(ports[2], "peer")
    know(mine)
    with site_of(stranger) as heard, serving(mine):
        body = {"plan": "plans/sites.yaml", "policy": "policies/open.json", "title": "Sites"}
        Management.of(mine.config).post("/v1/publish", {**body})
        yield Peer(mine, stranger, heard)


def main() -> None:
    """Write the page's answers anew."""
    page = PAGE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder, peer(Path(folder)) as one:
        made, at = "", 0
        for part, answer in one.follow(page):
            text = json.dumps(answer, indent=2, ensure_ascii=False)
            made += f"{page[at : part.start('text')]}{text}\n"
            at = part.end("text")
        made += page[at:]
        made = made.replace(f"localhost:{one.stranger.port}", "localhost:9080").replace(str(one.stranger.port), "9080")
        made = made.replace(one.mine.public_url, "http://localhost:8080").replace(
            one.mine.did, "did:web:localhost%3A8080"
        )
    PAGE.write_text(made, "utf-8")


if __name__ == "__main__":
    main()
