"""CORS: a merchant's frontend on its own origin reads responses with a key or a token."""

from __future__ import annotations

import re

import pytest

from services.gateway.routes import ROUTES
from tests.compatibility.claim import claim

ELSEWHERE = {"Origin": "https://loja.example"}
NOT_SHARED = (
    "/payments/pix/confirmation",
    "/payments/api/1/refund/",
    "/payments/pix/1",
    "/payments/mp/pay/1/",
    "/payments/mp/return/",
    "/admin/merchants",
    "/webhooks/mercadopago/",
    "/ws",
    "/healthz",
    "/readyz",
    "/metrics",
)


def _shared() -> dict[str, set[str]]:
    """Return the methods of every shared path, with example values for its parameters."""
    methods: dict[str, set[str]] = {}
    for route in ROUTES:
        if route.cross_origin:
            path = re.sub(r"{\w+}", "x", route.path.replace("{payment_id}", "1"))
            methods.setdefault(path, set()).add(route.method)
    return methods


SHARED = _shared()


def _preflight(method: str, headers: str = "authorization,content-type,idempotency-key") -> dict[str, str]:
    return {**ELSEWHERE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


def _listed(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}


@claim("addresses.origin")
@pytest.mark.parametrize("path", SHARED)
async def test_preflight_lists_methods_and_headers(hub, path):
    for method in SHARED[path]:
        async with hub.session.options(hub.url + path, headers=_preflight(method)) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert _listed(answer.headers["Access-Control-Allow-Methods"]) >= {method.lower()}
            allowed = _listed(answer.headers["Access-Control-Allow-Headers"])
            assert allowed >= {"authorization", "content-type", "idempotency-key"}
            assert int(answer.headers["Access-Control-Max-Age"]) > 0
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert await answer.read() == b""


@pytest.mark.parametrize("path", NOT_SHARED)
async def test_unshared_routes_have_no_cors_headers(hub, path):
    for method in ("GET", "POST"):
        async with hub.session.options(hub.url + path, headers=_preflight(method)) as answer:
            assert answer.status == 204
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    async with hub.session.get(hub.url + path, headers={**hub.headers, **ELSEWHERE}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_responses_and_errors_are_readable_cross_origin(hub):
    async with hub.session.post(
        f"{hub.url}/payments/pix", json={"value": 3}, headers={**hub.headers, **ELSEWHERE}
    ) as answer:
        assert answer.status == 201
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert _listed(answer.headers["Access-Control-Expose-Headers"]) >= {"location", "retry-after"}
    async with hub.session.get(f"{hub.url}/payments/api/check/1/", headers=ELSEWHERE) as answer:
        assert answer.status == 401
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_only_frontend_routes_are_shared():
    assert {path for path in SHARED if not path.startswith(("/payments/api/", "/v1/"))} == {
        "/payments/pix",
        "/payments/pix/qr_code/x",
        "/openapi.json",
    }


async def test_foreign_page_cannot_confirm_payments(hub):
    _, created = await hub.post("/payments/pix", {"value": 3})
    body = {"bank_payment_id": created["payment"]["bank_payment_id"], "value": 4}
    async with hub.session.post(
        f"{hub.url}/payments/pix/confirmation", json=body, headers={**hub.headers, **ELSEWHERE}
    ) as answer:
        assert answer.status == 400
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_method_not_allowed_is_readable_cross_origin(hub):
    async with hub.session.put(f"{hub.url}/payments/pix", headers=ELSEWHERE) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (405, "*")


async def test_payer_page_is_not_readable_cross_origin(hub):
    _, created = await hub.post("/payments/pix", {"value": 3})
    async with hub.session.get(created["payment_url"], headers=ELSEWHERE) as answer:
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_head_is_answered_like_get_without_body(hub):
    _, created = await hub.post("/payments/pix", {"value": 3})
    for address, headers, status in (
        (created["payment"]["qr_code_url"], {}, 200),
        (created["payment_url"], {}, 200),
        (f"{hub.url}/payments/api/check/{created['payment']['id']}/", {}, 401),
        (f"{hub.url}/payments/api/check/{created['payment']['id']}/", hub.headers, 200),
    ):
        async with hub.session.get(address, headers=headers) as answer:
            expected = answer.headers["Content-Type"]
        async with hub.session.head(address, headers=headers) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (status, expected)
            assert await answer.read() == b""


async def test_options_lists_methods_or_answers_404(hub):
    async with hub.session.options(f"{hub.url}/payments/api/check/1/") as answer:
        assert (answer.status, _listed(answer.headers["Allow"])) == (204, {"get", "head", "options", "post"})
        assert "Access-Control-Allow-Methods" not in answer.headers
    async with hub.session.options(f"{hub.url}/nowhere", headers=_preflight("GET")) as answer:
        assert answer.status == 404
        assert "Access-Control-Allow-Origin" not in answer.headers
