"""What the gateway reads out of JSON bodies."""

from __future__ import annotations

import unicodedata

import pytest

from extrato.domain.errors import Refused
from services.gateway.http import fields


def order_of(name: str) -> dict:
    return {"items": [{"nome": name, "quantidade": 1}]}


def test_a_products_name_is_read_in_its_composed_form_and_measured_in_it():
    combining = unicodedata.normalize("NFD", "ã" * 120)
    assert len(combining) == 240
    (line,) = fields.lines(order_of(combining))
    assert line.name == "ã" * 120
    with pytest.raises(Refused) as refused:
        fields.lines(order_of(f"{combining}a"))
    assert refused.value.code == "text_too_long"
