"""Dates and times as written in exports, to `YYYY-MM-DD` and `YYYY-MM-DDTHH:MM:SSZ`.

The plan gives the format; it is a closed set of marks. A local time needs a zone; one that the clock change makes
double or impossible is refused, not picked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from connector.mapping.unfit import Unfit

_MARKS = {
    "d": r"(?P<d>[0-9]{1,2})",
    "m": r"(?P<m>[0-9]{1,2})",
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "H": r"(?P<H>[0-9]{1,2})",
    "I": r"(?P<I>[0-9]{1,2})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "M": r"(?P<M>[0-9]{1,2})",
    "S": r"(?P<S>[0-9]{2})",
    "f": r"(?P<f>[0-9]{1,9})",
    "z": r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})",
}
_RUN_TOGETHER = re.compile(r"(?:%[dmYyHIMSf]){2,}")
"""Numbers with nothing between them: only their width tells where one ends."""
_SHORT = {"iso": "%Y-%m-%d", "sap": "%Y%m%d"}
_ISO_TIME = re.compile(
    r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})[T ](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})"
    r"(?:\.(?P<f>[0-9]{1,9}))?)?(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_ODATA = re.compile(r"/Date\((?P<ms>-?[0-9]{1,15})(?:[+-][0-9]{1,4})?\)/")
"""Edm.DateTime and Edm.DateTimeOffset in JSON (OData 2.0, 4): milliseconds of UTC since 1970, whatever the offset."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC, as all times here are before their mark is put on
_DAY_MS = 86_400_000
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_CACHED = 8192
_SERIAL = re.compile(r"[2-7][0-9]{4}(?:[.,][0-9]+)?")
"""Days since 1900 or 1904, of 1954 to 2122."""
_LATEST_OF_TWO = 68
"""As POSIX reads `%y`; but what it takes for a year of the last century is refused."""


class BadFormat(ValueError):
    """A date format or a zone that this engine does not know."""


def _pattern(written: str) -> re.Pattern[str]:
    out, position, seen = [], 0, set()
    run_on = {place for run in _RUN_TOGETHER.finditer(written) for place in range(*run.span())}
    while position < len(written):
        character = written[position]
        if character != "%":
            out.append(re.escape(character))
            position += 1
            continue
        mark = written[position + 1 : position + 2]
        if mark not in _MARKS or mark in seen:
            raise BadFormat(
                f"`%{mark}` in `{written}` is unknown or stands twice; known: %d %m %Y %y %H %I %p %M %S %f %z."
            )
        seen.add(mark)
        out.append(_MARKS[mark].replace("{1,2}", "{2}") if position in run_on else _MARKS[mark])
        position += 2
    if not {"d", "m"} <= seen or len(seen & {"Y", "y"}) != 1:
        raise BadFormat(f"`{written}` does not say %d, %m and %Y, or %y of two digits.")
    if seen & {"I", "p"} and seen & {"H", "I", "p"} != {"I", "p"}:
        raise BadFormat(f"`{written}`: an hour of twelve is %I with %p (AM, PM), one of twenty-four is %H.")
    return re.compile("".join(out))


def _odata_day(text: str) -> str:
    found = _ODATA.fullmatch(text)
    if found is None:
        raise Unfit("bad-date", f"`{text[:40]}` is no date of the form /Date(milliseconds)/.")
    if int(found["ms"]) % _DAY_MS:
        raise Unfit("bad-date", f"`{text}` is not the beginning of a day (UTC).", "say `datetime: odata`")
    return _odata_time(text)[:10]


def _odata_time(text: str) -> str:
    found = _ODATA.fullmatch(text)
    if found is None:
        raise Unfit("bad-time", f"`{text[:40]}` is no time of the form /Date(milliseconds)/.")
    try:
        return _shown(_EPOCH + timedelta(milliseconds=int(found["ms"])))
    except OverflowError as error:
        raise Unfit("bad-time", f"`{text}` is no time of the calendar.") from error


def date_reader(written: str) -> Callable[[str], str]:
    """The reader of dates in this format."""
    if written == "odata":
        return _odata_day
    shown = _SHORT.get(written, written)
    fullmatch = _pattern(shown).fullmatch
    iso = _pattern("%Y-%m-%d").fullmatch

    @lru_cache(maxsize=_CACHED)
    def read(text: str) -> str:
        found = fullmatch(text)
        if found is None:
            hint = "it looks like `iso`" if iso(text) else f"the plan says `{shown}`"
            if _SERIAL.fullmatch(text):
                hint = "a spreadsheet's number of a day? Format the column as a date there, and export it anew"
            raise Unfit("bad-date", f"`{text[:40]}` is no date of the form {shown}.", hint)
        try:
            return date(_year(found.groupdict(), text), int(found["m"]), int(found["d"])).isoformat()
        except ValueError as error:
            raise Unfit("bad-date", f"`{text}` is no day of the calendar.", f"the plan says `{shown}`") from error

    return read


_DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y",
    "%Y. %m. %d.", "%Y년 %m월 %d일", "%Y년%m월%d일", "%Y年%m月%d日",
)  # fmt: skip
_MIDNIGHTS = ("%m/%d/%Y 12:00:00 AM", "%d.%m.%Y 00:00:00", "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00:00")
_KNOWN_DATES = ("iso", "sap", "odata", *_DAYS, *_MIDNIGHTS)
_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_RUN_ON = ("%Y%m%d%H%M", "%Y%m%d%H%M%S")
"""Formats 203 and 204 of UN/EDIFACT (2379)."""
_KNOWN_TIMES = ("iso", "odata", *_RUN_ON, *(f"{day} {time}" for day in _DAYS for time in _CLOCKS))


