"""The fields of a merchant and its keys in `/v1` have the bounds of the rules, which are in another layer."""

from __future__ import annotations

from typing import get_args

import pytest

from contracts.api.request_plan import FieldPlan, plan_of
from contracts.api.types import MERCHANT_SCOPES
from contracts.v1 import MerchantChange, NewApiKey
from contracts.v1.types import LOGO_TYPES
from extrato.domain import api_keys, merchant, origins
from services.gateway.http.bodies import InvalidBody, read_struct
from services.gateway.logo_address import ENDINGS


def field(kind: type[MerchantChange | NewApiKey], name: str) -> FieldPlan:
    return next(each for each in plan_of(kind).fields if each.name == name)


@pytest.mark.parametrize("name", ["return_origins", "frame_origins"])
def test_origins_have_the_bounds_of_their_rules(name: str):
    assert field(MerchantChange, name).maximum == origins.MAX_ORIGINS


@pytest.mark.parametrize("name", ["name", "city"])
def test_name_and_city_have_the_bound_of_their_rule(name: str):
    assert field(MerchantChange, name).maximum == merchant.MAX_NAME_LENGTH


def test_scopes_are_those_of_merchants_keys():
    listed = field(NewApiKey, "scopes")
    assert listed.items is not None
    scopes = get_args(get_args(listed.items.accepts)[0])
    assert set(scopes) == api_keys.SCOPES == set(MERCHANT_SCOPES)
    assert listed.maximum == len(scopes)


def test_every_kind_of_a_logo_has_an_address():
    assert ENDINGS.keys() == set(LOGO_TYPES)


def test_faults_of_all_fields_are_found_at_once():
    body = {"colour": "red", "document": "1", "contact": {"phone": "1", "email": "a"}, "frame_origins": ["x"]}
    with pytest.raises(InvalidBody) as refused:
        read_struct(MerchantChange, body)
    assert [fault.error.code for fault in refused.value.faults] == [
        "invalid_colour",
        "invalid_document",
        "invalid_phone",
        "invalid_email",
        "invalid_origin",
    ]
    assert all(fault.error.message and fault.error.portuguese for fault in refused.value.faults)
