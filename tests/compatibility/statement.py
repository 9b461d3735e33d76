"""What a statement is: one thing that a reference system or this hub offers, and what this hub does for it."""

from __future__ import annotations

from msgspec import Struct


class Statement(Struct, frozen=True, kw_only=True):
    """One thing that is promised; tests claim it by its `id`, written `section.thing`.

    `operations` are names of `contracts/operations`, or of an event of a socket; `asks` and `answers` are fields of
    what they take and give: `payment.id` stands in `payment`, `items[].nome` in each of the `items`. `label` is a
    status with the word that people read for it. `here` says what this hub does where that is not plain, `better`
    and `differs` where it is deliberately otherwise.
    """

    id: str
    says: str
    operations: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    label: tuple[str, str] | None = None
    here: str = ""
    better: str = ""
    differs: str = ""


class Section(Struct, frozen=True, kw_only=True):
    """Statements about one thing, such as a route."""

    title: str
    statements: tuple[Statement, ...]


class Part(Struct, frozen=True, kw_only=True):
    """All sections about one reference system, or about what only this hub has; `who` makes the promise."""

    title: str
    intro: str
    who: str = "the reference"
    sections: tuple[Section, ...]
