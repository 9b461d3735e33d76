"""Problems have the language that the client prefers, and every fault of the request."""

from __future__ import annotations

import json

import pytest
from aiohttp.test_utils import make_mocked_request

from contracts.errors import CATALOGUE
from contracts.v1 import MerchantQuery, RefundCreation
from extrato.domain.errors import Refused
from extrato.errors import ChargeWasRefused
from services.gateway.http.bodies import Fault, InvalidBody, invalid_body, joined, read_struct
from services.gateway.http.caller import CORRELATION_ID
from services.gateway.http.problems import language_of, problem
from services.gateway.http.query_parameters import convert_query


def written(error, headers=None):
    request = make_mocked_request("GET", "/v1/payments/1", headers=headers or {})
    request[CORRELATION_ID] = "a-request"
    answer = problem(request, error, CATALOGUE[error.code].status, {})
    return answer, json.loads(answer.body)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("pt-BR", "pt-BR"),
        ("pt", "pt-BR"),
        ("PT-pt", "pt-BR"),
        ("en, pt-BR", "en"),
        ("pt-BR, en", "pt-BR"),
        ("en;q=0.3, pt;q=0.7", "pt-BR"),
        ("de, fr", "en"),
        ("pt;q=0", "en"),
        ("pt;q=nan", "en"),
        ("pt;q=x", "en"),
        ("*", "en"),
        (",;,=", "en"),
        ("pt" + ";" * 10_000, "pt-BR"),
    ],
)
def test_language_is_the_one_that_the_client_prefers(accepted, language):
    assert language_of(accepted) == language


def test_problem_has_every_fault_in_the_language_of_the_client():
    with pytest.raises(InvalidBody) as of_body:
        read_struct(RefundCreation, {"amount_centavos": 0, "al": True})
    with pytest.raises(InvalidBody) as of_query:
        convert_query(MerchantQuery, make_mocked_request("GET", "/?x=1").query)
    _, body = written(joined(of_query.value, of_body.value), {"Accept-Language": "pt-BR"})
    assert [(fault["in"], fault["pointer"], fault["code"]) for fault in body["errors"]] == [
        ("query", "/x", "unknown_parameter"),
        ("body", "/al", "unknown_field"),
        ("body", "/amount_centavos", "invalid_centavos"),
    ]
    assert body["detail"] == body["errors"][0]["detail"] == "Parâmetro desconhecido: 'x'. Os parâmetros são 'merchant'"


def test_rule_of_two_fields_names_one():
    _, body = written(invalid_body((Fault("/all", Refused("amount_or_all", "all", why="centavos")),)))
    assert [fault["pointer"] for fault in body["errors"]] == ["/all"]


def test_problem_names_the_payment_that_stays():
    answer, body = written(ChargeWasRefused(17, words="no"))
    assert (answer.content_type, body["payment_id"], body["errors"]) == ("application/problem+json", "17", [])
