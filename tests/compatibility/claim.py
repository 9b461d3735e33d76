"""What a claim is: one thing that a reference system offers, where it is here, and the tests that prove it."""

from __future__ import annotations

from msgspec import Struct


class Claim(Struct, frozen=True, kw_only=True):
    """One thing that is promised.

    `operations` are names of `contracts/operations`, or of an event that sockets are told; `asks` and `answers`
    are fields of what they take and give: `payment.id` stands in `payment`, `items[].nome` in each of the `items`.
    `label` is a status with the word that people read for it. `here` says what this product does where that is not
    plain, `better` and `differs` where it is meant to be otherwise. `tests` are `file::function`.
    """

    says: str
    operations: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    label: tuple[str, str] | None = None
    here: str = ""
    better: str = ""
    differs: str = ""
    tests: tuple[str, ...]


class Section(Struct, frozen=True, kw_only=True):
    """Claims about one thing, such as a route."""

    title: str
    claims: tuple[Claim, ...]


class Part(Struct, frozen=True, kw_only=True):
    """All sections about one reference system, or about what is this product's own; `who` makes the promise."""

    title: str
    intro: str
    who: str = "the reference"
    sections: tuple[Section, ...]
