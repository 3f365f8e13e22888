"""Dates and times by the plan's format, to UTC; double and impossible ones are refused."""

from __future__ import annotations

import pytest

from connector.mapping.dates import BadFormat, date_reader, time_reader, written_so
from connector.mapping.unfit import Unfit


def test_dates() -> None:
    """The formats of exports."""
    assert date_reader("%d.%m.%Y")("01.02.2027") == "2027-02-01"
    assert date_reader("sap")("20270201") == "2027-02-01"
    assert date_reader("%m/%d/%Y")("12/31/2026") == "2026-12-31"


@pytest.mark.parametrize(
    "text", ["30.02.2027", "03/04/27", "2027-02-01", "1.2.27", "44561", "01.02.2027 ", "\u0660\u0661.02.2027"]
)
def test_dates_refused(text: str) -> None:
    """No other form, no impossible day, no serial number."""
    with pytest.raises(Unfit) as raised:
        date_reader("%d.%m.%Y")(text)
    assert raised.value.code == "bad-date"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("sap", "2027113"), ("%y%m%d", "27113"), ("%d%m.%Y", "113.2027"), ("%Y%m%d %H%M", "20270101 145"),
        ("%Y%m%d %H%M", "2027113 0145"), ("%d.%m.%Y %H%M", "01.01.2027 145"), ("%Y%m%d%H%M", "20271130145"),
    ],
)  # fmt: skip
def test_numbers_that_run_together_have_two_digits(written: str, text: str) -> None:
    """The third of November or the thirteenth of January, a quarter to two or five past two: neither is picked."""
    read = time_reader(written, "UTC") if "%H" in written else date_reader(written)
    with pytest.raises(Unfit):
        read(text)


def test_times() -> None:
    """Local times need a zone, offsets in the text do without."""
    assert time_reader("%d.%m.%Y", "UTC")("01.02.2027") == "2027-02-01T00:00:00Z"
    berlin = time_reader("%d.%m.%Y %H:%M:%S", "Europe/Berlin")
    assert berlin("01.02.2027 06:00:00") == "2027-02-01T05:00:00Z"
    assert berlin("01.07.2027 06:00:00") == "2027-07-01T04:00:00Z"
    assert time_reader("iso", None)("2027-02-10T06:00:00.250+01:00") == "2027-02-10T05:00:00.250000Z"
    parts = time_reader("%d.%m.%Y %H:%M:%S.%f %z", None)
    assert parts("01.02.2027 06:00:00.5 +0130") == "2027-02-01T04:30:00.500000Z"
    assert parts("01.02.2027 06:00:00.0000019 -01:00") == "2027-02-01T07:00:00.000001Z"
    assert time_reader("iso", "+09:00")("2027-02-10T06:00:00") == "2027-02-09T21:00:00Z"


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2:05 PM", "14"),
        ("1:05 PM", "13"),
        ("02:05 am", "02"),
        ("12:05 AM", "00"),
        ("12:05 p.m.", "12"),
        ("11:05 PM", "23"),
    ],
)
def test_hours_of_twelve(text: str, hour: str) -> None:
    """Noon and midnight are both twelve."""
    assert time_reader("%m/%d/%Y %I:%M %p", "UTC")(f"03/14/2027 {text}") == f"2027-03-14T{hour}:05:00Z"


def test_hours_that_are_on_no_dial() -> None:
    """Neither zero nor thirteen; nor a time without its half of the day."""
    for text in ("0:05 PM", "13:05 PM", "2:05", "2:05 XM"):
        with pytest.raises(Unfit):
            time_reader("%m/%d/%Y %I:%M %p", "UTC")(f"03/14/2027 {text}")


def test_times_of_the_american_kind_are_recognised() -> None:
    """One day beyond twelve tells the month from the day; without one both are possible."""
    assert written_so("03/14/2027 2:05 PM", "03/04/2027 11:15 AM", times=True) == ["%m/%d/%Y %I:%M %p"]
    assert written_so("03/04/2027 2:05:10 PM", times=True) == ["%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p"]
    assert written_so("03/14/2027 14:05 PM", times=True) == []
    assert written_so() == []


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2027-12-31", "iso"), ("20271231", "sap"), ("/Date(1830211200000)/", "odata"),
        ("31.12.2027", "%d.%m.%Y"), ("31/12/2027", "%d/%m/%Y"), ("12/31/2027", "%m/%d/%Y"), ("31-12-2027", "%d-%m-%Y"),
        ("2027/12/31", "%Y/%m/%d"), ("2027.12.31", "%Y.%m.%d"),
        ("31.12.27", "%d.%m.%y"), ("31/12/27", "%d/%m/%y"), ("12/31/27", "%m/%d/%y"),
        ("12/31/2027 12:00:00 AM", "%m/%d/%Y 12:00:00 AM"), ("31.12.2027 00:00:00", "%d.%m.%Y 00:00:00"),
        ("2027-12-31 00:00:00", "%Y-%m-%d 00:00:00"), ("2027-12-31T00:00:00", "%Y-%m-%dT00:00:00"),
    ],
)  # fmt: skip
def test_dates_that_are_recognised(text: str, written: str) -> None:
    """By one format each, which reads them as they are meant."""
    assert written_so(text) == [written]
    assert date_reader(written)(text) == "2027-12-31"


