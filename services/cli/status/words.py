"""Numbers as an operator reads them: ages and sizes."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))
# Two units are precise enough, and a number below 100 fits each column.
_LEAST_OF_UNIT: Final = 2
_SIZES: Final = ("B", "kB", "MB", "GB", "TB")
_FIRST_WITH_FRACTION: Final = 2


def age(seconds: float | None) -> str:
    """Return an age such as `3 s`, `12 min` or `4 d`; `-` without one."""
    if seconds is None:
        return "-"
    for length, name in _UNITS:
        if seconds >= length * _LEAST_OF_UNIT:
            return f"{seconds / length:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def ago(seconds: float | None) -> str:
    """Return an age as part of a sentence."""
    return "at an unknown time" if seconds is None else f"{age(seconds)} ago"


def size(count: int) -> str:
    """Return a number of bytes, such as `1.2 GB`."""
    number, unit = float(count), 0
    while number >= 1000 and unit < len(_SIZES) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.0f} {_SIZES[unit]}" if unit < _FIRST_WITH_FRACTION else f"{number:.1f} {_SIZES[unit]}"
