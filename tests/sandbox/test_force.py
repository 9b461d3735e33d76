"""A payment can be forced from any status to any other; its refunds and its money follow."""

from __future__ import annotations

import pytest

STATUSES = ["approved", "rejected", "pending", "in_process", "cancelled", "refunded", "charged_back", "in_mediation"]
PAID = {"approved", "refunded", "charged_back", "in_mediation"}


async def forced(sandbox, payment, outcome, **terms) -> dict:
    return await sandbox.pay(payment_id=payment["id"], outcome=outcome, force=True, **terms)


async def money_of(sandbox) -> dict:
    (row,) = (await sandbox.money("PED-1"))["payments"]
    return {name: value for name, value in row.items() if name.endswith("_centavos") and value}


@pytest.mark.parametrize("first", STATUSES)
async def test_force_reaches_every_status_from_every_other(sandbox, first):
    payment = await sandbox.pix(transaction_amount=10, external_reference="PED-1")
    for last in STATUSES:
        await forced(sandbox, payment, first)
        before = await sandbox.payment(payment["id"])
        after = await forced(sandbox, payment, last)
        assert (before["status"], after["status"]) == (first, last)
        assert after["date_last_updated"] > before["date_last_updated"]
        made = sum(refund["amount"] for refund in after["refunds"] if refund["status"] == "approved")
        assert made == after["transaction_amount_refunded"]
        assert (after["date_approved"] is not None) == (last in PAID)
        money = await money_of(sandbox)
        assert sum(money.values()) - money["amount_centavos"] == (1000 if last in PAID else 0)


async def test_forced_cancellation_holds_no_money(sandbox):
    payment = await sandbox.pix(transaction_amount=10, external_reference="PED-1")
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    await sandbox.pay(payment_id=payment["id"], outcome="refunded", amount=3)
    cancelled = await forced(sandbox, payment, "cancelled")
    assert (cancelled["status"], cancelled["status_detail"]) == ("cancelled", "by_payer")
    assert (cancelled["transaction_amount_refunded"], cancelled["fee_details"]) == (0, [])
    assert [refund["status"] for refund in cancelled["refunds"]] == ["cancelled"]
    assert await money_of(sandbox) == {"amount_centavos": 1000}


async def test_forced_approval_holds_money(sandbox):
    payment = await sandbox.pix(transaction_amount=10, external_reference="PED-1")
    await sandbox.pay(payment_id=payment["id"], outcome="rejected")
    approved = await forced(sandbox, payment, "approved")
    assert approved["status_detail"] == "accredited"
    assert payment["date_created"] <= approved["date_approved"] <= approved["date_last_updated"]
    assert await money_of(sandbox) == {"amount_centavos": 1000, "held_centavos": 1000}


@pytest.mark.parametrize("is_paid", [True, False])
async def test_unknown_status_keeps_received_money(sandbox, is_paid):
    payment = await sandbox.pix(transaction_amount=10, external_reference="PED-1")
    if is_paid:
        await sandbox.pay(payment_id=payment["id"], outcome="approved")
    invented = await forced(sandbox, payment, "under_investigation")
    assert (invented["status"], invented["status_detail"]) == ("under_investigation", "under_investigation")
    assert (await money_of(sandbox)).get("held_centavos", 0) == (1000 if is_paid else 0)
    status, body = await sandbox.control("POST", "pay", {"payment_id": payment["id"], "outcome": "approved"})
    assert (status, body["error"]) == (409, "illegal_move")
    await forced(sandbox, payment, "approved", detail="accredited")
    assert (await money_of(sandbox))["held_centavos"] == 1000


async def test_order_shows_unknown_status_unchanged(sandbox):
    order = await sandbox.order()
    await sandbox.pay(order_id=order["id"], outcome="under_investigation", detail="by_bank", force=True)
    shown = await sandbox.shown_order(order["id"])
    assert (shown["status"], shown["status_detail"]) == ("under_investigation", "by_bank")


async def test_forced_partial_refund_and_amount_below_refunds(sandbox):
    payment = await sandbox.pix(transaction_amount=10, external_reference="PED-1")
    refunded = await forced(sandbox, payment, "refunded", amount=4)
    assert (refunded["status"], refunded["transaction_amount_refunded"]) == ("approved", 4)
    status, body = await sandbox.control(
        "POST", "pay", {"payment_id": payment["id"], "outcome": "approved", "amount": 3, "force": True}
    )
    assert (status, body["error"]) == (409, "illegal_move")


