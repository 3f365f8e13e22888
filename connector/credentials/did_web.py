"""`did:web` identifiers: the address that one stands for, and the one that an address gives.

An identifier is taken only in the strict form: lower-case host name, percent-encoded port, plain path segments; user
info, `%2F`, `..`, addresses and other alphabets are refused before anything is fetched (did:web method, section 3.2).
What lies at the address is `did`'s matter.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from connector.credentials.refused import Refused
from connector.model import Did

_COLONS_WITHOUT_PATH = 2
_MAX_DID_CHARS = 512
_PRIVILEGED_PORTS = 1024
_MAX_PORT = 65535
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_LOOPBACK = re.compile(rf"(?:{_LABEL}\.)?localhost|127\.0\.0\.1")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def did_of(address: str, *, allow_http: bool = False) -> Did:
    """The identifier that leads back to this address, e.g. `did:web:example.com:a` of `https://example.com/a`."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise Refused("bad-did", str(error)) from error
    did = ":".join(["did:web", parts.netloc.replace(":", "%3A"), *filter(None, parts.path.split("/"))])
    leads_to = base_url(did, allow_http=allow_http)
    if leads_to != address.rstrip("/"):
        raise Refused("bad-did", f"it would lead to {leads_to}")
    return Did(did)


def base_url(did: str, *, allow_http: bool = False) -> str:
    """The address that a did:web stands for, without a slash at the end. Loopback only with `allow_http`."""
    if len(did) > _MAX_DID_CHARS or not did.isascii():
        raise Refused("bad-did", "too long or not ASCII (a name with other letters is written xn--...)")
    scheme, _, rest = did.partition(":")
    method, _, name = rest.partition(":")
    if scheme != "did" or method != "web":
        raise Refused("did-method-unsupported", f"{did:.40}")
    authority, *segments = name.split(":")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise Refused("bad-did", "a path segment that is not plain")
    host, encoded, port = authority.partition("%3A")
    scheme = _scheme(host, allow_http=allow_http)
    if encoded and not _good_port(port):
        raise Refused("bad-did", f"port {port:.10}: 443 is left out, others are from {_PRIVILEGED_PORTS} on")
    return "/".join([f"{scheme}://{host}:{port}" if encoded else f"{scheme}://{host}", *segments])


def document_url(did: str, *, allow_http: bool = False) -> str:
    """Where the DID document lies (did:web method, section 3.2)."""
    base = base_url(did, allow_http=allow_http)
    return f"{base}/did.json" if did.count(":") > _COLONS_WITHOUT_PATH else f"{base}/.well-known/did.json"


def did_of_key(key_id: str) -> str:
    """The DID in a DID URL with a fragment."""
    did, _, fragment = key_id.partition("#")
    if not did or not fragment or "#" in fragment or "?" in did or "/" in did:
        raise Refused("bad-key-id", "not a DID with a fragment")
    return did


def _scheme(host: str, *, allow_http: bool) -> str:
    if _LOOPBACK.fullmatch(host):
        if not allow_http:
            raise Refused("bad-did", "loopback needs the unsafe setting")
        return "http"
    if not _HOST.fullmatch(host):
        raise Refused("bad-did", "the host is not a lower-case domain name")
    return "https"


def _good_port(port: str) -> bool:
    if not _PORT.fullmatch(port):
        return False
    number = int(port)
    return _PRIVILEGED_PORTS <= number <= _MAX_PORT
