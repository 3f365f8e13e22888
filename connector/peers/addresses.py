"""Which addresses this connector may connect to.

Only global unicast, judged on the address itself: names lie, and resolve to something else the next time. The ranges
below are on top of `ipaddress.is_global`, which lets through what leads inside by translation (IANA special-purpose
address registries; CPython 3.11).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from yarl import URL

from connector.errors import AddressBlocked

_HTTPS_PORT: Final = 443
_FIRST_FREE_PORT: Final = 1024
_LAST_PORT: Final = 65535
_MAX_URL: Final = 2048
_GLOBAL_UNICAST: Final = ip_network("2000::/3")

_BLOCKED: Final = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relay
        "168.63.129.16/32",  # a cloud's metadata host on a public-looking address
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4: wraps any IPv4 address
        "3fff::/20",  # documentation
    )
)


@lru_cache(maxsize=4096)
def may_connect(address: str, *, loopback: bool) -> bool:
    """Whether to open a connection to this numeric address. `loopback`: under the unsafe setting."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return loopback
    return _is_public(parsed)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    # Outside 2000::/3 lie NAT64 (64:ff9b::/96), the IPv4-compatible and site-local ranges, SRv6 (5f00::/16).
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in _BLOCKED)


@lru_cache(maxsize=2048)
def target(text: str, *, loopback: bool) -> URL:
    """The parsed URL of a request. `AddressBlocked` for one that is not asked, before any look-up.

    The client gets what was judged here, so that two parsers can't read it differently.
    """
    if len(text) > _MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise _not_asked(text, "it is too long or not plain ASCII")
    try:
        url = URL(text).with_fragment(None)
        host, port = url.host, url.explicit_port
    except ValueError as problem:
        raise _not_asked(text, "it is not a URL") from problem
    if not host or url.user is not None or url.password is not None:
        raise _not_asked(text, "it has no host, or a user name")
    if _is_disguised(host):
        raise _not_asked(text, "it has a number for a name")
    plain_loopback = url.scheme == "http" and loopback and _is_loopback_name(host)
    if url.scheme != "https" and not plain_loopback:
        raise _not_asked(text, "only https is used")
    if port is not None and port != _HTTPS_PORT and not _FIRST_FREE_PORT <= port <= _LAST_PORT:
        raise _not_asked(text, "its port is reserved for another service")
    return url


def check(text: str, *, loopback: bool) -> None:
    """`AddressBlocked` for an address that this connector would never ask, as far as the text tells.

    A name may still resolve to an inner address: that is judged when a connection is opened.
    """
    host = target(text, loopback=loopback).host or ""
    inner = not may_connect(host, loopback=loopback) if _is_numeric(host) else not loopback and _is_loopback_name(host)
    if inner:
        raise _not_asked(text, "it leads inside")


def shown(text: str) -> str:
    """A URL for a sentence: without its query, which may hold a secret."""
    return ascii(text.partition("?")[0][:200])[1:-1]


def _not_asked(text: str, why: str) -> AddressBlocked:
    return AddressBlocked(f"{shown(text)} was not asked: {why}.")


def _is_disguised(host: str) -> bool:
    """`127.1`, `2130706433`, `0x7f.1`: no address by our reading, but one for many resolvers (WHATWG URL, 3.5)."""
    if ":" in host or not host.rstrip(".").rpartition(".")[2][:1].isdigit():
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback_name(host: str) -> bool:
    """Names that mean this machine. What they resolve to is checked as well."""
    return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")
