"""The operation that creates a payment."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_CHARGING, OF_MERCHANT, OF_VAULT, OF_WRITING
from contracts.operations.operation import Answer
from contracts.operations.v1.common import write

CREATION: Final = (
    write(
        "createPayment",
        "POST",
        "/v1/payments",
        tag="Payments",
        summary="Create a payment.",
        description="Send the payer to `payment_page.url`, or show `pix_code`.\n\n"
        "If Mercado Pago does not answer, the answer is 503, and the hub tries again later. Repeat the request with "
        "the same `Idempotency-Key` to get the payment.\n\n"
        "A key with `listed_prices_only` is answered 403 `listed_prices_only` for an `amount_centavos`, and for an "
        "item with `unit_price_centavos`.",
        body=v1.PaymentCreation,
        answers={201: Answer(description="The payment can be paid.", body=v1.Payment, headers=("Location",))},
        codes=(
            *OF_CHARGING,
            *OF_MERCHANT,
            *OF_WRITING,
            *OF_VAULT,
            "amount_or_items",
            "amount_too_large",
            "cpf_and_cnpj",
            "listed_prices_only",
            "missing_email",
            "missing_reference",
            "reference_taken",
            "two_expiries",
            "unknown_product",
        ),
    ),
)
