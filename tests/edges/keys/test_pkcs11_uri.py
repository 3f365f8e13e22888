"""The PKCS #11 URI: read strictly, written as it was read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import BadConfig
from connector.keys.pkcs11_uri import Pkcs11Uri, parse

WHERE = "module-path=/usr/lib/p11.so"


@given(
    st.builds(
        Pkcs11Uri, token=st.text(min_size=1), manufacturer=st.text(), serial=st.text(), model=st.text(),
        object=st.text(), id=st.binary(), module_path=st.text().map("/{}".format),
        pin_source=st.text().map("file:/{}".format) | st.just(""),
    )
)  # fmt: skip
def test_what_is_written_is_read(uri: Pkcs11Uri) -> None:
    """Any label, any id, any path."""
    assert parse(str(uri)) == uri


def test_a_uri_of_the_standard_is_read() -> None:
    """As RFC 7512, section 3, has them."""
    uri = parse(
        f"pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.;object=my-key;"
        f"type=private;id=%69%95%3E?{WHERE}&pin-source=file:/etc/token_pin"
    )
    assert (uri.token, uri.manufacturer, uri.object, uri.id, uri.module_path, uri.pin_source) == (
        "Software PKCS#11 softtoken", "Snake Oil, Inc.", "my-key", b"i\x95>", "/usr/lib/p11.so", "file:/etc/token_pin",
    )  # fmt: skip
    assert uri.names_key
    assert not uri.of_token.names_key


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file:keys/a.pem", "no PKCS #11 URI"),
        (f"pkcs11:object=a?{WHERE}", "names no token"),
        ("pkcs11:token=a", "module-path"),
        ("pkcs11:token=a?module-path=lib.so", "whole path"),
        (f"pkcs11:token=a;token=b?{WHERE}", "twice"),
        (f"pkcs11:token=a;slot-id=1?{WHERE}", "slot-id is not known"),
        (f"pkcs11:token=a;type=public?{WHERE}", "type=private"),
        (f"pkcs11:token=a?{WHERE}&module-name=p11", "module-name is not known"),
        (f"pkcs11:token=a?{WHERE}&pin-source=|cat", "has to be a file"),
        (f"pkcs11:token=%ff?{WHERE}", "not UTF-8"),
        (f"pkcs11:token=a%2?{WHERE}", "two digits"),
        (f"pkcs11:token=a%zz?{WHERE}", "two digits"),
    ],
)
def test_what_could_mean_another_key_is_refused(text: str, told: str) -> None:
    """With what is wrong."""
    with pytest.raises(BadConfig, match=told):
        parse(text)


def test_a_pin_never_stands_in_a_uri_nor_in_its_refusal() -> None:
    """The configuration is no place for a secret, and neither is a log."""
    with pytest.raises(BadConfig) as caught:
        parse(f"pkcs11:token=a?{WHERE}&pin-value=4711")
    assert "4711" not in f"{caught.value.detail} {caught.value.hint}"
