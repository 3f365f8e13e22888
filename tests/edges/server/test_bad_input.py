"""Bad input over real sockets at one running connector: each gets a clear refusal, and nothing is lost or changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from connector.cli.client import Management
from connector.cli.companies import free_ports
from connector.model import JsonObject, Pid
from connector.protocol import compose
from connector.protocol.process import Process, Role
from connector.server.dsp import BASE
from tests.commands import app
from tests.edges.cli.companies import EXPORT, PLAN, Company, found, know, serving
from tests.edges.server.stranger import Answer, Stranger, ask, shout, site_of

CAP = 1 << 20
BROKEN = EXPORT + "0012,Tailings,moon base,FI\n0013,,mine,FI\n0014,Depot,mine,Atlantis\n"


@dataclass(frozen=True, slots=True)
class Scene:
    """A mine that offers its sites to everybody, and two strangers."""

    mine: Company
    other: Company
    port: int
    one: Stranger
    two: Stranger
    dataset: str
    offer: JsonObject

    @property
    def management(self) -> Management:
        """The mine's management API."""
        return Management.of(self.mine.config)

    def post(self, path: str, body: bytes | JsonObject, who: Stranger | None = None, **headers: str) -> Answer:
        """A protocol message with a good token, unless a header says otherwise."""
        octets = body if isinstance(body, bytes) else orjson.dumps(body)
        named = {"Authorization": f"Bearer {(who or self.one).token(self.mine.did)}", **headers}
        return ask(self.port, "POST", BASE + path, octets, **named)

    def get(self, path: str, who: Stranger | None = None) -> Answer:
        """A look at something of the mine's."""
        return ask(self.port, "GET", BASE + path, Authorization=f"Bearer {(who or self.one).token(self.mine.did)}")

    def request(self, *, callback: str = "", pid: str = "") -> bytes:
        """A request for a contract, good in itself."""
        offer = compose.offer_in_message(self.offer, target=self.dataset, assigner=self.mine.did, assignee=self.one.did)
        process = Process(role=Role.CONSUMER, pid=Pid(pid or uuid4().urn))
        message = compose.contract_request(
            uuid4().urn, process, offer=offer, callback_address=callback or f"http://localhost:{self.one.port}/dsp"
        )
        return compose.dump(message)

    def is_in(self, state: str, pid: str) -> bool:
        """Whether the mine's negotiation is in this state, or comes there soon."""
        deadline = time.monotonic() + 30
        while (found := self.get(f"/negotiations/{pid}").json()["state"]) != state and time.monotonic() < deadline:
            time.sleep(0.05)
        return bool(found == state)

    def counts(self) -> JsonObject:
        """What the mine has in its store, once what was begun has got there: an answer is out before its commit."""
        deadline, agreed, asked = time.monotonic() + 30, "negotiation AGREED", "negotiation REQUESTED"
        while (found := self.management.get("/v1/counts"))["agreements"] != found.get(agreed, 0) or asked in found:
            assert time.monotonic() < deadline
        return {name: count for name, count in found.items() if name != "outbox"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One connector that runs, another that does not."""
    folder, ports = tmp_path_factory.mktemp("bad"), free_ports(5)
    port = ports.pop()
    mine = found(folder, "mine", port, ports.pop())
    other = found(folder, "other", ports.pop(), ports.pop())
    know(mine, other)
    one, two = (Stranger(ports[0], name) for name in ("one", "two"))
    with site_of(one, two), serving(mine):
        plan, policy = mine.folder / "plans" / "sites.yaml", mine.folder / "policies" / "open.json"
        published = Management.of(mine.config).work("/v1/publish", {"plan": str(plan), "policy": str(policy)})
        catalog = ask(
            port, "POST", f"{BASE}/catalog/request", compose.dump(compose.catalog_request(uuid4().urn)),
            Authorization=f"Bearer {one.token(mine.did)}",
        )  # fmt: skip
        dataset = catalog.json()["dataset"]
        assert isinstance(dataset, list)
        assert isinstance(dataset[0], dict)
        offers = dataset[0]["hasPolicy"]
        assert isinstance(offers, list)
        assert isinstance(offers[0], dict)
        yield Scene(mine, other, port, one, two, str(published["dataset"]), offers[0])


def cli(scene: Scene, *words: str) -> tuple[int, JsonObject]:
    """A command's exit code and its answer."""
    result = CliRunner().invoke(app, [*words, "--config", str(scene.mine.config), "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout.strip() else {"said": result.output}


# --- exports and plans -----------------------------------------------------------------------------------------------


def test_broken_rows_never_reach_the_store_and_are_told_all_at_once(scene: Scene) -> None:
    """File, row, column, value and reason of every broken row; the good rows are published."""
    exports = scene.mine.folder / "exports"
    (scene.mine.folder / "plans" / "broken.yaml").write_text(PLAN.replace("sites", "broken"), "utf-8")
    (exports / "broken.csv").write_text(BROKEN.replace("001", "009"), "utf-8")
    code, answer = cli(scene, "publish", "broken", "--policy", "open")
    findings = answer["findings"]
    assert isinstance(findings, list)
    told = {(one["source"], one["line"], one["column"], one["value"]) for one in findings if isinstance(one, dict)}
    assert code == 1
    assert told == {
        ("broken.csv", 4, "type", "moon base"), ("broken.csv", 5, "name", ""), ("broken.csv", 6, "country", "Atlantis"),
    }  # fmt: skip
    assert all(isinstance(one, dict) and one["message"] for one in findings)
    assert answer["documents"] == 2
    for number in ("0092", "0093", "0094"):
        assert scene.management.get(f"/v1/records?identifier={number}")["records"] == []


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (EXPORT.encode()[:-8], ""),
        ("no,name,type,country\n0071,Gr\u00f6nland,mine,FI\n".encode("cp1252"), "utf-8"),
        (EXPORT.encode("utf-16"), ""),
        (b"", ""),
        (b"no,name\n1,2\n", "type"),
        (b'no,name,type,country\n0072,"open', ""),
        (b"no,name,type,country\n0073,a\x00b,mine,FI\n", ""),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_loses_nothing(scene: Scene, octets: bytes, word: str) -> None:
    """Cut off, in another encoding, empty, without a column: told with the file's name; what stands, stands."""
    (scene.mine.folder / "plans" / "wrong.yaml").write_text(PLAN.replace("sites", "wrong"), "utf-8")
    (scene.mine.folder / "exports" / "wrong.csv").write_bytes(octets)
    before = scene.counts()["records"]
    code, answer = cli(scene, "publish", "wrong", "--policy", "open")
    told = json.dumps(answer)
    assert code in {1, 2}, answer
    assert "wrong.csv" in told
    assert word in told
    assert scene.counts()["records"] == before


def test_an_unknown_key_in_a_plan_is_named_with_the_one_that_was_meant(scene: Scene) -> None:
    """Nothing is published by a plan that says what nobody understands."""
    (scene.mine.folder / "plans" / "odd.yaml").write_text(PLAN.replace("record:", "recrod:"), "utf-8")
    code, answer = cli(scene, "publish", "odd", "--policy", "open")
    assert code == 2
    assert "recrod" in json.dumps(answer)


def test_a_peer_that_is_down_is_exit_code_3(scene: Scene) -> None:
    """Nothing is lost: no process was begun, and the command may be repeated."""
    before = scene.counts()
    code, answer = cli(scene, "request", "other", "sites")
    assert code == 3, answer
    assert scene.counts() == before


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1_000_000_000},
        {"aud": "did:web:somebody.example"},
        {"sub": "did:web:somebody.example"},
        {"iss": "did:web:localhost%3A1:nobody", "sub": "did:web:localhost%3A1:two"},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"jti": 7},
    ],
)
def test_a_bad_token_gets_what_an_unknown_process_gets(scene: Scene, changed: dict[str, str | int]) -> None:
    """Expired, for others, of others, not yet valid: 404 with an error object on negotiations, 401 on the catalogue."""
    bearer = f"Bearer {scene.one.token(scene.mine.did, changed)}"
    answer = scene.post("/negotiations/request", scene.request(), Authorization=bearer)
    assert answer.status == 404, answer
    assert answer.json()["@type"] == "ContractNegotiationError"
    bearer = f"Bearer {scene.one.token(scene.mine.did, changed)}"
    body = compose.dump(compose.catalog_request(uuid4().urn))
    assert scene.post("/catalog/request", body, Authorization=bearer).status == 401


