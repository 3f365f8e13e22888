"""`init`: a company's folder that works at once: configuration, two signing keys, an id key, secrets, sub-folders."""

from __future__ import annotations

import base64
import json
import os
import secrets as chance
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from connector.cli.console import JSON, console, next_step, show_json, told
from connector.config import (
    LONGEST_SECONDS,
    MANAGEMENT_TOKEN_VARIABLE,
    PASSPHRASE_VARIABLE,
    PIN_VARIABLE,
    SECRETS_FILE,
    Config,
    load,
    read,
    secret,
)
from connector.credentials.own_methods import PREFIXES, first_methods
from connector.errors import BadInput
from connector.keys import pkcs11_uri
from connector.keys.custody import opened_by, take
from connector.keys.file import create_key
from connector.keys.register import Register
from connector.model import JsonObject

CONFIG_FILE = "connector.toml"
FOLDERS = ("exports", "plans", "policies", "held", "store", "keys")
_LATER = """
# Whom to believe, by type of credential. `members`: whoever shows a valid membership.
# [trusted_issuers]
# MembershipCredential = ["did:web:association.example"]
# RoleCredential = ["did:web:association.example"]
# MineralLotPassport = ["members"]

# Names for peers, so that commands can say `mine`. Our own membership credential goes into the folder `held`.
# [peers]
# mine = "did:web:connector.mine.example"
"""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new company folder.")],
    public_url: Annotated[str, typer.Option(help="Address that peers will use. Frozen: the DID is made of it.")] = "",
    name: Annotated[str, typer.Option(help="The company's name, as people know it.")] = "",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the public face.")] = 8080,
    management_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the management API, loopback only. 0: beside the other.")
    ] = 0,
    algorithm: Annotated[str, typer.Option(help="Signatures: ES256 or EdDSA.")] = "ES256",
    custody: Annotated[
        str, typer.Option(metavar="URI", help="Make the keys in this token (pkcs11:token=...?module-path=...).")
    ] = "",
    unsafe_loopback: Annotated[
        bool, typer.Option("--unsafe-loopback", help="Trial on one machine: plain http on loopback.")
    ] = False,
    unsafe_clock_offset: Annotated[
        int,
        typer.Option(min=-LONGEST_SECONDS, max=LONGEST_SECONDS, help="Trial: seconds added to the clock.", hidden=True),
    ] = 0,
    as_json: JSON = False,
) -> None:
    """Make a company folder: configuration, keys, secrets.

    Example: battery-connector init refiner --public-url https://connector.refiner.example
    """
    with told():
        if (folder / CONFIG_FILE).exists():
            raise BadInput(f"{folder} is a company folder already", hint="its DID is frozen; choose another folder")
        address = public_url or (f"http://localhost:{port}" if unsafe_loopback else "")
        if not address:
            raise BadInput(
                "the public address is missing",
                hint="--public-url https://..., or --unsafe-loopback to try it on this machine",
            )
        company = Company(
            name=name or folder.name, address=address, port=port, management_port=management_port or port + 1,
            algorithm=algorithm, loopback=unsafe_loopback, offset=unsafe_clock_offset, custody=custody,
        )  # fmt: skip
        loaded = load(make(folder, company))
        _ready_policies(folder)
    config = folder / CONFIG_FILE
    if as_json:
        show_json({"config": str(config), "did": loaded.did, "public_url": loaded.public_url})
        return
    out = console()
    out.print(f"[bold]{loaded.name}[/bold] is set up in {folder}")
    out.print(f"  DID      {loaded.did}")
    out.print(f"  secrets  {folder / SECRETS_FILE} (keep it; mode 0600)")
    out.print(f"  policies {folder / 'policies'}: ready-made ones, to use or to change")
    if opened_by(loaded.keys.assertion) == PIN_VARIABLE:
        out.print(f"  PIN      {PIN_VARIABLE} in the environment of `serve` and the commands, or a line in that file")
    next_step(f"battery-connector serve --config {quote(str(config))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What a new company folder is made from."""

    name: str
    address: str
    port: int
    management_port: int
    algorithm: str
    loopback: bool
    offset: int
    custody: str = ""
    """The token that is to hold the keys; without it they are files."""


def make(folder: Path, company: Company) -> Path:
    """Make the folder, its keys, secrets and configuration. Returns the configuration file.

    What cannot be a configuration is refused before anything is made, so that a second try is not told of a first.
    """
    file, uris = folder / CONFIG_FILE, {purpose: f"file:keys/{purpose}.pem" for purpose in PREFIXES.values()}
    loaded = read(_configuration(company, uris), file)
    keys = _in_token(company, loaded) if company.custody else {}
    for part in FOLDERS:
        (folder / part).mkdir(parents=True, exist_ok=True)
    passphrase = chance.token_urlsafe(24)
    for purpose in () if keys else PREFIXES.values():
        create_key(folder / "keys" / f"{purpose}.pem", company.algorithm, passphrase)
    _private(folder / "keys" / "id.key", base64.urlsafe_b64encode(chance.token_bytes(32)).decode())
    _private(
        folder / SECRETS_FILE,
        f"{PASSPHRASE_VARIABLE}={passphrase}\n{MANAGEMENT_TOKEN_VARIABLE}={chance.token_urlsafe(24)}\n",
    )
    file.write_text(_configuration(company, uris | {purpose: uri for purpose, (uri, _) in keys.items()}), "utf-8")
    if keys:
        Register(loaded).begin(first_methods(*(keys[purpose][1] for purpose in PREFIXES.values())))
    return file


def _ready_policies(folder: Path) -> None:
    """Those that are shipped, beside the package in a checkout or within it in a wheel; what is there stays."""
    package = Path(__file__).resolve().parents[1]
    within = package / "_data" / "policies"
    for file in sorted((within if within.is_dir() else package.parent / "policies").glob("*.json")):
        target = folder / "policies" / file.name
        if not target.exists():
            shutil.copyfile(file, target)


def _in_token(company: Company, loaded: Config) -> dict[str, tuple[str, JsonObject]]:
    """Both keys, made in the token."""
    if pkcs11_uri.parse(company.custody).names_key:
        raise BadInput(
            "init makes two keys, so it wants the token alone", hint="keys that are there: write them into [keys]"
        )
    secrets = partial(secret, config=loaded)
    return {
        purpose: take(company.custody, alg=company.algorithm, key_id=f"{loaded.did}#{purpose}-1", secrets=secrets)
        for purpose in PREFIXES.values()
    }


def _configuration(company: Company, uris: Mapping[str, str]) -> str:
    text = f"""# A company's connector. Every key, and what it is here: battery-connector config
name = {json.dumps(company.name, ensure_ascii=False)}
public_url = {json.dumps(company.address)}   # frozen: the DID is made of it

[keys]
assertion = {json.dumps(uris["assertion"])}            # signs credentials
authentication = {json.dumps(uris["authentication"])}  # proves who we are
id_key = "file:keys/id.key"                      # makes ids; never rotates

[listen]
port = {company.port}
management_port = {company.management_port}
"""
    if company.loopback or company.offset:
        text += f"""
[unsafe]   # a trial on one machine; never near real data
allow_loopback_http = {str(company.loopback).lower()}
clock_offset_seconds = {company.offset}
"""
    return text + _LATER


def _private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
