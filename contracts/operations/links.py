"""Payment links: made, checked, listed."""

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
        summary="Ask the provider, then tell how a payment stands.",
        description="When the provider does not answer, or there is none to ask, as about a Pix to the merchant's own "
        "key, what is known is told with `synced` false. "
        "A payer is not shown an e-mail address.",
        scope="payments:read",
        payer=True,
        limit="checks",
        cross_origin=True,
        answers={200: Answer(description="How the payment stands.", body=api.PaymentStatus)},
        codes=(*OF_WRITING, *OF_VAULT),
    )


LINKS: Final = (
    Operation(
        name="generateLink",
        method="POST",
        path="/payments/api/generate-link/",
        tag="Payment links",
        summary="Create a Checkout Pro link for an order.",
        description="To a key with `listed_prices_only` a line with `preco_unitario` is refused with 403 and that "
        "code.",
        scope="payments:write",
        headers=(IDEMPOTENCY_KEY,),
        body=api.LinkCreation,
        limit="creations",
        cross_origin=True,
        answers={200: Answer(description="The link can be handed to a payer.", body=api.LinkCreated)},
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
                description="A status, or `all`; capitals do not matter.",
                schema={"type": "string", "pattern": "^[A-Za-z_]{1,40}$", "default": "pending"},
            ),
            Parameter(
                name="limit",
                description="How many payments at most.",
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
        description="What has no provider to ask is not counted, such as a Pix to the merchant's own key; what is "
        "`in_process` or was `rejected` is. A merchant without Mercado Pago is answered `provider_not_connected`.",
        scope="payments:read",
        body=api.PadariaNamed,
        limit="checks",
        cross_origin=True,
        answers={200: Answer(description="What it brought.", body=api.Synced)},
        codes=(*OF_WRITING, *OF_VAULT, "merchant_not_found", "provider_not_connected"),
    ),
    Operation(
        name="showEvents",
        method="GET",
        path="/payments/api/{payment_id}/events/",
        tag="Payment links",
        summary="Tell everything that happened to a payment, in order.",
        scope="payments:read",
        limit="lists",
        cross_origin=True,
        answers={200: Answer(description="The events.", body=api.Timeline)},
    ),
)