def test_an_old_token_is_refused(scene: Scene) -> None:
    """Made ten minutes ago for five."""
    bearer = f"Bearer {scene.one.token(scene.mine.did, ago=timedelta(minutes=10))}"
    assert scene.post("/negotiations/request", scene.request(), Authorization=bearer).status == 404


def test_a_token_is_good_once(scene: Scene) -> None:
    """The very same message gets the stored answer; with another body or path the token is used up."""
    bearer = f"Bearer {scene.one.token(scene.mine.did)}"
    body = scene.request()
    first = scene.post("/negotiations/request", body, Authorization=bearer)
    assert first.status == 201
    assert scene.post("/negotiations/request", body, Authorization=bearer).body == first.body
    assert scene.post("/negotiations/request", scene.request(), Authorization=bearer).status == 404
    pid = first.json()["providerPid"]
    used = ask(scene.port, "GET", f"{BASE}/negotiations/{pid}", Authorization=bearer)
    assert used.status == 404
    bearer = f"Bearer {scene.one.token(scene.mine.did)}"
    asked = compose.dump(compose.catalog_request(uuid4().urn))
    assert scene.post("/catalog/request", asked, Authorization=bearer).status == 200
    assert scene.post("/catalog/request", asked, Authorization=bearer).status == 401


def test_two_authorization_headers_are_refused(scene: Scene) -> None:
    """Which of them counts would be anybody's guess."""
    tokens = [scene.one.token(scene.mine.did) for _ in range(2)]
    lines = "".join(f"Authorization: Bearer {one}\r\n" for one in tokens)
    heard = shout(
        scene.port,
        f"GET {BASE}/negotiations/x HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n".encode(),
    )
    assert heard.startswith(b"HTTP/1.1 400"), heard


