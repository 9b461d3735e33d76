"""What an API key may do: its scopes, and the restriction to listed prices."""

from __future__ import annotations

import pytest

# A key with the scope is answered 404 for this id; a key without it is answered 403.
NO_PAYMENT = 999_999


def bearer(api_key):
    return {"Authorization": f"Bearer {api_key}"}


async def test_key_without_refund_scope_charges_and_cancels(hub, other_merchant):
    write_key = bearer(other_merchant.write_key)
    assert (await hub.post("/payments/pix", {"value": 1}, write_key))[0] == 201
    status, answer = await hub.post(f"/payments/api/{NO_PAYMENT}/cancel/", {}, write_key)
    assert (status, answer["code"]) == (404, "payment_not_found")
    status, answer = await hub.post(f"/payments/api/{NO_PAYMENT}/refund/", {}, write_key)
    assert (status, answer["code"]) == (403, "forbidden")
    assert answer["error"] == "Esta chave de API não tem o escopo 'payments:refund'"
    status, answer = await hub.post("/payments/pix/confirmation", {}, write_key)
    assert (status, answer["message"]) == (403, "The API key lacks the scope 'confirm'.")


@pytest.fixture
async def refund_key(hub, other_merchant):
    """A key of `other_merchant` that has only the scope to refund."""
    path = f"/admin/merchants/{other_merchant.slug}/api-keys"
    _, created = await hub.administer("POST", path, {"scopes": ["payments:refund"]})
    assert created["scopes"] == ["payments:refund"]
    return created["api_key"]


async def test_refund_only_key_cannot_charge_or_cancel(hub, refund_key):
    status, answer = await hub.post(f"/payments/api/{NO_PAYMENT}/refund/", {}, bearer(refund_key))
    assert (status, answer["code"]) == (404, "payment_not_found")
    for path in ("/payments/pix", f"/payments/api/{NO_PAYMENT}/cancel/"):
        status, answer = await hub.post(path, {"value": 1}, bearer(refund_key))
        assert (status, answer["code"]) == (403, "forbidden")


# --- listed prices only -----------------------------------------------------------------------------

CUSTOMER = {"customer": {"email": "ana@testuser.com"}}


@pytest.fixture
async def till(others_hub):
    """The hub, called as a merchant's till: with a key that may charge listed prices only."""
    path = f"/admin/merchants/{others_hub.merchant}/api-keys"
    key = {"scopes": ["payments:write"], "listed_prices_only": True}
    _, created = await others_hub.administer("POST", path, key)
    return others_hub.acting_for(others_hub.merchant, created["api_key"])


@pytest.mark.parametrize(
    ("path", "extra_fields", "created_status"),
    [("/payments/api/generate-link/", {}, 200), ("/payments/api/cart/", CUSTOMER, 201)],
)
async def test_listed_prices_key_orders_without_setting_prices(till, path, extra_fields, created_status):
    bread = {"nome": "Pão Francês", "quantidade": 2}
    idempotency_key = {"Idempotency-Key": path}
    before = await till.topics(till.merchant, of="")
    # A price in the body is rejected, even the listed one of 0.75.
    for price in (0.01, 0.75):
        body = {"padaria_slug": till.merchant, "items": [bread, {**bread, "preco_unitario": price}], **extra_fields}
        status, answer = await till.post(path, body, idempotency_key)
        assert (status, answer["code"]) == (403, "listed_prices_only")
        assert answer["error"].startswith("Esta chave de API não pode definir preços")
    assert await till.topics(till.merchant, of="") == before

    # The rejection did not use up the Idempotency-Key.
    body = {"padaria_slug": till.merchant, "items": [bread], **extra_fields}
    status, created = await till.post(path, body, idempotency_key)
    assert (status, created["total"]) == (created_status, 1.5)


async def test_listed_prices_key_cannot_create_direct_pix(till):
    before = await till.topics(till.merchant, of="")
    status, answer = await till.post("/payments/pix", {"value": 0.75})
    assert (status, answer["code"]) == (403, "listed_prices_only")
    assert answer["message"].startswith("This API key cannot set a price")
    assert await till.topics(till.merchant, of="") == before
