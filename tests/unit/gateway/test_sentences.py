"""Every error has a sentence in the language of the route that it is told on."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from multidict import CIMultiDict

from extrato.domain.api_keys import ListedPricesOnly
from extrato.domain.errors import Refused, UnknownName
from extrato.domain.money import InvalidAmount, parse_reais
from extrato.errors import ExtratoError, ProviderRefused
from services.gateway.http import fields
from services.gateway.http.answers import STATUS_OF_CODE
from services.gateway.http.sentences import PORTUGUESE, Bilingual, in_portuguese

WRONG_AMOUNTS = [None, True, "1", [1], 0, -1, 1e12, Decimal("1.001"), Decimal("NaN"), Decimal("Infinity")]
# One way for a request to be wrong for each sentence of the fields that both kinds of routes read.
WRONG_FIELDS = [
    lambda: fields.text({"a": 5}, "a"),
    lambda: fields.text({"a": "x" * 501}, "a"),
    lambda: fields.text({"a": "x\ny"}, "a"),
    lambda: fields.email({"a": "ana"}, "a"),
    lambda: fields.lifetime({"a": 0}, "a", default=None),
    lambda: fields.idempotency_key(CIMultiDict({"Idempotency-Key": "with space"}), route="pix", body=b""),
]


def kinds_of(kind):
    return {kind, *(below for each in kind.__subclasses__() for below in kinds_of(each))}


def test_every_error_from_far_away_has_a_portuguese_sentence():
    # A bare ExtratoError is never raised, and what another service raises never reaches the gateway.
    reached = {kind for kind in kinds_of(ExtratoError) if kind.__module__.startswith(("extrato.", "services.gateway."))}
    assert {kind.code for kind in reached} - {"error"} <= PORTUGUESE.keys()


@pytest.mark.parametrize("value", WRONG_AMOUNTS, ids=str)
def test_every_wrong_amount_has_a_portuguese_sentence(value):
    with pytest.raises(InvalidAmount) as refused:
        parse_reais(value)
    assert in_portuguese(refused.value) == PORTUGUESE[refused.value.code]
    assert in_portuguese(refused.value) != refused.value.message


@pytest.mark.parametrize("read", WRONG_FIELDS)
def test_what_both_kinds_of_routes_read_is_told_in_both_languages(read):
    with pytest.raises(Bilingual) as refused:
        read()
    assert re.match("(The field 'a'|An Idempotency-Key) ", refused.value.message)
    assert re.match("(O campo 'a'|Uma Idempotency-Key) ", in_portuguese(refused.value))


@pytest.mark.parametrize("code", ["unknown_provider", "unknown_product"])
def test_an_unknown_name_is_told_with_the_nearest_in_both_languages(code):
    error = UnknownName(code, "There is no {x}.", "mercadopago", known=["pix", "mercado_pago"])
    assert error.message == "There is no {x}. Did you mean 'mercado_pago'?"
    assert "'mercadopago'" in in_portuguese(error)
    assert in_portuguese(error).endswith("; o mais parecido é 'mercado_pago'")


def test_a_missing_amount_names_its_field_in_both_languages():
    with pytest.raises(Bilingual) as refused:
        fields.value_centavos({"value": 1, "price": None}, "price")
    assert (refused.value.code, refused.value.about) == ("amount_missing", "price")
    assert refused.value.message == "The field 'price' is missing."
    assert in_portuguese(refused.value) == "Falta o campo 'price'"


def test_a_foreign_page_is_told_what_open_mode_is_for():
    error = Refused("foreign_page", "Without API keys, only pages and programs of this machine are answered.")
    assert in_portuguese(error) == "Sem chaves de API, só são atendidas páginas e programas desta máquina"
    assert STATUS_OF_CODE["foreign_page"] == 403


def test_a_key_kept_to_listed_prices_is_told_so_in_the_language_of_the_route():
    error = ListedPricesOnly("value")
    assert error.message == "This API key may not set a price: it charges the prices of the merchant's products."
    assert in_portuguese(error) == "Esta chave de API não pode definir preços: cobra os preços dos produtos da padaria"
    assert STATUS_OF_CODE[error.code] == 403


def test_a_refusal_of_the_provider_is_told_with_its_own_sentence():
    error = ProviderRefused("Mercado Pago answered 400: payer.email must be a valid email", "17")
    assert in_portuguese(error) == f"O Mercado Pago recusou o pedido: {error.message}"
