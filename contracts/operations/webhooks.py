"""Operations that receive Mercado Pago's webhooks."""

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
        description="The hub stores the delivery, answers, and then asks the provider. A delivery alone never changes "
        "a payment.\n\nA delivery in the Webhooks format has `data.id` in its address. It needs a valid `x-signature`, "
        "and its body must not name another type or id. The hub cannot verify a delivery in an older IPN format or "
        "without `data.id`. It only stores such a delivery, or discards it if the merchant is unknown. A repetition "
        "(same type, `data.id`, `x-request-id` and time of the signature) gets the same answer and is not stored.",
        query=(
            Parameter(name="data.id", description="The id of the notified resource; it is signed.", schema=TEXT),
            Parameter(name="type", description="The type of the resource, such as `payment`.", schema=TEXT),
            Parameter(name="id", description="The id of the resource, in the IPN formats.", schema=TEXT),
            Parameter(name="topic", description="The type of the resource, in the IPN formats.", schema=TEXT),
        ),
        headers=(
            Parameter(name="x-signature", description="`ts=<time>,v1=<HMAC-SHA256 in hex>`.", schema=TEXT),
            Parameter(name="x-request-id", description="The id of the delivery; it is signed.", schema=TEXT),
        ),
        body=dict[str, Any],
        answers={200: Answer(description="The hub accepted the webhook.", body=api.WebhookAccepted)},
        codes=(
            *OF_VAULT,
            "store_unavailable",
            "unavailable",
            "invalid_notification",
            "invalid_signature",
            "unknown_merchant",
            # For clients that guess signatures.
            "too_many_requests",
        ),
    )


def _webhook_test(path: str, name: str) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=path,
        tag="Webhooks",
        summary="Answer a test of Mercado Pago's panel, without any effect.",
        answers={200: Answer(description="The address works.", body=api.WebhookAccepted)},
    )


WEBHOOKS: Final = (
    _webhook(
        "/webhooks/mercadopago/",
        "receiveMercadoPago",
        "Receive a webhook for the merchants that its `user_id` and signature identify.",
    ),
    _webhook("/webhooks/mercadopago/{merchant}/", "receiveMercadoPagoFor", "Receive a webhook for one merchant."),
    _webhook_test("/webhooks/mercadopago/", "testMercadoPago"),
    _webhook_test("/webhooks/mercadopago/{merchant}/", "testMercadoPagoFor"),
)
