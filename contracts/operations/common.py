"""What several operations have in common."""

from __future__ import annotations

from typing import Any, Final

from contracts.operations.operation import Answer, Parameter

TEXT: Final = {"type": "string"}
POSITION: Final = {"type": "integer", "minimum": 0}

PATH_PARAMETERS: Final = {
    "alert": "The name of the alert, such as `late_payment`.",
    "asset": "The name of a file that the pages name.",
    "file_name": "The `qr_code` of a charge; with `.svg` at its end the picture is SVG, otherwise PNG.",
    "key_id": "The id of the API key, which stands in it before the secret.",
    "merchant": "The slug of the merchant.",
    "payment_id": "The number of the payment.",
    "product": "The name of the product.",
    "provider": "The name of the provider, such as `mercado_pago`.",
}

CORRELATION_ID: Final = Parameter(
    name="X-Correlation-Id",
    description="Names the request in logs and events; one is made up when it is absent or not of this form.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
)

ANSWER_HEADERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "Cache-Control": ("How long it may be kept: what is drawn or named by its content never changes.", TEXT),
    "ETag": ("Names the content; send it back in If-None-Match.", TEXT),
    "Location": ("Where the payer goes.", {"type": "string", "format": "uri"}),
    "Retry-After": ("Seconds after which it may go well.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("Always `Bearer`.", TEXT),
    "X-Correlation-Id": ("The name of this request in logs and events.", TEXT),
}

# What each status of an error says of the request; its codes say more.
REFUSALS: Final = {
    400: "The request is wrong.",
    401: "The caller has not shown who it is.",
    403: "This caller may not do that.",
    404: "There is no such thing, or not for this caller.",
    408: "The body did not arrive in time: by default within ten seconds.",
    409: "The request contradicts what has happened.",
    413: "The body is longer than 64 KiB.",
    415: "The body is not what this address reads.",
    429: "This caller asks too often; `Retry-After` says when to come again.",
    500: "The hub failed.",
    502: "The provider refused, or its answer makes no sense.",
    503: "The store or the provider is away, or too much is waiting; nothing is lost by asking again.",
}

IDEMPOTENCY_KEY: Final = Parameter(
    name="Idempotency-Key",
    description="The same request under the same key creates nothing more and gives the first answer again.",
    schema={"type": "string", "pattern": "^[!-~]{1,128}$"},
)
IF_NONE_MATCH: Final = Parameter(name="If-None-Match", description="The ETag of what the caller has.", schema=TEXT)
PAGE: Final = ("text/html",)
AWAY: Final = Answer(description="The hub cannot tell at the moment.", media_types=PAGE)
TOO_MANY: Final = Answer(description="This address asks too often.", media_types=PAGE)
