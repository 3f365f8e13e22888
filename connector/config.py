"""The configuration: one frozen model, read once from TOML, secrets from the environment. Units stand in the names.

`load` reads and checks everything at once and names line and key of what is wrong; unknown keys are refused. What it
leaves to others: making the file (`cli/init.py`), opening what it names (`app.py`).
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from connector.credentials.did_web import did_of
from connector.credentials.refused import Refused
from connector.errors import BadConfig
from connector.model import Did

PASSPHRASE_VARIABLE = "CONNECTOR_KEY_PASSPHRASE"  # noqa: S105 - the variable's name, not a secret
PIN_VARIABLE = "CONNECTOR_PKCS11_PIN"
MANAGEMENT_TOKEN_VARIABLE = "CONNECTOR_MANAGEMENT_TOKEN"  # noqa: S105 - the variable's name, not a secret
STORE_PASSWORD_VARIABLE = "CONNECTOR_STORE_PASSWORD"  # noqa: S105 - the variable's name, not a secret
SECRETS_FILE = "secrets.env"
LONGEST_SECONDS = 315_576_000
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _is_a_time(cls, value: object, said: ValidationInfo) -> object:
        """Units stand in the names, so this holds for every number of seconds."""
        if (
            str(said.field_name).endswith("_seconds")
            and isinstance(value, int | float)
            and abs(value) > LONGEST_SECONDS
        ):
            raise ValueError(f"more than {LONGEST_SECONDS} seconds, which is ten years")
        return value


class Keys(_Part):
    """Custody URIs. Signing of credentials and proving who we are are two keys (DECISIONS: Identity)."""

    assertion: str
    """Signs credentials; at first, `methods` has what came later. `file:`, or `pkcs11:` for a key in a token."""
    authentication: str
    """Proves to peers who we are. `file:` or `pkcs11:`, too."""
    id_key: str
    """A `file:` with 32 bytes, base64url. Makes ids that nobody can guess; never rotates."""
    methods: str = "keys/methods.json"
    """The register of all our keys, from the first change on; `did rotate` and `did revoke` write it."""


class Listen(_Part):
    """Where the process listens. The public face may stand behind a proxy; management stays on loopback."""

    host: str = "127.0.0.1"
    """The address of the public face. Plain http is spoken there: TLS is ended before it."""
    port: int = Field(ge=1, le=65535)
    """The port of the public face."""
    management_port: int = Field(ge=1, le=65535)
    """The port of the management API and the operators' pages, on loopback alone."""


class Limits(_Part):
    """Caps on what strangers may send and how long things may take."""

    max_message_bytes: int = Field(default=1 << 20, ge=1024)
    """The largest message that is read, from peers and in their answers."""
    max_header_bytes: int = Field(default=32_768, ge=8_190)
    """The largest header of a request: tokens stand there."""
    token_lifetime_seconds: int = Field(default=300, ge=10, le=600)
    """How long the tokens are good by which we prove who we are."""
    clock_leeway_seconds: int = Field(default=20, ge=0, le=59)
    """By so much a peer's clock may differ from ours."""
    data_token_seconds: int = Field(default=3_600, ge=30)
    """How long a data token that we give is good, unless its holder renews it."""
    max_file_bytes: int = Field(default=1 << 40, ge=1024)
    """The largest file that is accepted from a peer."""
    max_peer_bytes: int = Field(default=100 << 30, ge=1 << 20)
    """What is kept of one peer at most: credentials and files, until they are discarded."""
    min_free_bytes: int = Field(default=1 << 30, ge=64 << 20)
    """What stays free on the disk: below it nothing is taken from peers."""
    claims_cache_seconds: int = Field(default=300, ge=0)
    """How long what a party proved is taken for proved, before it is asked again; what it did not show, for 20 seconds
    at most, and no contract or transfer is refused for it unasked."""
    requests_per_second: int = Field(default=2_000, ge=1)
    """How much each known party may ask, with bursts of five seconds' worth. What is beyond is asked to come later."""
    stranger_requests_per_minute: int = Field(default=120, ge=1)
    """The same for all together who show no credential that counts, with bursts of five minutes' worth."""
    max_open_processes: int = Field(default=20_000, ge=1)
    """How many negotiations and transfers one party may have open here. What is beyond is asked to come later."""
    retry_budget_seconds: int = Field(default=14 * 86_400, ge=1)
    """How long a message is tried again, before it counts as undeliverable."""
    retry_first_seconds: float = Field(default=1.0, gt=0)
    """The first pause between two tries; each next one is longer."""
    retry_cap_seconds: float = Field(default=3_600.0, gt=0)
    """The longest pause between two tries."""
    retry_read_seconds: float = Field(default=30.0, ge=0)
    """So long a peer that is read for somebody who waits is asked again: a connector restarts in that time."""
    keep_ended_days: int = Field(default=400, ge=30, le=36_525)
    """How long what ended without an agreement is kept with its messages: transfers, refused negotiations; idempotency
    keys too. Agreements with their negotiations, evidence, records and files are not forgotten.
    """

    renew_credentials_days: int = Field(default=30, ge=0, le=365)
    """So long before its end a credential about us that an issuer gave over DCP is asked for anew; 0: never by itself.
    """

    @model_validator(mode="after")
    def _keeps_what_may_be_repeated(self) -> Limits:
        if self.keep_ended_days * 86_400 < 2 * self.retry_budget_seconds:
            raise ValueError("keep_ended_days is less than twice retry_budget_seconds: ended things may be repeated")
        return self


