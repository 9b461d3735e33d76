"""Carts, cancellations and refunds through Mercado Pago, also with failures in between."""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime, timedelta
from uuid import uuid5

import pytest

from extrato.domain.payment.identifiers import stream_id
from tests.compatibility.claim import claim
from tests.pace import running_s
from tests.qr_reader import read_qr
from tests.running_hub import NO_FAULTS, SANDBOX_TOKEN, SECOND_ACCOUNT
from tests.starkbank_brcode import json_from_brcode

CUSTOMER = {"name": "Ana da Silva", "email": "ana@testuser.com", "phone": "+55 11 98765-4321", "cpf": "529.982.247-25"}
COMPANY = {"name": "Ana Eventos Ltda", "email": "compras@testuser.com", "cnpj": "12.abc.345/01DE-35"}
MERCHANT = "padaria-do-marcos"


@pytest.fixture(params=["payments", "orders"])
async def api(request, hub):
    """The Mercado Pago API that creates a Pix; its Payments API rejects test users."""
    account = await hub.sandbox("GET", "/_sandbox/accounts/174087000")
    await hub.sandbox("PUT", "/_sandbox/accounts/174087000", {"is_test_user": request.param == "orders"})
    yield request.param
    await hub.sandbox("PUT", "/_sandbox/accounts/174087000", {"is_test_user": account["is_test_user"]})


async def cart(hub, **more):
    body = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 20}], "customer": CUSTOMER}
    status, answer = await hub.post("/payments/api/cart/", body | more)
    assert status == 201, answer
    return answer


async def pay(hub, payment, outcome="approved", **more):
    target = {"external_reference": payment["external_reference"], "outcome": outcome}
    return await hub.sandbox("POST", "/_sandbox/pay", target | more)


async def paid_cart(hub):
    created = await cart(hub)
    await pay(hub, created)
    await hub.until_checked(created["payment_id"], status="approved")
    return created["payment_id"]


async def types(hub, payment_id):
    return [event["type"] for event in await hub.events(payment_id)]


# --- cart ---------------------------------------------------------------------------------------


@claim("cart.body", "cart.payment", "cart.code")
async def test_cart_returns_valid_br_code(hub, api):
    created = await cart(hub, expiration_minutes=45)
    assert created["success"] is True
    assert (created["total"], created["status"], created["status_label"]) == (10.0, "pending", "Pendente")
    read = read_qr(base64.b64decode(created["pix"]["qr_code_base64"]))
    assert read == created["pix"]["qr_code"]
    assert json_from_brcode(read)["54"] == "10.00"
    assert created["pix"]["ticket_url"].startswith(hub.sandbox_url)
    assert created["mp_payment_id"].isdigit()
    assert created["payment_url"].startswith(f"{hub.url}/payments/pix/{created['payment_id']}?t=")
    # The provider's first webhook may arrive before its response.
    [charge] = [event for event in await hub.events(created["payment_id"]) if event["type"] == "ChargeCreated"]
    assert charge["data"]["charge_id"].startswith("ORD" if api == "orders" else created["mp_payment_id"])


@claim("flows.four-ways", "cart.payment")
async def test_paid_cart_is_approved_once_with_either_pix_api(hub, until, api):
    created = await cart(hub)
    await pay(hub, created)
    answer = await hub.until_checked(created["payment_id"], status="approved")
    assert (answer["mp_payment_id"], answer["preference_id"]) == (created["mp_payment_id"], None)
    assert answer["paid_at"]
    for _ in range(3):
        await hub.post("/payments/api/sync-pending/", {"padaria_slug": MERCHANT})
        await hub.check(created["payment_id"])
    await hub.until_webhooks_are_delivered(until)
    assert await hub.status_changes(created["payment_id"]) == [("pending", "approved")]
    assert "DuplicatePaymentObserved" not in await types(hub, created["payment_id"])


async def test_cart_is_listed_under_returned_id(hub, until, api):
    created = await cart(hub)

    async def listed():
        _, answer = await hub.get(f"/payments/api/pending/?padaria_slug={MERCHANT}")
        return (created["payment_id"], created["mp_payment_id"]) in {
            (each["payment_id"], each["mp_payment_id"]) for each in answer["payments"]
        }

    await until(listed, "the cart is listed under that id")
    assert (await hub.check(created["payment_id"]))["mp_payment_id"] == created["mp_payment_id"]


