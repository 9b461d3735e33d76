"""`/v1/chargebacks`: get and search chargebacks.

Source: mercadopago developer reference, "Chargebacks", and the types of the official Node SDK. They have
different names for the same fields, and the sandbox answers both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.state.clock import api_instant
from services.sandbox.state.errors import bad_request, not_found
from services.sandbox.state.json_body import answer
from services.sandbox.state.money import reais

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Chargeback, Payment

_DEFAULT_LIMIT = 30
_MAX_LIMIT = 100

# By the payment's status detail: the SDK's status, whether the merchant got its money back, and the documents.
_STATES: dict[str, tuple[str, bool | None, str]] = {
    "in_process": ("in_review", None, "pending"),
    "settled": ("lost", False, "invalid"),
    "reimbursed": ("won", True, "valid"),
}


async def get_chargeback(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Answer one chargeback of this merchant."""
    payment = sim.store.payment_of_chargeback(request.match_info["chargeback_id"])
    if payment is None or payment.chargeback is None or payment.collector_id != account.collector_id:
        raise not_found("Chargeback not found")
    return answer(_body(payment, payment.chargeback))


async def search_chargebacks(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Search the chargebacks of this merchant, by payment or by status, newest first."""
    query = request.query
    try:
        limit, offset = int(query.get("limit") or _DEFAULT_LIMIT), int(query.get("offset") or 0)
    except ValueError as error:
        raise bad_request("Params Error", code=1) from error
    limit, offset = max(0, min(limit, _MAX_LIMIT)), max(0, offset)
    found = [
        body
        for payment in reversed(sim.store.payments.values())
        if payment.chargeback is not None and payment.collector_id == account.collector_id
        for body in (_body(payment, payment.chargeback),)
        if all(str(body[name]) == query[name] for name in ("payment_id", "status") if query.get(name))
    ]
    return answer(
        {
            "paging": {"total": len(found), "limit": limit, "offset": offset},
            "results": found[offset : offset + limit],
        }
    )


def _body(payment: Payment, chargeback: Chargeback) -> dict[str, Any]:
    status, is_covered, documentation_status = _STATES.get(payment.chargeback_detail, _STATES["in_process"])
    created, changed = api_instant(chargeback.created_ms), api_instant(payment.updated_ms)
    return {
        "id": str(chargeback.chargeback_id),
        "payment_id": payment.payment_id,
        "payments": [payment.payment_id],
        "status": status,
        "amount": reais(payment.amount_centavos),
        "currency": payment.currency_id,
        "currency_id": payment.currency_id,
        "reason": "general",
        "reason_id": "general",
        "coverage_applied": is_covered,
        "coverage_elegible": True,
        "documentation_required": True,
        "documentation_status": documentation_status,
        "documentation": [],
        "date_created": created,
        "date_last_updated": changed,
        "last_updated": changed,
        "last_modified": changed,
        "live_mode": True,
    }
