"""What Mercado Pago tells."""

from __future__ import annotations

from typing import Any, Final

from contracts import api
from contracts.operations.codes import OF_VAULT
from contracts.operations.common import TEXT
from contracts.operations.operation import Answer, Operation, Parameter


def _webhook(path: str, name: str, summary: str) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=path,
        tag="Webhooks",
        summary=summary,
        description="The body is Mercado Pago's and is never believed: the delivery is stored and answered, "
        "and the provider is asked afterwards. A delivery of the Webhooks format has `data.id` in its address and must "
        "carry a valid `x-signature`, and its body must not name another type or id. One of the older IPN formats, or "
        "without `data.id`, cannot be verified, and is stored only, or forgotten where nothing says whose it is. "
        "A repeat (same type, `data.id`, `x-request-id` and time of the signature) is answered alike and not stored.",
        query=(
            Parameter(name="data.id", description="What the notification is about; it is signed.", schema=TEXT),
            Parameter(name="type", description="What kind of thing that is, such as `payment`.", schema=TEXT),
            Parameter(name="id", description="The same, in the IPN formats.", schema=TEXT),
            Parameter(name="topic", description="The kind, in the IPN formats.", schema=TEXT),
        ),
        headers=(
            Parameter(name="x-signature", description="`ts=<time>,v1=<HMAC-SHA256 in hex>`.", schema=TEXT),
            Parameter(name="x-request-id", description="Names the delivery; it is signed.", schema=TEXT),
        ),
        body=dict[str, Any],
        answers={200: Answer(description="The notification is taken.", body=api.WebhookAccepted)},
        codes=(
            *OF_VAULT,
            "store_unavailable",
            "unavailable",
            "invalid_notification",
            "invalid_signature",
            "unknown_merchant",
            # For addresses that guess.
            "too_many_requests",
        ),
    )


def _webhook_test(path: str, name: str) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=path,
        tag="Webhooks",
        summary="Answer a test of Mercado Pago's panel; it stores nothing and asks nothing.",
        answers={200: Answer(description="The address answers.", body=api.WebhookAccepted)},
    )


WEBHOOKS: Final = (
    _webhook(
        "/webhooks/mercadopago/",
        "receiveMercadoPago",
        "Take a notification for whichever merchant its `user_id` and signature name.",
    ),
    _webhook("/webhooks/mercadopago/{merchant}/", "receiveMercadoPagoFor", "Take a notification for a merchant."),
    _webhook_test("/webhooks/mercadopago/", "testMercadoPago"),
    _webhook_test("/webhooks/mercadopago/{merchant}/", "testMercadoPagoFor"),
)