@pytest.mark.parametrize(
    ("text", "written", "seconds"),
    [
        ("2027-12-31T14:05:09Z", "iso", True), ("/Date(1830261909000)/", "odata", True),
        ("202712311405", "%Y%m%d%H%M", False), ("20271231140509", "%Y%m%d%H%M%S", True),
        ("31.12.2027 14:05", "%d.%m.%Y %H:%M", False), ("31/12/2027 14:05:09", "%d/%m/%Y %H:%M:%S", True),
        ("2027/12/31 2:05 PM", "%Y/%m/%d %I:%M %p", False), ("12/31/27 2:05:09 pm", "%m/%d/%y %I:%M:%S %p", True),
    ],
)  # fmt: skip
def test_times_that_are_recognised(text: str, written: str, *, seconds: bool) -> None:
    """Any of the days with any of the clocks."""
    assert written_so(text, times=True) == [written]
    assert time_reader(written, "UTC")(text) == f"2027-12-31T14:05:{'09' if seconds else '00'}Z"


def test_dates_and_times_of_odata_2() -> None:
    """Milliseconds of UTC; an offset is for display; a day is a day's beginning."""
    assert time_reader("odata", None)("/Date(1801461600000+0060)/") == "2027-02-01T06:00:00Z"
    assert time_reader("odata", "Europe/Berlin")("/Date(-1)/") == "1969-12-31T23:59:59.999000Z"
    assert date_reader("odata")("/Date(1801440000000)/") == "2027-02-01"
    for text in (
        "/Date(1801461600000)/",
        "/Date(864000000000000)/",
        "2027-02-01",
        "/Date()/",
    ):
        with pytest.raises(Unfit):
            date_reader("odata")(text)


@pytest.mark.parametrize(
    ("text", "said"), [("31.10.2027 02:30:00", "happens twice"), ("28.03.2027 02:30:00", "does not exist")]
)
def test_clock_changes(text: str, said: str) -> None:
    """An hour that the clock change doubles or drops is not picked."""
    with pytest.raises(Unfit, match=said):
        time_reader("%d.%m.%Y %H:%M:%S", "Europe/Berlin")(text)


def test_times_refused() -> None:
    """No offset and no zone; an hour 25; a year that UTC leaves; an offset of a day."""
    with pytest.raises(Unfit):
        time_reader("iso", None)("2027-02-10T06:00:00")
    with pytest.raises(Unfit):
        time_reader("iso", "UTC")("2027-02-10T25:00:00")
    for text in ("0001-01-01T00:00:00+01:00", "2027-02-10T06:00:00+24:00"):
        with pytest.raises(Unfit):
            time_reader("iso", None)(text)


def test_years_of_two_digits() -> None:
    """Of this century; what may be of the last one is refused, and no century is guessed."""
    read = date_reader("%d.%m.%y")
    assert [read(text) for text in ("3.11.26", "01.01.00", "31.12.68")] == ["2026-11-03", "2000-01-01", "2068-12-31"]
    assert date_reader("%y%m%d")("261103") == "2026-11-03"
    assert time_reader("%d.%m.%y %H:%M", "UTC")("03.11.26 06:15") == "2026-11-03T06:15:00Z"
    with pytest.raises(Unfit, match="leaves open whether it is 1998 or 2098") as refused:
        read("01.07.98")
    assert "export the year with four" in refused.value.hint
    for text in ("03.11.2026", "31.11.26", "3.11.6", "01.01.69"):
        with pytest.raises(Unfit):
            read(text)


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("%d.%m.%y %Y", "UTC"),
        ("%d.%m", "UTC"),
        ("%d.%m.%Y", None),
        ("iso", "Mars"),
        ("iso", "+25:00"),
        ("%d.%Y", "UTC"),
        ("%m.%Y", "UTC"),
        ("%d.%d.%m.%Y", "UTC"),
        ("%d.%m.%Y %A", "UTC"),
        ("%d.%m.%Y%", "UTC"),
        ("%d.%m.%Y %I:%M", "UTC"),
        ("%d.%m.%Y %H:%M %p", "UTC"),
        ("%d.%m.%Y %H %I %p", "UTC"),
    ],
)
def test_bad_formats(written: str, zone: str | None) -> None:
    """A format that leaves anything open is the plan's mistake."""
    with pytest.raises(BadFormat):
        time_reader(written, zone)
