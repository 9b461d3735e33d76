"""Reads the two lists of docs/privacy.md: the columns of tables and the texts of events, with their classes."""

from __future__ import annotations

import re

from tests.documents import PRIVACY, section

# By row: a table or an event in backticks, its columns or fields, and one class.
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| ([a-z ]+) \|$", re.MULTILINE)
EXPLAINED = re.compile(r"^\| ([a-z ]+) \| .+ \|$", re.MULTILINE)


def classified(heading: str) -> dict[str, str]:
    """Return the class of each name, such as `evidence.body`, below a heading; the page has each name once."""
    found: dict[str, str] = {}
    for owner, names, kind in ROW.findall(section(PRIVACY, heading)):
        for name in re.findall(r"`(\w+)`", names):
            assert f"{owner}.{name}" not in found, f"{PRIVACY} has {owner}.{name} twice"
            found[f"{owner}.{name}"] = kind
    return found


def explained() -> set[str]:
    """Return the classes that the page explains."""
    return set(EXPLAINED.findall(section(PRIVACY, "Every column"))) - {"class", "table"}
