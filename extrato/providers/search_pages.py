"""The pages of a search for a provider's changes, oldest change first. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

# "Only the last 12 months are searchable", and never 365 days at once (error 9062); rows beyond an offset
# of 10,000 are refused with error 1000 (Mercado Pago, guide "Retrieving payments").
SEARCHABLE: Final = timedelta(days=364)
MAX_OFFSET: Final = 10_000
SMALLEST_STEP: Final = timedelta(milliseconds=1)

PROVIDER_AHEAD: Final = timedelta(seconds=60)
"""How far the provider's clock may be ahead of the hub's; a search up to the present ends so much later."""


class SearchPage(Struct, frozen=True, kw_only=True):
    """One page of a search: the changes from `since` to `until`, skipping the first `offset`."""

    since: datetime
    until: datetime
    offset: int = 0


def next_page(asked: SearchPage, *, newest: datetime, answers: int) -> SearchPage:
    """Return the page after one with `answers` changes, the newest of them at `newest`.

    A payment that changes meanwhile moves to the end, so an offset would skip another payment. The next page starts
    at the newest change instead; only a page whose changes all have the same time needs an offset.
    """
    if newest > asked.since:
        return replace(asked, since=newest, offset=0)
    if asked.offset + answers > MAX_OFFSET:
        return replace(asked, since=asked.since + SMALLEST_STEP, offset=0)
    return replace(asked, offset=asked.offset + answers)


def searchable(since: datetime, now: datetime) -> datetime:
    """Return `since`, or the earliest time that a search may start at."""
    return max(since, now - SEARCHABLE)
