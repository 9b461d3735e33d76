"""The decorator of a test that names the statements of the catalogue that the test proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Test = TypeVar("Test")


def claim(*ids: str) -> Callable[[Test], Test]:
    """Return the test unchanged: `collection.py` reads the ids from the source, so they are literal strings.

    Raises:
        TypeError: no id, or an id that is empty or not a string.
    """
    if not ids or not all(isinstance(each, str) and each for each in ids):
        raise TypeError("A claim names statements of tests/compatibility/catalogue/ by their ids.")
    return lambda test: test
