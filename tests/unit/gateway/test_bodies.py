"""A body is read into its Struct, or rejected with all its faults."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from contracts import api, v1
from contracts.api.request_fields import every_fault
from contracts.api.request_plan import codes_of, plan_of
from contracts.operations import OPERATIONS
from contracts.operations.examples import EXAMPLES
from services.gateway.http.bodies import InvalidBody, read_struct

if TYPE_CHECKING:
    from extrato.domain.errors import Refused

REQUESTS = {each.body for each in OPERATIONS if isinstance(each.body, type) and issubclass(each.body, Struct)}


class Told(Struct, kw_only=True):
    """A Struct that allows unknown fields, with one inside that forbids them."""

    item: Annotated[api.LinkItem | None, Meta(extra=every_fault("invalid_item"))] = None


def refusal(body: dict, kind: type[Struct]) -> Refused:
    with pytest.raises(InvalidBody) as refused:
        read_struct(kind, body)
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
def test_unknown_field_suggests_nearest_name(kind, name, nearest):
    refused = refusal({name: 1}, kind)
    assert refused.message == f"Unknown field '{name}'. Did you mean '{nearest}'?"
    assert refused.portuguese == f"Campo desconhecido: '{name}'. Você quis dizer '{nearest}'?"
    assert refused.about == name


def test_unknown_field_without_near_name_lists_all():
    refused = refusal({"key": "a", "xyz": 1}, api.PixKeyGiven)
    assert refused.message == "Unknown field 'xyz'. The fields are 'kind', 'key'."
    assert refused.portuguese == "Campo desconhecido: 'xyz'. Os campos são 'kind', 'key'"


def test_unknown_field_of_a_request_without_fields_lists_none():
    refused = refusal({"xyz": 1}, v1.NoFields)
    assert refused.message == "Unknown field 'xyz'. This request has no fields: send an empty object, or no body."


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
def test_nested_field_is_named_by_its_path(body, kind, path):
    assert refusal(body, kind).about == path


def test_unknown_name_is_shortened_and_printable():
    assert refusal({"a\n\u202e" + "x" * 60_000: 1}, api.PriceGiven).about == "a??" + "x" * 37


def faults_of(kind: type[Struct], body: dict) -> dict[str, str]:
    """Return the code of each fault by its pointer."""
    with pytest.raises(InvalidBody) as refused:
        read_struct(kind, body)
    assert refused.value.code == refused.value.faults[0].error.code
    return {fault.pointer: fault.error.code for fault in refused.value.faults}


def test_all_faults_are_found_with_pointers():
    body = {
        "items": [
            {"nome": "Pão", "quantidade": 1},
            {"quantidade": 0, "preco_unitario": "1,50"},
            {"nome": "a\tb", "quantidade": 2.5, "preco": 1},
            None,
        ],
        "customer": {"email": "ana", "cpf": "111.111.111-11", "cnpj": 5, "phone": "1"},
        "expires_in_minutes": 29,
        "title": "x" * 121,
        "pad/aria~": 1,
    }
    assert faults_of(api.CartCreation, body) == {
        "/pad~1aria~0": "unknown_field",
        "/padaria_slug": "missing_padaria_slug",
        "/items/1/nome": "invalid_item",
        "/items/1/quantidade": "invalid_quantity",
        "/items/1/preco_unitario": "amount_text",
        "/items/2/preco": "unknown_field",
        "/items/2/nome": "invalid_text",
        "/items/2/quantidade": "invalid_quantity",
        "/items/3": "invalid_item",
        "/customer/email": "invalid_email",
        "/customer/phone": "invalid_phone",
        "/customer/cpf": "invalid_cpf",
        "/customer/cnpj": "invalid_text",
        "/expires_in_minutes": "invalid_lifetime",
        "/title": "text_too_long",
    }


def test_item_fault_names_product_or_index():
    body = {"padaria_slug": "p", "items": [{"nome": " Pão ", "quantidade": 0}, {"nome": 5, "quantidade": 0}]}
    with pytest.raises(InvalidBody) as refused:
        read_struct(api.LinkCreation, body)
    first, _, last = (fault.error.message for fault in refused.value.faults)
    assert first == "The quantity of 'Pão' must be a whole number from 1 to 10000."
    assert last == "The quantity of 'items[1]' must be a whole number from 1 to 10000."


@pytest.mark.parametrize("absent", [{}, {"description": None}, {"description": " "}])
def test_null_and_blank_are_absent_optional_text(absent):
    assert read_struct(api.PixCreation, {"value": 1, **absent}).description is None


@pytest.mark.parametrize("absent", [{}, {"reason": None}, {"reason": " \u00a0"}])
def test_null_and_blank_are_missing_required_text(absent):
    assert faults_of(api.AlertReason, absent) == {"/reason": "missing_field"}


@pytest.mark.parametrize(
    ("null", "code"), [("amount", "amount_missing"), ("all", "invalid_all"), ("mp_payment_id", "missing_field")]
)
def test_null_in_refund_never_means_everything(null, code):
    assert faults_of(api.RefundRequest, {"all": True, null: None}) == {f"/{null}": code}


def test_product_names_are_normalised_before_measuring():
    combining = unicodedata.normalize("NFD", "ã" * 120)
    item = read_struct(api.LinkItem, {"nome": combining, "quantidade": Decimal("2.0")})
    assert (item.nome, item.quantidade) == ("ã" * 120, 2)
    assert faults_of(api.LinkItem, {"nome": f"{combining}a", "quantidade": 1}) == {"/nome": "text_too_long"}


@pytest.mark.parametrize("quantity", [0, 10_001, True, "1", None, Decimal("1.5"), Decimal("1e9999999"), Decimal("NaN")])
def test_quantity_is_a_bounded_whole_number(quantity):
    body = {"nome": "Pão", "quantidade": quantity}
    assert faults_of(api.LinkItem, body) == {"/quantidade": "invalid_quantity"}


@pytest.mark.parametrize(
    "spelling", ["2026-11-22T12:30:00-03:00", "2026-11-22 15:30Z", "20261122T153000+0000", "2026-11-22T12:30:00.0-0300"]
)
def test_time_accepts_every_iso_8601_form(spelling):
    body = read_struct(api.PixConfirmation, {"bank_payment_id": "x", "value": 1, "paid_at": spelling})
    assert body.paid_at == datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "time", ["2026-11-22T12:30:00", "soon", 1763800000, ["2026-11-22T12:30Z"], "0001-01-01T00:00+14:00"]
)
def test_time_without_offset_is_rejected(time):
    body = {"bank_payment_id": "x", "value": 1, "horario": time}
    assert faults_of(api.PixConfirmation, body) == {"/horario": "invalid_paid_at"}


def test_identifier_with_line_feed_is_rejected():
    body = {"return_id": "D1\n", "amount": 1, "returned_at": "2026-11-22T12:30:00Z", "end_to_end_id": "E" * 32 + "\n"}
    assert faults_of(api.PixReturn, body) == {
        "/return_id": "invalid_return_id",
        "/end_to_end_id": "invalid_end_to_end_id",
    }


@pytest.mark.parametrize("text", ["\x00", "a\nb", "\x7f", "\x85", "\u202e", "\u2066x"])
def test_control_and_direction_characters_are_rejected(text):
    assert faults_of(api.PixCreation, {"value": 1, "description": f"a{text}b"}) == {"/description": "invalid_text"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.decimals()
    | st.sampled_from(["ana@b.c", " ", "x" * 600]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=6,
)


@st.composite
def bodies(draw: st.DrawFn, kind: type[Struct]) -> dict:
    """Draw a body with the fields of a Struct: valid, invalid and missing ones."""
    body = draw(st.dictionaries(st.text(max_size=3), JSON, max_size=1))
    for field in plan_of(kind).fields:
        own = [bodies(field.plan.kind)] if field.plan else []
        own += [st.lists(bodies(field.items.plan.kind) | JSON, max_size=3)] if field.items and field.items.plan else []
        example = EXAMPLES.get(kind, {}).get(field.name)
        how = draw(st.sampled_from(["absent", "example", "own", "any"]))
        if how == "example" and example is not None:
            body[field.name] = example
        elif how != "absent":
            body[field.name] = draw(own[0] if own and how == "own" else JSON)
    return body


@pytest.mark.parametrize("kind", sorted(REQUESTS, key=lambda kind: kind.__name__))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_body_is_read_or_rejected_with_declared_codes(kind, data):
    body = data.draw(bodies(kind))
    read, faults = None, ()
    try:
        read = read_struct(kind, body)
    except InvalidBody as refused:
        faults = refused.faults
    assert isinstance(read, kind) or faults
    assert {fault.error.code for fault in faults} <= codes_of(kind)
    assert all(fault.error.message and fault.error.portuguese for fault in faults)


def test_response_structs_allow_unknown_fields():
    answered = [answer.body for each in OPERATIONS for answer in each.answers.values() if answer.body]
    assert [kind for kind in answered if kind.__struct_config__.forbid_unknown_fields] == []
