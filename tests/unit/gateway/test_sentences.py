"""Every error has a sentence in the language of its route."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from multidict import CIMultiDict

from contracts.api import PixCreation, PriceGiven
from contracts.errors import CATALOGUE
from extrato.domain.api_keys import ListedPricesOnly
from extrato.domain.errors import Refused, UnknownName
from extrato.domain.money import InvalidAmount, parse_reais
from extrato.errors import ChargeWasRefused, ExtratoError, ProviderRefused
from services.gateway.http import fields
from services.gateway.http.bodies import read_struct
from tests.compatibility.claim import claim

WRONG_AMOUNTS = [None, True, "1", [1], 0, -1, 1e12, Decimal("1.001"), Decimal("NaN"), Decimal("Infinity")]
# One invalid request for each sentence about fields that both kinds of routes read.
WRONG_FIELDS = [
    lambda: read_struct(PixCreation, {"value": 1, "description": 5}),
    lambda: read_struct(PixCreation, {"value": 1, "description": "x" * 501}),
    lambda: read_struct(PixCreation, {"value": 1, "description": "x\ny"}),
    lambda: read_struct(PixCreation, {"value": 1, "payer": {"email": "ana"}}),
    lambda: read_struct(PixCreation, {"value": 1, "expires_in_minutes": 0}),
    lambda: fields.idempotency_key(CIMultiDict({"Idempotency-Key": "with space"}), route="pix", body=b""),
]


def kinds_of(kind):
    return {kind, *(below for each in kind.__subclasses__() for below in kinds_of(each))}


@claim("errors.body")
def test_every_adapter_error_has_portuguese_sentence():
    # The base class ExtratoError has no code and is never raised.
    codes = {kind.code for kind in kinds_of(ExtratoError) - {ExtratoError}}
    assert codes <= CATALOGUE.keys()
    sentences = [sentence for code in codes for sentence in CATALOGUE[code].sentences.values()]
    assert [
        sentence for sentence in sentences if not sentence.portuguese or sentence.portuguese == sentence.english
    ] == []


@claim("errors.body")
@pytest.mark.parametrize("value", WRONG_AMOUNTS, ids=str)
def test_every_amount_error_has_portuguese_sentence(value):
    with pytest.raises(InvalidAmount) as refused:
        parse_reais(value)
    assert refused.value.portuguese == CATALOGUE[refused.value.code].sentences[""].portuguese
    assert refused.value.portuguese != refused.value.message


@claim("pix.errors")
@pytest.mark.parametrize("read", WRONG_FIELDS)
def test_shared_field_errors_have_both_languages(read):
    with pytest.raises(Refused) as refused:
        read()
    assert re.match(r"(The field '\w+'|An Idempotency-Key) ", refused.value.message)
    assert re.match(r"(O campo '\w+'|Uma Idempotency-Key) ", refused.value.portuguese)


@pytest.mark.parametrize(
    ("code", "english"),
    [
        ("unknown_provider", "There is no provider 'mercado{pago}' with accounts to connect."),
        ("unknown_product", "The merchant does not sell the product 'mercado{pago}'."),
    ],
)
def test_unknown_name_suggests_nearest_in_both_languages(code, english):
    error = UnknownName(code, "mercado{pago}", known=["pix", "mercado_pago"])
    assert error.message == f"{english} Did you mean 'mercado_pago'?"
    assert "'mercado{pago}'" in error.portuguese
    assert error.portuguese.endswith("; o mais parecido é 'mercado_pago'")


def test_known_names_are_listed_in_portuguese():
    error = UnknownName("unknown_provider", "stripe", known=["pix", "mercado_pago"], names_all=True)
    assert error.portuguese == "Não há provedor 'stripe' que se conecte a uma conta; há: mercado_pago, pix"


def test_missing_amount_names_field_in_both_languages():
    with pytest.raises(Refused) as refused:
        read_struct(PriceGiven, {"price": None})
    assert (refused.value.code, refused.value.about) == ("amount_missing", "price")
    assert refused.value.message == "The field 'price' is missing."
    assert refused.value.portuguese == "Falta o campo 'price'"


def test_foreign_page_error_explains_open_mode():
    error = Refused("foreign_page")
    assert error.message == "In open mode, the hub answers only pages and programs of this machine."
    assert error.portuguese == "Sem chaves de API, só são atendidas páginas e programas desta máquina"
    assert CATALOGUE["foreign_page"].status == 403


def test_listed_prices_error_uses_language_of_route():
    error = ListedPricesOnly("value")
    assert error.message == "This API key cannot set a price: it charges the prices of the merchant's products."
    assert error.portuguese == "Esta chave de API não pode definir preços: cobra os preços dos produtos da padaria"
    assert CATALOGUE[error.code].status == 403


def test_provider_refusal_includes_its_message():
    words = "Mercado Pago answered 400: payer.email must be {a} valid email"
    answered = ProviderRefused("17", why="answered", status=400, words="payer.email must be {a} valid email")
    for error in (answered, ChargeWasRefused(17, words=words)):
        assert error.message == str(error) == words
        assert error.portuguese == f"O Mercado Pago recusou o pedido: {words}"
