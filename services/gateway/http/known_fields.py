"""Refuses what a request says in a field that its body does not have: a misspelt field would have no effect.

Which fields a body has, and whether it is refused for others, stands in its Struct in `contracts/api/`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec
from msgspec import Struct

from extrato.domain.errors import Refused
from extrato.domain.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_NAME: Final = 40
# A body has few fields, so that a guess costs little: `quantity` may mean `quantidade`.
SIMILAR: Final = 0.6


def refuse_unknown_fields(body: Mapping[str, Any], kind: type[Struct], within: str = "") -> None:
    """Raise `Refused` for the first field that `kind` does not have, or a Struct in it; `within` is the path so far.

    A value of another type than the field's is left to the code that reads it.
    """
    known, nested = _fields_of(kind)
    if kind.__struct_config__.forbid_unknown_fields and not body.keys() <= known:
        name = next(name for name in body if name not in known)
        raise _unknown(f"{within}{_printable(name)}", _printable(name), kind.__struct_fields__)
    for name, below in nested:
        value = body.get(name)
        if isinstance(value, dict):
            refuse_unknown_fields(value, below, f"{within}{name}.")
        elif isinstance(value, list):
            for place, each in enumerate(value):
                if isinstance(each, dict):
                    refuse_unknown_fields(each, below, f"{within}{name}[{place}].")


@functools.cache
def _fields_of(kind: type[Struct]) -> tuple[frozenset[str], tuple[tuple[str, type[Struct]], ...]]:
    """Give the names of all fields, and those that hold other Structs with the Struct that they hold."""
    nested = [(field.name, below) for field in msgspec.structs.fields(kind) for below in _structs_in(field.type)]
    return frozenset(kind.__struct_fields__), tuple(nested)


def _structs_in(annotation: Any) -> Iterator[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield annotation
    for argument in get_args(annotation):
        yield from _structs_in(argument)


def _unknown(path: str, name: str, known: tuple[str, ...]) -> Refused:
    meant = nearest(name, known, similar=SIMILAR)
    if meant is not None:
        return Refused("unknown_field", path, why="near", nearest=meant)
    return Refused("unknown_field", path, listed=", ".join(f"'{each}'" for each in known))


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:MAX_NAME])
