"""`/v1/payments/{id}/refunds`: refund a payment in full or in part, list, get.

Source: mercadopago developer reference, "Refunds", its help page "refund-pix" on refunds in process, and probes of the
production API (codes 2063, 2017 and 2084).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from services.sandbox.api.idempotency import answered_before, remember, scoped_key
from services.sandbox.api.payments import find_payment
from services.sandbox.bodies.payment import refund_body
from services.sandbox.state.errors import ProviderError, bad_request, invalid_state, live_credentials_only, not_found
from services.sandbox.state.json_body import answer, read_object
from services.sandbox.state.lifecycle import IllegalMove
from services.sandbox.state.money import NotANumber, NotMoney, centavos
from services.sandbox.state.refunding import ExcessiveRefund, refund, start_refund

if TYPE_CHECKING:
    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Payment, Refund


async def create_refund(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Refund an approved payment, 201; a repeated idempotency key gets 200 without a body.

    A refund that the fault dial keeps in process gets 400 with code 2084, unless the header asks for such refunds.
    """
    if account.is_test_user:
        raise live_credentials_only()
    key = scoped_key(request, account)
    body = await read_object(request)
    payment = find_payment(sim, account, request)
    if answered_before(sim.database, key) is not None:
        return web.Response(status=200, content_type="application/json")
    is_waiting = sim.faults.now.refunds_in_process
    step = start_refund if is_waiting else refund
    try:
        refunded = step(
            payment,
            refund_id=sim.store.next_id(),
            amount_centavos=_amount(body.get("amount")),
            now_ms=sim.clock.now_ms(),
        )
    except IllegalMove as error:
        raise invalid_state(code=2063) from error
    except ExcessiveRefund as error:
        raise bad_request("Invalid transaction_amount for update", code=2017) from error
    if is_waiting:
        sim.save_silently(refunded)
    else:
        sim.record(refunded, action="updated")
    remember(sim.database, key, refunded)
    if is_waiting and not _asks_for_in_process(request):
        raise bad_request("This transaction does not support to be refunded", code=2084)
    return answer(refund_body(refunded.refunds[-1], payment_id=payment.payment_id, account=account), status=201)


async def list_refunds(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Answer the refunds of a payment, as a plain JSON array; refunds in process only when the header asks for them."""
    payment = find_payment(sim, account, request)
    shown = _shown_refunds(payment, request)
    return answer([refund_body(each, payment_id=payment.payment_id, account=account) for each in shown])


async def get_refund(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Answer one refund; an unknown one is cause code 2032."""
    payment = find_payment(sim, account, request)
    for each in _shown_refunds(payment, request):
        if str(each.refund_id) == request.match_info["refund_id"]:
            return answer(refund_body(each, payment_id=payment.payment_id, account=account))
    raise not_found("Refund not found", code=2032)


def _shown_refunds(payment: Payment, request: web.Request) -> tuple[Refund, ...]:
    return payment.refunds if _asks_for_in_process(request) else payment.ended_refunds


def _asks_for_in_process(request: web.Request) -> bool:
    return request.headers.get("X-Render-In-Process-Refunds", "").strip().lower() == "true"


def _amount(value: object) -> int | None:
    """Read a partial amount, `None` for the rest; raises 401 with 4041 (not a number) or 4040 (not positive)."""
    if value is None:
        return None
    try:
        amount_centavos = centavos(value)
    except NotANumber as error:
        raise ProviderError(
            status=401, error="unauthorized", message="The amount must be numeric", code=4041
        ) from error
    except NotMoney as error:
        raise bad_request("Invalid transaction_amount for update", code=2017) from error
    if amount_centavos <= 0:
        raise ProviderError(status=401, error="unauthorized", message="The amount must be positive", code=4040)
    return amount_centavos
