"""Base64url without padding, in its one canonical form (RFC 4648 section 5, RFC 7515 section 2).

The standard library skips characters that it does not know and ignores stray bits at the end, so that many texts decode
to the same octets. Here each octet string has exactly one text.
"""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64

from connector.credentials.refused import Refused

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PADDING = (b"", b"", b"==", b"=")


def encode(octets: bytes) -> bytes:
    """The text of these octets, as ASCII bytes."""
    return b2a_base64(octets, newline=False).translate(_TO_URL).rstrip(b"=")


def decode(text: bytes) -> bytes:
    """The octets of this text; anything but the canonical text is refused."""
    size = len(text) % 4
    if size == 1 or b"+" in text or b"/" in text or b"=" in text:
        raise Refused("bad-base64url", "a length or a character that does not occur")
    try:
        octets = a2b_base64(text.translate(_FROM_URL) + _PADDING[size], strict_mode=True)
    except Error as error:
        raise Refused("bad-base64url", str(error)) from error
    # only the last group can have stray bits, so only that is written again
    if size and encode(octets[-(size - 1) :]) != text[-size:]:
        raise Refused("bad-base64url", "not the canonical text of its octets")
    return octets
