"""Paths answer the same with and without their trailing slash."""

from __future__ import annotations

import pytest

from services.gateway.routes import NOT_FOUND, ROUTES, SOCKET_IO

# Files, and the routes of operators' programs and of protocols, have one path each.
EXACT = {
    "/payments/pix/qr_code/{file_name}",
    "/assets/{asset}",
    "/logos/{logo}",
    "/ws",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
}


def test_merchant_routes_accept_both_slash_forms():
    assert {route.path for route in ROUTES if not route.takes_both and route.v1 is None} == EXACT


@pytest.mark.parametrize(
    ("path", "addresses"),
    [
        ("/payments/pix", ("/payments/pix", "/payments/pix/")),
        ("/payments/api/cart/", ("/payments/api/cart", "/payments/api/cart/")),
        ("/payments/pix/{payment_id}", ("/payments/pix/{payment_id}{slash:/?}",)),
        ("/socket.io/", ("/socket.io", "/socket.io/")),
        ("/{anything:.*}", ("/{anything:.*}",)),
        ("/ws", ("/ws",)),
    ],
)
def test_slash_forms_are_one_route(path, addresses):
    (addressed,) = {route.paths for route in (*ROUTES, SOCKET_IO, NOT_FOUND) if route.path == path}
    assert addressed == addresses


@pytest.mark.parametrize("slash", ["", "/"])
async def test_pix_works_with_and_without_trailing_slash(hub, slash):
    status, answer = await hub.post(f"/payments/pix{slash}", {"value": 4.2})
    assert status == 201
    body = {"bank_payment_id": answer["payment"]["bank_payment_id"], "value": 4.2}
    assert (await hub.post(f"/payments/pix/confirmation{slash}", body))[0] == 200


async def test_idempotency_key_covers_both_slash_forms(hub):
    key = {"Idempotency-Key": "com-e-sem-barra"}
    numbers = {
        (await hub.post(path, {"value": 4.2}, key))[1]["payment"]["id"] for path in ("/payments/pix", "/payments/pix/")
    }
    assert len(numbers) == 1


@pytest.mark.parametrize("slash", ["", "/"])
async def test_admin_works_with_and_without_trailing_slash(hub, other_merchant, slash):
    path = f"/admin/merchants/{other_merchant.slug}"
    assert (await hub.administer("PUT", f"{path}/products/Sonho{slash}", {"price": 6.5}))[0] == 200
    _, answer = await hub.administer("GET", path + slash)
    assert answer["merchant"]["products"]["Sonho"] == 6.5


async def test_double_slash_is_not_found(hub):
    status, answer = await hub.post("/payments/pix//", {"value": 4.2})
    assert (status, answer["code"]) == (404, "not_found")


async def test_both_slash_forms_list_allowed_methods(hub):
    for slash in ("", "/"):
        async with hub.session.get(f"{hub.url}/payments/pix{slash}", headers=hub.headers) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
