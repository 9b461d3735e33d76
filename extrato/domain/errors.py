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
    """Something is asked for by a name that is not one of `known`; `nearest` is the one that was probably meant."""

    def __init__(self, code: str, about: str, *, known: Iterable[str]) -> None:
        self.nearest = nearest(about, known)
        meant = {} if self.nearest is None else {"why": "near", "nearest": self.nearest}
        super().__init__(code, about, **meant)
