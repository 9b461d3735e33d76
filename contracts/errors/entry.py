"""What the catalogue holds of one error code."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Sentence(NamedTuple):
    """One sentence in both languages; `{name}` stands for a fact that the error carries."""

    english: str
    portuguese: str


class Entry(NamedTuple):
    """One code: its HTTP status, its sentences, what causes it, and what the reader of the error does about it.

    Most codes have one sentence, under `""`. Where the same code has several, the error's fact `why` picks one.
    """

    status: int
    sentences: Mapping[str, Sentence]
    cause: str
    remedy: str


def entry(
    status: int, english: str, portuguese: str, *, cause: str, remedy: str, **others: str | tuple[str, str]
) -> Entry:
    """Make an entry. `others` are further sentences by `why`: English alone where the Portuguese is the same."""
    sentences = {"": Sentence(english, portuguese)}
    for why, told in others.items():
        sentences[why] = Sentence(told, portuguese) if isinstance(told, str) else Sentence(*told)
    return Entry(status, MappingProxyType(sentences), cause, remedy)
