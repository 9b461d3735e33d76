"""Direct Pix: created, shown, and confirmed once by the bank."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from PIL import Image

from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.values import Payer
from tests.compatibility.claim import claim
from tests.pace import within
from tests.running_hub import CAUSE, MERCHANT
from tests.starkbank_brcode import json_from_brcode

KEY = {"Idempotency-Key": "pedido-42"}


@claim("pix.message")
async def test_created_pix_has_reference_shape(hub):
    status, answer = await hub.post("/payments/pix", {"value": 100.0})
    assert status == 201
    assert answer["message"] == "The payment has been created."
    payment = answer["payment"]
    assert payment["value"] == 100.0
    assert datetime.fromisoformat(payment["expiration_date"]).utcoffset() is not None
    assert json_from_brcode(payment["payload"])["54"] == "100.00"


@claim("pix-picture.name")
async def test_picture_is_drawn_once_and_cacheable(hub):
    _, answer = await hub.post("/payments/pix", {"value": 0.01})
    for name in (answer["payment"]["qr_code"], answer["payment"]["qr_code"] + ".png"):
        async with hub.session.get(f"{hub.url}/payments/pix/qr_code/{name}") as picture:
            assert (picture.status, picture.content_type) == (200, "image/png")
            assert Image.open(io.BytesIO(await picture.read())).size[0] > 100
            etag = picture.headers["ETag"]
        headers = {"If-None-Match": etag}
        async with hub.session.get(f"{hub.url}/payments/pix/qr_code/{name}", headers=headers) as picture:
            assert picture.status == 304
    guessed = f"{hub.url}/payments/pix/qr_code/qr_code_payment_00000000-0001-8000-8000-000000000000"
    async with hub.session.get(guessed) as nothing:
        assert nothing.status == 404


@claim("pix.bank-payment-id", "pix-confirmation.message", "pix-confirmation.status")
async def test_repeated_bank_confirmation_has_no_effect(hub):
    _, answer = await hub.post("/payments/pix", {"value": 12.5})
    payment = answer["payment"]
    confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5}
    async with hub.socket(payment_id=payment["id"]) as socket:
        assert (await socket.receive_json())["payments"][0]["status"] == "pending"
        for _ in range(3):
            status, answer = await hub.post("/payments/pix/confirmation", confirmation)
            assert (status, answer) == (200, {"message": "The payment has been confirmed."})
        async with within(10):
            while (frame := await socket.receive_json())["event"] != "StatusChanged":
                pass
    assert frame["source"] == "bank"
    assert await hub.status_changes(payment["id"]) == [("pending", "approved")]


@claim("pix-confirmation.more")
async def test_second_transfer_differs_from_repeated_confirmation(hub):
    _, answer = await hub.post("/payments/pix", {"value": 12.5})
    payment = answer["payment"]
    first, second = [f"E1234567820261122120{n}abcdefghijk" for n in range(2)]
    for transfer in (first, first, second, second):
        confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5, "end_to_end_id": transfer}
        status, answer = await hub.post("/payments/pix/confirmation", confirmation)
        assert (status, answer) == (200, {"message": "The payment has been confirmed."})
    events = await hub.events(payment["id"])
    [twice] = [event["data"] for event in events if event["type"] == "DuplicatePaymentObserved"]
    assert (twice["already_paid_by"], twice["attempt_id"]) == (first, second)
    assert (await hub.check(payment["id"]))["alerts"] == ["duplicate_payment"]
    for wrong in ("E1", 5, first + "x", "é" * 32):
        status, refused = await hub.post("/payments/pix/confirmation", {**confirmation, "end_to_end_id": wrong})
        assert (status, refused["code"]) == (400, "invalid_end_to_end_id")


@claim("pix-confirmation.body")
async def test_wrong_value_is_rejected_and_recorded_once(hub):
    _, answer = await hub.post("/payments/pix", {"value": 12.5})
    payment = answer["payment"]
    for _ in range(2):
        status, refused = await hub.post(
            "/payments/pix/confirmation", {"bank_payment_id": payment["bank_payment_id"], "value": 12.4}
        )
        assert (status, refused["code"]) == (400, "wrong_amount")
    types = [event["type"] for event in await hub.events(payment["id"])]
    assert types.count("ConfirmationRefused") == 1
    assert (await hub.check(payment["id"]))["status"] == "pending"


async def test_rejected_confirmations_beyond_ten_are_only_counted(hub):
    _, answer = await hub.post("/payments/pix", {"value": 12.5})
    payment = answer["payment"]
    counted = {trace: await refusals(hub, trace) for trace in ("traced", "untraced")}
    for centavos in range(1, 14):
        confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": centavos / 100}
        status, refused = await hub.post("/payments/pix/confirmation", confirmation)
        assert (status, refused["code"]) == (400, "wrong_amount")
    events = await hub.events(payment["id"])
    assert [event["type"] for event in events].count("ConfirmationRefused") == 10
    assert await refusals(hub, "traced") == counted["traced"] + 10
    assert await refusals(hub, "untraced") == counted["untraced"] + 3
    # A confirmation of money that is held already does not count as rejected.
    part = {**confirmation, "value": 5, "end_to_end_id": "E1234567820261122120" + uuid4().hex[:12]}
    for _ in range(2):
        assert (await hub.post("/payments/pix/confirmation", part))[0] == 400
    assert (await hub.check(payment["id"]))["held_amount"] == 5
    assert await refusals(hub, "untraced") == counted["untraced"] + 3
    right = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5}
    assert (await hub.post("/payments/pix/confirmation", right))[0] == 200


async def refusals(hub, trace):
    name = f'extrato_confirmations_refused_total{{trace="{trace}"}}'
    return await hub.metric(name) if name in await hub.metrics() else 0


@claim("pix.more")
async def test_repeated_key_and_body_give_same_response(hub):
    first = await hub.post("/payments/pix", {"value": 7}, KEY)
    assert first[0] == 201
    await hub.post(
        "/payments/pix/confirmation",
        {"bank_payment_id": first[1]["payment"]["bank_payment_id"], "value": 7},
    )
    again = await asyncio.gather(*(hub.post("/payments/pix", {"value": 7}, KEY) for _ in range(5)))
    assert again == [first] * 5


@claim("pix.more")
async def test_repeated_key_with_other_body_is_rejected(hub):
    await hub.post("/payments/pix", {"value": 7}, KEY)
    status, answer = await hub.post("/payments/pix", {"value": 8}, KEY)
    assert (status, answer["code"]) == (409, "idempotency_key_reused")


@claim("generate-link.more")
async def test_concurrent_creations_with_one_key_make_one_payment(hub):
    key = {"Idempotency-Key": "at-once"}
    body = {"padaria_slug": "padaria-do-marcos", "items": [{"nome": "Pão Francês", "quantidade": 2}]}
    answers = await asyncio.gather(*(hub.post("/payments/api/generate-link/", body, key) for _ in range(8)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["payment_id"] for _, answer in answers}) == 1
    assert len({answer["preference_id"] for _, answer in answers}) == 1


def at(seconds, *, zone=UTC):
    """Return a time relative to the present, as a bank writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).astimezone(zone).isoformat(timespec="milliseconds")


