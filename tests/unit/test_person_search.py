"""The search for personal data finds a text in each encoding, at any place."""

from __future__ import annotations

import base64

import pytest

from tests.person_search import found_in

TEXT = "zelia.quintanilha"


@pytest.mark.parametrize(
    "encoded",
    [
        b"<Zelia.Quintanilha@example.com>",
        "<Zelia.Quintanilha>".encode("utf-16-le"),
        b"<zelia.quintanilha>".hex().encode(),
        b"<zelia.quintanilha>".hex().upper().encode(),
        *(base64.b64encode(b"x" * before + TEXT.encode() + b"@example.com") for before in range(4)),
    ],
    ids=repr,
)
def test_text_is_found_in_each_encoding(encoded):
    assert found_in(b"\x00" + encoded, ("somebody.else", TEXT)) == [TEXT]


def test_part_of_a_text_is_not_found():
    assert found_in(b"zelia.quintan " + base64.b64encode(b"zelia.quintan"), (TEXT,)) == []
