"""Addresses that may be connected to, and URLs that are not even looked up."""

from __future__ import annotations

import pytest

from connector.errors import AddressBlocked
from connector.peers.addresses import may_connect, target

PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:82b::200e", "::ffff:93.184.215.14"]
INSIDE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "169.254.169.254", "172.16.0.1", "192.168.1.1",
    "192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "168.63.129.16", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::10.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
LOOPBACK = ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    """Global unicast, also written as an IPv4-mapped address."""
    assert may_connect(address, loopback=False)


@pytest.mark.parametrize("address", [*INSIDE, "", "example.com", "1.1.1", "0x7f000001"])
def test_what_leads_inside_is_blocked_with_and_without_the_unsafe_setting(address: str) -> None:
    """Private, link-local, metadata, translated, reserved and multicast addresses, and what is no address."""
    assert not may_connect(address, loopback=False)
    assert not may_connect(address, loopback=True)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_only_by_the_unsafe_setting(address: str) -> None:
    """The demo's setting opens loopback and nothing else."""
    assert not may_connect(address, loopback=False)
    assert may_connect(address, loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com", "https://",
        "https:///path", "http://example.com/", "https://user@example.com/", "https://u:p@example.com/",
        "https://example.com:22/", "https://example.com:80/", "https://example.com:0/", "https://example.com:65536/",
        "https://example.com:x/", "https://exa mple.com/", "https://example.com/\r\nX: y", "https://\u2460\u2461.example/",
        "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://[::1/",
        "https://[1.2.3.4]/", "http://localhost\\@example.com/", "https://e.com/" + "x" * 3000,
    ],
)  # fmt: skip
def test_urls_that_are_not_asked(url: str) -> None:
    """Other schemes, user names, ports of other services, addresses in disguise: `AddressBlocked`, no look-up."""
    with pytest.raises(AddressBlocked):
        target(url, loopback=False)
    if "localhost" not in url:
        with pytest.raises(AddressBlocked):
            target(url, loopback=True)


def test_plain_http_only_to_loopback_names_and_only_when_unsafe() -> None:
    """The unsafe setting does not open plain http to the world."""
    for url in (
        "http://localhost:8080/x",
        "http://mine.localhost:8080/",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
    ):
        assert str(target(url, loopback=True)) == url
        with pytest.raises(AddressBlocked):
            target(url, loopback=False)
    with pytest.raises(AddressBlocked):
        target("http://localhost.example.com:8080/", loopback=True)


def test_the_sentence_keeps_the_query_out() -> None:
    """A query may hold a secret."""
    with pytest.raises(AddressBlocked) as caught:
        target("http://example.com/x?token=s3cret", loopback=False)
    assert "s3cret" not in caught.value.detail


def test_a_fragment_is_not_sent() -> None:
    """`<list>#7` is the list's address."""
    assert str(target("https://example.com/status/0#7", loopback=False)) == "https://example.com/status/0"
