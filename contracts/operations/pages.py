"""What a payer sees in a browser."""

from __future__ import annotations

from typing import Final

from contracts.operations.common import AWAY, IF_NONE_MATCH, PAGE, TEXT, TOO_MANY
from contracts.operations.operation import Answer, Operation, Parameter

PAGES: Final = (
    Operation(
        name="showPix",
        method="GET",
        path="/payments/pix/{payment_id}",
        tag="Pages",
        summary="Show a payer the code to scan or paste.",
        scope="payments:read",
        payer=True,
        limit="checks",
        or_slash=True,
        answers={
            200: Answer(description="The code, or that it is paid or being looked into.", media_types=PAGE),
            404: Answer(description="There is no such charge, or not for this caller.", media_types=PAGE),
            410: Answer(description="The charge can be paid no more.", media_types=PAGE),
            429: TOO_MANY,
            503: AWAY,
        },
        errors=None,
    ),
    Operation(
        name="goToCheckout",
        method="GET",
        path="/payments/mp/pay/{payment_id}/",
        tag="Pages",
        summary="Send a payer to the provider's checkout, unless the payment is paid or over.",
        scope="payments:read",
        payer=True,
        limit="checks",
        answers={
            200: Answer(description="The payment is paid already, or being looked into.", media_types=PAGE),
            302: Answer(description="To the checkout.", media_types=(), headers=("Location",)),
            404: Answer(description="There is no such payment, or not for this caller.", media_types=PAGE),
            410: Answer(description="The link can be paid no more.", media_types=PAGE),
            429: TOO_MANY,
            503: AWAY,
        },
        errors=None,
    ),
    Operation(
        name="comeBack",
        method="GET",
        path="/payments/mp/return/",
        tag="Pages",
        summary="Receive a payer who comes back from the provider's checkout.",
        description="The provider is asked; what the address says about the payment is never believed. Without an "
        "`external_reference` of ours, `payment_id` is the hub's own number and `t` the payer's token.",
        query=(
            Parameter(name="external_reference", description="Which payment it is about.", schema=TEXT),
            Parameter(name="payment_id", description="The attempt to pay, by the provider's id of it.", schema=TEXT),
            Parameter(name="t", description="The payer's token.", schema=TEXT),
        ),
        limit="checks",
        answers={
            200: Answer(description="How the payment stands.", media_types=PAGE),
            404: Answer(description="There is no such payment.", media_types=PAGE),
            429: TOO_MANY,
            503: AWAY,
        },
        errors=None,
    ),
    Operation(
        name="showAsset",
        method="GET",
        path="/assets/{asset}",
        tag="Pages",
        summary="Show a file of the pages.",
        query=(Parameter(name="v", description="The digest under which it may be kept for ever.", schema=TEXT),),
        headers=(IF_NONE_MATCH,),
        answers={
            200: Answer(
                description="The stylesheet, a script or the icon.",
                media_types=("text/css", "text/javascript", "image/svg+xml"),
                headers=("Cache-Control", "ETag"),
            ),
            304: Answer(description="The caller has the file.", media_types=(), headers=("Cache-Control", "ETag")),
        },
        codes=("not_found",),
    ),
)
