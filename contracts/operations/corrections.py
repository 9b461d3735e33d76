"""Operations that cancel, refund, accept money and resolve alerts."""

from __future__ import annotations

from typing import Final

from contracts import api
from contracts.operations.codes import OF_CANCELLING, OF_REFUNDING, OF_WRITING
from contracts.operations.common import IDEMPOTENCY_KEY
from contracts.operations.operation import Answer, Operation

CORRECTIONS: Final = (
    Operation(
        name="cancelPayment",
        method="POST",
        path="/payments/api/{payment_id}/cancel/",
        tag="Corrections",
        summary="Cancel a payment that was not paid.",
        description="An ended payment stays unchanged. A paid payment is answered 409 `payment_already_paid`: refund "
        "it. A payment that holds a part of its amount, or money in another currency, is answered 409 "
        "`payment_holds_money`: refund the money or accept it.",
        scope="payments:write",
        limit="creations",
        cross_origin=True,
        answers={
            200: Answer(description="The payment is cancelled.", body=api.PaymentCancelled),
            202: Answer(
                description="The cancellation is recorded; the provider has not answered yet.",
                body=api.PaymentCancelled,
            ),
        },
        codes=OF_CANCELLING,
    ),
    Operation(
        name="refundPayment",
        method="POST",
        path="/payments/api/{payment_id}/refund/",
        tag="Corrections",
        summary="Refund all held money, or a part.",
        description="Requests with one Idempotency-Key refund the money once. If several attempts hold money, an "
        "amount without `mp_payment_id` is answered 400 `choose_attempt`. While the provider is still making a refund, "
        "another one of the same amount is answered 409 `refund_in_progress`. If the provider refuses all refunds, the "
        "answer is 502. A direct Pix is refunded in the app of the merchant's bank. Pages of other origins cannot call "
        "this operation.",
        scope="payments:refund",
        headers=(IDEMPOTENCY_KEY,),
        body=api.RefundRequest,
        limit="creations",
        answers={
            200: Answer(description="The provider made a refund.", body=api.Refunded),
            202: Answer(description="The refund is recorded; the provider has not made it yet.", body=api.Refunded),
        },
        codes=OF_REFUNDING,
    ),
    Operation(
        name="acceptMoney",
        method="POST",
        path="/payments/api/{payment_id}/accept/",
        tag="Corrections",
        summary="Accept late or short money as the payment.",
        description="The payment becomes approved with the held money. A repetition gets the same answer. A payment "
        "that holds no money is answered 409 `nothing_to_accept`. Pages of other origins cannot call this operation.",
        scope="payments:refund",
        limit="creations",
        answers={200: Answer(description="The money is accepted.", body=api.MoneyTaken)},
        codes=(*OF_WRITING, "nothing_to_accept"),
    ),
    Operation(
        name="resolveAlert",
        method="POST",
        path="/payments/api/{payment_id}/alerts/{alert}/resolve/",
        tag="Corrections",
        summary="Resolve an alert, with a reason.",
        description="The request resolves every occurrence so far; another one raises the alert again. A repetition "
        "gets the same answer. An alert that the payment never had is answered 404. Pages of other origins cannot call "
        "this operation.",
        scope="payments:refund",
        body=api.AlertReason,
        limit="creations",
        answers={200: Answer(description="The alert is resolved.", body=api.AlertClosed)},
        codes=OF_WRITING,
    ),
)
