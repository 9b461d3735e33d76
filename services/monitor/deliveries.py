"""Handles webhooks that a gateway stored and did not finish."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from extrato.errors import BudgetUsedUp, ExtratoError
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.use_cases.handle_delivery import handle_delivery
from services.monitor.schedule import CLOCK, INTERVAL_S, Again, Decision

if TYPE_CHECKING:
    from extrato.store.inbox import DueDelivery
    from extrato.use_cases.hub import Hub

BATCH: Final = 64
MAX_CONCURRENT: Final = 16
HANDLE_TIMEOUT_S: Final = 20.0
GIVEN_UP: Final = "given_up"

# An account that sells more than its budget piles up deliveries. Trying each of them every second would keep PostgreSQL
# busy, and delay other merchants. A delivery waits for this share of its age instead, and a minute at most.
WAIT_BY_AGE: Final = 0.25
LONGEST_WAIT: Final = timedelta(minutes=1)


class Deliveries:
    """A job of the lane `clock`."""

    def __init__(self, *, hub: Hub) -> None:
        self._hub = hub
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._logger = structlog.get_logger(component="deliveries")

    async def run_once(self) -> Decision:
        """Handle one batch of due webhooks; the next batch follows at once when there are more."""
        due = await self._hub.inbox.take_due(now=self._hub.now(), limit=BATCH)
        async with asyncio.TaskGroup() as group:
            for delivery in due:
                group.create_task(self._handle(delivery))
        return Again(0.0 if len(due) == BATCH else INTERVAL_S[CLOCK])

    async def _handle(self, delivery: DueDelivery) -> None:
        logger = self._logger.bind(
            delivery_id=str(delivery.delivery_id),
            correlation_id=delivery.correlation_id,
            attempt=delivery.attempts,
        )
        async with self._slots:
            try:
                async with asyncio.timeout(HANDLE_TIMEOUT_S):
                    outcome = await handle_delivery(self._hub, delivery)
                logger.info("delivery_handled", outcome=outcome)
            except BudgetUsedUp as error:
                # The provider was not asked, so that this is no attempt: the delivery waits as long as needed.
                now = self._hub.now()
                by_age = min(WAIT_BY_AGE * (now - delivery.received_at), LONGEST_WAIT)
                wait = max(timedelta(seconds=error.retry_after_s), by_age)
                await self._hub.inbox.postpone(delivery.delivery_id, until=now + wait)
                logger.info("delivery_waits_for_budget", again_in_s=wait.total_seconds())
            except (ExtratoError, *DATABASE_UNAVAILABLE) as error:
                # `take_due` has already set the time of the next attempt.
                logger.warning("delivery_put_off", reason=repr(error))
                if delivery.is_last_attempt:
                    await self._hub.inbox.mark_handled(delivery.delivery_id, at=self._hub.now(), outcome=GIVEN_UP)
                    logger.error("delivery_given_up")  # noqa: TRY400 - the line above has the reason
