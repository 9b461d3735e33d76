"""A number that another program sends has ASCII digits only, and no more than expected."""

from __future__ import annotations

import pytest

from contracts.digits import number_in


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("123", 123), (b"123", 123)])
def test_digits_are_a_number(text, number):
    assert number_in(text, digits=3) == number


@pytest.mark.parametrize("text", ["", "1234", "-1", "+1", "1_0", " 1", "1.0", "²", "٣", "0x1", b"", b"1234", b"\xb2"])
def test_other_text_is_no_number(text):
    assert number_in(text, digits=3) is None
