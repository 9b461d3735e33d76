"""The error codes that follow from what an operation is, and groups of codes that several operations list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from contracts.api.request_plan import codes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.operations.operation import Operation

# A compressed body is refused before any handler looks at the request, so every operation may say so.
OF_ALL: Final = ("internal_error", "unsupported_media_type")
OF_READING: Final = ("store_unavailable", "unavailable", "unreadable_event")
# A key is read from the log.
OF_SCOPE: Final = ("unauthenticated", "forbidden", "foreign_page", *OF_READING)
OF_BODY: Final = ("body_too_large", "body_too_slow")
OF_JSON: Final = ("invalid_json", "not_an_object")
OF_IDEMPOTENCY_KEY: Final = ("invalid_idempotency_key", "idempotency_key_reused")
# By parameter of the path, for an operation with a scope.
OF_PATH: Final = {
    "payment_id": ("invalid_payment_id", "payment_not_found"),
    "merchant": ("unknown_merchant",),
    "provider": ("unknown_provider",),
    "key_id": ("api_key_not_found",),
    "alert": ("alert_not_found",),
}

# What waits to be written has a bound.
OF_WRITING: Final = ("overloaded",)
OF_VAULT: Final = ("invalid_vault_key",)
# A charge at a provider is refused, unknown or too late.
OF_CHARGING: Final = (
    "payment_cancelled",
    "payment_expired",
    "provider_misunderstood",
    "provider_not_connected",
    "provider_refused",
    "provider_unavailable",
)


def codes_by_shape(operation: Operation) -> Iterator[str]:
    """Return the codes that follow from path, scope, limit, body and headers; some may come twice."""
    body = operation.body if isinstance(operation.body, type) and issubclass(operation.body, Struct) else None
    yield from OF_ALL
    if operation.scope is not None:
        yield from OF_SCOPE
        for name, codes in OF_PATH.items():
            if f"{{{name}}}" in operation.path:
                yield from codes
    if operation.limit is not None:
        yield "too_many_requests"
    if operation.scope is not None or operation.query or body:
        yield "repeated_value"
    if operation.body is not None:
        yield from OF_BODY
    if body is not None:
        yield from OF_JSON
        yield from codes_of(body)
    if any(header.name == "Idempotency-Key" for header in operation.headers):
        yield from OF_IDEMPOTENCY_KEY
