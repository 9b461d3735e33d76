"""The gateway's Prometheus metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

REQUESTS: Final = Counter("extrato_http_requests", "Requests answered.", ["method", "route", "status"])
WEBHOOKS: Final = Counter(
    "extrato_webhooks", "Webhook deliveries, by how they were judged; repeats apart.", ["verdict"]
)
DELIVERIES: Final = Counter("extrato_deliveries_handled", "Verified deliveries looked into.", ["outcome"])
LIMITED: Final = Counter("extrato_requests_limited", "Requests refused for being too many.", ["what"])
CONFIRMATIONS_REFUSED: Final = Counter(
    "extrato_confirmations_refused",
    "Confirmations of a value that does not fit, by whether they left a trace.",
    ["trace"],
)
SOCKETS: Final = Gauge("extrato_websockets", "WebSockets that are open.")
SOCKETS_DROPPED: Final = Counter("extrato_websockets_dropped", "WebSockets closed because they were too slow.")
SOCKET_IO_CLIENTS: Final = Gauge("extrato_socket_io_clients", "Socket.IO clients that are listening.")
SOCKET_IO_DROPPED: Final = Counter(
    "extrato_socket_io_dropped", "Socket.IO sessions that the gateway ended, by why.", ["reason"]
)
LIVE_POSITION: Final = Gauge("extrato_live_position", "Newest position of the log that sockets were told of.")
PICTURES_DRAWN: Final = Counter("extrato_pictures_drawn", "QR pictures drawn.")
APPENDS_WAITING: Final = Gauge("extrato_appends_waiting", "Appends that wait for a write.")
DEAD_LETTERS: Final = Gauge("extrato_dead_letters", "Messages that were refused and lie under dead.> on the bus.")
READ_MODEL_BEHIND: Final = Gauge(
    "extrato_read_model_behind", "Positions of the log that a read model has still to come to.", ["read_model"]
)
READ_MODEL_PASSED_OVER: Final = Gauge(
    "extrato_read_model_passed_over", "Events that a read model does without.", ["read_model"]
)
