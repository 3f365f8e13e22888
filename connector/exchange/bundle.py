"""An audit's bundle: the report with all it rests on in one file, and who stands behind it.

    manifest.json   what this is, who walked what as of when, by which rules, and the digest of every other file
    manifest.jws    the walker's signature over the octets of manifest.json (RFC 7515, appendix F: detached)
    signer.json     the walker's DID document
    report.json, report.html   the result, as `audit --json` and as a page
    ...             the recording (`bundled`); a bundle for a client has none

A bundle for a client holds what the report for the client tells, and no evidence: octets that the auditor obtained name
whom the client may not know. What the client may see it can record itself, from its own connector.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import orjson

from connector.credentials import base64url, jose
from connector.credentials.did import DidDocument, key_for
from connector.credentials.did_web import did_of_key
from connector.credentials.digest import digest_multibase
from connector.credentials.refused import Refused
from connector.credentials.signing import Signer
from connector.credentials.signing import thumbprint as jwk_thumbprint
from connector.errors import BadInput, BadMessage
from connector.exchange.bundled import Files, Recording, files_of, json_octets
from connector.model import Did, JsonObject, object_in, objects_in
from connector.provenance.archive import pack
from connector.vocabulary.admission import admit

FORMAT: Final = "battery-connector-audit-bundle"
VERSION: Final = 1
MANIFEST, SIGNATURE, SIGNER, REPORT, PAGE = "manifest.json", "manifest.jws", "signer.json", "report.json", "report.html"
PAGE_RULES: Final = "page"
"""Of the rules: by what the page was laid out. Nothing is judged by it."""
_TYPE: Final = "audit-manifest+jws"
_MANIFEST_LIMIT_BYTES: Final = 32 << 20
_PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Who makes a bundle, with what. `rules`: versions and digests of the rules by which is judged."""

    did: Did
    name: str
    document: bytes
    product: str
    rules: JsonObject
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle says about itself. `files`: name -> (size, digest)."""

    kind: Literal["full", "client"]
    by: Did
    name: str
    prepared_for: str
    product: str
    rules: JsonObject
    made: datetime
    root: str
    as_of: datetime
    verdict: str
    """With root and time: of the report."""
    files: Mapping[str, tuple[int, str]]

    def as_json(self) -> JsonObject:
        """As it is written and signed."""
        return {
            "format": FORMAT, "version": VERSION, "kind": self.kind, "by": self.by, "name": self.name,
            "preparedFor": self.prepared_for, "root": self.root, "asOf": self.as_of.isoformat(),
            "verdict": self.verdict, "made": self.made.isoformat(), "product": self.product, "rules": self.rules,
            "files": [{"name": name, "size": size, "digest": sum_} for name, (size, sum_) in self.files.items()],
        }  # fmt: skip


async def make(
    told: JsonObject, page: str, *, recording: Recording | None, made: Made, signer: Signer, prepared_for: str = ""
) -> bytes:
    """The bundle of a report. Without a recording it is one for a client."""
    files, octets = await asyncio.to_thread(_content, told, page, recording, made, prepared_for)
    unsigned = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": _TYPE}, octets)
    header, _, signature = jose.attach(unsigned, await signer.sign(unsigned)).split(b".")
    return await asyncio.to_thread(pack, {**files, MANIFEST: octets, SIGNATURE: b".".join([header, b"", signature])})


def _content(
    told: JsonObject, page: str, recording: Recording | None, made: Made, prepared_for: str
) -> tuple[Files, bytes]:
    """What a bundle holds but the signature, and its manifest."""
    files = {} if recording is None else files_of(recording)
    files |= {REPORT: json_octets(told), PAGE: page.encode(), SIGNER: made.document}
    manifest = Manifest(
        kind="client" if recording is None else "full", by=made.did, name=made.name, prepared_for=prepared_for,
        product=made.product, rules=made.rules, made=made.at, root=_text(told, "root"), as_of=_time(told, "at"),
        verdict=_text(told, "verdict"),
        files={name: (len(files[name]), digest_multibase(files[name])) for name in sorted(files)},
    )  # fmt: skip
    return files, json_octets(manifest.as_json())


def read_manifest(files: Files) -> Manifest:
    """The manifest. `BadInput`: there is none, or none of a version that is known here."""
    try:
        said = admit(files.get(MANIFEST, b""), _MANIFEST_LIMIT_BYTES)
    except BadMessage as problem:
        raise BadInput(f"{MANIFEST}: {problem.detail}", hint="is this the bundle of an audit?") from None
    if (said.get("format"), said.get("version")) != (FORMAT, VERSION):
        raise BadInput(
            f"this is {said.get('format')!r:.60}, version {said.get('version')!r:.20}, not {FORMAT} {VERSION}",
            hint="a later version of battery-connector may read it",
        )
    kind = said.get("kind")
    if kind not in ("full", "client"):  # no set: it may be a list or an object, which no set can hold
        raise BadInput(f"{MANIFEST}: no such kind of bundle")
    manifest = Manifest(
        kind="full" if kind == "full" else "client", by=Did(_text(said, "by")), name=_text(said, "name"),
        prepared_for=_text(said, "preparedFor"), product=_text(said, "product"), rules=object_in(said.get("rules")),
        made=_time(said, "made"), root=_text(said, "root"), as_of=_time(said, "asOf"), verdict=_text(said, "verdict"),
        files={
            _text(one, "name"): (size, _text(one, "digest"))
            for one in objects_in(said.get("files"))
            if isinstance(size := one.get("size"), int)
        },
    )  # fmt: skip
    if manifest.as_json() != said:
        raise BadInput(f"{MANIFEST} has a member that no manifest has, or one file twice")
    return manifest


def _text(said: JsonObject, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise BadInput(f"{MANIFEST}: {name!r} is not as a bundle has it")
    return value


def _time(said: JsonObject, name: str) -> datetime:
    with suppress(ValueError):
        value = datetime.fromisoformat(_text(said, name))
        if value.tzinfo is not None:
            return value
    raise BadInput(f"{MANIFEST}: {name!r} is no time with its zone")


def other_files(manifest: Manifest, files: Files) -> list[str]:
    """What is not as the manifest says, file by file."""
    told = {name: (len(octets), digest_multibase(octets)) for name, octets in files.items()}
    del told[MANIFEST]
    told.pop(SIGNATURE, None)  # made over the manifest, so not named in it
    named = manifest.files
    return [
        f"{name} is {'missing' if name not in told else 'not in the manifest' if name not in named else 'another'}"
        for name in sorted({*told, *named})
        if told.get(name) != named.get(name)
    ]


def check_signature(manifest: Manifest, files: Files, document: DidDocument, *, today: DidDocument) -> str:
    """The key that signed the manifest. `Refused`: it is not signed by a key that this document lists for that.

    The document is read as of when the bundle was made: a key may expire later. `today`: it as of now, since a key that
    is revoked counts no more at all: whoever stole it dates what he signs as he likes.
    """
    parts = files.get(SIGNATURE, b"").split(b".")
    if len(parts) != _PARTS or parts[1]:
        raise Refused("not-a-jws", f"{SIGNATURE} is no detached signature")
    whole = b".".join([parts[0], base64url.encode(files[MANIFEST]), parts[2]])
    jws = jose.parse(whole, len(whole))
    if jws.type != _TYPE:
        raise Refused("bad-typ", f"{jws.type:.40} instead of {_TYPE}")
    key_id = jws.key_id or ""
    if did_of_key(key_id) != manifest.by:
        raise Refused("foreign-key", f"{key_id:.120} is no key of {manifest.by:.120}")
    jose.verify(jws, key_for(document, key_id, "assertionMethod"))
    if (method := today.methods[key_id]).revoked:
        raise Refused("method-ended", f"{key_id:.120} {method.ended}")
    return key_id


def thumbprint(document: DidDocument, key_id: str) -> str:
    """The thumbprint of a key of the document."""
    return jwk_thumbprint(orjson.loads(document.methods[key_id].jwk))
