"""The shape of a statement: one feature of a reference system or of this hub, and this hub's behaviour."""

from __future__ import annotations

from msgspec import Struct


class Statement(Struct, frozen=True, kw_only=True):
    """One feature; tests claim it by its `id`, written `section.thing`.

    `operations` are names of `contracts/operations`, or of an event of a socket. `asks` and `answers` are fields of
    their requests and answers: `payment.id` is in `payment`, `items[].nome` in each of the `items`. `label` is a status
    and its Portuguese word. `here` describes details of this hub, `better` and `differs` deliberate differences.
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
    """All sections about one reference system, or about this hub's own routes; `who` has the feature."""

    title: str
    intro: str
    who: str = "the reference"
    sections: tuple[Section, ...]