@pytest.mark.parametrize("shown", ["\xe4", "Bearer \xe4", "Bearer a.b.\xe4"])
def test_odd_bytes_in_a_token_are_refused(scene: Scene, shown: str) -> None:
    """400 on both faces: no token has them."""
    assert scene.post("/negotiations/request", scene.request(), Authorization=shown).status == 400
    assert ask(scene.port, "GET", "/data", Authorization=shown).status == 400
    assert ask(scene.mine.management_port, "GET", "/v1/counts", Authorization=shown).status == 400


@pytest.mark.parametrize("shown", ["Bearer", "Bearer a.b.c", "Bearer ..", "Bearer " + "a" * 20_000])
def test_what_is_no_token_at_all_is_refused(scene: Scene, shown: str) -> None:
    """404 on negotiations, 401 elsewhere, never a bug."""
    assert scene.post("/negotiations/request", scene.request(), Authorization=shown).status == 404
    assert scene.post("/catalog/request", scene.request(), Authorization=shown).status == 401
    for path in ("/data", "/data/x", "/audit/records/x/1", "/audit/party"):
        assert ask(scene.port, "GET", path, Authorization=shown).status == 401


@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer wrong", "Basic YTpi", "bearer x"])
def test_a_wrong_management_token_opens_nothing(scene: Scene, shown: str) -> None:
    """401, with the same words whatever was shown."""
    answer = ask(scene.mine.management_port, "GET", "/v1/counts", Authorization=shown)
    assert answer.status == 401
    assert ask(scene.mine.management_port, "POST", "/v1/publish", b"{}", Authorization=shown).body == answer.body


# --- messages --------------------------------------------------------------------------------------------------------


def test_an_oversized_body_is_refused_before_it_is_read(scene: Scene) -> None:
    """413 to who announces too much, though only its first bytes have come; and to who sends too much in pieces."""
    head = (
        f"POST {BASE}/negotiations/request HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {scene.one.token(scene.mine.did)}\r\n"
    )
    heard = shout(scene.port, f"{head}Content-Length: {50 * CAP}\r\n\r\n{{".encode())
    assert heard.startswith(b"HTTP/1.1 413"), heard[:200]
    body = b'{"a":"' + b"x" * CAP + b'"}'
    answer = scene.post("/negotiations/request", body)
    assert answer.status == 413
    assert answer.json()["@type"] == "ContractNegotiationError"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a":1}',
        b"\xff\xfe{}",
        b'{"@type":"ContractRequestMessage","@type":"ContractRequestMessage"}',
        b'{"a":"\\ud800"}',
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":NaN}',
    ],
    ids=range(11),
)
def test_a_body_that_is_no_message_gets_an_error_object(scene: Scene, body: bytes) -> None:
    """No object, no JSON, keys twice, too deep, half a character: 400, and nothing is begun."""
    before = scene.counts()
    for path, kind in (("/negotiations/request", "ContractNegotiationError"), ("/transfers/request", "TransferError")):
        answer = scene.post(path, body)
        assert (answer.status, answer.json()["@type"]) == (400, kind), answer
    assert scene.counts() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json"])
def test_another_media_type_is_refused(scene: Scene, kind: str) -> None:
    """Before anything is read."""
    assert scene.post("/negotiations/request", scene.request(), Content_Type=kind).status == 400


