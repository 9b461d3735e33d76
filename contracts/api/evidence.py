"""The answer that shows one piece of a payment's evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from contracts.api.types import PaymentId, Success

HEX_OF_32_BYTES = "^[0-9a-f]{64}$"


class EvidenceShown(Struct, kw_only=True):
    """One piece of evidence: the SHA-256 of the bytes of `salt`, followed by those of `body`, is `digest`."""

    success: Success
    payment_id: PaymentId
    digest: Annotated[str, Meta(pattern=HEX_OF_32_BYTES, description="The digest, in hex, as events have it.")]
    salt: Annotated[
        str,
        Meta(
            pattern="^([0-9a-f]{64})?$",
            description="The salt, in hex; empty for evidence of older versions, whose digest has none.",
        ),
    ]
    kind: Annotated[
        str,
        Meta(description="The sender and the format of the bytes.", examples=["provider/payment", "bank/confirmation"]),
    ]
    stored_at: Annotated[datetime, Meta(description="When the hub stored the bytes.")]
    body: Annotated[
        bytes, Meta(description="The original bytes, in base64.", extra_json_schema={"contentEncoding": "base64"})
    ]
