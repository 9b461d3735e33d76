"""Pix to the merchant's own key, and for an order through Mercado Pago."""

from __future__ import annotations

from typing import Final

from contracts import api
from contracts.operations.codes import OF_CHARGING, OF_READING, OF_VAULT, OF_WRITING
from contracts.operations.common import IDEMPOTENCY_KEY, IF_NONE_MATCH
from contracts.operations.operation import Answer, Operation

PIX: Final = (
    Operation(
        name="createPix",
        method="POST",
        path="/payments/pix",
        tag="Pix",
        summary="Create a Pix charge to the merchant's own key.",
        description="The caller chooses the amount, so that a key with `listed_prices_only` is refused with 403 and "
        "that code.",
        scope="payments:write",
        headers=(IDEMPOTENCY_KEY,),
        body=api.PixCreation,
        limit="creations",
        cross_origin=True,
        or_slash=True,
        answers={
            201: Answer(
                description="The charge can be paid at `Location`.",
                body=api.PixCreated,
                headers=("Location",),
            )
        },
        codes=(
            *OF_WRITING,
            "missing_padaria_slug",
            "merchant_not_found",
            "listed_prices_only",
            "provider_not_connected",
            "provider_refused",
        ),
        errors=api.PixError,
    ),
    Operation(
        name="showPixPicture",
        method="GET",
        path="/payments/pix/qr_code/{file_name}",
        tag="Pix",
        summary="Show the QR code of a charge.",
        description="While money of the payment is held there is none: 409 and the code `payment_holds_money`.",
        headers=(IF_NONE_MATCH,),
        limit="checks",
        cross_origin=True,
        answers={
            200: Answer(
                description="The picture.",
                media_types=("image/png", "image/svg+xml"),
                headers=("Cache-Control", "ETag"),
            ),
            304: Answer(description="The caller has the picture.", media_types=(), headers=("Cache-Control", "ETag")),
        },
        codes=(*OF_READING, "not_found", "payment_holds_money", "overloaded"),
        errors=api.PixError,
    ),
    Operation(
        name="confirmPix",
        method="POST",
        path="/payments/pix/confirmation",
        tag="Pix",
        summary="Tell that the bank received a Pix.",
        description="Repeating a confirmation is harmless. Another transfer for a charge that is paid, by its "
        "`end_to_end_id`, is recorded as a second payment. Another value than the charge's is answered with 400 and "
        "the code `wrong_amount`, and the timeline shows the first ten of a payment; with its `end_to_end_id` the "
        "money is held, and several that add up to the value pay the charge. Money that was paid after the end of a "
        "charge is held until it is accepted or given back, and answered with 409 and the code `late_payment`; without "
        "`paid_at` the confirmation may come until two minutes after the end, by default. Money that was paid in time "
        "is taken, also when the merchant closed the charge meanwhile; then the payment has the alert `late_payment`.",
        scope="confirm",
        body=api.PixConfirmation,
        limit="confirmations",
        or_slash=True,
        answers={200: Answer(description="The charge is paid.", body=api.PixConfirmed)},
        codes=(*OF_WRITING, "not_found", "not_a_pix", "wrong_amount", "late_payment"),
        errors=api.PixError,
    ),
    Operation(
        name="returnPix",
        method="POST",
        path="/payments/pix/{payment_id}/returned",
        tag="Pix",
        summary="Tell that the bank gave a Pix back to its payer.",
        description="Told again under one `return_id` it is recorded once. More than is held of the transfer is "
        "answered with 409 and the code `return_exceeds_held`; where the money of two transfers is held, one without "
        "`end_to_end_id` with 400 and `choose_transfer`.",
        scope="confirm",
        body=api.PixReturn,
        limit="confirmations",
        or_slash=True,
        answers={200: Answer(description="The return is recorded.", body=api.PixReturned)},
        codes=(
            *OF_WRITING,
            "not_a_pix",
            "return_id_reused",
            "unknown_transfer",
            "choose_transfer",
            "return_exceeds_held",
        ),
        errors=api.PixError,
    ),
    Operation(
        name="createCart",
        method="POST",
        path="/payments/api/cart/",
        tag="Pix",
        summary="Create a Pix through Mercado Pago for an order.",
        description="Mercado Pago holds the charge and tells of its payment. What is said of the customer beyond the "
        "e-mail address is told to Mercado Pago and kept, encrypted, only until it has answered. To a key with "
        "`listed_prices_only` a line with `preco_unitario` is refused with 403 and that code.",
        scope="payments:write",
        headers=(IDEMPOTENCY_KEY,),
        body=api.CartCreation,
        limit="creations",
        cross_origin=True,
        answers={201: Answer(description="The Pix can be paid.", body=api.CartCreated)},
        codes=(
            *OF_CHARGING,
            *OF_WRITING,
            *OF_VAULT,
            "merchant_not_found",
            "unknown_product",
            "listed_prices_only",
            "cpf_and_cnpj",
        ),
    ),
)
