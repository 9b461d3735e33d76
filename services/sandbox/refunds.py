"""`/v1/payments/{id}/refunds`: give back all or part of a payment, list, get.

Source: mercadopago developer reference, "Refunds", and probes of the production API (codes 2063 and 2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from services.sandbox.errors import ProviderError, bad_request, invalid_state, live_credentials_only, not_found
from services.sandbox.idempotency import answered_before, remember, scoped_key
from services.sandbox.json_body import answer, read_object
from services.sandbox.lifecycle import ExcessiveRefund, IllegalMove, refund
from services.sandbox.money import NotANumber, NotMoney, centavos
from services.sandbox.payment_body import refund_body
from services.sandbox.payments import find_payment

if TYPE_CHECKING:
    from services.sandbox.accounts import Account
    from services.sandbox.simulator import Simulator


async def create_refund(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Refund an approved payment: 201, and 200 without a body when the idempotency key comes again."""
    if account.is_test_user:
        raise live_credentials_only()
    key = scoped_key(request, account)
    body = await read_object(request)
    payment = find_payment(sim, account, request)
    if answered_before(sim.database, key) is not None:
        return web.Response(status=200, content_type="application/json")
    try:
        refunded = refund(
            payment,
            refund_id=sim.store.next_id(),
            amount_centavos=_amount(body.get("amount")),
            now_ms=sim.clock.now_ms(),
        )
    except IllegalMove as error:
        raise invalid_state(code=2063) from error
    except ExcessiveRefund as error:
        raise bad_request("Invalid transaction_amount for update", code=2017) from error
    sim.record(refunded, action="updated")
    remember(sim.database, key, refunded)
    return answer(refund_body(refunded.refunds[-1], payment_id=payment.payment_id, account=account), status=201)


async def list_refunds(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """List the refunds of a payment, as a plain JSON array."""
    payment = find_payment(sim, account, request)
    return answer([refund_body(each, payment_id=payment.payment_id, account=account) for each in payment.refunds])


async def get_refund(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Show one refund; an unknown one is cause code 2032."""
    payment = find_payment(sim, account, request)
    for each in payment.refunds:
        if str(each.refund_id) == request.match_info["refund_id"]:
            return answer(refund_body(each, payment_id=payment.payment_id, account=account))
    raise not_found("Refund not found", code=2032)


def _amount(value: object) -> int | None:
    """Read a partial amount, `None` for all; 401 with 4041 (not a number) or 4040 (not positive)."""
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
