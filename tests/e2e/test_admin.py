"""Merchants are administered over routes: by the hub's own keys all of them, by a merchant's key that merchant."""

from __future__ import annotations


async def test_a_merchant_is_registered_shown_and_changed(hub, other_merchant):
    path = f"/admin/merchants/{other_merchant.slug}"
    status, answer = await hub.administer("PATCH", path, {"city": "Olinda"})
    assert status == 200
    assert answer["merchant"] == {
        "slug": other_merchant.slug,
        "name": "Padaria da Ana",
        "city": "Olinda",
        "pix_key": {"kind": "evp", "key": "9a1b6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e"},
        "providers": [],
        "products": {"Pão Francês": 0.75},
    }
    assert await hub.administer("GET", path) == (200, answer)
