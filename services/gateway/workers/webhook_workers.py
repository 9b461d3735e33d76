"""Processes webhooks right after they are answered; what exceeds the queue is left to the monitor.

A provider sends several deliveries for one change. Waiting deliveries about the same thing share one call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from extrato import tracing
from extrato.errors import ExtratoError
from extrato.use_cases.handle_delivery import handle_deliveries
from services.gateway.metrics import DELIVERIES

if TYPE_CHECKING:
    from extrato.store.inbox import Delivery
    from extrato.use_cases.hub import Hub

WORKERS: Final = 32
MAX_WAITING: Final = 5000

About = tuple[str, str, str, str]
# A delivery, and the recorded span of its request.
Queued = tuple["Delivery", str]


class WebhookWorkers:
    """A bounded queue of deliveries, and a fixed number of workers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._queue: asyncio.Queue[About] = asyncio.Queue()
        self._waiting: dict[About, list[Queued]] = {}
        self._count = 0
        self._logger = structlog.get_logger(component="deliveries")

    def offer(self, delivery: Delivery) -> None:
        """Queue a stored delivery. When too many wait, the monitor processes it some seconds later."""
        if self._count >= MAX_WAITING:
            return
        self._count += 1
        about = (delivery.merchant, delivery.provider, delivery.kind, delivery.resource_id)
        queued = delivery, tracing.current_traceparent()
        if about in self._waiting:
            self._waiting[about].append(queued)
        else:
            self._waiting[about] = [queued]
            self._queue.put_nowait(about)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            # Deliveries that arrive from here on may be about a later change, so that they get a separate call.
            queued = self._waiting.pop(await self._queue.get())
            self._count -= len(queued)
            deliveries, requests = [delivery for delivery, _ in queued], [request for _, request in queued]
            # After any error they stay unhandled in the inbox, and the monitor processes them when they are due.
            try:
                with tracing.root_span("process webhook", "consumer", links=requests):
                    outcome = await handle_deliveries(self._hub, deliveries)
            except ExtratoError as error:
                outcome = error.code
                self._logger.warning(
                    "deliveries_put_off", delivery_id=str(deliveries[0].delivery_id), reason=error.code
                )
            except Exception:
                outcome = "failed"
                self._logger.exception("deliveries_failed", delivery_id=str(deliveries[0].delivery_id))
            DELIVERIES.labels(outcome).inc(len(deliveries))
