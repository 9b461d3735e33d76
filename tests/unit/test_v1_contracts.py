"""Every operation of `/v1` follows the conventions, because one function describes each kind of operation."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, get_args

import msgspec
import pytest

from contracts import v1
from contracts.generate.openapi import openapi, parameters_of
from contracts.operations import OPERATIONS
from contracts.v1.problem import CATALOGUE_ADDRESS, problem_type
from extrato.domain.api_keys import SCOPES
from tests.documents import ROOT, anchors

V1 = [operation for operation in OPERATIONS if operation.is_v1]
OPENAPI = openapi()
# Bounds of the list of payments; their descriptions name the unit.
AMOUNT_FILTERS = ("amount_min", "amount_max")
each_operation = pytest.mark.parametrize("operation", V1, ids=lambda operation: operation.name)


def answers_of(operation) -> dict[str, Any]:
    return OPENAPI["paths"][operation.path][operation.method.lower()]["responses"]


def structs_of(annotation: Any) -> list[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        below = [kind for field in msgspec.structs.fields(annotation) for kind in structs_of(field.type)]
        return [annotation, *below]
    return [kind for argument in get_args(annotation) for kind in structs_of(argument)]


@each_operation
def test_operation_answers_errors_as_problems(operation):
    assert operation.errors is v1.Problem
    assert operation.scope in SCOPES
    assert operation.takes("Accept-Language")
    assert not operation.path.endswith("/")


@each_operation
def test_every_post_takes_an_idempotency_key(operation):
    assert operation.takes("Idempotency-Key") == (operation.method == "POST")
    for status, answer in operation.answers.items():
        assert ("Idempotent-Replayed" in answer.headers) == (operation.method == "POST" and status < 300)


@each_operation
def test_reads_can_wait_for_a_position(operation):
    assert operation.takes("Extrato-After") == (operation.method == "GET")
    assert operation.takes("If-None-Match") == (304 in operation.answers)


@each_operation
def test_every_answer_has_a_position(operation):
    for status, answer in operation.answers.items():
        assert "Extrato-Position" in answer.headers, status


@each_operation
def test_query_is_described_by_its_struct(operation):
    names = [parameter.name for parameter in parameters_of(operation)]
    assert names == list(operation.query_by.__struct_encode_fields__)
    assert operation.query_by.__struct_config__.forbid_unknown_fields
    assert "merchant" in names


@each_operation
def test_objects_say_what_they_are(operation):
    for answer in operation.answers.values():
        if answer.body is not None:
            assert "object" in answer.body.__struct_fields__
            assert {"id", "data"} & set(answer.body.__struct_fields__)


@each_operation
def test_fields_are_snake_case_and_times_have_a_zone(operation):
    bodies = [operation.query_by, operation.body, *(answer.body for answer in operation.answers.values())]
    for kind in (found for body in bodies for found in structs_of(body)):
        for field in msgspec.structs.fields(kind):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field.encode_name), field
            assert "datetime.datetime" not in str(field.type) or "tz=True" in str(field.type), field
            if field.name in AMOUNT_FILTERS:
                assert "centavos" in str(field.type), field
            else:
                assert not ("amount" in field.name and not field.name.endswith("_centavos")), field


def test_money_has_no_fractions():
    answers = [answer for operation in V1 for answer in operation.answers.values()]
    names = {kind.__name__ for answer in answers for kind in structs_of(answer.body)}
    amounts = [
        schema
        for name in names
        for field, schema in OPENAPI["components"]["schemas"].get(name, {}).get("properties", {}).items()
        if field.endswith("_centavos") and field != "fee_centavos"
    ]
    assert amounts
    assert {schema["type"] for schema in amounts} == {"integer"}


def test_every_problem_has_an_entry_in_the_published_catalogue():
    codes = {code for operation in V1 for code in operation.every_code}
    entries = anchors(ROOT / "docs" / "errors.md")
    assert {problem_type(code).removeprefix(f"{CATALOGUE_ADDRESS}#") for code in codes} <= entries


def test_times_are_written_in_utc():
    at = datetime.fromisoformat("2026-01-12T10:00:00+00:00")
    assert msgspec.json.encode(at) == b'"2026-01-12T10:00:00Z"'