RECIFE = timezone(timedelta(hours=-3))


@claim("pix-confirmation.more")
@pytest.mark.parametrize("name", ["paid_at", "horario"])
async def test_confirmation_reports_time_of_payment(hub, name):
    _, answer = await hub.post("/payments/pix", {"value": 12.5})
    payment = answer["payment"]
    paid_at = at(-20, zone=RECIFE)
    confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5, name: paid_at, "infoPagador": "x"}
    assert (await hub.post("/payments/pix/confirmation", confirmation))[0] == 200
    shown = (await hub.check(payment["id"]))["paid_at"]
    assert datetime.fromisoformat(shown) == datetime.fromisoformat(paid_at)


@claim("pix-confirmation.status")
async def test_pix_paid_in_time_and_confirmed_late_is_approved(hub, until):
    async with hub.inside() as inside:
        in_time, late = [await short_pix(inside) for _ in range(2)]

    async def are_over():
        return {(await hub.check(payment.payment_id))["status"] for payment in (in_time, late)} == {"cancelled"}

    await until(are_over, "the payments have expired")
    for payment, paid_at, status in ((in_time, 0, 200), (late, 30, 409)):
        intent = payment.payment.intent
        ended_at = intent.expires_at + timedelta(seconds=paid_at) - timedelta(milliseconds=1)
        confirmation = {"bank_payment_id": intent.bank_payment_id, "value": 7, "paid_at": ended_at.isoformat()}
        assert (await hub.post("/payments/pix/confirmation", confirmation))[0] == status
    assert (await hub.check(in_time.payment_id))["status"] == "approved"
    assert (await hub.check(in_time.payment_id))["alerts"] == []
    checked = await hub.check(late.payment_id)
    assert (checked["status"], checked["alerts"]) == ("cancelled", ["late_payment"])


async def short_pix(inside):
    wanted = NewPayment(
        provider="pix",
        method="pix",
        amount_centavos=700,
        title="Pedido",
        description="Pedido",
        items=(),
        payer=Payer(),
        lifetime=timedelta(seconds=0.5),
    )
    merchant = await MerchantDirectory(inside.log).get(MERCHANT)
    created = await create_payment(inside, merchant, wanted, idempotency_key=None, cause=CAUSE)
    return created.loaded


@claim("pix-confirmation.more")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"paid_at": 600}, "The time of payment must be after the charge's creation and before its confirmation."),
        ({"paid_at": -600}, "The time of payment must be after the charge's creation and before its confirmation."),
        ({"horario": "2026-11-22T12:30:00"}, "The field 'horario' must be a time with its offset, such as"),
        ({"paid_at": "22/11/2026 12:30"}, "The field 'paid_at' must be a time with its offset, such as"),
        ({"paid_at": "0001-01-01T00:00:00+23:59"}, "The field 'paid_at' must be a time with its offset, such as"),
        ({"paid_at": 1700000000.5}, "The field 'paid_at' must be a time with its offset, such as"),
        ({"paid_at": -1, "horario": -2}, "The fields 'paid_at' and 'horario' must be equal."),
    ],
    ids=["in the future", "before the charge", "no offset", "other format", "no year", "a number", "two times"],
)
async def test_impossible_time_of_payment_is_rejected(hub, more, message):
    """Integers are seconds from the present."""
    _, answer = await hub.post("/payments/pix", {"value": 12.5})
    payment = answer["payment"]
    confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": 12.5}
    times = {name: at(time) if isinstance(time, int) else time for name, time in more.items()}
    status, refused = await hub.post("/payments/pix/confirmation", confirmation | times)
    assert (status, refused["code"]) == (400, "invalid_paid_at")
    assert refused["message"].startswith(message)
    assert [event["type"] for event in await hub.events(payment["id"])] == ["PaymentOpened"]
    same = at(-1)
    assert (await hub.post("/payments/pix/confirmation", confirmation | {"paid_at": same, "horario": same}))[0] == 200
