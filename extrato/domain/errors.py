"""The errors of the domain: a command that the rules refuse, and one that names what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.errors import CataloguedError
from extrato.domain.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


class Refused(CataloguedError):
    """The rules refuse a command; the catalogue says it in sentences, which `facts` fill."""

    def __init__(self, code: str, about: str = "", **facts: object) -> None:
        super().__init__(code, about, facts)


class UnknownName(Refused):
    """Something is asked for by a name that is not one of `known`; `nearest` is the one that was probably meant.

    With `names_all`, for a kind of which there are few, an error without a nearest name names all of them.
    """

    def __init__(self, code: str, about: str, *, known: Iterable[str], names_all: bool = False) -> None:
        self.nearest = nearest(about, known)
        facts = {} if self.nearest is None else {"why": "near", "nearest": self.nearest}
        if self.nearest is None and names_all:
            facts = {"why": "listed", "choices": ", ".join(sorted(known))}
        super().__init__(code, about, **facts)