async def test_signed_webhook_approves_paid_cart(hub, until, api):
    """The monitor may come first after a test in which the provider throttled; not every time."""
    told_by = set()
    for _ in range(5):
        created = await cart(hub)
        await pay(hub, created)
        await until_approved_without_check(hub, until, created["payment_id"])
        # An older response to another caller may arrive after it.
        [moved] = [event for event in await hub.events(created["payment_id"]) if event["type"] == "StatusChanged"]
        told_by.add(moved["source"])
        if "webhook" in told_by:
            return
    raise AssertionError(told_by)


async def until_approved_without_check(hub, until, payment_id):
    """Wait until the log has an approval; a check would ask the provider itself."""

    async def is_approved():
        return await hub.status_changes(payment_id) == [("pending", "approved")]

    await until(is_approved, "the approval is in the log")


async def test_monitor_finds_paid_cart_without_webhooks(hub, until, api):
    await hub.faults(webhooks=False)
    created = await cart(hub)
    await pay(hub, created)

    async def is_approved():
        return await hub.status_changes(created["payment_id"]) == [("pending", "approved")]

    await until(is_approved, "the monitor found it", within_s=10)


@claim("cart.body")
async def test_payer_data_goes_to_provider_and_never_into_log(hub, api):
    created = await cart(hub)
    async with hub.session.get(
        f"{hub.sandbox_url}/v1/payments/{created['mp_payment_id']}",
        headers={"Authorization": f"Bearer {SANDBOX_TOKEN}"},
    ) as answer:
        at_provider = await answer.json()
    if api == "payments":
        assert at_provider["additional_info"]["payer"] == {"phone": {"area_code": "11", "number": "987654321"}}
    events = str(await hub.events(created["payment_id"]))
    assert "529" + "98224725" not in events
    assert "98765" not in events
    assert "Ana da Silva" not in events


async def test_company_payer_goes_to_provider_by_cnpj(hub, api):
    created = await cart(hub, customer=COMPANY)
    await pay(hub, created)
    await hub.until_checked(created["payment_id"], status="approved")
    headers = {"Authorization": f"Bearer {SANDBOX_TOKEN}"}
    async with hub.session.get(f"{hub.sandbox_url}/v1/payments/{created['mp_payment_id']}", headers=headers) as answer:
        if api == "payments":
            assert (await answer.json())["payer"]["identification"] == {"type": "CNPJ", "number": "12ABC34501DE35"}
    events = str(await hub.events(created["payment_id"]))
    assert "12ABC34501DE35" not in events
    assert "12.abc.345/01DE-35" not in events


@claim("cart.body", "cart.errors")
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"customer": None}, "invalid_customer"),
        ({"customer": {"name": "Ana"}}, "missing_email"),
        ({"customer": CUSTOMER | {"email": "ana"}}, "invalid_email"),
        ({"customer": CUSTOMER | {"cpf": "529.982.247-26"}}, "invalid_cpf"),
        ({"customer": COMPANY | {"cnpj": "11.222.333/0001-82"}}, "invalid_cnpj"),
        ({"customer": COMPANY | {"cnpj": "529.982.247-25"}}, "invalid_cnpj"),
        ({"customer": COMPANY | {"cnpj": 11222333000181}}, "invalid_text"),
        ({"customer": COMPANY | {"cpf": "529.982.247-25"}}, "cpf_and_cnpj"),
        ({"customer": CUSTOMER | {"phone": "depois te digo"}}, "invalid_phone"),
        ({"customer": CUSTOMER | {"phone": "1234567"}}, "invalid_phone"),
        ({"expiration_minutes": 29}, "invalid_lifetime"),
        ({"expiration_minutes": 43201}, "invalid_lifetime"),
        ({"expires_in_minutes": 29}, "invalid_lifetime"),
        ({"expires_in_minutes": 60, "expiration_minutes": 45}, "invalid_lifetime"),
        ({"expires_in_minutes": 60, "expiration_minutes": "60"}, "invalid_lifetime"),
        ({"expire_in_minutes": 60}, "unknown_field"),
        ({"customer": CUSTOMER | {"telefone": "1"}}, "unknown_field"),
        ({"items": [{"nome": "Pão Francês", "quantidade": 1, "quantity": 2}]}, "unknown_field"),
        ({"items": []}, "invalid_items"),
        ({"items": [{"nome": "Nada", "quantidade": 1}]}, "unknown_product"),
        ({"padaria_slug": "slug-invalido"}, "merchant_not_found"),
    ],
)
async def test_invalid_cart_is_rejected_and_stores_nothing(hub, wrong, code):
    before = await hub.count_requested_events()
    body = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 1}], "customer": CUSTOMER}
    status, answer = await hub.post("/payments/api/cart/", body | wrong)
    assert (status, answer["success"], answer["code"]) == (400, False, code)
    assert await hub.count_requested_events() == before