class Approvals(_Part):
    """Which turns of a negotiation a person decides (`battery-connector approvals`), and how the others are decided."""

    request: Literal["decide", "hold"] = "decide"
    """A request for what we offer: by the dataset's policy, or, if that permits it, by a person."""
    counter_request: Literal["refuse", "offer", "hold"] = "refuse"
    """A request with other terms than our offer's: refused, answered with our own offer, or held for a person."""
    acceptance: Literal["decide", "hold"] = "decide"
    """Our offer was accepted."""
    verification: Literal["decide", "hold"] = "decide"
    """Our agreement was verified: the last moment to say no."""
    offer: Literal["match", "refuse", "hold"] = "match"
    """An offer made to us. `match`: accepted if it is what we asked for, word for word, else held; `refuse`: else
    refused."""
    agreement: Literal["decide", "hold"] = "decide"
    """A provider agreed to what we asked for or accepted."""
    transfer: Literal["decide", "hold"] = "decide"
    """Somebody asks for the data of an agreement: started by rule, or by a person (`transfers start`)."""
    peers: tuple[str, ...] = ()
    """Names of `[peers]` or DIDs: with these a person decides every turn, and starts every transfer."""
    limit_seconds: int = Field(default=7 * 86_400, ge=1)
    """How long a person has. After that it is refused."""


class Unsafe(_Part):
    """Choices for trials on one machine. Each logs a warning at start; none belongs near real data."""

    allow_loopback_http: bool = False
    """Plain http and loopback addresses, for ourselves and for peers."""
    clock_offset_seconds: int = 0
    """Added to the machine's clock, so that a story can happen on its own day."""
    claimed_identity: bool = False
    """Everybody is who it claims to be: for trials with programs that have no identities. On loopback only."""
    nonconforming_credentials: bool = False
    """Credentials of VC Data Model 1.1 count that depart from it (type, contexts, `sub`, `jti`), as those of DCP's
    conformance kit do. On loopback only.
    """


class Issue(_Part):
    """What this company issues to holders that ask for it, each after a person's word."""

    type: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$")
    """The credential's type, of the vocabulary, or one of another dataspace whose words follow."""
    context: str = Field(default="", pattern=r"^(https://\S+)?$")
    """Of such a type: the address of the context that has its words. It is named and not read, so `profile` is 1.1."""
    terms: tuple[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}\??$")], ...] = ()
    """What its subject says, each a text: all of these and nothing else. One with `?` at its end may be left out."""
    profile: Literal["vc20-bssl/jwt", "vc11-sl2021/jwt"] = "vc20-bssl/jwt"
    """Of DCP: VC Data Model 2.0, or 1.1 for holders whose programs read no other."""
    valid_days: int = Field(default=0, ge=0, le=36_525)
    """How long it is good from the moment that it is signed; 0: without end, until it is revoked."""


