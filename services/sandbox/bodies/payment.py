"""A payment as the API shows it.

Source: a captured sandbox Pix payment and the developer reference of `/v1/payments`; keys without meaning
here keep the captured constant, so that a client finds every key that it knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.bodies.payer import bank_payer_body, card_body, payer_body
from services.sandbox.state.clock import api_instant
from services.sandbox.state.money import reais

if TYPE_CHECKING:
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import Payment, Refund

_RELEASE_DELAY_MS = 1_000


def ticket_url(payment: Payment, *, public_url: str) -> str | None:
    """Return the address of the page that shows a Pix or a boleto, `None` for other methods."""
    if payment.ticket_hash is None:
        return None
    caller = payment.payer["id"]
    return f"{public_url}/payments/{payment.payment_id}/ticket?caller_id={caller}&hash={payment.ticket_hash}"


def payment_body(
    payment: Payment, *, account: Account, public_url: str, qr_code_base64: str | None = None
) -> dict[str, Any]:
    """Return the JSON object of a payment, with the picture where the API has one."""
    is_paid = payment.approved_ms is not None
    ticket = ticket_url(payment, public_url=public_url)
    return {
        "id": payment.payment_id,
        "date_created": api_instant(payment.created_ms),
        "date_approved": api_instant(payment.approved_ms),
        "date_last_updated": api_instant(payment.updated_ms),
        "date_of_expiration": api_instant(payment.expires_ms),
        "money_release_date": api_instant(payment.approved_ms + _RELEASE_DELAY_MS) if payment.approved_ms else None,
        "money_release_status": "released",
        "money_release_schema": None,
        "operation_type": "regular_payment",
        "issuer_id": "12501" if payment.method_id == "pix" else None,
        "payment_method_id": payment.method_id,
        "payment_type_id": payment.type_id,
        "payment_method": {
            "id": payment.method_id,
            "issuer_id": "12501" if payment.method_id == "pix" else None,
            "type": payment.type_id,
        },
        "status": payment.status,
        "status_detail": payment.status_detail,
        "currency_id": payment.currency_id,
        "description": payment.description,
        "live_mode": True,
        "sponsor_id": None,
        "authorization_code": None,
        "integrator_id": None,
        "platform_id": None,
        "corporation_id": None,
        "taxes_amount": 0,
        "counter_currency": None,
        "shipping_amount": 0,
        "build_version": "3.74.0",
        "pos_id": None,
        "store_id": None,
        "collector_id": payment.collector_id,
        "external_reference": payment.external_reference,
        "payer": payer_body(payment),
        "metadata": payment.metadata,
        "additional_info": {
            **payment.additional_info,
            "authentication_code": None,
            "available_balance": None,
            "nsu_processadora": None,
        },
        "order": {} if payment.order_id is None else {"id": str(payment.order_id), "type": "mercadopago"},
        "transaction_amount": reais(payment.amount_centavos),
        "transaction_amount_refunded": reais(payment.refunded_centavos),
        "coupon_amount": 0,
        "differential_pricing_id": None,
        "financing_group": None,
        "deduction_schema": None,
        "callback_url": payment.callback_url,
        "installments": payment.installments,
        "captured": payment.captured,
        "binary_mode": payment.binary_mode,
        "call_for_authorize_id": None,
        "statement_descriptor": payment.statement_descriptor,
        "card": card_body(payment),
        "notification_url": payment.notification_url,
        "refunds": [
            refund_body(refund, payment_id=payment.payment_id, account=account) for refund in payment.ended_refunds
        ],
        "processing_mode": "aggregator",
        "merchant_account_id": None,
        "merchant_number": None,
        "acquirer_reconciliation": [],
        "marketplace_owner": None,
        "tags": None,
        "fee_details": (
            [{"type": "mercadopago_fee", "amount": reais(payment.fee_centavos), "fee_payer": "collector"}]
            if is_paid
            else []
        ),
        "charges_details": _charges(payment) if is_paid else [],
        "transaction_details": {
            "net_received_amount": reais(payment.amount_centavos - payment.fee_centavos) if is_paid else 0,
            "total_paid_amount": reais(payment.amount_centavos),
            "overpaid_amount": 0,
            "installment_amount": 0,
            "external_resource_url": ticket if payment.type_id == "ticket" else None,
            "financial_institution": None,
            "payment_method_reference_id": None,
            "acquirer_reference": None,
            "bank_transfer_id": None,
            "transaction_id": None,
            "payable_deferral_period": None,
        },
        "point_of_interaction": _point_of_interaction(
            payment, account=account, ticket=ticket, qr_code_base64=qr_code_base64
        ),
    }


def refund_body(refund: Refund, *, payment_id: int, account: Account) -> dict[str, Any]:
    """Return the JSON object of a refund, with the field names of the official Node SDK's types."""
    amount = reais(refund.amount_centavos)
    is_made = refund.status == "approved"
    return {
        "id": refund.refund_id,
        "payment_id": payment_id,
        "amount": amount,
        "metadata": {},
        "source": {"id": str(account.collector_id), "name": account.nickname, "type": "collector"},
        "date_created": api_instant(refund.created_ms),
        "unique_sequence_number": None,
        "refund_mode": "standard",
        "adjustment_amount": 0,
        "status": refund.status,
        "reason": None,
        "label": [],
        "partition_details": [],
        "amount_refunded_to_payer": amount if is_made else 0,
    }


def _charges(payment: Payment) -> list[dict[str, Any]]:
    at = api_instant(payment.approved_ms)
    return [
        {
            "id": f"{payment.payment_id}-001",
            "name": "mercadopago_fee",
            "type": "fee",
            "accounts": {"from": "collector", "to": "mp"},
            "amounts": {"original": reais(payment.fee_centavos), "refunded": 0},
            "client_id": 0,
            "date_created": at,
            "last_updated": at,
            "metadata": {"source": "rule-engine"},
            "refund_charges": [],
            "reserve_id": None,
        }
    ]


def _point_of_interaction(
    payment: Payment, *, account: Account, ticket: str | None, qr_code_base64: str | None
) -> dict[str, Any]:
    """Return the Pix code while the Pix is payable; captures of the Orders API have no code afterwards."""
    if payment.method_id != "pix":
        is_checkout = payment.preference_id is not None
        return {"type": "CHECKOUT" if is_checkout else "UNSPECIFIED", "business_info": _business_info()}
    is_payable = payment.status == "pending"
    return {
        "type": "OPENPLATFORM",
        "business_info": _business_info(),
        "application_data": {"name": None, "version": None},
        "location": {"source": None, "state_id": None},
        "transaction_data": {
            "qr_code": payment.qr_code if is_payable else None,
            "qr_code_base64": qr_code_base64 if is_payable else None,
            "ticket_url": ticket if is_payable else None,
            "transaction_id": None,
            "bank_transfer_id": None,
            "e2e_id": None,
            "financial_institution": None,
            "bank_info": {
                "payer": bank_payer_body(payment),
                "collector": {
                    "account_id": None,
                    "long_name": None,
                    "account_holder_name": account.nickname,
                    "transfer_account_id": None,
                },
                "is_same_bank_account_owner": None,
                "origin_bank_id": None,
                "origin_wallet_id": None,
            },
        },
    }


def _business_info() -> dict[str, Any]:
    return {"unit": "online_payments", "sub_unit": "default", "branch": None}
