"""The one catalogue of errors: the English and Portuguese sentences of each code, its HTTP status, cause and remedy.

Code raises an error with its code and facts. The error becomes a sentence only in an answer, in the log or in a
terminal.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from contracts.errors import (
    access,
    amounts,
    brcodes,
    creations,
    lists,
    merchants,
    payments,
    providers,
    requests,
    running,
    statement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry, Sentence

# By subject, in the order of docs/errors.md.
SUBJECTS: Final[Mapping[str, Mapping[str, Entry]]] = MappingProxyType(
    {
        "Access": access.ENTRIES,
        "Requests": requests.ENTRIES,
        "Amounts": amounts.ENTRIES,
        "Creations through /v1": creations.ENTRIES,
        "Lists": lists.ENTRIES,
        "Payments": payments.ENTRIES,
        "Statements": statement.ENTRIES,
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
    """An error of the catalogue. `code` is stable and for programs; `about` names the thing that the error is about.

    `facts` fill the placeholders of the sentences. Reading `message` or `portuguese` formats the sentence.
    """

    code: str

    def __init__(self, code: str, about: str, facts: Mapping[str, object]) -> None:
        super().__init__(code)
        self.code = code
        self.about = about
        self.facts = facts

    @property
    def message(self) -> str:
        """Return the English sentence."""
        return self._sentence.english.format(about=self.about, **self.facts)

    @property
    def portuguese(self) -> str:
        """Return the Portuguese sentence; `{english}` in it stands for the English one."""
        template = self._sentence.portuguese
        english = self.message if "{english}" in template else ""
        return template.format(about=self.about, english=english, **self.facts)

    @property
    def _sentence(self) -> Sentence:
        return CATALOGUE[self.code].sentences[str(self.facts.get("why", ""))]

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"