class Peer(_Part):
    """A peer by a name for people. Most need only their DID; the rest is for peers with habits of their own."""

    id: str = Field(min_length=1)
    """Its participant id: a DID, or whatever its dataspace calls it."""
    address: str = ""
    """Its versioned DSP address, where its DID document names none: nothing is looked up then."""
    retryable_statuses: tuple[Annotated[int, Field(ge=400, le=499)], ...] = ()
    """What it answers when it means "not now", though by DSP it is a refusal."""

    @field_validator("address")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        return _plain_address(value) if value else value


class Config(_Part):
    """One company's connector."""

    name: str = Field(min_length=1)
    """The company, as people know it."""
    public_url: str
    """The address that peers use: a host name in small letters, a port from 1024 on if it is not 443, a plain path,
    which is the tenant. Frozen by `init`, because the DID is made of it.
    """
    store: str = "sqlite:store/connector.db"
    """`sqlite:PATH`, for one process; or `postgresql://USER@HOST/DATABASE`, for several of one company."""
    exports: tuple[str, ...] = ("exports",)
    """Folders that plans may read, relative to this file."""
    files: str = "store/files"
    """Folder of files that are offered or were received, each under its digest."""
    held: str = "held"
    """Folder of our own party credentials (`*.jwt`: membership, roles, mandates), shown to peers that ask for them. A
    new file counts at once; `credential request` puts there what comes.
    """
    keys: Keys
    listen: Listen
    limits: Limits = Limits()
    approvals: Approvals = Approvals()
    unsafe: Unsafe = Unsafe()
    trusted_issuers: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Credential type -> DIDs that may issue it. `members` stands for: who shows a valid membership credential."""
    issues: Mapping[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")], Issue] = Field(default_factory=dict)
    """Our ids for what holders may ask us to issue (DCP 6.7). None: nobody may ask, and no IssuerService is named."""
    peers: Mapping[str, Peer] = Field(default_factory=dict)
    """Names for people -> DIDs (or a table, see `Peer`), so that commands can say `refiner`."""
    folder: Path = Field(default=Path(), exclude=True)

    @field_validator("public_url")
    @classmethod
    def _is_plain(cls, value: str) -> str:
        return _plain_address(value)

    @field_validator("store")
    @classmethod
    def _keeps_no_password(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme in {"postgresql", "postgres"} and (parts.password or "password=" in parts.query):
            raise ValueError(f"the password does not stand here, but in {STORE_PASSWORD_VARIABLE}")
        return value

    @field_validator("peers", mode="before")
    @classmethod
    def _short_peers(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {name: {"id": one} if isinstance(one, str) else one for name, one in value.items()}

    @model_validator(mode="after")
    def _fits_together(self) -> Config:
        parts = urlsplit(self.public_url)
        loopback = parts.hostname in LOOPBACK_HOSTS
        if parts.scheme == "http" and not loopback:
            raise ValueError("public_url: plain http is for loopback only")
        if loopback and not self.unsafe.allow_loopback_http:
            raise ValueError("public_url: loopback needs [unsafe] allow_loopback_http = true (--unsafe-loopback)")
        if self.listen.port == self.listen.management_port:
            raise ValueError("listen.management_port: it has to be another one than listen.port")
        for name in ("claimed_identity", "nonconforming_credentials"):
            if getattr(self.unsafe, name) and not (loopback and self.listen.host in LOOPBACK_HOSTS):
                raise ValueError(f"unsafe.{name}: public_url and listen.host must be on loopback")
        return self

    @model_validator(mode="after")
    def _has_an_identity(self) -> Config:
        try:
            _ = self.did
        except Refused as problem:
            raise ValueError(f"public_url: no DID can be made of it: {problem.detail}") from None
        return self

    @property
    def tenant(self) -> str:
        """The path of the public address: first in every key, empty for a sole tenant."""
        return urlsplit(self.public_url).path.strip("/")

    @property
    def did(self) -> Did:
        """`did:web` of the public address."""
        return did_of(self.public_url, allow_http=self.unsafe.allow_loopback_http)

    def path(self, relative: str) -> Path:
        """A path of this file, absolute."""
        return (self.folder / relative).resolve()

    def peer(self, name: str) -> str:
        """The id that a name of `[peers]` or a connector's address stands for; an id stands for itself."""
        if name.startswith("did:") or any(name == known.id for known in self.peers.values()):
            return name
        if name.startswith(("https://", "http://")):
            try:
                return did_of(name, allow_http=self.unsafe.allow_loopback_http)
            except Refused as problem:
                raise BadConfig(
                    f"{name}: {problem.detail}",
                    hint="an address is like https://connector.example.com; or give its DID",
                ) from None
        if name in self.peers:
            return self.peers[name].id
        near = difflib.get_close_matches(name, self.peers, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self.peers)) or 'none'}"
        raise BadConfig(
            f"no peer is called {name!r}",
            hint=f"{hint}; or give its DID or address. A name that was just written into [peers] counts when the"
            " connector was started again",
        )


