"""Credentials as files: read as people save them, and told as they are secured. The commands are `credential`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.bridges.octets import as_utf8
from connector.cli.several import Several, unpacked
from connector.credentials.datamodel import CREDENTIAL_LIMIT_BYTES
from connector.credentials.digest import digest_multibase
from connector.credentials.jose import Jws
from connector.credentials.refused import Refused, Unsupported
from connector.credentials.sd_jwt import SdJwt
from connector.credentials.securing import as_served, open_secured
from connector.errors import BadInput
from connector.model import counted, list_in
from connector.vocabulary.admission import admit

if TYPE_CHECKING:
    from pathlib import Path

    from connector.model import JsonObject

_HINT = (
    "a compact `vc+jwt` on one line, as `credential issue --out` writes it, an SD-JWT with its disclosures, or JSON "
    "with a Data Integrity proof"
)

_EACH = "write each of them to a file of its own: with jq, `jq -r '.credentials[0]' FILE > one.jwt`"
_JSON = "ask for the JSON: curl -H 'Accept: application/json' ADDRESS > passport.json"


def inspected(octets: bytes) -> JsonObject:
    """What it says, also where the proof is one that we cannot check: whether it is true is `verify`'s."""
    try:
        secured = open_secured(octets, CREDENTIAL_LIMIT_BYTES, selective=True)
        secured.claims()
    except Unsupported:
        secured = None
    except Refused as refused:
        raise BadInput(f"this is no credential: {refused}", hint=_HINT) from None
    digest: JsonObject = {"digest": digest_multibase(octets)}
    if isinstance(secured, Jws):
        return {**digest, "header": secured.header, "credential": secured.claims()}
    if isinstance(secured, SdJwt):
        return {
            **digest, "header": secured.jws.header, "credential": secured.claims(), "disclosed": [*secured.places],
            "hidden": secured.hidden, "keyBinding": secured.binding is not None,
        }  # fmt: skip
    said = admit(octets, CREDENTIAL_LIMIT_BYTES)
    return {**digest, "proof": said.pop("proof"), "credential": said}


def inspected_each(several: Several) -> list[JsonObject]:
    """The same of each credential in a file."""
    shown = []
    for number, octets in enumerate(several.credentials, start=1):
        try:
            shown.append(inspected(octets))
        except BadInput as odd:
            raise BadInput(odd.detail, hint=odd.hint, place=f"credential {number}") from None
    return shown


def told_in_words(shown: JsonObject) -> str:
    """How much of an SD-JWT is shown, for people; empty of another credential."""
    if "hidden" not in shown:
        return ""
    disclosed = ", ".join(map(str, list_in(shown["disclosed"])))
    bound = "the holder's key binding is with it" if shown["keyBinding"] else "no key binding"
    hidden = counted(int(str(shown["hidden"])), "digest stays", "digests stay")
    return f"shown by choice: {disclosed or 'nothing'}\n{hidden} hidden (withheld values, or decoys); {bound}"


def octets_in(file: Path) -> bytes:
    """The one credential of a file, as it is served."""
    read = credentials_in(file)
    if isinstance(read, Several):
        raise BadInput(f"{file} holds {counted(len(read.credentials), 'credential')} and is none itself", hint=_EACH)
    return read


def credentials_in(file: Path) -> bytes | Several:
    """A credential as it is served, or several: what people lay out or save in another encoding is the same one."""
    try:
        octets = as_utf8(file.read_bytes()).strip()
        octets.decode()
        found = None if octets.startswith(b"<") else unpacked(octets)
    except OSError as error:
        hint = f"{_HINT}. What a published record holds: battery-connector credential inspect NUMBER"
        raise BadInput(f"{file}: {error.strerror}", hint=hint) from None
    except UnicodeDecodeError:
        raise BadInput(f"{file} holds no credential", hint=_HINT) from None
    except BadInput as odd:
        raise BadInput(f"{file}: {odd.detail}", hint=odd.hint or _HINT) from None
    if octets.startswith(b"<"):
        raise BadInput(f"{file} is a web page", hint=_JSON)
    return found or as_served(octets, CREDENTIAL_LIMIT_BYTES)
