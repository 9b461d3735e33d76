"""Operations of a payment's refunds."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_REFUNDING
from contracts.operations.operation import Answer
from contracts.operations.v1.common import read_list, read_one, write

PATH: Final = "/v1/payments/{payment_id}/refunds"

REFUNDS: Final = (
    write(
        "createRefund",
        "POST",
        PATH,
        tag="Refunds",
        summary="Refund all held money, or a part.",
        description="Requests with one Idempotency-Key refund the money once. If several attempts hold money, an "
        "amount without `attempt_id` is answered 400 `choose_attempt`. An unknown `attempt_id` is answered 400 "
        "`unknown_attempt`. While the provider is still making a refund, another one of the same amount is answered "
        "409 `refund_in_progress`. If the provider refuses all refunds, the answer is 502. A payment by `pix` is "
        "refunded in the app of the merchant's bank. Pages of other origins cannot call this operation.",
        scope="payments:refund",
        body=v1.RefundCreation,
        answers={
            201: Answer(description="The provider made the refund.", body=v1.RefundRequested),
            202: Answer(
                description="The refund is recorded; the provider has not made it yet.", body=v1.RefundRequested
            ),
        },
        codes=(*OF_REFUNDING, "unknown_attempt"),
    ),
    read_list(
        "listRefunds",
        PATH,
        tag="Refunds",
        summary="List the refunds of a payment, the oldest first.",
        body=v1.RefundList,
        shows="A page of the refunds.",
    ),
    read_one(
        "readRefund",
        f"{PATH}/{{refund_id}}",
        tag="Refunds",
        summary="Read a refund.",
        body=v1.Refund,
        shows="The refund.",
    ),
)