@claim("cart.body")
@pytest.mark.parametrize(
    "lifetime",
    [
        {"expires_in_minutes": 45},
        {"expiration_minutes": 45},
        {"expires_in_minutes": 45, "expiration_minutes": 45},
        {"expires_in_minutes": 45, "expiration_minutes": None},
    ],
)
async def test_cart_lifetime_accepts_both_field_names(hub, lifetime):
    created = await cart(hub, **lifetime)
    begins, ends = (datetime.fromisoformat(created[name]) for name in ("created_at", "expires_at"))
    assert timedelta(minutes=44) < ends - begins < timedelta(minutes=46)


@claim("errors.refused-charge", "cart.errors")
async def test_charge_refused_by_provider_gives_reason_and_stays_listed(others_hub, until):
    hub = others_hub
    await hub.faults(error_rate=1.0, error_kind="bad_request")
    order = {"padaria_slug": hub.merchant, "items": [{"nome": "Pão Francês", "quantidade": 1}]}
    refused = []
    for path, more in (("cart", {"customer": CUSTOMER}), ("generate-link", {})):
        status, answer = await hub.post(f"/payments/api/{path}/", order | more)
        assert (status, answer["code"]) == (502, "provider_refused")
        assert answer["error"] == "O Mercado Pago recusou o pedido: Mercado Pago answered 400: Params Error"
        refused.append(answer["payment_id"])

    async def are_listed():
        _, listed = await hub.get(f"/payments/api/pending/?padaria_slug={hub.merchant}&status=cancelled")
        return listed["payments"] if listed["count"] == 2 else None

    listed = await until(are_listed, "both are listed as cancelled")
    assert sorted(payment["payment_id"] for payment in listed) == refused
    for payment_id in refused:
        checked = await hub.check(payment_id)
        assert (checked["status"], checked["status_detail"]) == ("cancelled", "charge_refused")
        assert "ChargeRefused" in await types(hub, payment_id)


async def test_pix_refused_for_risk_is_requested_once(hub, api):
    """Mercado Pago creates such a Pix without a code, and rejects it in the same response."""
    route = "POST /v1/orders" if api == "orders" else "POST /v1/payments"
    await hub.faults(pix_refused=True)
    asked_before = (await hub.sandbox("GET", "/_sandbox/stats"))["requests"]["by_route"].get(route, 0)
    body = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 1}], "customer": CUSTOMER}
    status, answer = await hub.post("/payments/api/cart/", body)
    assert (status, answer["success"], answer["code"]) == (502, False, "provider_refused")
    assert answer["error"].endswith("Mercado Pago refused the Pix: rejected_high_risk")
    checked = await hub.check(answer["payment_id"])
    assert (checked["status"], checked["status_detail"]) == ("cancelled", "charge_refused")
    assert (await types(hub, answer["payment_id"]))[:3] == ["PaymentOpened", "ChargeRefused", "StatusChanged"]
    asked = (await hub.sandbox("GET", "/_sandbox/stats"))["requests"]["by_route"][route]
    assert asked - asked_before == 1


@claim("cart.body")
async def test_repeated_cart_under_one_key_is_one_payment(hub, api):
    body = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão Francês", "quantidade": 1}], "customer": CUSTOMER}
    key = {"Idempotency-Key": f"cart-{api}"}
    first, second = await asyncio.gather(*(hub.post("/payments/api/cart/", body, key) for _ in range(2)))
    assert first == second


