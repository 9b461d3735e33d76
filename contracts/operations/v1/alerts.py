"""Operations of a payment's alerts."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_WRITING
from contracts.operations.operation import Answer
from contracts.operations.v1.common import read_list, write

PATH: Final = "/v1/payments/{payment_id}/alerts"

ALERTS: Final = (
    read_list(
        "listPaymentAlerts",
        PATH,
        tag="Alerts",
        summary="List every alert that a payment ever had.",
        body=v1.AlertList,
        shows="A page of the alerts.",
    ),
    write(
        "resolvePaymentAlert",
        "POST",
        f"{PATH}/{{alert}}/resolve",
        tag="Alerts",
        summary="Resolve an alert, with a reason.",
        description="The request resolves every occurrence so far; another one raises the alert again. An alert that "
        "the payment never had is answered 404. Pages of other origins cannot call this operation.",
        scope="payments:refund",
        body=v1.AlertResolution,
        answers={200: Answer(description="The alert is resolved.", body=v1.AlertShown)},
        codes=OF_WRITING,
    ),
)
