"""Asks the provider on behalf of many callers: those who ask about one payment at once share one question.

What was verified less than `fresh_s` ago is not asked again; the payment itself is read anew every time, so
that what a webhook brought meanwhile is told.
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
from extrato.errors import ProviderMisunderstood, ProviderNotConnected, ProviderRefused, ProviderUnavailable
from extrato.use_cases.payments import LoadedPayment, load_payment
from extrato.use_cases.refresh_payment import refresh_payment
from services.gateway.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub

REMEMBERED: Final = 50_000
PROVIDER_FAILED: Final = (ProviderUnavailable, ProviderRefused, ProviderMisunderstood, ProviderNotConnected)


class Checked(Struct, frozen=True, kw_only=True):
    """How a payment stands; `synced_at` is when the provider last said so, None when it did not answer."""

    loaded: LoadedPayment
    synced_at: datetime | None
    changed: bool


class Checks:
    """Checks of this process, by payment."""

    def __init__(self, hub: Hub, *, fresh_s: float, time_s: Callable[[], float] = time.monotonic) -> None:
        """What was verified less than `fresh_s` ago, by `time_s`, is not asked again."""
        self._hub = hub
        self._asking: SingleFlight[int, Checked] = SingleFlight()
        self._synced_at: TTLCache[int, datetime] = TTLCache(REMEMBERED, fresh_s, time_s)
        self._logger = structlog.get_logger(component="checks")

    async def check(self, loaded: LoadedPayment, *, cause: Cause) -> Checked:
        """Have the provider asked about a payment that was just read; raises the store's errors only."""
        synced_at = self._synced_at.get(loaded.payment_id)
        if synced_at is not None and loaded.payment_id not in self._asking:
            return Checked(loaded=loaded, synced_at=synced_at, changed=False)
        return await self._asking.run(loaded.payment_id, lambda: self._ask(loaded, cause))

    async def close(self) -> None:
        """Let the questions end that are being asked."""
        await self._asking.close()

    async def _ask(self, loaded: LoadedPayment, cause: Cause) -> Checked:
        try:
            decided = await refresh_payment(self._hub, loaded.payment_id, cause=cause)
        except PROVIDER_FAILED as error:
            self._logger.info("check_not_answered", payment_id=loaded.payment_id, reason=error.code)
            # Somebody else may have learnt more meanwhile.
            known = await load_payment(self._hub, loaded.payment_id)
            return Checked(loaded=known, synced_at=None, changed=False)
        changed = decided.after.payment.status != decided.before.payment.status
        synced_at = self._synced_at[loaded.payment_id] = self._hub.now()
        await self._tell(decided.after, cause, changed=changed)
        return Checked(loaded=decided.after, synced_at=synced_at, changed=changed)

    async def _tell(self, loaded: LoadedPayment, cause: Cause, *, changed: bool) -> None:
        fact = PaymentChecked(
            payment_id=loaded.payment_id,
            actor=cause.actor,
            checked_at=self._hub.now(),
            status=loaded.payment.status,
            changed=changed,
        )
        subject = checks_subject(loaded.merchant)
        await self._hub.telemetry.publish(subject, fact, at=fact.checked_at, correlation_id=cause.correlation_id)