@claim("check.alerts", "refund.attempts")
async def test_double_payment_alerts_and_can_be_refunded(hub, until):
    link = await hub.link()
    first, second = [
        await hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": "approved"})
        for _ in range(2)
    ]

    async def is_told():
        return (await hub.check(link["payment_id"]))["alerts"] == ["duplicate_payment"]

    await until(is_told, "the second payment alerts")
    address = f"/payments/api/{link['payment_id']}/refund/"
    spoken_for = (await hub.check(link["payment_id"]))["mp_payment_id"]
    [other] = {str(first["id"]), str(second["id"])} - {spoken_for}

    async def is_listed():
        _, listed = await hub.get(f"/payments/api/pending/?padaria_slug={MERCHANT}&status=all")
        alerts = {payment["payment_id"]: payment["alerts"] for payment in listed["payments"]}
        return alerts.get(link["payment_id"]) == ["duplicate_payment"]

    await until(is_listed, "the list shows it too")
    status, done = await hub.post(address, {"all": True, "mp_payment_id": other})
    assert (status, done["mp_payment_id"], done["amount"], done["refund_status"]) == (200, other, 5.0, "made")
    assert (done["status"], done["pending_amount"], done["remaining_amount"]) == ("approved", 0.0, 0.0)
    assert (await hub.post(address, {"all": True, "mp_payment_id": "1"}))[1]["code"] == "payment_not_paid"
    status, done = await hub.post(address, {"all": True})
    assert (status, done["mp_payment_id"], done["status"]) == (200, spoken_for, "refunded")
    assert (await hub.check(link["payment_id"]))["alerts"] == []


# --- cancel -------------------------------------------------------------------------------------


async def test_cancelled_cart_cannot_be_paid(hub, api):
    created = await cart(hub)
    status, answer = await hub.post(f"/payments/api/{created['payment_id']}/cancel/", {})
    assert (status, answer["status"], answer["status_label"]) == (200, "cancelled", "Cancelado")
    async with hub.session.post(
        f"{hub.sandbox_url}/_sandbox/pay",
        json={"external_reference": created["external_reference"], "outcome": "approved"},
    ) as refused:
        assert refused.status == 409
    status, again = await hub.post(f"/payments/api/{created['payment_id']}/cancel/", {})
    assert (status, again) == (200, answer)
    assert await hub.status_changes(created["payment_id"]) == [("pending", "cancelled")]


@claim("cancel.closes")
async def test_cancelled_link_is_closed_at_provider(hub):
    link = await hub.link()
    status, answer = await hub.post(f"/payments/api/{link['payment_id']}/cancel/", {})
    assert (status, answer["status"], answer["status_detail"]) == (200, "cancelled", "by_collector")
    target = {"preference_id": link["preference_id"], "outcome": "approved"}
    async with hub.session.post(f"{hub.sandbox_url}/_sandbox/pay", json=target) as refused:
        assert refused.status == 409
    assert (await hub.check(link["payment_id"]))["status"] == "cancelled"


@claim("pix-confirmation.status")
async def test_cancelled_direct_pix_paid_in_time_is_approved_with_alert(hub):
    """A saved code stays payable, so that the merchant has to return the money."""
    status, created = await hub.post("/payments/pix", {"value": 12.5})
    payment = created["payment"]
    status, answer = await hub.post(f"/payments/api/{payment['id']}/cancel/", {})
    assert (status, answer["status"]) == (200, "cancelled")
    confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5}
    assert (await hub.post("/payments/pix/confirmation", confirmation))[0] == 200
    checked = await hub.check(payment["id"])
    assert (checked["status"], checked["alerts"]) == ("approved", ["late_payment"])


@claim("cancel.holds-money")
async def test_paid_payment_cannot_be_cancelled(hub):
    payment_id = await paid_cart(hub)
    status, answer = await hub.post(f"/payments/api/{payment_id}/cancel/", {})
    assert (status, answer["code"]) == (409, "payment_already_paid")


@claim("cancel.closes")
async def test_payment_before_cancellation_wins(hub):
    await hub.faults(webhooks=False)
    created = await cart(hub)
    await pay(hub, created)
    status, answer = await hub.post(f"/payments/api/{created['payment_id']}/cancel/", {})
    assert (status, answer["code"]) == (409, "payment_already_paid")
    assert (await hub.check(created["payment_id"]))["status"] == "approved"


async def test_unanswered_cancellation_is_completed_later(hub, until):
    created = await cart(hub)
    await hub.faults(error_rate=1.0)
    status, answer = await hub.post(f"/payments/api/{created['payment_id']}/cancel/", {})
    assert (status, answer["success"], answer["status"]) == (202, True, "pending")
    refused_at = running_s()
    await hub.faults(error_rate=0)

    async def is_cancelled():
        return "PaymentCancelled" in await types(hub, created["payment_id"])

    await until(is_cancelled, "the monitor has cancelled it")
    # Sooner than the default of ten seconds: the setting has reached the monitor.
    assert running_s() - refused_at < 10


