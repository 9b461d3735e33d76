"""Finds the known name that an unknown name probably means."""

from __future__ import annotations

import difflib
import unicodedata
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# These limits bound the search to a few milliseconds, for any number of known names.
MAX_KNOWN: Final = 1000
MAX_COMPARED: Final = 200
MAX_DIFFERENCE: Final = 5
MIN_SIMILARITY: Final = 0.7


def nearest(name: str, known: Iterable[str], *, min_similarity: float = MIN_SIMILARITY) -> str | None:
    """Return the known name that differs from `name` only in case, accents, signs or a few letters; else None.

    `min_similarity` is the least similarity of the letters, from 0 to 1 (`difflib.SequenceMatcher.ratio`).
    """
    wanted = _plain(name)
    plain = {_plain(each): each for each in islice(known, MAX_KNOWN)}
    if not wanted or wanted in plain:
        return plain.get(wanted) if wanted else None
    near = (each for each in plain if abs(len(each) - len(wanted)) <= MAX_DIFFERENCE)
    found = difflib.get_close_matches(wanted, islice(near, MAX_COMPARED), n=1, cutoff=min_similarity)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    """Keep only letters and digits, without case and accents."""
    return "".join(each for each in unicodedata.normalize("NFKD", name).casefold() if each.isalnum())
