"""What a merchant's key may do is what it was issued for."""

from __future__ import annotations

import pytest

NOBODYS = 999_999


def bearer(api_key):
    return {"Authorization": f"Bearer {api_key}"}


async def test_a_key_that_may_not_refund_charges_and_cancels(hub, other_merchant):
    charging = bearer(other_merchant.write_key)
    assert (await hub.post("/payments/pix", {"value": 1}, charging))[0] == 201
    status, answer = await hub.post(f"/payments/api/{NOBODYS}/cancel/", {}, charging)
    assert (status, answer["code"]) == (404, "payment_not_found")
    status, answer = await hub.post(f"/payments/api/{NOBODYS}/refund/", {}, charging)
    assert (status, answer["code"]) == (403, "forbidden")


@pytest.fixture
async def refund_key(hub, other_merchant):
    """A key of that merchant that may refund and nothing else."""
    path = f"/admin/merchants/{other_merchant.slug}/api-keys"
    _, created = await hub.administer("POST", path, {"scopes": ["payments:refund"]})
    assert created["scopes"] == ["payments:refund"]
    return created["api_key"]


async def test_a_key_that_may_only_refund_neither_charges_nor_cancels(hub, refund_key):
    status, answer = await hub.post(f"/payments/api/{NOBODYS}/refund/", {}, bearer(refund_key))
    assert (status, answer["code"]) == (404, "payment_not_found")
    for path in ("/payments/pix", f"/payments/api/{NOBODYS}/cancel/"):
        status, answer = await hub.post(path, {"value": 1}, bearer(refund_key))
        assert (status, answer["code"]) == (403, "forbidden")
