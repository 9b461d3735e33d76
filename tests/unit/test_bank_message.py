"""The payer in messages of banks, by CPF, CNPJ, e-mail address or telephone number."""

from __future__ import annotations

from typing import Any

import pytest

from extrato.domain.bank_message import payer_identifiers

CPF = ("cpf", "52998224725")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({"pagador": {"cpf": "529.982.247-25", "nome": "Ana"}}, {CPF}),
        ({"pix": [{"valor": "1.00", "pagador": {"cpf": "52998224725"}}]}, {CPF}),
        ({"cpf_pagador": "52998224725"}, {CPF}),
        ({"payer": {"document": {"type": "CPF", "number": "529.982.247-25"}}}, {CPF}),
        ({"debtor": {"taxId": "11.222.333/0001-81"}}, {("cnpj", "11222333000181")}),
        ({"pagador": {"cpf": 1234567890}}, {("cpf", "01234567890")}),
        ({"payerEmail": "ana@example.com"}, {("email", "ana@example.com")}),
        ({"devedor": {"telefone": "11 98765-4321"}}, {("phone", "11 98765-4321")}),
        ({"recebedor": {"cpf": "52998224725"}, "cpf": "52998224725"}, set()),
        ({"pagador": {"conta": "52998224725", "nome": None, "ativo": True, "cpf": "***.982.247-**"}}, set()),
        ({"pagador": []}, set()),
        (["52998224725"], set()),
        ("pagador", set()),
        (None, set()),
    ],
)
def test_payer_is_found_by_the_names_of_fields(message: Any, found: set[Any]):
    assert payer_identifiers(message) == found


def test_deep_message_ends():
    message: Any = {"cpf": "52998224725"}
    for _ in range(100):
        message = {"pagador": message}
    assert payer_identifiers(message) == set()
