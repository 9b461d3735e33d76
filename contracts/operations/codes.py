"""The error codes that follow from the shape of an operation, and groups of codes that several operations list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from contracts.api.request_plan import codes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.operations.operation import Operation

# The gateway refuses a compressed body before it calls a handler, so every operation may answer that.
OF_ALL: Final = ("internal_error", "unsupported_media_type")
OF_READING: Final = ("store_unavailable", "unavailable", "unreadable_event")
# Authentication reads the key from the log.
OF_SCOPE: Final = ("unauthenticated", "forbidden", "foreign_page", *OF_READING)
OF_BODY: Final = ("body_too_large", "body_too_slow")
OF_JSON: Final = ("invalid_json", "not_an_object")
OF_IDEMPOTENCY_KEY: Final = ("invalid_idempotency_key", "idempotency_key_reused")
# Codes by path parameter, for operations with a scope.
OF_PATH: Final = {
    "payment_id": ("invalid_payment_id", "payment_not_found"),
    "merchant": ("unknown_merchant",),
    "provider": ("unknown_provider",),
    "key_id": ("api_key_not_found",),
    "alert": ("alert_not_found",),
    "refund_id": ("refund_not_found",),
}

# Operations of `/v1` whose merchant is that of the key, or that a key of the hub names.
OF_MERCHANT: Final = ("missing_merchant", "unknown_merchant")
# The number of waiting writes has a limit.
OF_WRITING: Final = ("overloaded",)
OF_VAULT: Final = ("invalid_vault_key",)
# A request to a provider; the operations that need its answer add `provider_misunderstood`.
OF_PROVIDER: Final = ("provider_not_connected", "provider_refused", "provider_unavailable")
OF_ASKING: Final = (*OF_PROVIDER, "provider_misunderstood")
OF_CHARGING: Final = (*OF_ASKING, "payment_cancelled", "payment_expired")
OF_CANCELLING: Final = (*OF_WRITING, *OF_VAULT, *OF_PROVIDER, "payment_already_paid", "payment_holds_money")
OF_REFUNDING: Final = (
    *OF_WRITING,
    *OF_VAULT,
    *OF_PROVIDER,
    "amount_or_all",
    "choose_attempt",
    "payment_not_paid",
    "payment_already_refunded",
    "refund_by_bank_only",
    "refund_exceeds_balance",
    "refund_in_progress",
)


def codes_by_shape(operation: Operation) -> Iterator[str]:
    """Return the codes that follow from path, scope, limit, body and headers, with repetitions."""
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
    if operation.body is not None or operation.uploads:
        yield from OF_BODY
    if body is not None:
        yield from OF_JSON
        yield from codes_of(body)
    if operation.takes("Idempotency-Key"):
        yield from OF_IDEMPOTENCY_KEY
    yield from _codes_of_v1(operation)


def _codes_of_v1(operation: Operation) -> Iterator[str]:
    """Return the codes that follow from the conventions of `/v1`."""
    if operation.query_by is not None:
        # A parameter is no field: another code says that it is unknown.
        yield from {"unknown_parameter", *codes_of(operation.query_by)} - {"unknown_field"}
    if operation.takes("Extrato-After"):
        yield "position_unknown"
        if operation.read_model is not None:
            yield "read_model_behind"