async def test_charge_unknown_to_other_account_is_not_closed(others_hub):
    hub = others_hub
    link = await hub.link()
    path = f"/admin/merchants/{hub.merchant}/providers/mercado_pago"
    other_account = {"access_token": SECOND_ACCOUNT["access_token"], "webhook_secret": "s" * 32}
    assert (await hub.administer("DELETE", path))[0] == 200
    assert (await hub.administer("PUT", path, other_account))[0] == 200
    status, answer = await hub.post(f"/payments/api/{link['payment_id']}/cancel/", {})
    assert (status, answer["code"]) == (400, "provider_not_connected")
    checked = await hub.check(link["payment_id"])
    assert (checked["status"], checked["synced"]) == ("pending", False)


# --- refund -------------------------------------------------------------------------------------


async def test_full_refund_returns_everything(hub, api):
    payment_id = await paid_cart(hub)
    status, answer = await hub.post(f"/payments/api/{payment_id}/refund/", {"all": True})
    assert status == 200, answer
    assert (answer["refund_status"], answer["amount"], answer["remaining_amount"]) == ("made", 10.0, 0.0)
    assert (answer["status"], answer["status_label"], answer["refunded_amount"]) == ("refunded", "Estornado", 10.0)
    status, answer = await hub.post(f"/payments/api/{payment_id}/refund/", {"all": True})
    assert (status, answer["code"]) == (409, "payment_already_refunded")


@claim("refund.answer")
async def test_partial_refunds_are_bounded_by_remaining_amount(hub, api):
    payment_id = await paid_cart(hub)
    path = f"/payments/api/{payment_id}/refund/"
    status, answer = await hub.post(path, {"amount": 3.5})
    assert status == 200, answer
    assert (answer["amount"], answer["refunded_amount"], answer["remaining_amount"]) == (3.5, 3.5, 6.5)
    assert (answer["status"], answer["status_detail"]) == ("approved", "partially_refunded")
    status, answer = await hub.post(path, {"amount": 6.51})
    assert (status, answer["code"]) == (409, "refund_exceeds_balance")
    assert "R$ 6,50" in answer["error"].replace("\xa0", " ")
    status, answer = await hub.post(path, {"all": True})
    assert (answer["amount"], answer["status"]) == (6.5, "refunded")


@claim("refund.answer")
async def test_repeated_refund_under_one_key_is_made_once(hub, api):
    payment_id = await paid_cart(hub)
    path, key = f"/payments/api/{payment_id}/refund/", {"Idempotency-Key": "refund-1"}
    answers = await asyncio.gather(*(hub.post(path, {"amount": 2}, key) for _ in range(5)))
    assert {status for status, _ in answers} <= {200, 202}
    assert {answer["refund_id"] for _, answer in answers} == {str(uuid5(stream_id(payment_id), "refund\nrefund-1"))}
    status, answer = await hub.post(path, {"amount": 2}, key)
    assert (status, answer["refunded_amount"]) == (200, 2.0)
    assert (await types(hub, payment_id)).count("RefundMade") == 1
    status, answer = await hub.post(path, {"amount": 3}, key)
    assert (status, answer["code"]) == (409, "idempotency_key_reused")


async def test_uncertain_refund_is_completed_once(hub, until, api):
    # No response, a lost response, and a rejection that cannot be verified.
    doubts = [{"error_rate": 1.0}, {"lost_answers": 1.0}, {"error_rate": 1.0, "error_kind": "invalid_access_token"}]
    payments = []
    for doubt in doubts:
        payments.append(payment_id := await paid_cart(hub))
        await hub.faults(**doubt)
        status, answer = await hub.post(f"/payments/api/{payment_id}/refund/", {"amount": 4})
        assert (status, answer["refund_status"]) == (202, "requested"), doubt
        # A webhook may have reported the refund that had no response; an uncertain one counts as requested.
        assert answer["pending_amount"] == 4.0
        assert answer["pending_amount"] + answer["remaining_amount"] + answer["refunded_amount"] == 10.0
        await hub.faults(**NO_FAULTS)

    async def are_made():
        return all(["RefundMade" in await types(hub, payment_id) for payment_id in payments])

    await until(are_made, "the monitor has completed each", within_s=40)
    for payment_id in payments:
        happened = await types(hub, payment_id)
        assert (happened.count("RefundMade"), happened.count("RefundRefused")) == (1, 0)
        again = await hub.post(f"/payments/api/{payment_id}/refund/", {"amount": 6})
        assert (again[0], again[1]["refunded_amount"], again[1]["remaining_amount"]) == (200, 10.0, 0.0)


