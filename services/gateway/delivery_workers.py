"""Looks into webhooks right after they were answered; what does not fit is left to the monitor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from extrato.errors import ExtratoError
from extrato.use_cases.handle_delivery import handle_delivery
from services.gateway.metrics import DELIVERIES

if TYPE_CHECKING:
    from extrato.store.inbox import Delivery
    from extrato.use_cases.hub import Hub

WORKERS: Final = 32
QUEUE_LIMIT: Final = 2000


class DeliveryWorkers:
    """A bounded queue and a fixed number of workers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(QUEUE_LIMIT)
        self._logger = structlog.get_logger().bind(component="deliveries")

    def offer(self, delivery: Delivery) -> None:
        """Have a stored delivery looked into soon; when too many wait, the monitor will, seconds later."""
        if not self._queue.full():
            self._queue.put_nowait(delivery)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            delivery = await self._queue.get()
            try:
                outcome = await handle_delivery(self._hub, delivery)
            except ExtratoError as error:
                # It stays unhandled in the inbox, and the monitor takes it up when it is due.
                outcome = error.code
                self._logger.warning(
                    "delivery_put_off", delivery_id=str(delivery.delivery_id), reason=error.code
                )
            DELIVERIES.labels(outcome).inc()
