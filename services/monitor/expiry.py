"""Closes payments whose time to pay ran out, by the hub's clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.envelope import Cause
from extrato.use_cases.expire_payment import expire_payment
from services.monitor.backoff import BackOff
from services.monitor.schedule import CLOCK, INTERVAL_S, Again, Decision

if TYPE_CHECKING:
    from extrato.use_cases.hub import Hub
    from services.monitor.open_payments import OpenPayments

BATCH: Final = 200
AT_ONCE: Final = 32


class Expiry:
    """A job of the lane `clock`."""

    def __init__(self, *, hub: Hub, open_payments: OpenPayments) -> None:
        self._hub = hub
        self._open_payments = open_payments
        # A payment with an attempt in flight does not expire yet, and must not stand before the others.
        self._in_flight: BackOff[int] = BackOff(hub.now)
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._logger = structlog.get_logger(component="expiry")

    async def tick(self) -> Decision:
        """Expire a batch; the next one follows at once when there are more."""
        overdue = await self._open_payments.overdue(self._hub.now(), but=self._in_flight.waiting(), limit=BATCH)
        correlation_id = str(self._hub.new_uuid())
        async with asyncio.TaskGroup() as group:
            for payment_id in overdue:
                group.create_task(self._expire(payment_id, correlation_id))
        return Again(0.0 if len(overdue) == BATCH else INTERVAL_S[CLOCK])

    async def _expire(self, payment_id: int, correlation_id: str) -> None:
        cause = Cause(correlation_id=correlation_id, actor="clock")
        async with self._at_once:
            decided = await expire_payment(self._hub, payment_id, cause=cause)
        # Whatever came of it, the read model may show the payment for another moment.
        self._in_flight.failed(payment_id)
        if decided.envelopes:
            self._logger.info(
                "payment_expired",
                payment_id=payment_id,
                position=decided.after.position,
                correlation_id=correlation_id,
            )
