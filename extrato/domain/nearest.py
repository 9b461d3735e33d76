"""Finds the known name that an unknown name probably means."""

from __future__ import annotations

import difflib
import unicodedata
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# These limits bound the search to a few milliseconds, for any number of known names.
MAX_LOOKED_AT: Final = 1000
MAX_COMPARED: Final = 200
MAX_DIFFERENCE: Final = 5
MIN_SIMILARITY: Final = 0.7


def nearest(asked: str, known: Iterable[str], *, similar: float = MIN_SIMILARITY) -> str | None:
    """Return the known name that differs from `asked` in case, accents and signs only, or in few letters; else None.

    `similar` is how much the letters must have in common, from 0 to 1 (`difflib.SequenceMatcher.ratio`).
    """
    wanted = _plain(asked)
    plain = {_plain(name): name for name in islice(known, MAX_LOOKED_AT)}
    if not wanted or wanted in plain:
        return plain.get(wanted) if wanted else None
    near = (name for name in plain if abs(len(name) - len(wanted)) <= MAX_DIFFERENCE)
    found = difflib.get_close_matches(wanted, islice(near, MAX_COMPARED), n=1, cutoff=similar)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    """Keep only letters and digits, without case and accents."""
    return "".join(each for each in unicodedata.normalize("NFKD", name).casefold() if each.isalnum())
