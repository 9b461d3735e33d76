"""Operations of the merchant: what payers see of it, and its web origins."""

from __future__ import annotations

from typing import Final

from contracts import v1
from contracts.operations.codes import OF_MERCHANT, OF_WRITING
from contracts.operations.operation import Answer
from contracts.operations.v1.common import read_one, write
from contracts.v1.types import LOGO_UPLOADS

_TAG: Final = "Merchant"
_SHOWN: Final = Answer(description="The merchant.", body=v1.MerchantDetails)

MERCHANT: Final = (
    read_one(
        "readMerchant",
        "/v1/merchant",
        tag=_TAG,
        summary="Read the merchant of the API key.",
        scope="admin",
        body=v1.MerchantDetails,
        shows="The merchant.",
        codes=OF_MERCHANT,
    ),
    write(
        "changeMerchant",
        "PATCH",
        "/v1/merchant",
        tag=_TAG,
        summary="Change the merchant of the API key.",
        description="A JSON merge patch (RFC 7396): a field that is not sent stays, null removes it, and a list "
        "replaces the earlier one. The change is recorded whole or not at all.",
        scope="admin",
        body=v1.MerchantChange,
        answers={200: _SHOWN},
        codes=(*OF_MERCHANT, *OF_WRITING),
    ),
    write(
        "setLogo",
        "PUT",
        "/v1/merchant/logo",
        tag=_TAG,
        summary="Set the logo.",
        description="The body is the picture, of at most 512 KiB and 8,000,000 pixels. The hub redraws it with at most "
        "512 pixels a side, as PNG or WebP, and drops everything else.",
        scope="admin",
        uploads=LOGO_UPLOADS,
        answers={200: _SHOWN},
        codes=(*OF_MERCHANT, *OF_WRITING, "invalid_logo"),
    ),
    write(
        "removeLogo",
        "DELETE",
        "/v1/merchant/logo",
        tag=_TAG,
        summary="Remove the logo, and delete its picture.",
        scope="admin",
        answers={200: _SHOWN},
        codes=(*OF_MERCHANT, *OF_WRITING),
    ),
)
