"""The operation of the list of payments."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_MERCHANT, OF_VAULT
from contracts.operations.v1.common import read_list

PAYMENT_LIST: Final = (
    read_list(
        "findPayments",
        "/v1/payments",
        tag="Payments",
        summary="List the payments of a merchant, by filters.",
        description="Each payment has the money that the merchant holds of it, so sums are right also after refunds "
        "and disputes.\n\nA request reads a limited number of payments. If few match a rare combination of filters, a "
        "page may have fewer rows than `limit`, or none, although `has_more` is true: go on with `next`.",
        query=v1.PaymentListQuery,
        body=v1.FoundPayments,
        shows="A page of payments.",
        read_model="payment_details",
        codes=(*OF_MERCHANT, *OF_VAULT, "invalid_range", "no_words"),
    ),
)
