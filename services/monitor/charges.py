"""Creates the missing charges of payments that a crash or a provider outage left without one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.envelope import Cause
from extrato.domain.errors import Refused
from extrato.errors import (
    NotFound,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.store.vault_keys import InvalidVaultKey
from extrato.use_cases.complete_charge import complete_charge
from services.monitor.backoff import BackOff
from services.monitor.schedule import CLOCK, INTERVAL_S, Again, Decision

if TYPE_CHECKING:
    from datetime import timedelta

    from extrato.use_cases.hub import Hub
    from extrato.use_cases.merchant_directory import MerchantDirectory
    from services.monitor.open_payments import OpenPayments, UnchargedPayment

BATCH: Final = 40
MAX_CONCURRENT: Final = 8
CHARGE_TIMEOUT_S: Final = 25.0


class Charges:
    """A job of the lane `clock`; it shares `pauses`, which are by account name, with the sweeps."""

    def __init__(
        self,
        *,
        hub: Hub,
        merchants: MerchantDirectory,
        open_payments: OpenPayments,
        pauses: BackOff[str],
        resume_after: timedelta,
    ) -> None:
        """The process that opened a payment has `resume_after` to create the charge itself."""
        self._hub = hub
        self._merchants = merchants
        self._open_payments = open_payments
        self._pauses = pauses
        self._resume_after = resume_after
        self._failed: BackOff[int] = BackOff(hub.now)
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._logger = structlog.get_logger(component="charges")

    async def run_once(self) -> Decision:
        """Create the charges of one batch of payments."""
        now = self._hub.now()
        intents = await self._open_payments.uncharged(
            opened_before=now - self._resume_after, now=now, excluding=self._failed.waiting(), limit=BATCH
        )
        async with asyncio.TaskGroup() as group:
            for intent in intents:
                group.create_task(self._complete(intent))
        return Again(INTERVAL_S[CLOCK])

    async def _complete(self, intent: UnchargedPayment) -> None:
        cause = Cause(correlation_id=str(self._hub.new_uuid()), actor="sweep", actor_id=intent.account.name)
        logger = self._logger.bind(payment_id=intent.payment_id, correlation_id=cause.correlation_id)
        async with self._slots:
            pause_s = self._pauses.left_s(intent.account.name)
            if pause_s:
                self._failed.failed(intent.payment_id, at_least_s=pause_s)
                return
            try:
                async with asyncio.timeout(CHARGE_TIMEOUT_S):
                    merchant = await self._merchants.get(intent.account.merchant)
                    await complete_charge(self._hub, merchant, intent.payment_id, cause=cause)
            except (ProviderRefused, Refused) as error:
                # The payment can never be paid: the log has the refusal, or the payment ended before its charge.
                logger.info("charge_refused", reason=error.message)
            except ProviderUnavailable as error:
                self._pauses.failed(intent.account.name, at_least_s=error.retry_after_s)
                self._put_off(intent, logger, error.code)
            except (NotFound, ProviderMisunderstood, ProviderNotConnected, InvalidVaultKey) as error:
                self._put_off(intent, logger, error.code)
            except TimeoutError:
                self._put_off(intent, logger, "charge_timed_out")
            else:
                self._failed.succeeded(intent.payment_id)
                logger.info("charge_completed")

    def _put_off(self, intent: UnchargedPayment, logger: structlog.typing.FilteringBoundLogger, reason: str) -> None:
        pause_s = self._failed.failed(intent.payment_id)
        logger.warning("charge_put_off", account=intent.account.name, reason=reason, again_in_s=pause_s)