async def test_payment_forced_out_of_chargeback_is_reimbursed(sandbox):
    payment = await sandbox.pix(external_reference="PED-1")
    await forced(sandbox, payment, "charged_back", detail="settled")
    assert await money_of(sandbox) == {"amount_centavos": 750, "lost_centavos": 750}
    await forced(sandbox, payment, "approved")
    _, found = await sandbox.call("GET", f"/v1/chargebacks/search?payment_id={payment['id']}")
    assert [each["status"] for each in found["results"]] == ["won"]


async def test_preference_is_paid_in_parts(sandbox):
    preference = await sandbox.preference(external_reference="PED-1")
    parts = [
        await sandbox.pay(preference_id=preference["id"], outcome=outcome, amount=amount, new_attempt=True, **terms)
        for outcome, amount, terms in (
            ("pending", 3, {}),
            ("approved", 2.5, {}),
            ("approved", 5, {}),
            ("approved", 1, {"currency_id": "ARS"}),
        )
    ]
    assert len({part["id"] for part in parts}) == 4
    assert [part["status"] for part in parts] == ["pending", "approved", "approved", "approved"]
    money = await sandbox.money("PED-1")
    nothing = {"refunded_centavos": 0, "disputed_centavos": 0, "lost_centavos": 0}
    assert money["by_currency"] == {"BRL": {"held_centavos": 750, **nothing}, "ARS": {"held_centavos": 100, **nothing}}
    assert [row["payment_id"] for row in money["payments"]] == [str(part["id"]) for part in parts]


@pytest.mark.parametrize(
    ("outcomes", "held", "refunded", "disputed", "lost"),
    [
        ([{"outcome": "rejected"}], 0, 0, 0, 0),
        ([{"outcome": "approved"}], 1000, 0, 0, 0),
        ([{"outcome": "approved"}, {"outcome": "refunded"}], 0, 1000, 0, 0),
        ([{"outcome": "approved"}, {"outcome": "refunded", "amount": 4}], 600, 400, 0, 0),
        ([{"outcome": "approved"}, {"outcome": "refunded", "amount": 4}, {"outcome": "in_mediation"}], 0, 400, 600, 0),
        ([{"outcome": "approved"}, {"outcome": "charged_back"}], 0, 0, 1000, 0),
        (
            [{"outcome": "approved"}, {"outcome": "charged_back"}, {"outcome": "charged_back", "detail": "settled"}],
            0,
            0,
            0,
            1000,
        ),
        (
            [{"outcome": "approved"}, {"outcome": "charged_back"}, {"outcome": "charged_back", "detail": "reimbursed"}],
            1000,
            0,
            0,
            0,
        ),
    ],
)
async def test_money_of_an_order_is_counted(sandbox, outcomes, held, refunded, disputed, lost):
    order = await sandbox.order(amount="10.00")
    for outcome in outcomes:
        payment = await sandbox.pay(order_id=order["id"], **outcome)
    counted = {
        "held_centavos": held,
        "refunded_centavos": refunded,
        "disputed_centavos": disputed,
        "lost_centavos": lost,
    }
    assert await sandbox.money("PED-1") == {
        "payments": [
            {
                "payment_id": str(payment["id"]),
                "order_id": order["id"],
                "status": payment["status"],
                "status_detail": payment["status_detail"],
                "amount_centavos": 1000,
                "currency": "BRL",
                **counted,
            }
        ],
        "by_currency": {"BRL": counted},
    }
    assert await sandbox.money("PED-0") == {"payments": [], "by_currency": {}}


@pytest.mark.parametrize(
    "order",
    [
        {"outcome": "under_investigation", "payment_id": 1},
        {"outcome": "Under investigation", "payment_id": 1, "force": True},
        {"outcome": "approved", "external_reference": "PED-1", "force": True},
        {"outcome": "approved", "payment_id": 1, "new_attempt": True},
    ],
)
async def test_contradictory_outcome_is_rejected(sandbox, order):
    status, body = await sandbox.control("POST", "pay", order)
    assert (status, body["error"]) == (400, "invalid_order")