def test_a_message_in_the_wrong_state_changes_nothing(scene: Scene) -> None:
    """An acceptance of what is agreed already: 400 with an error object; the state is as it was."""
    pid = uuid4().urn
    opened = scene.post("/negotiations/request", scene.request(pid=pid))
    assert opened.status == 201, opened
    provider = str(opened.json()["providerPid"])
    assert scene.is_in("AGREED", provider)
    process = Process(role=Role.CONSUMER, pid=Pid(pid), peer_pid=Pid(provider))
    wrong = compose.dump(compose.contract_accepted(uuid4().urn, process))
    answer = scene.post(f"/negotiations/{provider}/events", wrong)
    assert answer.status == 400
    assert answer.json()["@type"] == "ContractNegotiationError"
    assert scene.get(f"/negotiations/{provider}").json()["state"] == "AGREED"
    elsewhere = Process(role=Role.CONSUMER, pid=Pid(uuid4().urn), peer_pid=Pid(provider))
    foreign = compose.dump(compose.contract_verification(uuid4().urn, elsewhere))
    assert scene.post(f"/negotiations/{provider}/agreement/verification", foreign).status == 400


def test_a_process_of_others_looks_like_none(scene: Scene) -> None:
    """The same bytes for a pid that is another's and for one that nobody has."""
    provider = scene.post("/negotiations/request", scene.request()).json()["providerPid"]
    theirs, none = (scene.get(f"/negotiations/{pid}", scene.two) for pid in (provider, uuid4().urn))
    assert (theirs.status, theirs.body) == (none.status, none.body)
    assert theirs.status == 404
    body = compose.dump(compose.contract_verification(
        uuid4().urn, Process(role=Role.CONSUMER, pid=Pid("x"), peer_pid=Pid(str(provider)))
    ))  # fmt: skip
    told = [
        scene.post(f"/negotiations/{pid}/agreement/verification", body, scene.two) for pid in (provider, uuid4().urn)
    ]
    assert told[0].body == told[1].body
    assert told[0].status == told[1].status == 404


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest", "https://10.0.0.1/dsp", "http://[::ffff:10.0.0.1]/", "https://user@example.com/",
        "file:///etc/passwd", "http://0x7f.1/", "not a url", "https://192.168.1.1:8443/dsp",
    ],
)  # fmt: skip
def test_an_evil_callback_begins_nothing(scene: Scene, address: str) -> None:
    """400 with an error body, no process, no request to it. What a name resolves to is judged by the guarded client."""
    before = len(scene.management.get("/v1/processes")["processes"])  # type: ignore[arg-type]  # the shape of /v1/processes
    answer = scene.post("/negotiations/request", scene.request(callback=address))
    assert answer.status == 400, answer
    assert answer.json()["@type"] == "ContractNegotiationError"
    assert len(scene.management.get("/v1/processes")["processes"]) == before  # type: ignore[arg-type]  # the shape of /v1/processes


# --- at random -------------------------------------------------------------------------------------------------------

_LEAVES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20)
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
_PATHS = st.sampled_from([
    "/catalog/request", "/negotiations/request", "/negotiations/x/events", "/negotiations/x/agreement",
    "/negotiations/x/termination", "/transfers/request", "/transfers/x/start", "/transfers/x/completion",
])  # fmt: skip


@given(path=_PATHS, data=st.data())
@settings(max_examples=150)
def test_what_is_nearly_a_message_is_answered(scene: Scene, path: str, data: st.DataObject) -> None:
    """A good message with parts replaced, removed and added: always an answer below 500, always JSON."""
    message = json.loads(scene.request())
    for name in data.draw(st.lists(st.sampled_from(sorted(message)), max_size=3, unique=True)):
        if data.draw(st.booleans()):
            del message[name]
        else:
            message[name] = data.draw(_JSON)
    message |= data.draw(st.dictionaries(st.text(max_size=12), _JSON, max_size=2))
    answer = scene.post(path, orjson.dumps(message))
    assert answer.status < 500, (answer, message)
    assert isinstance(answer.json(), dict)


@given(st.binary(max_size=400))
@settings(max_examples=60)
def test_noise_is_answered(scene: Scene, noise: bytes) -> None:
    """Bytes as a body."""
    assert scene.post("/transfers/request", noise).status == 400


def test_the_connector_still_works(scene: Scene) -> None:
    """After all of this it is ready; at its end `serving` looks for bugs in its log."""
    assert scene.management.get("/health/ready")["status"] == "ready"
