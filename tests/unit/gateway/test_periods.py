"""The days of a statement's period, in zones whose clocks change."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from extrato.domain.errors import Refused
from services.gateway.http.readings import YEARS
from services.gateway.v1.periods import period_of

QUARTER = timedelta(minutes=15)


def hours(first: str, last: str, zone: str) -> list[float]:
    """The length of each day, in hours."""
    period = period_of(date.fromisoformat(first), date.fromisoformat(last), zone)
    return [(end - start) / timedelta(hours=1) for start, end in pairwise((*period.starts, period.end))]


@pytest.mark.parametrize(
    ("first", "last", "zone", "lengths"),
    [
        ("2026-11-29", "2026-11-30", "America/Sao_Paulo", [24, 24]),
        ("2026-03-07", "2026-03-09", "America/New_York", [24, 23, 24]),
        ("2026-10-31", "2026-11-02", "America/New_York", [24, 25, 24]),
        # Midnight did not exist on this day, and the day after lasted 25 hours in autumn.
        ("2018-11-03", "2018-11-05", "America/Sao_Paulo", [24, 23, 24]),
        ("2019-02-15", "2019-02-17", "America/Sao_Paulo", [24, 25, 24]),
        ("2026-04-04", "2026-04-06", "Australia/Lord_Howe", [24, 24.5, 24]),
        # Samoa skipped a day.
        ("2011-12-29", "2011-12-31", "Pacific/Apia", [24, 0, 24]),
        ("2024-02-28", "2024-03-01", "Asia/Kathmandu", [24, 24, 24]),
        ("2099-12-31", "2099-12-31", "UTC", [24]),
    ],
)
def test_day_is_as_long_as_in_its_zone(first: str, last: str, zone: str, lengths: list[float]):
    assert hours(first, last, zone) == lengths


def test_day_begins_at_its_first_instant():
    period = period_of(date(2018, 11, 4), date(2018, 11, 4), "America/Sao_Paulo")
    assert period.start.astimezone(period.zone).isoformat() == "2018-11-04T01:00:00-02:00"
    assert period.days == (date(2018, 11, 4),)


@pytest.mark.parametrize(("first", "last"), [("2026-11-30", "2026-11-29"), ("2024-01-01", "2025-01-01")])
def test_impossible_period_is_refused(first: str, last: str):
    with pytest.raises(Refused) as refused:
        period_of(date.fromisoformat(first), date.fromisoformat(last), "UTC")
    assert refused.value.code == "invalid_period"


def test_every_zone_has_offsets_of_quarters_of_an_hour():
    """Sums by quarter of an hour serve the days of every zone."""
    moments = [datetime(year, month, 1, tzinfo=UTC) for year in YEARS if year < 2040 for month in (1, 4, 7, 10)]
    odd = {
        name
        for name in available_timezones()
        for at in moments
        if (at.astimezone(ZoneInfo(name)).utcoffset() or QUARTER) % QUARTER
    }
    assert odd == set()


def test_zones_need_no_database_of_the_system():
    code = "from services.gateway.v1.periods import period_of; from datetime import date; d = date(2026, 1, 1)"
    code += "; print(period_of(d, d, 'America/Sao_Paulo').start.isoformat())"
    environment = {**os.environ, "PYTHONTZPATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "2026-01-01T03:00:00+00:00\n"
