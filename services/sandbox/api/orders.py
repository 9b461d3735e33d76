"""`/v1/orders`: create, get, cancel and refund orders that are paid by Pix.

Source: mercadopago developer docs, Checkout API Orders, and probes of a test account: a repeated key gets the
same order and Pix code, and a key with another request is rejected.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from services.sandbox.api.creation import new_payment
from services.sandbox.api.idempotency import answered_before, digest_of, remember, scoped_key
from services.sandbox.api.order_errors import order_not_found, refused
from services.sandbox.api.order_request import read_body, read_new_order, read_refund
from services.sandbox.api.payment_request import REFUSED_FOR_RISK
from services.sandbox.bodies.order import order_body, order_status, refund_answer
from services.sandbox.state.json_body import answer
from services.sandbox.state.lifecycle import IllegalMove, move
from services.sandbox.state.refunding import ExcessiveRefund, refund, start_refund

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Payment

_NAME = re.compile(r"ORD(?:TST)?[0-9A-Z]{26}")


async def create_order(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Create an order and its Pix, 201; a repeated idempotency key gets the same 201."""

    def create(body: dict[str, Any]) -> Payment:
        terms = read_new_order(body, now_ms=sim.clock.now_ms(), is_test_user=account.is_test_user)
        status, detail = REFUSED_FOR_RISK if sim.faults.now.pix_refused else ("pending", None)
        return new_payment(sim, account, status=status, detail=detail, **terms)

    return answer(await _shown(sim, await _once(sim, account, request, create)), status=201)


async def get_order(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Answer one order of this merchant."""
    return answer(await _shown(sim, sim.stale.answer_of(_find(sim, account, request))))


async def cancel_order(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Cancel an unpaid order, 200."""

    def cancel(_body: dict[str, Any]) -> Payment:
        payment = _find(sim, account, request)
        if order_status(payment)[0] == "canceled":
            raise refused("order_already_canceled", "The order is canceled already.")
        try:
            canceled = move(payment, "cancelled", detail="by_collector", now_ms=sim.clock.now_ms())
        except IllegalMove as error:
            raise refused("cannot_cancel_order", "The status of the order does not allow it to be canceled.") from error
        sim.record(canceled, action="updated")
        return canceled

    return answer(await _shown(sim, await _once(sim, account, request, cancel)))


async def refund_order(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Refund the rest of a paid order, or the named amount, 201; the fault dial may keep the refund in process."""
    faults = sim.faults.now
    is_waiting = faults.order_refunds == "processing"

    def refund_part(body: dict[str, Any]) -> Payment:
        payment = _find(sim, account, request)
        step = start_refund if is_waiting else refund
        refunded = _refunded(payment, body, step=step, refund_id=sim.store.next_id(), now_ms=sim.clock.now_ms())
        if is_waiting:
            sim.save_silently(refunded)
        else:
            sim.record(refunded, action="updated")
        return refunded

    payment = await _once(sim, account, request, refund_part)
    return answer(refund_answer(payment, refunded_as_processed=faults.order_refunded_as_processed), status=201)


def _refunded(
    payment: Payment, body: dict[str, Any], *, step: Callable[..., Payment], refund_id: int, now_ms: int
) -> Payment:
    amount_centavos = read_refund(body, payment)
    if payment.status == "refunded":
        raise refused("order_already_refunded", "The order is refunded already.")
    try:
        return step(payment, refund_id=refund_id, amount_centavos=amount_centavos, now_ms=now_ms)
    except IllegalMove as error:
        raise refused("cannot_refund_order", "The status of the order does not allow a refund.") from error
    except ExcessiveRefund as error:
        raise refused("refund_amount_exceeds", "The amount is more than what is left.", status=400) from error


async def _once(
    sim: Simulator, account: Account, request: web.Request, change: Callable[[dict[str, Any]], Payment]
) -> Payment:
    """Make a change once per idempotency key; return the payment right after the change."""
    if not request.headers.get("X-Idempotency-Key", "").strip():
        raise refused("empty_required_header", "Header 'X-Idempotency-Key' is required", status=400)
    key = scoped_key(request, account)
    body = await read_body(request)
    digest = digest_of(body)
    before = answered_before(sim.database, key)
    if before is not None:
        if before.digest != digest:
            raise refused("idempotency_key_already_used", "The idempotency key was used with another request.")
        return before.payment
    payment = change(body)
    remember(sim.database, key, payment, digest=digest)
    return payment


def _find(sim: Simulator, account: Account, request: web.Request) -> Payment:
    name = request.match_info["order_id"]
    if _NAME.fullmatch(name) is None:
        raise refused("invalid_path_param", "Invalid order_id", status=400)
    payment = sim.store.payment_of_online_order(name)
    if payment is None or payment.collector_id != account.collector_id:
        raise order_not_found()
    return payment


async def _shown(sim: Simulator, payment: Payment) -> dict[str, Any]:
    return order_body(
        payment,
        account=sim.account_of(payment.collector_id),
        public_url=sim.settings.public_url,
        qr_code_base64=await sim.picture_of(payment),
        refunded_as_processed=sim.faults.now.order_refunded_as_processed,
    )
