"""The page about personal data classifies every text of an event, and uses its classes as it explains them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from contracts.envelope import Cause, Envelope
from contracts.events import EVENTS, SEALED_FIELDS, Item
from extrato.store.personal_data import EMAIL, METADATA
from tests.privacy_page import classified, explained

if TYPE_CHECKING:
    from msgspec import Struct

PARTS: tuple[type[Struct], ...] = (Envelope, Cause, Item, *EVENTS)


def may_hold_text(kind: Any) -> bool:
    return kind is str or kind is Any or any(may_hold_text(each) for each in get_args(kind))


def structs_in(kind: Any) -> set[Any]:
    inner = {each for part in get_args(kind) for each in structs_in(part)}
    return inner | ({kind} if hasattr(kind, "__struct_fields__") else set())


def test_every_text_of_an_event_is_classified():
    fields = {
        f"{part.__name__}.{name}"
        for part in PARTS
        for name, kind in get_type_hints(part).items()
        if name in part.__struct_fields__ and may_hold_text(kind)
    }
    assert sorted(fields) == sorted(classified("Every text of an event"))


def test_every_part_of_an_event_is_read():
    parts = {each for part in PARTS for kind in get_type_hints(part).values() for each in structs_in(kind)}
    assert parts <= {*PARTS}


def test_email_addresses_and_metadata_are_sealed_fields():
    fields = classified("Every text of an event")
    sealed = {name for name, kind in fields.items() if kind == "sealed"}
    assert sealed == {f"{event.__name__}.{field}" for event, names in SEALED_FIELDS.items() for field in names}
    assert {name.partition(".")[2] for name in sealed} == {EMAIL, METADATA}
    assert {kind for name, kind in fields.items() if name.endswith(("digest", "evidence"))} <= {
        "keyed digest",
        "identifier",
    }


def test_every_class_is_explained_and_used():
    used = {*classified("Every column").values(), *classified("Every text of an event").values()}
    assert used == explained()
