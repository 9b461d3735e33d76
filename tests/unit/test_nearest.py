"""An unknown name is answered with the nearest known one, but never with a distant one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrato.domain.errors import UnknownName
from extrato.domain.nearest import nearest
from tests.pace import allowed

SOLD = ["Pão Francês", "Bolo de Chocolate", "Sonho", "Café 50 ml", "Café 500 ml"]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("pao frances", "Pão Francês"),
        ("PÃO FRANCÊS", "Pão Francês"),
        ("Pa\u0303o France\u0302s", "Pão Francês"),
        ("Pão  Francês", "Pão Francês"),
        ("Pao Françes", "Pão Francês"),
        ("Bolo Chocolate", "Bolo de Chocolate"),
        ("Sonhos", "Sonho"),
        ("Cafe 500ml", "Café 500 ml"),
        ("Caf\u00e9 50 mL", "Café 50 ml"),
        ("Torta", None),
        ("", None),
        ("🍞", None),
    ],
)
def test_nearest_name_is_found(asked, meant):
    assert nearest(asked, SOLD) == meant


@pytest.mark.parametrize("asked", ["mercadopago", "MercadoPago", "mercado-pago", "mercado pago", "mercado_paggo"])
def test_provider_is_found_in_any_spelling(asked):
    assert nearest(asked, ["pix", "mercado_pago"]) == "mercado_pago"


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=20))
def test_found_name_is_always_a_known_one(asked, known):
    assert nearest(asked, known) in {None, *known}


def test_error_has_a_nearest_name_only_if_there_is_one():
    near, far = (UnknownName("unknown_product", name, known=SOLD) for name in ("sonhos", "torta"))
    assert str(near) == "The merchant does not sell the product 'sonhos'. Did you mean 'Sonho'?"
    assert str(far) == "The merchant does not sell the product 'torta'."


def test_error_lists_known_names_if_none_is_near():
    known = {"pix": 1, "mercado_pago": 2}
    listed = UnknownName("unknown_provider", "stripe", known=known, names_all=True)
    assert str(listed) == "There is no provider 'stripe' with accounts to connect. There are: mercado_pago, pix."
    assert str(UnknownName("unknown_provider", "pixx", known=known, names_all=True)).endswith("Did you mean 'pix'?")


def test_search_in_ten_thousand_products_is_fast():
    known = [f"Produto número {number} da padaria do Marcos" for number in range(10_000)]
    began = time.perf_counter()
    nearest("Produto numero da padaria do Marco", known)
    assert time.perf_counter() - began < allowed(0.1)
