"""A file's bytes as UTF-8: exports of other models come in UTF-16 or with a byte order mark (Unicode 17, 3.10 D98)."""

from __future__ import annotations

import codecs

from connector.errors import BadInput

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def as_utf8(octets: bytes) -> bytes:
    """The same text in UTF-8 without a mark. `BadInput`: it is not text in the encoding that its mark names."""
    for mark, encoding in _MARKS:
        if octets.startswith(mark):
            try:
                return octets.removeprefix(mark).decode(encoding).encode()
            except UnicodeDecodeError:
                raise BadInput(f"the file says that it is {encoding}, and is not") from None
    return octets