def _plain_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be like https://connector.example.com or https://example.com/tenant")
    return value.rstrip("/")


def load(path: Path) -> Config:
    """Read and check the file. `BadConfig` names every wrong key at once."""
    try:
        return read(path.read_text("utf-8"), path)
    except FileNotFoundError:
        raise BadConfig(f"there is no {path.absolute()}", hint=_no_file(path)) from None
    except IsADirectoryError:
        raise BadConfig(f"{path} is a folder", hint=f"give the file in it: {path / 'connector.toml'}") from None
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: {error}", hint="save it as UTF-8") from None


def _no_file(path: Path) -> str:
    """What who is in the wrong folder does."""
    around = sorted(one for one in Path().glob(f"*/{path.name}") if one.is_file())
    there = f" ({', '.join(map(str, around[:5]))})" if around else ""
    return f"go into the company's folder, or say --config FILE{there}; a new company: battery-connector init DIR"


def read(text: str, path: Path) -> Config:
    """Check the text of the file that lies, or is to lie, at this path."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{path}: {error}", hint="TOML: key = value, text in quotes") from None
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise BadConfig(f"{path}: {'; '.join(map(sentence, error.errors()))}", hint=_near(error)) from None
    return config.model_copy(update={"folder": path.parent.resolve()})


def sentence(problem: Mapping[str, object]) -> str:
    """What a model finds wrong, for people: the key, and what is wrong with it."""
    place = problem["loc"]
    key = ".".join(map(str, place)) if isinstance(place, tuple) else str(place)
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if problem["type"] == "missing":
        return f"{key}: it is missing"
    said = str(problem["msg"]).removeprefix("Value error, ").replace("Input should", "it should")
    said = said.replace("a valid tuple", "a list")
    return f"{key}: {said}" if key else said


def _near(error: ValidationError) -> str:
    parts = (Config, Listen, Limits, Keys, Approvals, Unsafe, Issue, Peer)
    known = [name for part in parts for name in part.model_fields]
    for problem in error.errors():
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
            if near:
                return f"did you mean {near[0]!r}?"
    return "battery-connector config --reference names every key"


def secret(variable: str, config: Config) -> str:
    """A secret: from the environment, else from `secrets.env` beside the configuration (made by `init`, mode 0600).

    `BadConfig` if it is in neither, or if others may read the file.
    """
    if value := known_secret(variable, config):
        return value
    file = config.path(SECRETS_FILE)
    raise BadConfig(
        f"{variable} is neither in the environment nor in {file}",
        hint="`init` writes those that it makes; others are yours to give",
    )


def known_secret(variable: str, config: Config) -> str:
    """The same, and empty if it is in neither."""
    value = os.environ.get(variable, "")
    if value:
        return value
    file = config.path(SECRETS_FILE)
    if file.exists():
        if file.stat().st_mode & 0o077:
            raise BadConfig(f"{file} can be read by others", hint=f"chmod 600 {file}")
        for line in file.read_text("utf-8").splitlines():
            name, _, text = line.partition("=")
            if name.strip() == variable and text.strip():
                return text.strip()
    return ""