async def test_refused_refund_moves_no_money(hub, until):
    created = await cart(hub)
    await pay(hub, created)
    await hub.until_checked(created["payment_id"], status="approved")
    await hub.until_webhooks_are_delivered(until)
    await hub.faults(webhooks=False)
    await pay(hub, created, "refunded", amount=4)
    path = f"/payments/api/{created['payment_id']}/refund/"
    status, answer = await hub.post(path, {"amount": 10})
    expected = {"success": False, "error": "O Mercado Pago recusou o estorno", "code": "provider_refused"}
    assert (status, answer) == (502, expected)
    status, answer = await hub.post(path, {"all": True})
    assert (status, answer["amount"], answer["status"]) == (200, 6.0, "refunded")


@claim("refund.amount")
@pytest.mark.usefixtures("only_when_asked")
async def test_full_refund_uses_providers_remaining_amount(hub, api):
    created = await cart(hub)
    await pay(hub, created)
    await hub.until_checked(created["payment_id"], status="approved")
    await pay(hub, created, "refunded", amount=4)
    status, answer = await hub.post(f"/payments/api/{created['payment_id']}/refund/", {"all": True})
    assert (status, answer["refund_status"], answer["amount"]) == (200, "made", 6.0)
    assert (answer["status"], answer["refunded_amount"], answer["remaining_amount"]) == ("refunded", 10.0, 0.0)
    happened = await types(hub, created["payment_id"])
    assert (happened.count("RefundRequested"), happened.count("RefundRefused")) == (1, 0)


@claim("errors.body", "refund.amount")
@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ({"amount": 0}, "amount_zero", "O valor deve ser maior que zero"),
        ({"amount": -1}, "amount_negative", "O valor não pode ser negativo"),
        ({"amount": 1.001}, "amount_too_precise", "O valor deve ter no máximo duas casas decimais"),
        ({"amount": "all"}, "amount_text", "O valor deve ser um número, sem aspas"),
        ({"all": True, "amuont": 1}, "unknown_field", "Campo desconhecido: 'amuont'. Você quis dizer 'amount'?"),
        ({"amount": None}, "amount_missing", "Falta o campo 'amount'"),
        ({}, "amount_or_all", "Informe 'amount', ou 'all': true para estornar tudo"),
        ({"all": False}, "amount_or_all", "Informe 'amount', ou 'all': true para estornar tudo"),
        ({"all": True, "amount": 1}, "amount_or_all", "Informe 'amount' ou 'all', não os dois"),
        ({"all": "true"}, "invalid_all", "O campo 'all' deve ser true ou false"),
        ({"all": 1}, "invalid_all", "O campo 'all' deve ser true ou false"),
        ({"all": True, "reason": "x" * 201}, "text_too_long", "O campo 'reason' deve ter no máximo 200 caracteres"),
        ({"all": True, "mp_payment_id": ""}, "missing_field", "O campo 'mp_payment_id' é obrigatório"),
    ],
)
async def test_invalid_refund_is_rejected_and_moves_no_money(hub, body, code, error):
    payment_id = await paid_cart(hub)
    status, answer = await hub.post(f"/payments/api/{payment_id}/refund/", body)
    assert (status, answer["code"], answer["error"]) == (400, code, error)
    assert "RefundRequested" not in await types(hub, payment_id)


async def test_unpaid_payment_and_direct_pix_cannot_be_refunded(hub):
    link = await hub.link()
    status, answer = await hub.post(f"/payments/api/{link['payment_id']}/refund/", {"all": True})
    assert (status, answer["code"]) == (409, "payment_not_paid")
    _, created = await hub.post("/payments/pix", {"value": 3})
    payment = created["payment"]
    await hub.post("/payments/pix/confirmation", {"bank_payment_id": payment["bank_payment_id"], "value": 3})
    status, answer = await hub.post(f"/payments/api/{payment['id']}/refund/", {"all": True})
    assert (status, answer["code"]) == (409, "refund_by_bank_only")
