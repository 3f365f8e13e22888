"""The JSON Canonicalization Scheme (RFC 8785): one text for one JSON value.

`rfc8785` does it to the letter, orjson with sorted keys much faster and with the same text wherever there are no
fractions or exponents, and no letters from U+D000 on: there UTF-16, by which RFC 8785 sorts, and UTF-8 can order keys
differently (section 3.2.3). The octets themselves show whether that is so.
"""

from __future__ import annotations

import orjson
import rfc8785

from connector.credentials.refused import Refused
from connector.model import JsonObject

_BELOW = bytes(range(0xED))
"""All octets that no letter from U+D000 on has first in UTF-8."""
_DIGITS = b"-0123456789"
_FRACTIONS = (b'":.', b'":e', b"[.", b"[e", b",.", b",e")
"""What is left of a number with a fraction or exponent where the digits are gone; seldom of a text: that is no harm."""


def canonical(value: JsonObject) -> bytes:
    """The canonical octets. `Refused` for numbers and texts that have none; what was admitted has them all."""
    try:
        quick = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
        return rfc8785.dumps(value) if _may_differ(quick) else quick
    except (orjson.JSONEncodeError, rfc8785.CanonicalizationError) as error:
        raise Refused("not-canonical", str(error)) from error


def _may_differ(text: bytes) -> bool:
    if text.translate(None, _BELOW):
        return True
    rest = text.translate(None, _DIGITS)
    return any(trace in rest for trace in _FRACTIONS)
