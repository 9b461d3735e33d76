"""A query is read by its Struct, as a body is, and every fault is found at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct
from multidict import MultiDict

from contracts.api.request_fields import HoldUntil, ShortText, every_fault
from contracts.v1 import ListQuery
from services.gateway.http.bodies import InvalidBody
from services.gateway.http.query_parameters import convert_query

WORDS = Annotated[list[ShortText], Meta(max_length=2, extra=every_fault("invalid_items"))]


class Asked(Struct, kw_only=True, forbid_unknown_fields=True):
    """One parameter of each kind."""

    limit: Annotated[int, Meta(ge=1, le=200, extra=every_fault("invalid_limit"))] = 50
    text: ShortText | None = None
    flag: Annotated[bool, Meta(extra=every_fault("invalid_flag"))] = False
    until: HoldUntil | None = None
    words: WORDS = []


def faults(*pairs: tuple[str, str], kind: type[Struct] = Asked) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidBody) as refused:
        convert_query(kind, MultiDict(pairs))
    return [(fault.part, fault.pointer, fault.error.code) for fault in refused.value.faults]


def test_parameters_have_the_types_of_their_fields():
    asked = convert_query(
        Asked,
        MultiDict([("limit", "3"), ("text", "7"), ("flag", "true"), ("until", "2027-01-01T00:00:00Z"), ("words", "a")]),
    )
    assert asked == Asked(limit=3, text="7", flag=True, until=datetime(2027, 1, 1, tzinfo=UTC), words=["a"])
    assert convert_query(Asked, MultiDict()) == Asked()


def test_repeated_parameter_is_a_list_only_where_the_field_is_one():
    assert convert_query(Asked, MultiDict([("words", "a"), ("words", "b")])).words == ["a", "b"]
    assert faults(("text", "a"), ("text", "a")) == [("query", "/text", "repeated_value")]


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_empty_text_is_a_fault(text):
    assert faults(("text", text), ("limit", "0")) == [
        ("query", "/text", "invalid_text"),
        ("query", "/limit", "invalid_limit"),
    ]


def test_every_fault_is_found():
    assert faults(("limit", "0"), ("flag", "yes"), ("txt", "a"), ("until", "tomorrow"), ("limit", "1")) == [
        ("query", "/limit", "repeated_value"),
        ("query", "/txt", "unknown_parameter"),
        ("query", "/limit", "invalid_limit"),
        ("query", "/flag", "invalid_flag"),
        ("query", "/until", "invalid_until"),
    ]


@pytest.mark.parametrize("limit", ["0", "201", "", "1.0", "+1", "1e2", " 1", "٣", "9" * 400, "true", "null"])
def test_limit_is_a_whole_number_in_ascii(limit):
    assert faults(("limit", limit), kind=ListQuery) == [("query", "/limit", "invalid_limit")]


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=6))
def test_any_query_is_read_or_rejected(pairs):
    query, found = MultiDict(pairs), ()
    try:
        convert_query(Asked, query)
    except InvalidBody as refused:
        found = refused.faults
    assert all(fault.error.message and fault.error.portuguese for fault in found)
    assert bool(found) or set(query) <= set(Asked.__struct_fields__)
