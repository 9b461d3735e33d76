"""The shape of an entry of the catalogue: one error code."""

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
    """One code: its HTTP status, its sentences, its cause and its remedy.

    Most codes have one sentence, under `""`. If a code has several, the error's fact `why` picks one.
    """

    status: int
    sentences: Mapping[str, Sentence]
    cause: str
    remedy: str


def entry(
    status: int, english: str, portuguese: str, *, cause: str, remedy: str, **others: str | tuple[str, str]
) -> Entry:
    """Make an entry. `others` are further sentences by `why`: one text where only the English differs."""
    sentences = {"": Sentence(english, portuguese)}
    for why, other in others.items():
        sentences[why] = Sentence(other, portuguese) if isinstance(other, str) else Sentence(*other)
    return Entry(status, MappingProxyType(sentences), cause, remedy)