def written_so(*texts: str, times: bool = False) -> list[str]:
    """The formats, of those in use, in which all of these texts are dates; with `times`, dates with a time of day."""
    return [name for name, read in _readers(times=times) if texts and all(_reads(read, text) for text in texts)]


_ISO_TIMES = tuple(f"%Y-%m-%d{mark}%H:%M{rest}" for mark in "T " for rest in ("", ":%S", ":%S.%f", ":%S%z", ":%S.%f%z"))


def days_in_times(*texts: str) -> tuple[str, ...]:
    """The formats for a `date` in which all of these are days with a time of day, which a date leaves out."""
    known = (*_ISO_TIMES, *(name for name, _ in _readers(times=True) if "%" in name))
    return tuple(name for name in known if texts and all(_reads(date_reader(name), text) for text in texts))


@cache
def _readers(*, times: bool) -> tuple[tuple[str, Callable[[str], str]], ...]:
    if times:
        return tuple((one, time_reader(one, "UTC")) for one in _KNOWN_TIMES)
    return tuple((one, date_reader(one)) for one in _KNOWN_DATES)


def _reads(read: Callable[[str], str], text: str) -> bool:
    try:
        return bool(read(text))
    except Unfit:
        return False


def zone_of(name: str) -> tzinfo:
    """A zone by its IANA name, `UTC`, or an offset such as `+01:00`."""
    found = _OFFSET.fullmatch(name)
    if name == "UTC":
        return UTC
    try:
        return _offset(found) if found else ZoneInfo(name)
    except (KeyError, ValueError, OSError, Unfit) as error:
        raise BadFormat(f"`{name}` is no time zone that this machine knows, such as Europe/Berlin or UTC.") from error


def _offset(found: re.Match[str]) -> timezone:
    minutes = int(found[2]) * 60 + int(found[3])
    try:
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    except ValueError as error:
        raise Unfit("bad-time", f"`{found[0]}` is no offset from UTC.") from error


def time_reader(written: str, zone: str | None) -> Callable[[str], str]:
    """The reader of times in this format, to UTC."""
    if written == "odata":
        return _odata_time
    pattern = _ISO_TIME if written == "iso" else _pattern(written)
    local = zone_of(zone) if zone else None
    if local is None and "z" not in pattern.groupindex:
        raise BadFormat(f"`{written}` says no offset (%z), so the plan has to say the `zone`.")

    @lru_cache(maxsize=_CACHED)
    def read(text: str) -> str:
        found = pattern.fullmatch(text)
        if found is None:
            raise Unfit("bad-time", f"`{text[:40]}` is no time of the form {written}.")
        parts = found.groupdict()
        fraction = ((parts.get("f") or "") + "000000")[:6]
        try:
            naive = datetime(  # noqa: DTZ001  # the zone is put on below, where double and impossible times are refused
                _year(parts, text), int(parts["m"] or 0), int(parts["d"] or 0), _hour(parts),
                int(parts.get("M") or 0), int(parts.get("S") or 0), int(fraction),
            )  # fmt: skip
        except ValueError as error:
            raise Unfit("bad-time", f"`{text}` is no time of the calendar.") from error
        return _utc(naive, _zone(parts.get("z"), local, text), text)

    return read


def _year(parts: Mapping[str, str | None], text: str) -> int:
    """The year; of two digits one of this century, and where that is doubtful none."""
    if long := parts.get("Y"):
        return int(long)
    short = int(parts["y"] or 0)
    if short > _LATEST_OF_TWO:
        hint = f"two digits mean 2000 to 20{_LATEST_OF_TWO}: export the year with four"
        raise Unfit("bad-date", f"`{text}` leaves open whether it is 19{short} or 20{short}.", hint)
    return 2000 + short


def _hour(parts: Mapping[str, str | None]) -> int:
    """The hour of twenty-four. `ValueError`: there is none of that number on a dial of twelve."""
    half, dial = parts.get("p"), int(parts.get("I") or 0)
    if not half:
        return int(parts.get("H") or 0)
    if not 1 <= dial <= 12:  # noqa: PLR2004  # hours on a dial
        raise ValueError(dial)
    return dial % 12 + 12 * (half[0] in "Pp")


def _zone(offset: str | None, local: tzinfo | None, text: str) -> tzinfo:
    if offset:
        found = _OFFSET.fullmatch(offset)
        return _offset(found) if found else UTC
    if local is None:
        raise Unfit("bad-time", f"`{text}` has no offset from UTC.", "say the `zone`")
    return local


def _utc(naive: datetime, zone: tzinfo, text: str) -> str:
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    try:
        instant = first.astimezone(UTC)
        if first.utcoffset() != second.utcoffset():
            kind = "happens twice" if instant < second.astimezone(UTC) else "does not exist"
            hint = "the clock changes then; export the time with its offset"
            raise Unfit("bad-time", f"`{text}` {kind} in {zone}.", hint)
    except OverflowError as error:
        raise Unfit("bad-time", f"`{text}` is no time of the calendar.") from error
    return _shown(instant.replace(tzinfo=None))


def _shown(utc: datetime) -> str:
    return utc.isoformat() + "Z"
