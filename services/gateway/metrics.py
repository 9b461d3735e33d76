"""The gateway's Prometheus metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

REQUESTS: Final = Counter("extrato_http_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_DURATION_S: Final = Histogram(
    "extrato_http_request_duration_seconds",
    "Time from a request's head to the end of its handler, without sockets.",
    ["operation"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
WEBHOOKS: Final = Counter(
    "extrato_webhooks", "Webhook deliveries, by the verdict on their signature; repeated ones apart.", ["verdict"]
)
DELIVERIES: Final = Counter("extrato_deliveries_handled", "Verified deliveries processed.", ["outcome"])
LIMITED: Final = Counter("extrato_requests_limited", "Requests rejected by a limit.", ["what"])
CONFIRMATIONS_REFUSED: Final = Counter(
    "extrato_confirmations_refused",
    "Confirmations of a wrong value, by whether an event was recorded.",
    ["trace"],
)
SOCKETS: Final = Gauge("extrato_websockets", "WebSockets that are open.")
SOCKETS_DROPPED: Final = Counter("extrato_websockets_dropped", "WebSockets closed because they were too slow.")
SOCKET_IO_CLIENTS: Final = Gauge("extrato_socket_io_clients", "Socket.IO clients that are listening.")
SOCKET_IO_DROPPED: Final = Counter(
    "extrato_socket_io_dropped", "Socket.IO sessions that the gateway ended, by reason.", ["reason"]
)
LIVE_POSITION: Final = Gauge("extrato_live_position", "Newest position of the log that was handed to sockets.")
PICTURES_DRAWN: Final = Counter("extrato_pictures_drawn", "QR pictures drawn.")
DEAD_LETTERS: Final = Gauge("extrato_dead_letters", "Dead-lettered messages under dead.> on the bus.")
READ_MODEL_PASSED_OVER: Final = Gauge(
    "extrato_read_model_passed_over", "Events that a read model has skipped.", ["read_model"]
)
PROVIDER_BUDGET_LEFT: Final = Gauge(
    "extrato_provider_budget_left_ratio", "Lowest share of an account's call budget that is left.", ["provider"]
)
PROVIDER_TOKEN_DAYS: Final = Gauge(
    "extrato_provider_token_days_left",
    "Fewest days until an access token of the provider ends; 0 after the end of one.",
    ["provider"],
)
WEBHOOK_ACCOUNTS: Final = Gauge(
    "extrato_webhook_accounts", "Accounts with a verified webhook within a week, or whose webhooks fail.", ["provider"]
)
WEBHOOK_ACCOUNTS_FAILING: Final = Gauge(
    "extrato_webhook_accounts_failing", "Accounts whose webhooks fail at the moment.", ["provider"]
)
WAL_NOT_ARCHIVED_S: Final = Gauge(
    "extrato_wal_not_archived_seconds",
    "Seconds since PostgreSQL archived its write-ahead log, while it cannot; 0 while it can, or does not archive.",
)
CERTIFICATE_DAYS: Final = Gauge(
    "extrato_certificate_days_left",
    "Days until the certificate of a host ends; 0 while it is not valid.",
    ["certificate"],
)
