"""Expires payments that passed their deadline by the hub's clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.envelope import Cause
from extrato.domain.payment.decisions import MAX_SILENCE
from extrato.errors import (
    BudgetUsedUp,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.providers.call_budget import calling_for
from extrato.store.vault_keys import InvalidVaultKey
from extrato.use_cases.expire_payment import expire_payment
from extrato.use_cases.refresh_payment import refresh_payment
from services.monitor.backoff import BackOff
from services.monitor.schedule import CLOCK, INTERVAL_S, Again, Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extrato.use_cases.hub import Hub
    from services.monitor.open_payments import OpenPayments, OverduePayment

BATCH: Final = 200
MAX_CONCURRENT: Final = 32
MAX_CONCURRENT_CHECKS: Final = 8


class Expiry:
    """A job of the lane `clock` for the payments of some providers; it shares `pauses`, by account, with the sweeps.

    The job asks a remote provider once more before it expires a payment, because the payer may have paid a moment ago.
    A separate job expires payments of the other providers, so that these never wait for an answer.
    """

    def __init__(
        self, *, hub: Hub, open_payments: OpenPayments, pauses: BackOff[str], providers: Sequence[str]
    ) -> None:
        self._hub = hub
        self._open_payments = open_payments
        self._pauses = pauses
        self._providers = providers
        # A payment with an attempt in flight cannot expire yet, and must not take a place in the batch.
        self._in_flight: BackOff[int] = BackOff(hub.now)
        self._slots, self._check_slots = asyncio.Semaphore(MAX_CONCURRENT), asyncio.Semaphore(MAX_CONCURRENT_CHECKS)
        self._logger = structlog.get_logger(component="expiry")

    async def run_once(self) -> Decision:
        """Expire one batch; the next batch follows at once when there are more."""
        overdue = await self._open_payments.overdue(
            self._hub.now(), providers=self._providers, excluding=self._in_flight.waiting(), limit=BATCH
        )
        correlation_id = str(self._hub.new_uuid())
        async with asyncio.TaskGroup() as group:
            for payment in overdue:
                group.create_task(self._expire(payment, correlation_id))
        return Again(0.0 if len(overdue) == BATCH else INTERVAL_S[CLOCK])

    async def _expire(self, payment: OverduePayment, correlation_id: str) -> None:
        cause, payment_id = Cause(correlation_id=correlation_id, actor="clock"), payment.payment_id
        if payment.charged and payment.account.provider in self._hub.providers.remote:
            async with self._check_slots:
                is_known = await self._ask(payment, cause)
            if not is_known and self._hub.now() < payment.expires_at + MAX_SILENCE:
                self._in_flight.failed(payment_id)
                return
        async with self._slots:
            decided = await expire_payment(self._hub, payment_id, cause=cause)
        # The read model may list the payment for another moment, expired or not.
        self._in_flight.failed(payment_id)
        if decided.events:
            self._logger.info(
                "payment_expired",
                payment_id=payment_id,
                position=decided.after.position,
                correlation_id=correlation_id,
            )

    async def _ask(self, payment: OverduePayment, cause: Cause) -> bool:
        """Record the provider's answer about the payment; return False when there is none."""
        account = payment.account.name
        if self._pauses.left_s(account):
            return False
        try:
            with calling_for("background"):
                await refresh_payment(self._hub, payment.payment_id, cause=cause)
        except BudgetUsedUp as error:
            reason = error.message
        except ProviderUnavailable as error:
            self._pauses.failed(account, at_least_s=error.retry_after_s)
            reason = error.code
        except (ProviderRefused, ProviderMisunderstood, ProviderNotConnected, InvalidVaultKey) as error:
            reason = error.code
        else:
            return True
        self._logger.warning("expiry_put_off", payment_id=payment.payment_id, reason=reason)
        return False
