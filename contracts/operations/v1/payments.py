"""Operations of payments."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_VAULT
from contracts.operations.v1.common import read_one

PAYMENTS: Final = (
    read_one(
        "readPayment",
        "/v1/payments/{payment_id}",
        tag="Payments",
        summary="Read a payment, as the hub knows it.",
        description="The hub asks no provider.",
        body=v1.Payment,
        shows="The payment.",
        codes=OF_VAULT,
    ),
)
