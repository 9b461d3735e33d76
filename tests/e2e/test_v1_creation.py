"""`POST /v1/payments`: every method, the merchant's reference, the way back, and bodies with faults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.envelope import Cause
from extrato.domain.merchant import RESERVED_SLUG
from extrato.domain.origins import SetOrigins
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from tests.pace import until

PATH = "/v1/payments"
PIX = {"method": "pix", "amount_centavos": 3500}
CAUSE = Cause(correlation_id="test", actor="operator")
SHOP = "https://loja.example"
EMAIL = {"email": "ana.lima@testuser.com"}


async def create(hub, body, **headers):
    return await hub.post(PATH, body, headers)


async def created(hub, **changes):
    status, payment = await create(hub, PIX | changes)
    assert status == 201, payment
    return payment


async def faults(hub, body):
    """Return the faults of a body, and check that nothing was recorded."""
    before = await hub.topics(hub.merchant, of="")
    status, problem = await create(hub, body)
    assert status == 400, problem
    assert await hub.topics(hub.merchant, of="") == before
    return [(fault["pointer"], fault["code"]) for fault in problem["errors"]]


async def test_direct_pix_is_created_and_read_again(others_hub):
    metadata = {"mesa": "12", "garçom": "Zé 🥖"}
    payment = await created(
        others_hub, reference=" pedido-2041 ", description="Mesa 12", payer=EMAIL, metadata=metadata, expires_in_s=600
    )

    assert (payment["method"], payment["status"], payment["amount_centavos"]) == ("pix", "pending", 3500)
    assert (payment["description"], payment["payer_email"]) == ("Mesa 12", EMAIL["email"])
    assert (payment["reference"], payment["metadata"], payment["return_url"]) == ("pedido-2041", metadata, None)
    assert payment["pix_code"].startswith("000201")
    times = [datetime.fromisoformat(payment[name]) for name in ("created_at", "expires_at")]
    assert timedelta(seconds=599) < times[1] - times[0] < timedelta(seconds=601)
    assert await others_hub.get(f"{PATH}/{payment['id']}") == (200, payment)
    async with others_hub.session.get(payment["payment_page"]["url"]) as page:
        assert page.status == 200
    transfer = {"bank_payment_id": payment["bank_payment_id"], "value": 35, "end_to_end_id": f"E{payment['id']:0>31}"}
    assert (await others_hub.post("/payments/pix/confirmation", transfer))[0] == 200
    assert (await others_hub.get(f"{PATH}/{payment['id']}"))[1]["status"] == "approved"


async def test_pix_of_mercado_pago_is_created_for_an_order(others_hub):
    items = [{"name": "Pão Francês", "quantity": 2}, {"name": "Café", "quantity": 1, "unit_price_centavos": 500}]
    payer = {**EMAIL, "name": "Ana Lima", "phone": "(81) 98765-4321", "cpf": "529.982.247-25"}
    status, payment = await create(others_hub, {"method": "mercado_pago_pix", "items": items, "payer": payer})

    assert status == 201, payment
    assert (payment["method"], payment["amount_centavos"]) == ("mercado_pago_pix", 650)
    assert (payment["title"], payment["description"]) == ("Pedido Padaria da Ana", "2x Pão Francês, 1x Café")
    assert [item["unit_price_centavos"] for item in payment["items"]] == [75, 500]
    assert payment["pix_code"]
    assert await others_hub.rows("SELECT count(*) FROM payers WHERE payment_id = $1", int(payment["id"])) == [(0,)]


async def test_checkout_is_created_and_paid(others_hub):
    status, payment = await create(others_hub, {"method": "mercado_pago_checkout", "amount_centavos": 700})
    assert (status, payment["items"][0]["unit_price_centavos"]) == (201, 700)

    await others_hub.pay_as_a_person(payment["checkout_url"])

    await others_hub.until_checked(int(payment["id"]), status="approved")


async def test_repeated_creation_gets_the_first_answer_again(others_hub):
    body = PIX | {"payer": EMAIL, "metadata": {"mesa": "12"}}
    headers = {**others_hub.headers, "Idempotency-Key": "order-2041"}
    answers = []
    for _ in range(2):
        async with others_hub.session.post(others_hub.url + PATH, json=body, headers=headers) as answer:
            payment = await answer.json()
            assert answer.headers["Location"] == f"{others_hub.url}{PATH}/{payment['id']}"
            answers.append((answer.status, payment["id"], answer.headers.get("Idempotent-Replayed")))
    assert answers == [(201, payment["id"], None), (201, payment["id"], "true")]

    status, problem = await create(others_hub, PIX, **{"Idempotency-Key": "order-2041"})
    assert (status, problem["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize("method", ["pix", "mercado_pago_pix"])
async def test_repeated_creation_answers_the_payment_as_it_was_created(others_hub, method):
    # A webhook may change the payment before its first answer.
    await others_hub.faults(webhooks=False)
    body, key = {"method": method, "amount_centavos": 700, "payer": EMAIL}, {"Idempotency-Key": f"once-{method}"}
    status, first = await create(others_hub, body, **key)
    assert status == 201
    verified = f"{others_hub.url}{PATH}/{first['id']}/verify"
    async with others_hub.session.post(verified, headers=others_hub.headers) as answer:
        assert answer.status == 200
    assert (await others_hub.post(f"/payments/api/{first['id']}/cancel/", {}))[0] in {200, 202}

    status, again = await create(others_hub, body, **key)
    assert status == 201
    assert again | {"next_check_at": None} == first | {"next_check_at": None}
    assert again["verified_at"] is None


async def test_repetition_gets_its_payment_also_after_the_product_is_withdrawn(others_hub):
    body = {"method": "pix", "items": [{"name": "Pão Francês", "quantity": 2}]}
    status, first = await create(others_hub, body, **{"Idempotency-Key": "order-2042"})
    assert status == 201
    product = f"/admin/merchants/{others_hub.merchant}/products/Pão Francês"
    assert (await others_hub.administer("DELETE", product))[0] == 200

    status, again = await create(others_hub, body, **{"Idempotency-Key": "order-2042"})
    assert (status, again["id"]) == (201, first["id"])
    assert await faults(others_hub, body) == [("/items/0/name", "unknown_product")]


async def test_read_after_a_creation_sees_it(others_hub):
    async with others_hub.session.post(others_hub.url + PATH, json=PIX, headers=others_hub.headers) as answer:
        payment, position = await answer.json(), answer.headers["Extrato-Position"]
    headers = {**others_hub.headers, "Extrato-After": position}
    async with others_hub.session.get(f"{others_hub.url}{PATH}/{payment['id']}", headers=headers) as answer:
        assert (answer.status, answer.headers["Extrato-Position"]) == (200, position)


async def test_order_is_charged_once_while_its_payment_can_be_paid(others_hub):
    first = await created(others_hub, reference="2041", unique_reference=True)

    status, problem = await create(others_hub, PIX | {"reference": "2041", "unique_reference": True})
    assert (status, problem["code"], problem["payment_id"]) == (409, "reference_taken", first["id"])

    assert (await others_hub.post(f"/payments/api/{first['id']}/cancel/", {}))[0] == 200
    second = await created(others_hub, reference="2041", unique_reference=True)
    assert second["id"] != first["id"]


async def test_hub_key_names_the_merchant(hub, other_merchant):
    api_key, issue = new_api_key(RESERVED_SLUG, ("payments:write",))
    async with hub.inside() as inside:
        await change_merchant(inside, RESERVED_SLUG, [issue], cause=CAUSE)
    key = {"Authorization": f"Bearer {api_key}"}

    async def is_known():
        return (await create(hub, PIX, **key))[0] != 401

    # Another process issued the key, and the gateway remembers for a moment that it is unknown.
    await until(is_known)
    status, problem = await create(hub, PIX, **key)
    assert (status, problem["code"]) == (400, "missing_merchant")
    status, payment = await hub.post(f"{PATH}?merchant={other_merchant.slug}", PIX, key)
    assert (status, payment["merchant"]) == (201, other_merchant.slug)


async def test_body_is_answered_with_all_its_faults(others_hub):
    body = {
        "metodo": "pix",
        "amount_centavos": 10**9,
        "items": [{"name": "Pão", "quantity": 0}],
        "payer": {"email": "ana"},
        "metadata": {"a": 1},
        "expires_at": "amanhã",
    }
    assert await faults(others_hub, body) == [
        ("/metodo", "unknown_field"),
        ("/method", "invalid_method"),
        ("/amount_centavos", "invalid_centavos"),
        ("/items/0/quantity", "invalid_quantity"),
        ("/payer/email", "invalid_email"),
        ("/expires_at", "invalid_expires_at"),
        ("/metadata", "invalid_metadata"),
    ]


def ahead(**span):
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


async def test_fields_that_do_not_go_together_are_all_named(others_hub):
    body = {
        "method": "mercado_pago_pix",
        "unique_reference": True,
        "payer": {"cpf": "52998224725", "cnpj": "11222333000181"},
        "expires_in_s": 1799,
        "expires_at": ahead(seconds=60),
        "return_url": f"{SHOP}/fim",
        "items": [{"name": "Sonho", "quantity": 1}, {"name": "Pão", "quantity": 1, "unit_price_centavos": 100_000_000}],
        "amount_centavos": 1,
    }
    assert await faults(others_hub, body) == [
        ("/amount_centavos", "amount_or_items"),
        ("/reference", "missing_reference"),
        ("/payer/email", "missing_email"),
        ("/payer/cnpj", "cpf_and_cnpj"),
        ("/expires_in_s", "invalid_lifetime"),
        ("/expires_at", "two_expiries"),
        ("/expires_at", "invalid_expires_at"),
        ("/return_url", "return_url_not_allowed"),
        ("/items/0/name", "unknown_product"),
    ]


FAULTS = [
    ({"amount_centavos": None}, ("/amount_centavos", "amount_or_items")),
    ({"amount_centavos": 0}, ("/amount_centavos", "invalid_centavos")),
    ({"amount_centavos": -1}, ("/amount_centavos", "invalid_centavos")),
    ({"amount_centavos": 35.5}, ("/amount_centavos", "invalid_centavos")),
    ({"amount_centavos": "3500"}, ("/amount_centavos", "invalid_centavos")),
    ({"amount_centavos": True}, ("/amount_centavos", "invalid_centavos")),
    ({"amount_centavos": 10**30}, ("/amount_centavos", "invalid_centavos")),
    ({"method": "PIX"}, ("/method", "invalid_method")),
    ({"method": None}, ("/method", "invalid_method")),
    ({"items": []}, ("/items", "invalid_items")),
    ({"items": ["Pão"]}, ("/items/0", "invalid_item")),
    ({"items": [{"quantity": 1}]}, ("/items/0/name", "invalid_item")),
    ({"reference": "a" * 65}, ("/reference", "text_too_long")),
    ({"reference": "a\u202eb"}, ("/reference", "invalid_text")),
    ({"reference": 2041}, ("/reference", "invalid_text")),
    ({"reference": " ", "unique_reference": True}, ("/reference", "missing_reference")),
    ({"expires_at": "2026-02-29T12:00:00Z"}, ("/expires_at", "invalid_expires_at")),
    ({"expires_at": "2100-01-01T12:00:00"}, ("/expires_at", "invalid_expires_at")),
    ({"expires_at": "2020-01-01T12:00:00Z"}, ("/expires_at", "invalid_expires_at")),
    ({"expires_at": "9999-12-31T23:59:59-23:59"}, ("/expires_at", "invalid_expires_at")),
    ({"expires_in_s": 59}, ("/expires_in_s", "invalid_lifetime")),
    ({"return_url": "javascript:alert(1)"}, ("/return_url", "return_url_not_allowed")),
    ({"return_url": "a" * 2001}, ("/return_url", "return_url_not_allowed")),
    ({"metadata": {str(each): "" for each in range(21)}}, ("/metadata", "invalid_metadata")),
    ({"metadata": []}, ("/metadata", "invalid_metadata")),
    ({"payer": "ana"}, ("/payer", "invalid_payer")),
    ({"currency": "USD"}, ("/currency", "unknown_field")),
]


async def test_each_fault_has_its_code_and_leaves_nothing(others_hub):
    for changes, fault in FAULTS:
        body = {name: value for name, value in (PIX | changes).items() if value is not None}
        if "items" in changes:
            del body["amount_centavos"]
        assert await faults(others_hub, body) == [fault], changes


async def test_order_above_the_limit_is_rejected(others_hub):
    items = [{"name": "Pão", "quantity": 2, "unit_price_centavos": 50_000_001}]
    assert await faults(others_hub, {"method": "pix", "items": items}) == [("/items", "amount_too_large")]


async def test_time_of_expiry_is_kept_to_the_microsecond(others_hub):
    at = datetime.now(UTC) + timedelta(days=29)
    payment = await created(others_hub, expires_at=at.isoformat())
    assert datetime.fromisoformat(payment["expires_at"]) == at


async def test_key_for_listed_prices_orders_products_only(others_hub):
    path = f"/admin/merchants/{others_hub.merchant}/api-keys"
    _, key = await others_hub.administer("POST", path, {"scopes": ["payments:write"], "listed_prices_only": True})
    till = others_hub.acting_for(others_hub.merchant, key["api_key"])
    priced = {"name": "Pão Francês", "quantity": 1, "unit_price_centavos": 75}

    for body in (PIX, {"method": "pix", "items": [priced]}):
        status, problem = await create(till, body)
        assert (status, problem["code"]) == (403, "listed_prices_only")
    status, payment = await create(till, {"method": "pix", "items": [{"name": "Pão Francês", "quantity": 2}]})
    assert (status, payment["amount_centavos"]) == (201, 150)


async def test_method_without_its_account_is_rejected(hub, other_merchant):
    shop = hub.acting_for(other_merchant.slug, other_merchant.api_key)
    status, problem = await create(shop, {"method": "mercado_pago_checkout", "amount_centavos": 1})
    assert (status, problem["code"], problem["errors"]) == (400, "provider_not_connected", [])


@pytest.fixture
async def shop(others_hub):
    """The hub for a merchant that has registered the origin of its shop."""
    async with others_hub.inside() as hub:
        await change_merchant(hub, others_hub.merchant, [SetOrigins(return_origins=(SHOP,))], cause=CAUSE)
    # A change by the gateway makes it read the merchant again.
    path = f"/admin/merchants/{others_hub.merchant}"
    assert (await others_hub.administer("PATCH", path, {"name": "Padaria da Ana e Filhos"}))[0] == 200
    return others_hub


async def test_payer_returns_to_the_shop_without_a_status(shop):
    body = {
        "method": "mercado_pago_checkout",
        "amount_centavos": 700,
        "reference": "pedido 2041&status=approved",
        "return_url": f"{SHOP}/obrigado?loja=1#fim",
    }
    status, payment = await create(shop, body)
    assert (status, payment["return_url"]) == (201, body["return_url"])
    ((reference,),) = await shop.rows(
        "SELECT convert_from(state, 'utf8')::json #>> '{data,external_reference}' FROM stored_events "
        "WHERE topic LIKE 'PaymentOpened.%' AND convert_from(state, 'utf8')::json ->> 'payment_id' = $1",
        payment["id"],
    )
    back = f"{shop.url}/payments/mp/return/?external_reference={reference}&status=approved"
    async with shop.session.get(back, allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == (
            f"{SHOP}/obrigado?loja=1&payment_id={payment['id']}&reference=pedido+2041%26status%3Dapproved#fim"
        )
        assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_page_of_a_pix_links_to_the_shop(shop):
    payment = await created(shop, return_url=SHOP)
    async with shop.session.get(payment["payment_page"]["url"]) as page:
        assert f'href="{SHOP}?payment_id={payment["id"]}"' in await page.text()
