"""Rows as arguments of a statement: each column as one array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_encode: Final = msgspec.json.Encoder().encode

# The driver's own arrays suit long texts, which PostgreSQL would have to read letter by letter.
DOCUMENT: Final = "json"


def unnested(columns: Mapping[str, str]) -> str:
    """Return the SQL of rows whose columns are the arguments; `columns` has the type of each by its name."""
    arrays = [
        f"${number}::{kind}[]" if kind == DOCUMENT else f"${number}::text::{kind}[]"
        for number, kind in enumerate(columns.values(), start=1)
    ]
    return f"unnest({', '.join(arrays)}) AS row ({', '.join(columns)})"


def arguments_of(columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Return the arguments of `unnested` for at least one row."""
    return [
        list(values) if kind == DOCUMENT else array_of(values)
        for kind, values in zip(columns.values(), zip(*rows, strict=True), strict=True)
    ]


def array_of(values: Sequence[Any]) -> str:
    """Return numbers, texts, booleans or times as an array in the syntax of PostgreSQL.

    The driver takes five to ten times as long to encode a list. An array in JSON has the same syntax inside its
    brackets, except for a backslash in a text.
    """
    array = _encode(values).decode()
    if "\\" in array:
        array = f"[{','.join([_cell(value) for value in values])}]"
    return f"{{{array[1:-1]}}}"


def _cell(text: str | None) -> str:
    if text is None:
        return "null"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
