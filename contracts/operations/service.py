"""Operations of the WebSocket, health, metrics and this document."""

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
        summary="Receive the events of a payment or a merchant over a WebSocket.",
        description="Send `payment_id` or `padaria_slug`, not both. A payer's token opens the socket of its payment, "
        "which sends only changes of status. The AsyncAPI document describes the frames.",
        scope="payments:read",
        payer=True,
        query=(
            Parameter(name="payment_id", description="The payment's number.", schema={"type": "integer"}),
            Parameter(name="padaria_slug", description="The merchant's slug.", schema=TEXT),
            Parameter(
                name="after",
                description="Resume after this position of the log, without a snapshot. With a payer's token: after "
                "this version of the payment.",
                schema=POSITION,
            ),
            Parameter(
                name="epoch",
                description="The epoch of `after`. If the log has another epoch, the socket begins with a snapshot "
                "whose reason is `log_restored`.",
                schema=POSITION,
            ),
        ),
        limit="checks",
        answers={101: Answer(description="The WebSocket is open; frames follow.", media_types=())},
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
        summary="Check that the process is alive.",
        answers={200: Answer(description="The process is alive.", body=api.Health)},
    ),
    Operation(
        name="showReadiness",
        method="GET",
        path="/readyz",
        tag="Service",
        summary="Check that the gateway works.",
        description="The gateway tests a write to PostgreSQL and the connection to NATS, at most once a second. It "
        "answers within two seconds, even if PostgreSQL and NATS do not. Without NATS it is `degraded`: the hub "
        "creates and confirms payments, but lists and subscribers fall behind. A cluster of NATS without a majority "
        "stays connected, and `publish` is `unavailable`.",
        answers={
            200: Answer(description="The gateway is `ok` or `degraded`.", body=api.Readiness),
            503: Answer(
                description="The gateway is `unavailable`: PostgreSQL does not accept writes, or the gateway starts or "
                "stops.",
                body=api.Readiness,
            ),
        },
    ),
    Operation(
        name="showMetrics",
        method="GET",
        path="/metrics",
        tag="Service",
        summary="Return the metrics, for Prometheus.",
        description="The metrics count the payments of all merchants, so only a key of the hub can have this scope.",
        scope="metrics",
        limit="lists",
        answers={200: Answer(description="Prometheus's text format.", media_types=("text/plain",))},
    ),
    Operation(
        name="showOpenApi",
        method="GET",
        path="/openapi.json",
        tag="Service",
        summary="Return this document.",
        cross_origin=True,
        answers={200: Answer(description="OpenAPI 3.1.")},
    ),
)
