"""Preferences have the checks and answers of the provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

ITEM = {"title": "Pão", "quantity": 1, "unit_price": 1}


async def test_both_paths_create_preferences_and_ignore_keys(sandbox):
    body = {"items": [ITEM]}
    answers = [
        await sandbox.call("POST", path, body, key="same")
        for path in ("/checkout/preferences", "/checkout/preferences/")
    ]
    assert [status for status, _ in answers] == [201, 201]
    assert answers[0][1]["id"] != answers[1][1]["id"]


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"items": []}, "invalid_items"),
        ({"items": None}, "invalid_items"),
        ({"items": [{**ITEM, "title": ""}]}, "invalid_items"),
        ({"items": [{**ITEM, "quantity": 0}]}, "invalid_items"),
        ({"items": [{**ITEM, "unit_price": "1"}]}, "invalid_items"),
        ({"items": [{**ITEM, "unit_price": 0}]}, "invalid_items"),
        ({"items": [{**ITEM, "currency_id": "USD"}]}, "invalid_items"),
        ({"items": [{**ITEM, "quantity": 999_999, "unit_price": 9_999_999}]}, "invalid_items"),
        ({"payment_methods": {"excluded_payment_methods": 5}}, "invalid_payment_methods"),
        ({"auto_return": "approved"}, "invalid_auto_return"),
        ({"auto_return": "all", "back_urls": {"failure": "https://loja.example"}}, "invalid_auto_return"),
        ({"auto_return": "never", "back_urls": {"success": "https://loja.example"}}, "invalid_auto_return"),
        ({"back_urls": {"success": "no address"}}, "invalid_back_urls"),
        ({"back_urls": 1}, "invalid_back_urls"),
        ({"notification_url": "nowhere"}, "invalid_notification_url"),
        ({"notification_url": f"https://loja.example/{'a' * 500}"}, "invalid_notification_url"),
        ({"external_reference": "x" * 257}, "invalid_external_reference"),
        ({"expires": "yes"}, "invalid_expires"),
        ({"binary_mode": 1}, "invalid_binary_mode"),
        ({"expiration_date_to": "soon"}, "invalid_expiration_date_to"),
        (
            {
                "payment_methods": {
                    "default_payment_method_id": "pix",
                    "excluded_payment_methods": [{"id": "pix"}],
                }
            },
            "invalid_payment_methods",
        ),
    ],
)
async def test_broken_terms_are_rejected_by_name(sandbox, terms, error):
    status, body = await sandbox.call("POST", "/checkout/preferences", {"items": [ITEM], **terms})
    assert (status, body["error"], body["status"], body["cause"]) == (400, error, 400, None)


async def test_auto_return_without_success_url_has_the_provider_error(sandbox):
    _, body = await sandbox.call("POST", "/checkout/preferences", {"items": [ITEM], "auto_return": "approved"})
    assert body["message"] == "auto_return invalid. back_url.success must be defined"


async def test_rejected_update_has_no_effect(sandbox):
    preference = await sandbox.preference()
    path = f"/checkout/preferences/{preference['id']}"
    status, _ = await sandbox.call("PUT", path, {"items": []})
    assert status == 400
    assert (await sandbox.call("GET", path))[1] == preference


async def test_preference_of_another_merchant_is_answered_404(sandbox, other_account):
    preference = await sandbox.preference()
    status, _ = await sandbox.call("GET", f"/checkout/preferences/{preference['id']}", account=other_account)
    assert status == 404
    _, found = await sandbox.call("GET", "/checkout/preferences/search", account=other_account)
    assert found == {"elements": [], "next_offset": 30, "total": 0}


async def is_closed(sandbox, preference) -> bool:
    """Return True when the page shows it, and neither the page nor the control accepts a payment."""
    async with sandbox.session.get(preference["init_point"]) as response:
        says_so = "Link expirado" in await response.text()
    async with sandbox.session.post(
        preference["init_point"], data={"choice": "pix"}, allow_redirects=False
    ) as response:
        refuses = "Link expirado" in await response.text()
    status, body = await sandbox.control("POST", "pay", {"preference_id": preference["id"], "outcome": "approved"})
    _, found = await sandbox.call("GET", "/v1/payments/search")
    return says_so and refuses and (status, body["error"]) == (409, "preference_expired") and not found["results"]


async def test_past_closing_date_closes_the_link(sandbox):
    preference = await sandbox.preference()
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="milliseconds")
    status, closed = await sandbox.call(
        "PUT", f"/checkout/preferences/{preference['id']}", {"expires": True, "expiration_date_to": past}
    )
    assert (status, closed["expires"], closed["preference_expired"]) == (200, True, True)
    assert closed["items"] == preference["items"]
    assert await is_closed(sandbox, preference)


async def test_link_is_closed_by_its_own_route(sandbox, other_account):
    preference = await sandbox.preference()
    path = f"/checkout/preferences/{preference['id']}/expire"
    assert (await sandbox.call("PUT", path, account=other_account))[0] == 404
    status, closed = await sandbox.call("PUT", path)
    assert (status, closed["preference_expired"]) == (200, True)
    assert await is_closed(sandbox, preference)


async def test_closed_link_reopens_with_a_later_date(sandbox):
    preference = await sandbox.preference()
    path = f"/checkout/preferences/{preference['id']}"
    await sandbox.call("PUT", f"{path}/expire")
    _, opened = await sandbox.call("PUT", path, {"expiration_date_to": "2090-01-01T00:00:00.000-03:00"})
    assert opened["preference_expired"] is False
    assert (await sandbox.pay(preference_id=preference["id"], outcome="approved"))["status"] == "approved"
