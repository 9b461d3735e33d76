"""Asks the provider for many callers: concurrent checks of one payment for one purpose share one call.

A payment that was checked less than `fresh_s` ago is not checked again. The caller passes the payment as it is in the
log, so that the answer has what a webhook recorded meanwhile.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog
from cachetools import TTLCache
from msgspec import Struct

from contracts.subjects import checks_subject
from contracts.telemetry import PaymentChecked
from extrato.errors import (
    ExtratoError,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.providers.call_budget import calling_for
from extrato.use_cases.payments import LoadedPayment, load_payment
from extrato.use_cases.refresh_payment import refresh_payment
from services.gateway.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub
    from extrato.values import Purpose

MAX_REMEMBERED: Final = 50_000
PROVIDER_FAILED: Final = (ProviderUnavailable, ProviderRefused, ProviderMisunderstood, ProviderNotConnected)


class CheckResult(Struct, frozen=True, kw_only=True):
    """A payment after a check; `synced_at` is when the provider last answered, None when it did not answer.

    `failure` is why it did not.
    """

    loaded: LoadedPayment
    synced_at: datetime | None
    changed: bool
    failure: ExtratoError | None = None


class ProviderChecks:
    """The checks of this process, by payment."""

    def __init__(self, hub: Hub, *, fresh_s: float, time_s: Callable[[], float] = time.monotonic) -> None:
        """`fresh_s` is how long a check is valid, on the clock `time_s`."""
        self._hub = hub
        self._running: SingleFlight[tuple[int, Purpose], CheckResult] = SingleFlight()
        self._synced_at: TTLCache[int, datetime] = TTLCache(MAX_REMEMBERED, fresh_s, time_s)
        self._logger = structlog.get_logger(component="checks")

    async def check(self, loaded: LoadedPayment, *, cause: Cause, purpose: Purpose = "check") -> CheckResult:
        """Check a payment that was just read, for a shop or for a `payer`; raises only the store's errors."""
        synced_at, key = self._synced_at.get(loaded.payment_id), (loaded.payment_id, purpose)
        if synced_at is not None and key not in self._running:
            return CheckResult(loaded=loaded, synced_at=synced_at, changed=False)
        return await self._running.run(key, lambda: self._refresh(loaded, cause, purpose))

    async def close(self) -> None:
        """Cancel the running checks."""
        await self._running.close()

    async def _refresh(self, loaded: LoadedPayment, cause: Cause, purpose: Purpose) -> CheckResult:
        try:
            with calling_for(purpose):
                decided = await refresh_payment(self._hub, loaded.payment_id, cause=cause)
        except PROVIDER_FAILED as error:
            self._logger.info("check_not_answered", payment_id=loaded.payment_id, reason=error.code)
            # A webhook or the monitor may have recorded more meanwhile.
            known = await load_payment(self._hub, loaded.payment_id)
            return CheckResult(loaded=known, synced_at=None, changed=False, failure=error)
        changed = decided.after.payment.status != decided.before.payment.status
        synced_at = self._hub.now()
        self._synced_at[loaded.payment_id] = synced_at
        await self._publish_check(decided.after, cause, changed=changed)
        return CheckResult(loaded=decided.after, synced_at=synced_at, changed=changed)

    async def _publish_check(self, loaded: LoadedPayment, cause: Cause, *, changed: bool) -> None:
        fact = PaymentChecked(
            payment_id=loaded.payment_id,
            actor=cause.actor,
            checked_at=self._hub.now(),
            status=loaded.payment.status,
            changed=changed,
        )
        subject = checks_subject(loaded.merchant)
        await self._hub.telemetry.publish(subject, fact, at=fact.checked_at, correlation_id=cause.correlation_id)
