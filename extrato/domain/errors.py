"""The errors of the domain: a command that the rules refuse, and one that names what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.domain.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


class Refused(Exception):
    """The rules refuse a command.

    `code` is stable and for programs; `message` is a sentence for people; `about` names the thing.
    """

    def __init__(self, code: str, message: str, about: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.about = about


class UnknownName(Refused):
    """Something is asked for by a name that is not one of `known`; `nearest` is the one that was probably meant."""

    def __init__(self, code: str, message: str, about: str, *, known: Iterable[str]) -> None:
        self.nearest = nearest(about, known)
        super().__init__(code, message if self.nearest is None else f"{message} Did you mean {self.nearest!r}?", about)
