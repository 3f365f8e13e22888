"""What spreadsheets put in the place of what was meant: errors, nothing for a formula, long numbers cut short. Told,
and never a value.
"""

from __future__ import annotations

import re

from connector.mapping.source import NumberCell
from connector.mapping.unfit import Unfit

NOT_CALCULATED = "#NOT-CALCULATED!"
"""What a formula is told as that no program has calculated (`cell_errors.py`)."""
_CALCULATE = "open the file in a spreadsheet, save it there, and try again; or export values instead of formulas"
_MEND = "mend it in the spreadsheet, and export it anew; `null` lists cells that mean nothing"
_ERROR = re.compile(
    r"#(?:N/A|NV|VALUE!|WERT!|VALEUR!|REF!|BEZUG!|DIV/0!|NAME\?|NOM\?|NUM!|NOMBRE!|ZAHL!|NULL!|NUL!|SPILL!|CALC!"
    r"|GETTING_DATA|FIELD!|BUSY!|CONNECT!|BLOCKED!|UNKNOWN!|NOT-CALCULATED!|#+)|Err:[0-9]{3}"
)
"""Excel's in three languages, and a column too narrow; LibreOffice's."""
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+")
"""Excel's, of a number of twelve digits."""
_ERROR_FIRST, _DIGITS = frozenset("#E"), frozenset("0123456789")


def is_error(text: str) -> bool:
    """Whether a spreadsheet says with this that it has no value."""
    return text[:1] in _ERROR_FIRST and _ERROR.fullmatch(text) is not None


def is_mangled(text: str) -> bool:
    """Whether a spreadsheet has put this in the place of what was meant."""
    return is_error(text) or (text[:1] in _DIGITS and _SHORTENED.fullmatch(text) is not None)


def error_in(text: str) -> Unfit:
    """A text, or a condition, that reads a cell with an error."""
    if text == NOT_CALCULATED:
        return Unfit("mangled-text", f"`{text}`: the cell has a formula, and no program has calculated it.", mend(text))
    return Unfit("mangled-text", f"`{text}` is what a spreadsheet writes for an error.", mend(text))


def mend(text: str) -> str:
    """What to do about an error."""
    return _CALCULATE if text == NOT_CALCULATED else _MEND


def whole_text(text: str) -> str:
    """What a spreadsheet has put in a text's place is no lot number; a `pattern` says what is meant."""
    if isinstance(text, NumberCell) or not is_mangled(text):
        return text
    if is_error(text):
        raise error_in(text)
    hint = "export it anew, and open it in no spreadsheet; a `pattern` says what is meant"
    raise Unfit(
        "mangled-text", f"`{text}` is what a spreadsheet writes for a long number, whose digits are lost.", hint
    )
