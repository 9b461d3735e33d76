"""An order as the Orders API shows it: one view of an ordinary payment.

Source: mercadopago developer docs, Checkout API Orders, and probes of a test account: the paid amount is the total even
before the payment, and after the approval the code, its picture and the ticket disappear. The payer is that of the
official Node SDK's types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.bodies.payer import order_payer_body
from services.sandbox.bodies.payment import ticket_url
from services.sandbox.state.clock import order_instant
from services.sandbox.state.money import reais_text
from services.sandbox.state.order_names import order_name, reference_name, refund_name, transaction_name

if TYPE_CHECKING:
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Payment, Refund

# The Orders API's status and detail for each status of a payment; None keeps the payment's detail. The Orders API has
# no status for a mediation, so the order keeps its earlier one.
_STATUSES: dict[str, tuple[str, str | None]] = {
    "pending": ("action_required", "waiting_transfer"),
    "in_process": ("processing", "in_process"),
    "approved": ("processed", None),
    "in_mediation": ("processed", "accredited"),
    "rejected": ("failed", None),
    "refunded": ("refunded", "refunded"),
    "charged_back": ("charged_back", None),
}
_REFUND_STATUSES = {"in_process": "processing", "approved": "processed", "rejected": "failed", "cancelled": "failed"}


def order_status(payment: Payment, *, refunded_as_processed: bool = False) -> tuple[str, str]:
    """Return the status and the status detail of the order that shows this payment.

    A fully refunded order is documented both as `refunded`/`refunded` and as `processed`/`refunded`;
    `refunded_as_processed` selects the second. An unknown status of the payment stays as it is.
    """
    if payment.status == "cancelled":
        status = "expired" if payment.status_detail == "expired" else "canceled"
        return status, status
    if payment.status == "in_mediation" and payment.refunded_centavos:
        return "processed", "partially_refunded"
    if payment.status == "refunded" and refunded_as_processed:
        return "processed", "refunded"
    status, detail = _STATUSES.get(payment.status, (payment.status, None))
    return status, detail or payment.status_detail


def order_body(
    payment: Payment,
    *,
    account: Account,
    public_url: str,
    qr_code_base64: str | None = None,
    refunded_as_processed: bool = False,
) -> dict[str, Any]:
    """Return the JSON object of an order, with the picture where the API has one."""
    status, detail = order_status(payment, refunded_as_processed=refunded_as_processed)
    transaction = _money_of(payment, status=status, detail=detail)
    amount = reais_text(payment.amount_centavos)
    return {
        "id": order_name(payment),
        "type": "online",
        "processing_mode": "automatic",
        "capture_mode": "automatic",
        "external_reference": payment.external_reference,
        **({} if payment.description is None else {"description": payment.description}),
        "total_amount": amount,
        "total_paid_amount": amount,
        "country_code": "BRA",
        "currency": payment.currency_id,
        "user_id": str(payment.collector_id),
        "status": status,
        "status_detail": detail,
        "created_date": order_instant(payment.created_ms),
        "last_updated_date": order_instant(payment.updated_ms),
        "integration_data": {"application_id": account.client_id},
        "marketplace": "NONE",
        "payer": order_payer_body(payment),
        "transactions": {
            "payments": [transaction | _ways_to_pay(payment, public_url=public_url, qr_code_base64=qr_code_base64)],
            **_reversals(payment),
        },
    }


def refund_answer(payment: Payment, *, refunded_as_processed: bool = False) -> dict[str, Any]:
    """Return the answer to a refund of an order: its status and all its refunds, but no payment.

    Only this answer contains a refund that is still `processing`.
    """
    status, detail = order_status(payment, refunded_as_processed=refunded_as_processed)
    return {
        "id": order_name(payment),
        "status": status,
        "status_detail": detail,
        "transactions": {"refunds": _refunds(payment, payment.refunds)},
    }


def order_webhook_data(payment: Payment, *, refunded_as_processed: bool = False) -> dict[str, Any]:
    """Return the `data` of an order's webhook, with the order's state at the event."""
    status, detail = order_status(payment, refunded_as_processed=refunded_as_processed)
    return {
        "id": order_name(payment),
        "external_reference": payment.external_reference,
        "status": status,
        "status_detail": detail,
        "total_paid_amount": reais_text(payment.amount_centavos),
        "transactions": {
            "payments": [_money_of(payment, status=status, detail=detail)],
            **_reversals(payment),
        },
        "type": "online",
        "version": payment.version,
    }


def _ways_to_pay(payment: Payment, *, public_url: str, qr_code_base64: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"payment_method": _method(payment)}
    if payment.online_order is not None and payment.online_order.expiration_time is not None:
        body["expiration_time"] = payment.online_order.expiration_time
    if payment.expires_ms is not None:
        body["date_of_expiration"] = order_instant(payment.expires_ms)
    if payment.status == "pending":
        body["payment_method"] |= {
            "ticket_url": ticket_url(payment, public_url=public_url),
            "qr_code": payment.qr_code,
            **({} if qr_code_base64 is None else {"qr_code_base64": qr_code_base64}),
        }
    return body


def _money_of(payment: Payment, *, status: str, detail: str) -> dict[str, Any]:
    amount = reais_text(payment.amount_centavos)
    refunded = {"refunded_amount": reais_text(payment.refunded_centavos)} if payment.refunded_centavos else {}
    return {
        "id": transaction_name(payment),
        "reference_id": reference_name(payment),
        "amount": amount,
        "paid_amount": amount,
        **refunded,
        "status": status,
        "status_detail": detail,
        "payment_method": _method(payment),
    }


def _method(payment: Payment) -> dict[str, Any]:
    return {"id": payment.method_id, "type": payment.type_id}


def _reversals(payment: Payment) -> dict[str, Any]:
    reversals: dict[str, Any] = {}
    if payment.ended_refunds:
        reversals["refunds"] = _refunds(payment, payment.ended_refunds)
    if payment.chargeback is not None:
        case = str(payment.chargeback.chargeback_id)
        reversals["chargebacks"] = [
            {
                "id": case,
                "transaction_id": transaction_name(payment),
                "case_id": case,
                "status": payment.chargeback_detail,
                "references": [],
            }
        ]
    return reversals


def _refunds(payment: Payment, shown: tuple[Refund, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": refund_name(refund),
            "transaction_id": transaction_name(payment),
            "reference_id": str(refund.refund_id),
            "amount": reais_text(refund.amount_centavos),
            "status": _REFUND_STATUSES[refund.status],
        }
        for refund in shown
    ]
