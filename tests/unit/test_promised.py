"""The checker finds answers that do not match the OpenAPI document."""

from __future__ import annotations

import json

import pytest

from tests.promised import broken_promises, operation_of

NOT_FOUND = {"success": False, "error": "Pagamento 1 não encontrado", "code": "payment_not_found"}


def faults(status: int, body: object, *, method: str = "GET", path: str = "/payments/api/check/1/") -> list[str]:
    return broken_promises(method, path, status, "application/json", json.dumps(body).encode())


def test_matching_answer_has_no_fault():
    assert faults(404, NOT_FOUND) == []


@pytest.mark.parametrize(
    ("status", "change", "fault"),
    [
        (404, {"code": "alert_not_found"}, "$.code: 'alert_not_found' is not one of ['payment_not_found']"),
        (404, {"error": None}, "$.error: None is not of type 'string'"),
        (418, {}, "418, which is not described"),
    ],
)
def test_mismatch_is_named(status, change, fault):
    (found,) = faults(status, NOT_FOUND | change)
    assert found.startswith(f"checkPayment answers {status}")
    assert fault in found


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/payments/api/check/1", "checkPayment"),
        ("HEAD", "/payments/api/check/1/", "checkPayment"),
        ("POST", "/payments/api/monitors/start-all/", "startAllMonitors"),
        ("POST", "/payments/pix/confirmation", "confirmPix"),
        ("PUT", "/admin/merchants/a/products/P%C3%A3o%2F1", "priceProduct"),
        ("GET", "/healthz/", None),
        ("DELETE", "/payments/pix", None),
    ],
)
def test_path_leads_to_its_operation(method, path, name):
    found = operation_of(method, path)
    assert (found.name if found else None) == name
