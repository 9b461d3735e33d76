"""`/v1/payments`: create, get, update (cancel, capture, postpone), and the separate route for cancellations.

Source: mercadopago developer reference, "Payments", and the cause codes of its error list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.api.creation import new_payment
from services.sandbox.api.idempotency import answered_before, remember, scoped_key
from services.sandbox.api.payment_request import first_status, read_due_date, read_new_payment
from services.sandbox.state.errors import bad_request, invalid_state, live_credentials_only, payment_not_found
from services.sandbox.state.json_body import answer, read_object
from services.sandbox.state.lifecycle import IllegalMove, move, postponed
from services.sandbox.state.money import NotMoney, centavos

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Payment


async def create_payment(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Create a payment, 201; a repeated idempotency key gets the same 201."""
    if account.is_test_user:
        raise live_credentials_only()
    key = scoped_key(request, account)
    body = await read_object(request)
    before = answered_before(sim.database, key)
    if before is not None:
        return answer(await sim.payment_json(before.payment), status=201)
    terms = read_new_payment(body, now_ms=sim.clock.now_ms())
    status, detail = first_status(body, terms["method"], is_pix_refused=sim.faults.now.pix_refused)
    payment = new_payment(sim, account, status=status, detail=detail, **terms)
    remember(sim.database, key, payment)
    return answer(await sim.payment_json(payment), status=201)


async def get_payment(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Answer one payment of this merchant."""
    return answer(await sim.payment_json(sim.stale.answer_of(find_payment(sim, account, request))))


async def update_payment(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Cancel or capture a payment, or move its due date; other fields are ignored."""
    return await _update(sim, account, request, await read_object(request))


async def cancel_payment(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Cancel a payment by `PUT …/cancellations`, which the provider's OpenAPI has beside the update."""
    return await _update(sim, account, request, {"status": "cancelled"})


def find_payment(sim: Simulator, account: Account, request: web.Request) -> Payment:
    """Return the payment in the path; raises code 2000 when the merchant does not have it."""
    payment = sim.store.payment_named(request.match_info["payment_id"])
    if payment is None or payment.collector_id != account.collector_id:
        raise payment_not_found()
    return payment


async def _update(sim: Simulator, account: Account, request: web.Request, body: dict[str, Any]) -> web.Response:
    payment = find_payment(sim, account, request)
    updated = _updated(payment, body, now_ms=sim.clock.now_ms())
    if updated is not payment:
        sim.record(updated, action="updated")
    return answer(await sim.payment_json(updated))


def _updated(payment: Payment, body: dict[str, Any], *, now_ms: int) -> Payment:
    try:
        if body.get("capture") is True:
            return _captured(payment, body, now_ms=now_ms)
        status = body.get("status")
        if status is not None and status != "cancelled":
            raise bad_request("The status is not valid for this action", code=2018)
        if status is not None:
            return move(payment, "cancelled", detail="by_collector", now_ms=now_ms)
    except IllegalMove as error:
        raise invalid_state(code=2018) from error
    if body.get("date_of_expiration") is not None:
        if payment.status != "pending":
            raise invalid_state(code=2018)
        return postponed(payment, expires_ms=read_due_date(body["date_of_expiration"], now_ms=now_ms), now_ms=now_ms)
    return payment


def _captured(payment: Payment, body: dict[str, Any], *, now_ms: int) -> Payment:
    if payment.status != "authorized":
        raise invalid_state(code=2018)
    amount_centavos = payment.amount_centavos
    if body.get("transaction_amount") is not None:
        try:
            amount_centavos = centavos(body["transaction_amount"])
        except NotMoney as error:
            raise bad_request("Invalid transaction_amount for update", code=2017) from error
    if not 0 < amount_centavos <= payment.amount_centavos:
        raise bad_request("Invalid transaction_amount for update", code=2017)
    return move(payment, "approved", now_ms=now_ms, amount_centavos=amount_centavos)
