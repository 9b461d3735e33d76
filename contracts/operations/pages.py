"""Operations that answer pages for payers, the files of these pages, and the error catalogue."""

from __future__ import annotations

from typing import Final

from contracts.operations.codes import OF_READING
from contracts.operations.common import AWAY, IF_NONE_MATCH, PAGE, TEXT, TOO_MANY
from contracts.operations.operation import Answer, Operation, Parameter
from contracts.v1.types import LOGO_TYPES

PAGES: Final = (
    Operation(
        name="showPix",
        method="GET",
        path="/payments/pix/{payment_id}",
        tag="Pages",
        summary="Show a payer the Pix code.",
        scope="payments:read",
        payer=True,
        limit="checks",
        or_slash=True,
        answers={
            200: Answer(description="The code, or the state of a paid or reviewed payment.", media_types=PAGE),
            404: Answer(description="The charge does not exist, or this caller may not see it.", media_types=PAGE),
            410: Answer(description="The charge has ended.", media_types=PAGE),
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
        summary="Send a payer to the provider's checkout, unless the payment is paid or has ended.",
        scope="payments:read",
        payer=True,
        limit="checks",
        answers={
            200: Answer(description="The payment is already paid or under review.", media_types=PAGE),
            302: Answer(description="To the checkout.", media_types=(), headers=("Location",)),
            404: Answer(description="The payment does not exist, or this caller may not see it.", media_types=PAGE),
            410: Answer(description="The payment link has ended.", media_types=PAGE),
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
        summary="Send a payer back to the merchant's page after the provider's checkout, or show the payment.",
        description="The hub asks the provider, and ignores the status in the address. A payment with a `return_url` "
        "leads there, with `payment_id` and `reference` in the query and never with a status: ask the hub for it.\n\n"
        "Without an `external_reference` of the hub, `payment_id` is the payment's number and `t` the payer's token.",
        query=(
            Parameter(name="external_reference", description="The hub's identifier of the payment.", schema=TEXT),
            Parameter(name="payment_id", description="The provider's id of the attempt.", schema=TEXT),
            Parameter(name="t", description="The payer's token.", schema=TEXT),
        ),
        limit="checks",
        answers={
            200: Answer(description="The state of the payment.", media_types=PAGE),
            303: Answer(description="To the merchant's page.", media_types=(), headers=("Location",)),
            404: Answer(description="The payment does not exist.", media_types=PAGE),
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
        summary="Return a file of the pages.",
        query=(
            Parameter(
                name="v", description="The file's digest; with it, a cache may keep the file forever.", schema=TEXT
            ),
        ),
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
    Operation(
        name="showLogo",
        method="GET",
        path="/logos/{logo}",
        tag="Pages",
        summary="Return a merchant's logo.",
        description="The address has the digest of the picture, so that a cache may keep it forever.",
        headers=(IF_NONE_MATCH,),
        limit="checks",
        answers={
            200: Answer(
                description="The picture.",
                media_types=LOGO_TYPES,
                headers=("Cache-Control", "ETag"),
            ),
            304: Answer(description="The caller has the picture.", media_types=(), headers=("Cache-Control", "ETag")),
        },
        codes=("not_found", *OF_READING),
    ),
    Operation(
        name="showErrors",
        method="GET",
        path="/docs/errors",
        tag="Pages",
        summary="Show the error catalogue.",
        description="The `type` of a problem of `/v1` leads to its code on this page: the cause, the remedy and the "
        "sentences in English and Portuguese.",
        or_slash=True,
        headers=(IF_NONE_MATCH,),
        answers={
            200: Answer(
                description="The error catalogue.",
                media_types=PAGE,
                headers=("Cache-Control", "ETag"),
            ),
            304: Answer(description="The caller has the page.", media_types=(), headers=("Cache-Control", "ETag")),
        },
        errors=None,
    ),
)
