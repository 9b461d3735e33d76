"""Completes requests to forget a payer: those that a crash interrupted, and those of payments that were in flight."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from contracts.envelope import Cause
from extrato.errors import ExtratoError
from extrato.use_cases.forget_payer import complete_forgetting
from services.monitor.schedule import CLOCK, INTERVAL_S, Again, Decision

if TYPE_CHECKING:
    from extrato.use_cases.hub import Hub

BATCH: Final = 50
AFTER_ERROR: Final = timedelta(minutes=1)


class Forgettings:
    """A job of the lane `clock`."""

    def __init__(self, *, hub: Hub) -> None:
        self._hub = hub
        self._logger = structlog.get_logger(component="forgettings")

    async def run_once(self) -> Decision:
        """Complete one batch; the next batch follows at once when there are more."""
        due = await self._hub.forgettings.due(self._hub.now(), limit=BATCH)
        for request in due:
            cause = Cause(correlation_id=str(self._hub.new_uuid()), actor="clock")
            logger = self._logger.bind(payment_id=request.payment_id, correlation_id=cause.correlation_id)
            try:
                if await complete_forgetting(self._hub, request.payment_id, cause=cause):
                    logger.info("payer_forgotten")
            except ExtratoError as error:
                await self._hub.forgettings.put_off(request.payment_id, until=self._hub.now() + AFTER_ERROR)
                logger.warning("forgetting_put_off", reason=error.message)
        return Again(0.0 if len(due) == BATCH else INTERVAL_S[CLOCK])
