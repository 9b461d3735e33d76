"""Log lines repeat words of a request, and nothing that identifies a person."""

from __future__ import annotations

import time

import pytest

from services.gateway.http.logged_texts import MAX_LENGTH, loggable


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("/v1/payments/ana.lima@example.com", "/v1/payments/(e-mail)"),
        ("/v1/payments/1/alerts/ana@example.com/resolve", "/v1/payments/1/alerts/(e-mail)/resolve"),
        ("Unknown field 'payer.ana@example.com'. The fields are", "Unknown field '(e-mail)'. The fields are"),
        ("/payments/api/check/52998224725/", "/payments/api/check/(number)/"),
        ("/payments/api/check/529.982.247-25/", "/payments/api/check/(number)/"),
        ("/v1/payments/11.222.333/0001-81", "/v1/payments/(number)"),
        ("The product '+55 (81) 98765-4321' is unknown.", "The product '(number)' is unknown."),
        ("/payments/pix/00000000-0008-865f-b920-456ee5d7ae35", "/payments/pix/00000000-0008-865f-b920-456ee5d7ae35"),
        ("/v1/payments/204117/refunds", "/v1/payments/204117/refunds"),
        ("Send a number from 1 to 100000000.", "Send a number from 1 to 100000000."),
    ],
)
def test_nothing_that_identifies_a_person_is_logged(text: str, logged: str):
    assert loggable(text) == logged


@pytest.mark.parametrize("text", ["a" * 60_000 + "/@", "(" * 60_000, "1 " * 30_000 + "x", "@" * 60_000])
def test_long_text_is_cut_in_little_time(text: str):
    began_at_s = time.process_time()
    assert len(loggable(text)) <= MAX_LENGTH
    assert time.process_time() - began_at_s < 0.05
