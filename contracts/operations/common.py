"""Parameters, headers and answers that several operations share."""

from __future__ import annotations

from typing import Any, Final

from contracts.operations.operation import Answer, Parameter
from contracts.v1.types import MAX_POSITION_LENGTH

TEXT: Final = {"type": "string"}
POSITION: Final = {"type": "integer", "minimum": 0}

PATH_PARAMETERS: Final = {
    "alert": "The name of the alert, such as `late_payment`.",
    "asset": "The name of a file of the pages.",
    "digest": "The digest of the evidence: 64 hexadecimal digits.",
    "file_name": "The `qr_code` of a charge. With the ending `.svg` the picture is SVG, otherwise PNG.",
    "logo": "The digest of the picture: 64 hexadecimal digits, with the ending `.png` or `.webp`.",
    "key_id": "The id of the API key: the part of the key before the secret.",
    "merchant": "The slug of the merchant.",
    "payment_id": "The number of the payment.",
    "product": "The name of the product.",
    "refund_id": "The id of the refund.",
    "provider": "The name of the provider, such as `mercado_pago`.",
}

CORRELATION_ID_PATTERN: Final = "^[A-Za-z0-9._:-]{1,64}$"
IDEMPOTENCY_KEY_PATTERN: Final = "^[!-~]{1,128}$"

CORRELATION_ID: Final = Parameter(
    name="X-Correlation-Id",
    description="The id of the request in logs and events. If it is absent or malformed, the hub creates one.",
    schema={"type": "string", "pattern": CORRELATION_ID_PATTERN},
)

ANSWER_HEADERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "Cache-Control": ("How long a cache may keep the content.", TEXT),
    "Content-Disposition": ("The name for the file of a CSV.", TEXT),
    "Content-Language": ("The language of the error's sentences.", TEXT),
    "ETag": ("The id of the content; send it back in If-None-Match.", TEXT),
    "Extrato-Position": (
        "A position of the log that the answer shows. Send it as `Extrato-After` to read your writes.",
        TEXT,
    ),
    "Idempotent-Replayed": (
        "`true` if an earlier request with the same Idempotency-Key had the effect.",
        {"type": "string", "enum": ["true"]},
    ),
    "Location": (
        "The address of the payment; of the payer's page in the older surfaces.",
        {"type": "string", "format": "uri"},
    ),
    "RateLimit": (
        "The rest of the rate limit: `r` requests, complete again in `t` seconds; with `r` 0, the next one in `t`.",
        TEXT,
    ),
    "RateLimit-Policy": ("The rate limit: `q` requests in `w` seconds.", TEXT),
    "Retry-After": ("The seconds to wait before the request is repeated.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("Always `Bearer`.", TEXT),
    "X-Correlation-Id": ("The id of this request in logs and events.", TEXT),
}

# The meaning of each HTTP status of errors; the codes say more.
REFUSALS: Final = {
    400: "The request is malformed or breaks a rule.",
    401: "The API key, token or signature is missing or invalid.",
    403: "This caller may not call the operation.",
    404: "The resource does not exist, or this caller may not see it.",
    408: "The body did not arrive in time: by default within ten seconds.",
    409: "The request conflicts with earlier events.",
    410: "The resource existed, and the hub has erased it.",
    413: "The body is longer than 64 KiB, or than 512 KiB for a picture.",
    415: "The body has another media type or encoding than this operation accepts.",
    429: "The caller exceeds its rate limit; repeat the request after `Retry-After`.",
    500: "The hub failed.",
    502: "The provider refused the request, or the hub does not understand its answer.",
    503: "The database or the provider is unavailable, or the hub is overloaded; repeat the request.",
}

IDEMPOTENCY_KEY: Final = Parameter(
    name="Idempotency-Key",
    description="The same request with the same key has no further effect; a creation gets the first answer again. A "
    "key stays as long as the log, so it never expires.",
    schema={"type": "string", "pattern": IDEMPOTENCY_KEY_PATTERN},
)
ACCEPT_LANGUAGE: Final = Parameter(
    name="Accept-Language",
    description="The language of errors: `en`, which is the default, or `pt-BR`.",
    schema=TEXT,
)
EXTRATO_AFTER: Final = Parameter(
    name="Extrato-After",
    description="An `Extrato-Position`: the answer has at least everything up to it. The request waits for up to two "
    "seconds.",
    schema={"type": "string", "maxLength": MAX_POSITION_LENGTH},
)
IF_NONE_MATCH: Final = Parameter(
    name="If-None-Match", description="The ETag of the content that the caller has.", schema=TEXT
)
PAGE: Final = ("text/html",)
AWAY: Final = Answer(description="The database or the provider is unavailable.", media_types=PAGE)
TOO_MANY: Final = Answer(description="The client's address exceeds its rate limit.", media_types=PAGE)
