"""Operations of direct Pix, and of a Pix through Mercado Pago."""

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
        description="The caller chooses the amount, so a key with `listed_prices_only` is answered 403 "
        "`listed_prices_only`.",
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
        description="While the payment holds money, the answer is 409 `payment_holds_money`.",
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
        summary="Confirm that the bank received a Pix.",
        description="A repeated confirmation has no further effect. Another transfer for a paid charge, with its own "
        "`end_to_end_id`, is recorded as a second payment.\n\n"
        "Another value than the charge's is answered 400 `wrong_amount`, and the timeline shows the first ten of "
        "these. With an `end_to_end_id` the payment holds the money, and several transfers that add up to the value "
        "pay the charge.\n\n"
        "Money that the payer paid after the charge expired is answered 409 `late_payment`. The payment holds the "
        "money until the merchant accepts or refunds it. A confirmation without `paid_at` counts as in time until two "
        "minutes after the end, by default.\n\n"
        "Money that was paid in time is accepted, also if the merchant cancelled the charge meanwhile; then the "
        "payment has the alert `late_payment`.",
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
        summary="Report that the bank returned a Pix to the payer.",
        description="A report with a known `return_id` has no further effect. More than the payment holds of the "
        "transfer is answered 409 `return_exceeds_held`. If the payment holds money of several transfers, a report "
        "without `end_to_end_id` is answered 400 `choose_transfer`.",
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
        description="Mercado Pago holds the charge and reports its payment. The hub sends the customer's data to "
        "Mercado Pago. It stores the data, except the e-mail address, only until Mercado Pago has answered, encrypted. "
        "A key with `listed_prices_only` is answered 403 `listed_prices_only` if a line has `preco_unitario`.",
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
