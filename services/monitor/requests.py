"""Completes cancellations and refunds that a crash or a provider outage interrupted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.envelope import Cause
from extrato.errors import ExtratoError, ProviderRefused
from extrato.use_cases.cancel_payment import complete_cancellation
from extrato.use_cases.refund_payment import complete_refund
from services.monitor.backoff import BackOff
from services.monitor.schedule import CLOCK, INTERVAL_S, Again, Decision

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import timedelta

    from contracts.read_models import OpenRequest
    from extrato.use_cases.hub import Hub
    from services.monitor.open_payments import OpenPayments

BATCH: Final = 40
MAX_CONCURRENT: Final = 8
TIMEOUT_S: Final = 25.0


class Requests:
    """A job of the lane `clock`."""

    def __init__(self, *, hub: Hub, open_payments: OpenPayments, resume_after: timedelta) -> None:
        """The process that took a request has `resume_after` to complete the request itself."""
        self._resume_after = resume_after
        self._hub = hub
        self._open_payments = open_payments
        self._failed: BackOff[int] = BackOff(hub.now)
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._logger = structlog.get_logger(component="requests")

    async def run_once(self) -> Decision:
        """Complete one batch of requests."""
        requests = await self._open_payments.requests(
            before=self._hub.now() - self._resume_after, excluding=self._failed.waiting(), limit=BATCH
        )
        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(self._complete(request))
        return Again(INTERVAL_S[CLOCK])

    async def _complete(self, request: OpenRequest) -> None:
        cause = Cause(correlation_id=str(self._hub.new_uuid()), actor="sweep", actor_id=request.merchant)
        logger = self._logger.bind(payment_id=request.payment_id, correlation_id=cause.correlation_id)
        hub, payment_id, done = self._hub, request.payment_id, []
        async with self._slots:
            if request.cancellation:
                done.append(await self._try(complete_cancellation(hub, payment_id, cause=cause), logger))
            # One refund without an answer must not block the others; its own outcome may depend on theirs.
            done += [
                await self._try(complete_refund(hub, payment_id, refund_id, cause=cause), logger)
                for refund_id in request.refunds
            ]
            if all(done):
                self._failed.succeeded(request.payment_id)
            else:
                self._failed.failed(request.payment_id)

    async def _try(self, work: Awaitable[object], logger: structlog.typing.FilteringBoundLogger) -> bool:
        """Return True when the request ended, completed or refused."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await work
        except ProviderRefused as error:
            # The refusal is recorded.
            logger.info("request_refused", reason=error.message)
        except (ExtratoError, TimeoutError) as error:
            logger.warning("request_put_off", reason=error.code if isinstance(error, ExtratoError) else "timed_out")
            return False
        else:
            logger.info("request_completed")
        return True
