"""Reads and checks the bodies of the Orders API; the sandbox supports orders paid by Pix.

Source: mercadopago developer docs, Checkout API Orders, "Pix" and "Refunds and cancellations", the request types of
the official Node SDK, and captured errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.api.methods import METHODS
from services.sandbox.api.order_errors import Problems, refused
from services.sandbox.api.payment_request import is_document, is_email, read_phone
from services.sandbox.api.properties import Properties
from services.sandbox.state.errors import ProviderError
from services.sandbox.state.json_body import read_object
from services.sandbox.state.order_names import transaction_name
from services.sandbox.state.records import OnlineOrder

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.state.records import Payment

# Without `notification_url` and `date_of_expiration`, which the real API rejects for orders.
_ORDER = frozenset(
    {
        "additional_info",
        "capture_mode",
        "checkout_available_at",
        "config",
        "currency",
        "description",
        "expiration_time",
        "external_reference",
        "integration_data",
        "items",
        "marketplace",
        "marketplace_fee",
        "payer",
        "processing_mode",
        "shipment",
        "total_amount",
        "transactions",
        "type",
    }
)
_PAYER = frozenset(
    {"address", "customer_id", "email", "entity_type", "first_name", "identification", "last_name", "phone"}
)
_PAYMENT = frozenset(
    {"amount", "automatic_payments", "expiration_time", "payment_method", "stored_credential", "subscription_data"}
)
_METHOD = frozenset(
    {"financial_institution", "id", "installments", "statement_descriptor", "token", "transaction_security", "type"}
)
_MAX_REFERENCE = 64
_SANDBOX_DOMAIN = "@testuser.com"


async def read_body(request: web.Request) -> dict[str, Any]:
    """Read a JSON object, `{}` without a body; raises `OrderError` `json_syntax_error`."""
    try:
        return await read_object(request)
    except ProviderError as error:
        raise refused("json_syntax_error", "Invalid JSON", status=400) from error


def read_new_order(body: dict[str, Any], *, now_ms: int, is_test_user: bool) -> dict[str, Any]:
    """Return the fields of the payment of a new order; raises `OrderError` with all problems.

    The documented window of 30 minutes to 30 days is not enforced, as in the sandbox of the real provider.
    """
    problems = Problems()
    order = Properties(body, path="$", known=_ORDER, problems=problems)
    order.one_of("type", "online", required=True)
    order.one_of("processing_mode", "automatic")
    order.one_of("capture_mode", "automatic", "automatic_async")
    total_centavos = order.amount_centavos("total_amount")
    external_reference = order.text("external_reference", required=True, max_length=_MAX_REFERENCE)
    description = order.text("description")
    payer = _payer(order.part("payer", _PAYER), problems, is_test_user=is_test_user)
    payment = order.part("transactions", frozenset({"payments"})).only_item("payments", _PAYMENT)
    method = payment.part("payment_method", _METHOD)
    method.one_of("id", "pix", required=True)
    method.one_of("type", "bank_transfer", required=True)
    amount_centavos = payment.amount_centavos("amount")
    if total_centavos and amount_centavos and total_centavos != amount_centavos:
        problems.add("invalid_total_amount")
    lifetime_ms = payment.duration_ms("expiration_time")
    problems.refuse_if_any()
    return {
        "method": METHODS["pix"],
        "amount_centavos": amount_centavos,
        "external_reference": external_reference,
        "description": description or None,
        "payer": payer,
        "expires_ms": None if lifetime_ms is None else now_ms + lifetime_ms,
        "online_order": OnlineOrder(expiration_time=payment.raw("expiration_time"), is_test=is_test_user),
    }


def read_refund(body: dict[str, Any], payment: Payment) -> int | None:
    """Return the centavos to refund, `None` for the rest; raises `OrderError`."""
    if not body:
        return None
    problems = Problems()
    order = Properties(body, path="$", known=frozenset({"transactions"}), problems=problems)
    transaction = order.only_item("transactions", frozenset({"amount", "id"}))
    name = transaction.text("id", required=True)
    amount_centavos = transaction.amount_centavos("amount")
    problems.refuse_if_any()
    if name != transaction_name(payment):
        raise refused("transaction_not_found", "Transaction not found.", status=404)
    return amount_centavos


def _payer(payer: Properties, problems: Problems, *, is_test_user: bool) -> dict[str, Any]:
    email = payer.text("email", required=True)
    if email and not is_email(email):
        payer.refuse("email", "invalid email")
    elif email and is_test_user and not email.endswith(_SANDBOX_DOMAIN):
        problems.add("invalid_email_for_sandbox")
    identification = payer.raw("identification")
    if identification is not None and not is_document(identification):
        payer.refuse("identification", "invalid document")
    return {
        "email": email,
        "first_name": payer.text("first_name") or None,
        "last_name": payer.text("last_name") or None,
        "identification": identification,
        "phone": read_phone(payer.raw("phone")),
    }
