"""Operations of payments."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_ASKING, OF_CANCELLING, OF_VAULT, OF_WRITING
from contracts.operations.operation import Answer
from contracts.operations.v1.common import read_list, read_one, write

PATH: Final = "/v1/payments/{payment_id}"

PAYMENTS: Final = (
    read_one(
        "readPayment",
        PATH,
        tag="Payments",
        summary="Read a payment, as the hub knows it.",
        description="The hub asks no provider; `verifyPayment` does.",
        body=v1.Payment,
        shows="The payment.",
        codes=OF_VAULT,
    ),
    write(
        "verifyPayment",
        "POST",
        f"{PATH}/verify",
        tag="Payments",
        summary="Ask the provider about a payment, then read it.",
        description="Requests within a few seconds share one question. If the provider does not answer, "
        "the answer is an error, and the payment stays as it was. A payment by `pix` has no provider: it is answered "
        "unchanged.",
        limit="checks",
        body=v1.NoFields,
        may_lack_body=True,
        answers={200: Answer(description="The payment.", body=v1.Payment)},
        codes=(*OF_WRITING, *OF_VAULT, *OF_ASKING),
    ),
    write(
        "cancelUnpaidPayment",
        "POST",
        f"{PATH}/cancel",
        tag="Payments",
        summary="Cancel a payment that was not paid.",
        description="An ended payment stays unchanged. A paid payment is answered 409 `payment_already_paid`: refund "
        "it. A payment that holds a part of its amount, or money in another currency, is answered 409 "
        "`payment_holds_money`.",
        body=v1.NoFields,
        may_lack_body=True,
        answers={
            200: Answer(description="The payment is cancelled.", body=v1.Payment),
            202: Answer(
                description="The cancellation is recorded; the provider has not answered yet.", body=v1.Payment
            ),
        },
        codes=OF_CANCELLING,
    ),
    read_list(
        "listPaymentEvents",
        f"{PATH}/events",
        tag="Payments",
        summary="List the events of a payment, in order.",
        body=v1.EventList,
        shows="A page of the events.",
        codes=OF_VAULT,
    ),
)
