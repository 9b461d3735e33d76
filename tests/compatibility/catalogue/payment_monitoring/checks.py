"""Statements about checks of one payment."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

BY_EITHER_METHOD: Final = ("checkPayment", "checkPaymentByPost")

CHECK: Final = Section(
    title="GET and POST /payments/api/check/{payment_id}/",
    statements=(
        Statement(
            id="check.asks",
            says="Either method asks Mercado Pago and answers the newest status.",
            operations=BY_EITHER_METHOD,
            statuses=(200,),
            better="In each gateway, simultaneous checks of one payment share one call of the provider. A check within "
            "three seconds of the last verified one does not call the provider.",
        ),
        Statement(
            id="check.ids",
            says="The answer has `success`, `payment_id`, `mp_payment_id`, `preference_id` and `external_reference`.",
            operations=BY_EITHER_METHOD,
            answers=("success", "payment_id", "mp_payment_id", "preference_id", "external_reference"),
        ),
        Statement(
            id="check.status",
            says="The answer has `status`, `status_detail` and `status_label`.",
            operations=BY_EITHER_METHOD,
            answers=("status", "status_detail", "status_label"),
        ),
        Statement(
            id="check.amount",
            says="The answer has `amount`, `description`, `checkout_url` and `padaria_name`.",
            operations=BY_EITHER_METHOD,
            answers=("amount", "description", "checkout_url", "padaria_name"),
            better="Amounts are exact to the centavo. Less money than the charge does not approve a payment unless the "
            "merchant accepts it, and money in another currency never does. Several attempts that add up to the charge "
            "approve the payment.",
        ),
        Statement(
            id="check.money",
            says="The reference does not describe held, refunded and disputed money.",
            operations=BY_EITHER_METHOD,
            answers=("held_amount", "refunded_amount", "disputed_amount"),
            better="`held_amount`, `refunded_amount` and `disputed_amount` are the money in the charge's currency. A "
            "refund counts as soon as the provider has made it.",
        ),
        Statement(
            id="check.attempts",
            says="The reference does not describe several attempts at one link.",
            operations=BY_EITHER_METHOD,
            answers=(
                "attempts",
                "attempts[].mp_payment_id",
                "attempts[].status",
                "attempts[].status_detail",
                "attempts[].amount",
                "attempts[].held_amount",
                "attempts[].refunded_amount",
                "attempts[].currency",
            ),
            here="`attempts` lists each attempt, in the order in which the hub observed them, with amounts in the "
            "attempt's currency.",
        ),
        Statement(
            id="check.payer-email",
            says="The answer has `payer_email`.",
            operations=BY_EITHER_METHOD,
            answers=("payer_email",),
            differs="A check with a payer's token gets null for `payer_email`, because payers may forward their link.",
        ),
        Statement(
            id="check.times",
            says="The answer has `paid_at`, `created_at` and `updated_at`, with offset.",
            operations=BY_EITHER_METHOD,
            answers=("paid_at", "created_at", "updated_at"),
        ),
        Statement(
            id="check.synced",
            says="`synced` is true if Mercado Pago was asked and answered; `synced_at` is the time of the answer.",
            operations=BY_EITHER_METHOD,
            answers=("synced", "synced_at"),
            here="A direct Pix has no provider: `synced` is false and `synced_at` null.",
            better="If Mercado Pago does not answer, the hub returns the known state, with `synced` false. It never "
            "guesses the status.",
        ),
        Statement(
            id="check.status-changed",
            says="`status_changed` is true if this check changed the payment's status.",
            operations=BY_EITHER_METHOD,
            answers=("status_changed",),
        ),
        Statement(
            id="check.alerts",
            says="The reference does not describe alerts.",
            operations=BY_EITHER_METHOD,
            answers=("alerts",),
            better="`alerts`, also in lists, has the situations that the merchant must look at: too little or too much "
            "money, a second or late payment, another currency, an approval or refund that Mercado Pago takes back. An "
            "alert ends when its cause is gone, or when the merchant resolves it.",
        ),
        Statement(
            id="check.missing",
            says="404 “Pagamento 999 não encontrado”.",
            operations=BY_EITHER_METHOD,
            answers=("success", "error", "code"),
            statuses=(404,),
            here="A payment of another merchant is answered like a missing one.",
        ),
    ),
)
