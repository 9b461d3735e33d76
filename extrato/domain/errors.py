"""The errors of the domain: a refused command, and an unknown name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.errors import CataloguedError
from extrato.domain.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


class Refused(CataloguedError):
    """The rules refuse a command; `facts` fill the sentences of the catalogue."""

    def __init__(self, code: str, about: str = "", **facts: object) -> None:
        super().__init__(code, about, facts)


class UnknownName(Refused):
    """A name is not one of `known`; `nearest` is the known name that was probably meant.

    With `names_all`, an error without a nearest name lists all known names. Use it where they are few.
    """

    def __init__(self, code: str, about: str, *, known: Iterable[str], names_all: bool = False) -> None:
        self.nearest = nearest(about, known)
        facts = {} if self.nearest is None else {"why": "near", "nearest": self.nearest}
        if self.nearest is None and names_all:
            facts = {"why": "listed", "choices": ", ".join(sorted(known))}
        super().__init__(code, about, **facts)
