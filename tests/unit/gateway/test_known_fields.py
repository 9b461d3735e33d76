"""A field that a body does not have is refused by its name, with the nearest that it has."""

from __future__ import annotations

import pytest
from msgspec import UNSET, Struct, UnsetType

from contracts import api
from contracts.operations import OPERATIONS
from extrato.domain.errors import Refused
from services.gateway.http.known_fields import refuse_unknown_fields


class Told(Struct, kw_only=True):
    """An open body, in which a closed one may lie."""

    item: api.LinkItem | UnsetType = UNSET


def refusal(body: dict, kind: type[Struct]) -> Refused:
    with pytest.raises(Refused) as refused:
        refuse_unknown_fields(body, kind)
    assert refused.value.code == "unknown_field"
    return refused.value


@pytest.mark.parametrize(
    ("kind", "name", "nearest"),
    [
        (api.PixCreation, "descricao", "description"),
        (api.PixCreation, "Value", "value"),
        (api.PixCreation, "expiresInMinutes", "expires_in_minutes"),
        (api.PixCreation, "padaria_slug ", "padaria_slug"),
        (api.LinkItem, "quantity", "quantidade"),
        (api.LinkItem, "preço_unitário", "preco_unitario"),
        (api.LinkCreation, "email", "payer_email"),
        (api.CartCustomer, "CPF", "cpf"),
        (api.RefundRequest, "amuont", "amount"),
        (api.ApiKeyWanted, "scope", "scopes"),
        (api.CredentialGiven, "accessToken", "access_token"),
    ],
)
def test_the_nearest_field_is_named(kind, name, nearest):
    refused = refusal({name: 1}, kind)
    assert refused.message == f"Unknown field '{name}'. Did you mean '{nearest}'?"
    assert refused.portuguese == f"Campo desconhecido: '{name}'. Você quis dizer '{nearest}'?"
    assert refused.about == name


def test_where_none_is_near_all_are_named():
    refused = refusal({"key": "a", "xyz": 1}, api.PixKeyGiven)
    assert refused.message == "Unknown field 'xyz'. The fields are 'kind', 'key'."
    assert refused.portuguese == "Campo desconhecido: 'xyz'. Os campos são 'kind', 'key'"


@pytest.mark.parametrize(
    ("body", "kind", "path"),
    [
        ({"payer": {"nome": 1}}, api.PixCreation, "payer.nome"),
        ({"items": [{}, {"nome": "a", "x": 1}]}, api.LinkCreation, "items[1].x"),
        ({"customer": {"x": 1}, "items": [5, None, {}]}, api.CartCreation, "customer.x"),
        ({"whatever": 1, "item": {"x": 1}}, Told, "item.x"),
        ({"payer": {"x": 1}, "descricao": 1}, api.PixCreation, "descricao"),
    ],
)
def test_a_field_within_others_is_named_by_its_path(body, kind, path):
    assert refusal(body, kind).about == path


def test_a_name_is_told_in_one_short_printable_line():
    assert refusal({"a\n\u202e" + "x" * 60_000: 1}, api.PriceGiven).about == "a??" + "x" * 37


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, api.PixCreation),
        ({"value": None, "payer": None}, api.PixCreation),
        ({"payer": 5, "value": {"x": 1}}, api.PixCreation),
        ({"items": {"nome": 1}}, api.LinkCreation),
        ({"items": "x", "customer": ["x"]}, api.CartCreation),
        ({"items": [{"nome": "a", "quantidade": 1, "preco_unitario": 1, "id": 7}]}, api.LinkCreation),
        ({"value": 1, "txid": "x"}, api.PixConfirmation),
        ({"amount": 1, "natureza": "ORIGINAL"}, api.PixReturn),
    ],
)
def test_known_fields_and_values_of_other_types_are_left_to_their_readers(body, kind):
    refuse_unknown_fields(body, kind)


def test_answers_stay_open_so_that_they_may_grow():
    answered = [answer.body for each in OPERATIONS for answer in each.answers.values() if answer.body]
    assert [kind for kind in answered if kind.__struct_config__.forbid_unknown_fields] == []
