"""The one catalogue of errors: what each code says in English and Portuguese, its HTTP status, its cause and remedy.

An error is raised with its code and facts. It becomes a sentence only where it is answered, logged or printed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from contracts.errors import access, brcodes, merchants, money, payments, providers, requests, running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry, Sentence

# By subject, in the order in which docs/errors.md tells them.
SUBJECTS: Final[Mapping[str, Mapping[str, Entry]]] = MappingProxyType(
    {
        "Access": access.ENTRIES,
        "Requests": requests.ENTRIES,
        "Amounts": money.ENTRIES,
        "Payments": payments.ENTRIES,
        "Merchants, products and API keys": merchants.ENTRIES,
        "Providers": providers.ENTRIES,
        "BR Codes": brcodes.ENTRIES,
        "The hub itself": running.ENTRIES,
    }
)
CATALOGUE: Final[Mapping[str, Entry]] = MappingProxyType(
    {code: entry for entries in SUBJECTS.values() for code, entry in entries.items()}
)


class CataloguedError(Exception):
    """An error of the catalogue. `code` is stable and for programs; `about` names the thing.

    `facts` fill the sentences. Nothing is formatted until a sentence is asked for.
    """

    code: str

    def __init__(self, code: str, about: str, facts: Mapping[str, object]) -> None:
        super().__init__(code)
        self.code = code
        self.about = about
        self.facts = facts

    @property
    def message(self) -> str:
        """Give the English sentence."""
        return self._sentence.english.format(about=self.about, **self.facts)

    @property
    def portuguese(self) -> str:
        """Give the Portuguese sentence; `{english}` in it stands for the English one."""
        told = self._sentence.portuguese
        english = self.message if "{english}" in told else ""
        return told.format(about=self.about, english=english, **self.facts)

    @property
    def _sentence(self) -> Sentence:
        return CATALOGUE[self.code].sentences[str(self.facts.get("why", ""))]

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"
