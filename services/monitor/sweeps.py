"""Sweeps an account when its timer expires, and decides when the timer expires again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.subjects import checks_subject
from contracts.telemetry import SweepCompleted
from extrato.domain.sweep_lanes import FAST, QUIET, SLOW
from extrato.errors import (
    BudgetUsedUp,
    ExtratoError,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
    StoreUnavailable,
)
from extrato.providers.call_budget import calling_for
from extrato.store.vault_keys import InvalidVaultKey
from services.monitor import schedule
from services.monitor.metrics import SWEEP_DURATION_S, SWEEPS
from services.monitor.open_payments import Account
from services.monitor.schedule import AccountLoad, Again, Decision, End
from services.monitor.sweep import Memory, Sweep
from services.monitor.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from contracts.read_models import OpenPayment
    from extrato.use_cases.hub import Hub
    from services.monitor.backoff import BackOff
    from services.monitor.cursors import Cursors
    from services.monitor.open_payments import OpenPayments

SWEEP_TIMEOUT_S: Final = 30.0

# Failures of one sweep, after which the account pauses; others are the store's, and end the run of the job.
FAILURES: Final = (
    ProviderUnavailable,
    ProviderNotConnected,
    ProviderRefused,
    ProviderMisunderstood,
    InvalidVaultKey,
    TimeoutError,
)

# Outcomes in the metrics, beside the codes of a provider's errors.
COMPLETED: Final = "completed"
UNFINISHED: Final = "unfinished"
TIMED_OUT: Final = "sweep_timed_out"
FAILED: Final = "failed"


class Sweeps:
    """The lanes `fast`, `slow` and `quiet`; `pauses` are by account name."""

    def __init__(self, *, hub: Hub, open_payments: OpenPayments, cursors: Cursors, pauses: BackOff[str]) -> None:
        self._hub = hub
        self._open_payments = open_payments
        self._cursors = cursors
        self._pauses = pauses
        self._watches = Watches(hub)
        self._memory = Memory()
        self._logger = structlog.get_logger(component="sweeps")

    def forget(self) -> None:
        """Forget what was recorded: a log that went back has lost some of it, and needs it again."""
        self._memory = Memory()

    async def is_needed(self, lane: str, name: str) -> bool:
        """Read the account's load, and return True when the account belongs to the lane."""
        load = await self._open_payments.account_load(Account.named(name), self._hub.now())
        return schedule.is_needed(lane, load)

    async def run_once(self, lane: str, name: str) -> Decision:
        """Sweep an account if it belongs to the lane; raises the store's errors."""
        account, now = Account.named(name), self._hub.now()
        if account.provider not in self._hub.providers.remote:
            self._logger.error("sweep_of_unknown_provider", account=name, lane=lane)
            return End()
        load = await self._open_payments.account_load(account, now)
        watched = await self._open_payments.watched(account, now) if lane == FAST else []
        if lane == FAST:
            await self._watches.update(name, watched)
        if not schedule.is_needed(lane, load):
            return End()
        pause_s = self._pauses.left_s(name)
        if pause_s:
            return Again(pause_s)
        try:
            with SWEEP_DURATION_S.labels(lane).time():
                return await self._sweep(lane, account, now, load, watched)
        except Exception:
            SWEEPS.labels(lane, FAILED).inc()
            raise

    async def _sweep(
        self,
        lane: str,
        account: Account,
        now: datetime,
        load: AccountLoad,
        watched: Sequence[OpenPayment],
    ) -> Decision:
        name = account.name
        sweep = Sweep(
            hub=self._hub,
            cursors=self._cursors,
            memory=self._memory,
            lane=lane,
            account=account,
            now=now,
            on_decided=lambda decided: self._watches.log_decision(
                name, decided, correlation_id=sweep.cause.correlation_id
            ),
        )
        if lane == FAST:
            self._watches.log_checks(name)
            attempts = [attempt for payment in watched for attempt in payment.unsettled_attempts]
        else:
            attempts = await self._open_payments.unsettled_attempts(account) if lane == SLOW else []
        try:
            try:
                with calling_for("background"):
                    async with asyncio.timeout(SWEEP_TIMEOUT_S):
                        result = await sweep.run(load, watched, attempts)
            finally:
                # Also a sweep that failed half-way has recorded what it found.
                await self._note_findings(account, sweep)
        except FAILURES as error:
            if isinstance(error, ProviderNotConnected):
                await self._cursors.note_refusal(name, at=self._hub.now())
            return self._after_failure(lane, name, error)
        self._pauses.succeeded(name)
        await self._publish(sweep, lane, account, now, load)
        is_complete = result.incremental_done and result.backfill_done
        SWEEPS.labels(lane, COMPLETED if is_complete else UNFINISHED).inc()
        took_s = (self._hub.now() - now).total_seconds()
        return schedule.after_sweep(lane, result, took_s=took_s)

    def _after_failure(self, lane: str, name: str, error: Exception) -> Decision:
        if isinstance(error, BudgetUsedUp):
            # No failure: other work of the account, such as a charge, must not pause.
            self._logger.info("sweep_waits_for_budget", account=name, lane=lane, again_in_s=error.retry_after_s)
            return Again(error.retry_after_s)
        if isinstance(error, ProviderNotConnected) and lane == QUIET:
            # An account without open payments may be disconnected permanently, which is no fault.
            SWEEPS.labels(lane, error.code).inc()
            return Again(schedule.INTERVAL_S[QUIET])
        at_least_s = error.retry_after_s if isinstance(error, ProviderUnavailable) else 0.0
        return self._pause(
            lane, name, error.code if isinstance(error, ExtratoError) else TIMED_OUT, at_least_s=at_least_s
        )

    async def _note_findings(self, account: Account, sweep: Sweep) -> None:
        if not sweep.findings:
            return
        try:
            await self._hub.webhook_health.note(account.merchant, account.provider, sweep.findings, at=self._hub.now())
        except StoreUnavailable as error:
            # The changes themselves are recorded. Later ones show as well whether webhooks arrive.
            self._logger.warning("findings_not_noted", account=account.name, reason=error.code)

    def _pause(self, lane: str, name: str, reason: str, *, at_least_s: float = 0.0) -> Again:
        SWEEPS.labels(lane, reason).inc()
        pause_s = self._pauses.failed(name, at_least_s=at_least_s)
        self._logger.warning("sweep_failed", account=name, lane=lane, reason=reason, again_in_s=pause_s)
        return Again(pause_s)

    async def _publish(self, sweep: Sweep, lane: str, account: Account, asked_at: datetime, load: AccountLoad) -> None:
        fact = SweepCompleted(
            account=account.name,
            lane=lane,
            asked_at=asked_at,
            duration_ms=(self._hub.now() - asked_at).total_seconds() * 1000,
            watched=load.watched,
            seen=sweep.seen,
            changed=sweep.changed,
        )
        await self._hub.telemetry.publish(
            checks_subject(account.merchant), fact, at=asked_at, correlation_id=sweep.cause.correlation_id
        )
