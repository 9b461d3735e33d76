"""Events over a WebSocket, and how the service fares."""

from __future__ import annotations

from typing import Final

from contracts import api
from contracts.operations.common import POSITION, TEXT
from contracts.operations.operation import Answer, Operation, Parameter

SERVICE: Final = (
    Operation(
        name="openSocket",
        method="GET",
        path="/ws",
        tag="Events",
        summary="Listen to a payment or a merchant over a WebSocket.",
        description="Name a payment or a merchant, and only one. A payer's token opens the socket of its payment, "
        "which tells how the status changes and nothing else. The AsyncAPI document describes the frames.",
        scope="payments:read",
        payer=True,
        query=(
            Parameter(name="payment_id", description="Listen to one payment.", schema={"type": "integer"}),
            Parameter(name="padaria_slug", description="Listen to a merchant.", schema=TEXT),
            Parameter(
                name="after",
                description="Resume after this position of the log instead of with a snapshot; with a payer's token "
                "after this version of the payment.",
                schema=POSITION,
            ),
            Parameter(
                name="epoch",
                description="The epoch that `after` is of; in another one the socket begins with a snapshot, "
                "whose reason is `log_restored`.",
                schema=POSITION,
            ),
        ),
        limit="checks",
        answers={101: Answer(description="Frames follow.", media_types=())},
        codes=(
            "nothing_to_listen_to",
            "invalid_payment_id",
            "payment_not_found",
            "merchant_not_found",
            "invalid_position",
            "not_a_websocket",
            "overloaded",
        ),
    ),
    Operation(
        name="showHealth",
        method="GET",
        path="/healthz",
        tag="Service",
        summary="Say that the process answers.",
        answers={200: Answer(description="It does.", body=api.Health)},
    ),
    Operation(
        name="showReadiness",
        method="GET",
        path="/readyz",
        tag="Service",
        summary="Say whether the gateway can do its work.",
        description="It writes to PostgreSQL and asks NATS, once a second however many ask this, and answers within "
        "two seconds also when neither does. Without NATS it is `degraded`: payments are created and confirmed, and "
        "lists and subscribers fall behind.",
        answers={
            200: Answer(description="It is `ok` or `degraded`.", body=api.Readiness),
            503: Answer(description="It is `unavailable`: PostgreSQL takes no writes.", body=api.Readiness),
        },
    ),
    Operation(
        name="showMetrics",
        method="GET",
        path="/metrics",
        tag="Service",
        summary="Show the metrics for Prometheus.",
        description="They count the payments of all merchants, so only a key of the hub itself can have this scope.",
        scope="metrics",
        limit="lists",
        answers={200: Answer(description="Prometheus's text format.", media_types=("text/plain",))},
    ),
    Operation(
        name="showOpenApi",
        method="GET",
        path="/openapi.json",
        tag="Service",
        summary="Show this document.",
        cross_origin=True,
        answers={200: Answer(description="OpenAPI 3.1.")},
    ),
)
