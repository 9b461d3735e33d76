"""Operations of payment links."""

from __future__ import annotations

from typing import Final

from contracts import api
from contracts.operations.codes import OF_CHARGING, OF_VAULT, OF_WRITING
from contracts.operations.common import IDEMPOTENCY_KEY, TEXT
from contracts.operations.operation import Answer, Operation, Parameter


def _check(method: str, name: str) -> Operation:
    return Operation(
        name=name,
        method=method,
        path="/payments/api/check/{payment_id}/",
        tag="Payment links",
        summary="Ask the provider, then return the state of a payment.",
        description="If the provider does not answer, or the payment has no provider, as a direct Pix, `synced` is "
        "false and the answer is the state that the hub knows. "
        "A payer's answer has no e-mail address.",
        scope="payments:read",
        payer=True,
        limit="checks",
        cross_origin=True,
        answers={200: Answer(description="The state of the payment.", body=api.PaymentStatus)},
        codes=(*OF_WRITING, *OF_VAULT),
    )


LINKS: Final = (
    Operation(
        name="generateLink",
        method="POST",
        path="/payments/api/generate-link/",
        tag="Payment links",
        summary="Create a Checkout Pro link for an order.",
        description="A key with `listed_prices_only` is answered 403 `listed_prices_only` if a line has "
        "`preco_unitario`.",
        scope="payments:write",
        headers=(IDEMPOTENCY_KEY,),
        body=api.LinkCreation,
        limit="creations",
        cross_origin=True,
        answers={200: Answer(description="The payment link, for a payer.", body=api.LinkCreated)},
        codes=(
            *OF_CHARGING,
            *OF_WRITING,
            *OF_VAULT,
            "merchant_not_found",
            "unknown_product",
            "listed_prices_only",
        ),
    ),
    _check("GET", "checkPayment"),
    _check("POST", "checkPaymentByPost"),
    Operation(
        name="listPayments",
        method="GET",
        path="/payments/api/pending/",
        tag="Payment links",
        summary="List a merchant's payments of one status, the newest first.",
        scope="payments:read",
        query=(
            Parameter(name="padaria_slug", description="The merchant's slug.", schema=TEXT, is_required=True),
            Parameter(
                name="status",
                description="A status, or `all`; upper and lower case are equal.",
                schema={"type": "string", "pattern": "^[A-Za-z_]{1,40}$", "default": "pending"},
            ),
            Parameter(
                name="limit",
                description="The maximum number of payments.",
                schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 50},
            ),
        ),
        limit="lists",
        cross_origin=True,
        answers={200: Answer(description="The payments.", body=api.PaymentList)},
        codes=("missing_padaria_slug", "merchant_not_found", "invalid_status", "invalid_limit"),
    ),
    Operation(
        name="syncPending",
        method="POST",
        path="/payments/api/sync-pending/",
        tag="Payment links",
        summary="Ask the provider about every open payment of a merchant.",
        description="Payments that are `in_process` or `rejected` count as open. Payments without a provider, such as "
        "a direct Pix, do not. A merchant without Mercado Pago is answered 400 `provider_not_connected`.",
        scope="payments:read",
        body=api.PadariaNamed,
        limit="checks",
        cross_origin=True,
        answers={200: Answer(description="The payments that changed.", body=api.Synced)},
        codes=(*OF_WRITING, *OF_VAULT, "merchant_not_found", "provider_not_connected"),
    ),
    Operation(
        name="showEvents",
        method="GET",
        path="/payments/api/{payment_id}/events/",
        tag="Payment links",
        summary="List the events of a payment, in order.",
        scope="payments:read",
        limit="lists",
        cross_origin=True,
        answers={200: Answer(description="The events.", body=api.Timeline)},
    ),
)
