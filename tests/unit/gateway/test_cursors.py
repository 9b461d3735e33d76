"""A cursor is read only by the list, the merchant and the filters that it was made for."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from contracts.v1 import ListQuery
from extrato.domain.errors import Refused
from services.gateway.http.cursors import Cursors, ListOf

OF = ListOf(name="payments", merchant="padaria", filters={"status": "approved"})
OTHERS = [
    ListOf(name="refunds", merchant="padaria", filters={"status": "approved"}),
    ListOf(name="payments", merchant="outra", filters={"status": "approved"}),
    ListOf(name="payments", merchant="padaria", filters={"status": "pending"}),
    ListOf(name="payments", merchant="padaria"),
]
CURSORS = Cursors([b"a" * 32])


class Place(Struct, frozen=True):
    at: int
    payment_id: int


def refusal(cursor: str, *, of: ListOf = OF, cursors: Cursors = CURSORS) -> Refused:
    with pytest.raises(Refused) as refused:
        cursors.read(cursor, Place, of=of)
    assert refused.value.code == "invalid_cursor"
    return refused.value


@given(st.builds(Place, at=st.integers(0, 2**62), payment_id=st.integers(1, 2**47)))
def test_place_is_read_again(place):
    assert CURSORS.read(CURSORS.make(place, of=OF), Place, of=OF) == place


@pytest.mark.parametrize("of", OTHERS, ids=str)
def test_cursor_of_another_list_is_rejected(of):
    refusal(CURSORS.make(Place(1, 2), of=OF), of=of)


@given(st.integers(0, 300), st.integers(1, 255))
def test_changed_cursor_is_rejected(index, mask):
    raw = bytearray(base64.urlsafe_b64decode(CURSORS.make(Place(1, 2), of=OF) + "=="))
    raw[index % len(raw)] ^= mask
    refusal(base64.urlsafe_b64encode(raw).decode().rstrip("="))


@given(st.text(max_size=100))
def test_invented_cursor_is_rejected(cursor):
    refusal(cursor)


def test_cursor_survives_a_rotation_of_the_secret():
    cursor = CURSORS.make(Place(1, 2), of=OF)
    rotated = Cursors([b"b" * 32, b"a" * 32])
    assert rotated.read(cursor, Place, of=OF) == Place(1, 2)
    refusal(cursor, cursors=Cursors([b"b" * 32]))


def test_cursor_of_an_older_shape_is_rejected():
    refusal(CURSORS.make("a text", of=OF))


def test_page_size_and_cursor_are_no_filters():
    first = ListOf.asked("events", "padaria", ListQuery(limit=2))
    later = ListOf.asked("events", "padaria", ListQuery(limit=3, cursor="x", merchant="padaria"))
    assert first == later
