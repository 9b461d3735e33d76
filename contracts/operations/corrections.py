"""Closing payments, giving money back, taking money that does not fit."""

from __future__ import annotations

from typing import Final

from contracts import api
from contracts.operations.codes import OF_VAULT, OF_WRITING
from contracts.operations.common import IDEMPOTENCY_KEY
from contracts.operations.operation import Answer, Operation

CORRECTIONS: Final = (
    Operation(
        name="cancelPayment",
        method="POST",
        path="/payments/api/{payment_id}/cancel/",
        tag="Corrections",
        summary="Close a payment that was not paid.",
        description="One that is over already stays as it is. One that was paid is answered with 409 and the code "
        "`payment_already_paid`: refund it. One that holds a part of its amount, or money in another currency, with "
        "409 and `payment_holds_money`: give that back or accept it.",
        scope="payments:write",
        limit="creations",
        cross_origin=True,
        answers={
            200: Answer(description="The payment is closed.", body=api.PaymentCancelled),
            202: Answer(
                description="The wish is recorded; the provider does not answer yet.", body=api.PaymentCancelled
            ),
        },
        codes=(
            *OF_WRITING,
            *OF_VAULT,
            "payment_already_paid",
            "payment_holds_money",
            "provider_not_connected",
            "provider_refused",
            "provider_unavailable",
        ),
    ),
    Operation(
        name="refundPayment",
        method="POST",
        path="/payments/api/{payment_id}/refund/",
        tag="Corrections",
        summary="Give money back, all that is held or a part.",
        description="Under one Idempotency-Key the money is given back once. Where several attempts hold money, an "
        "amount without `mp_payment_id` is answered with 400 and the code `choose_attempt`. While the provider is "
        "still making a refund, another one of the same amount is answered with 409 and `refund_in_progress`. When the "
        "provider refused all of it, that is 502. A Pix to the merchant's own key is given back at its bank. Pages of "
        "other origins cannot ask for it.",
        scope="payments:refund",
        headers=(IDEMPOTENCY_KEY,),
        body=api.RefundRequest,
        limit="creations",
        answers={
            200: Answer(description="The provider made a refund.", body=api.Refunded),
            202: Answer(description="The wish is recorded; the provider has not made a refund yet.", body=api.Refunded),
        },
        codes=(
            *OF_WRITING,
            *OF_VAULT,
            "amount_or_all",
            "choose_attempt",
            "payment_not_paid",
            "payment_already_refunded",
            "refund_by_bank_only",
            "refund_exceeds_balance",
            "refund_in_progress",
            "provider_not_connected",
            "provider_refused",
            "provider_unavailable",
        ),
    ),
    Operation(
        name="acceptMoney",
        method="POST",
        path="/payments/api/{payment_id}/accept/",
        tag="Corrections",
        summary="Take late or short money as the payment.",
        description="The payment is approved with what is held of it. Asked again it answers the same; without money "
        "that is held it is 409 and the code `nothing_to_accept`. Pages of other origins cannot ask for it.",
        scope="payments:refund",
        limit="creations",
        answers={200: Answer(description="The money is taken.", body=api.MoneyTaken)},
        codes=(*OF_WRITING, "nothing_to_accept"),
    ),
    Operation(
        name="resolveAlert",
        method="POST",
        path="/payments/api/{payment_id}/alerts/{alert}/resolve/",
        tag="Corrections",
        summary="Close an alert, with what was done about it.",
        description="It closes every occurrence so far; another one raises the alert again. Asked again it answers the "
        "same; an alert that the payment never had is 404. Pages of other origins cannot ask for it.",
        scope="payments:refund",
        body=api.AlertReason,
        limit="creations",
        answers={200: Answer(description="The alert is closed.", body=api.AlertClosed)},
        codes=OF_WRITING,
    ),
)
