"""`credential disclose`: a holder shows a part of an SD-JWT. Nobody is asked; a key is needed only to bind it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.console import CONFIG, JSON, console, next_step, show_json, told
from connector.cli.secured import inspected, octets_in, told_in_words
from connector.config import load
from connector.credentials.datamodel import CREDENTIAL_LIMIT_BYTES
from connector.credentials.disclosing import SUBJECT, attach_binding, binding_input, show
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import Challenge, SdJwt, check_binding, is_sd_jwt, parse
from connector.errors import BadInput, BadMessage
from connector.server.words import visible
from connector.vocabulary.admission import admit

if TYPE_CHECKING:
    from datetime import datetime

    from connector.credentials.signing import Signer
    from connector.model import JsonObject

_KEY_LIMIT_BYTES = 4096
_HINT = "the issuer makes one by credential issue --disclosable PATH"
SHOW = Annotated[
    list[str] | None,
    typer.Option("--show", metavar="PATH", help="A value to show, as inspect names it: name, identifier/0/value."),
]
AUDIENCE = Annotated[str, typer.Option("--audience", help="Who asked, for a key binding by this company's key.")]
NONCE = Annotated[str, typer.Option("--nonce", help="With --audience: what they gave to sign.")]


def disclose(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An SD-JWT, as its issuer or another holder gave it.")],
    *,
    shown: SHOW = None,
    out: Annotated[Path, typer.Option("--out", help="The file for the presentation.")],
    audience: AUDIENCE = "",
    nonce: NONCE = "",
    config: CONFIG = Path("connector.toml"),
    as_json: JSON = False,
) -> None:
    """Show a part of an SD-JWT: the values that are named and what stands in the clear. All others stay hidden.

    With --audience and --nonce the presentation is bound to who asked, by the key that proves who this company is; that
    takes a credential that its issuer bound to this key.

    Example: battery-connector credential disclose member.sd-jwt --show membershipNumber --out shown.sd-jwt
    """
    with told():
        whole = _read(file)
        challenge = Challenge(audience=audience, nonce=nonce)
        if bool(audience) != bool(nonce):
            raise BadInput("audience and nonce go together", hint="both stand in what you were asked")
        octets = _chosen(whole, shown or [])
        if challenge.asked:
            octets = asyncio.run(_bound(octets, challenge, config))
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(octets)
        said = inspected(octets)
    if as_json:
        show_json({"file": str(out), **{name: said[name] for name in ("digest", "disclosed", "hidden", "keyBinding")}})
        return
    console().print(visible(told_in_words(said)), markup=False)
    asked = f" --audience {quote(audience)} --nonce {quote(nonce)}" if challenge.asked else ""
    next_step(f"battery-connector credential verify {quote(str(out))}{asked}", ", as who gets it will")


def read_key(file: Path) -> JsonObject:
    """A public JWK, alone or as `publicKeyJwk` of a method of a DID document."""
    try:
        said = admit(file.read_bytes(), _KEY_LIMIT_BYTES)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}", hint="a public key as JWK") from None
    except BadMessage as bad:
        raise BadInput(bad.detail, hint="a public key as JWK", place=str(file)) from None
    inner = said.get("publicKeyJwk", said)
    return inner if isinstance(inner, dict) else said


def _read(file: Path) -> SdJwt:
    octets = octets_in(file)
    if not is_sd_jwt(octets):
        raise BadInput(f"{file} is no SD-JWT, so it is shown whole or not at all", hint=_HINT)
    try:
        return parse(octets, CREDENTIAL_LIMIT_BYTES)
    except Refused as refused:
        raise BadInput(f"{file} cannot be shown: {refused}", hint=_HINT) from None


def _chosen(whole: SdJwt, paths: list[str]) -> bytes:
    places = [path if path.startswith("/") else f"{SUBJECT}/{path}" for path in paths]
    try:
        return show(whole, places)
    except Refused as refused:
        there = ", ".join(place.removeprefix(f"{SUBJECT}/") for place in whole.places)
        raise BadInput(f"there is nothing to show at {refused.detail}", hint=f"it has: {there or 'nothing'}") from None


async def _bound(presented: bytes, challenge: Challenge, config: Path) -> bytes:
    """With the key binding of this company, made with the key that proves who it is."""
    from connector.app import clock_of
    from connector.keys.ring import open_keys

    company = load(config)
    now: datetime = clock_of(company).now()
    signer: Signer = open_keys(company, now).own.authentication(now)
    signed = binding_input(presented, challenge, alg=signer.alg, now=now)
    octets = attach_binding(presented, signed, await signer.sign(signed))
    try:
        check_binding(parse(octets, CREDENTIAL_LIMIT_BYTES), challenge, now)
    except Refused as refused:
        hint = "the issuer binds it by credential issue --holder-key FILE, the public key that `did show --json` tells"
        raise BadInput(f"its issuer did not bind it to this company's key: {refused.reason}", hint=hint) from None
    return octets
