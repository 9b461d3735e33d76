"""Reads the headings of CHANGELOG.md, which has the form of Keep a Changelog 1.1."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, NamedTuple

UNRELEASED: Final = "Unreleased"
_SECTION: Final = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?$", re.MULTILINE)


class Section(NamedTuple):
    """One `## [version] - date` and the lines below it; `date` is None if it is absent or not an ISO 8601 date."""

    version: str
    date: dt.date | None
    text: str


def sections(changelog: str) -> list[Section]:
    """Return every section in the order of the file, newest first."""
    headings = list(_SECTION.finditer(changelog))
    ends = [heading.start() for heading in headings[1:]] + [len(changelog)]
    return [
        Section(heading["version"], _date(heading["date"]), changelog[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    ]


def releases(changelog: str) -> list[Section]:
    """Return the sections of versions, without `Unreleased`."""
    return [section for section in sections(changelog) if section.version != UNRELEASED]


def _date(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return None
