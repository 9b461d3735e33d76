"""Sets the timer of every account that needs sweeping, also after NATS lost timers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from extrato.bus.connection import NATS_ERRORS
from extrato.domain.sweep_lanes import FAST, QUIET, SLOW
from extrato.errors import Transient
from extrato.metrics import mark_time
from services.monitor.metrics import CYCLE_TIMESTAMP_S
from services.monitor.schedule import CLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from extrato.bus.timers import Timers
    from extrato.values import Clock
    from services.monitor.cursors import Cursors
    from services.monitor.open_payments import Account, OpenPayments

RECONCILE_INTERVAL_S: Final = 1.0
FULL_INTERVAL_S: Final = 10.0
SET_AT_ONCE: Final = 64

Key = tuple[str, str]


class Reconciler:
    """Compares the open payments with the timers once a second.

    A new account or watch gets its timer within a second. Every ten seconds the reconciler sets all timers again,
    which does not change existing ones.
    """

    def __init__(
        self,
        *,
        timers: Timers,
        open_payments: OpenPayments,
        cursors: Cursors,
        providers: Sequence[str],
        jobs: Sequence[str],
        now: Clock,
    ) -> None:
        self._timers = timers
        self._open_payments = open_payments
        self._cursors = cursors
        self._providers = providers
        self._jobs = jobs
        self._now = now
        self._set: dict[Key, datetime | None] = {}
        self._full_at_s: float | None = None
        self._cycle_timestamp_s = CYCLE_TIMESTAMP_S.labels("reconciler")
        mark_time(self._cycle_timestamp_s)
        self._logger = structlog.get_logger(component="reconciler")

    async def run(self) -> None:
        """Reconcile until cancelled."""
        while True:
            try:
                await self.reconcile()
            except (*NATS_ERRORS, Transient) as error:
                self._logger.warning("reconciler_interrupted", error=repr(error))
                self.forget()
            await asyncio.sleep(RECONCILE_INTERVAL_S)

    async def reconcile(self) -> None:
        """Set the timers that may be missing; raises the errors of NATS and `Transient`."""
        now_s = asyncio.get_running_loop().time()
        is_full = self._full_at_s is None or now_s - self._full_at_s >= FULL_INTERVAL_S
        if is_full:
            self.forget()
            await self._ensure({(CLOCK, job): None for job in self._jobs})
        now = self._now()
        watched = await self._open_payments.watched_accounts(self._providers, now)
        await self._ensure(_keys(FAST, watched))
        if is_full:
            unwatched = await self._open_payments.unwatched_accounts(self._providers, now)
            await self._ensure(_keys(SLOW, unwatched))
            await self._ensure({(QUIET, account): None for account in await self._cursors.accounts()})
            self._full_at_s = now_s
        mark_time(self._cycle_timestamp_s)

    def forget(self) -> None:
        """Forget which timers are set, because NATS may have lost them; the next run sets all of them."""
        self._set.clear()
        self._full_at_s = None

    async def _ensure(self, wanted: Mapping[Key, datetime | None]) -> None:
        """Set the missing timers; a newer watch needs its timer set again, because the old timer may have ended."""
        missing = [key for key, newest in wanted.items() if self._set.get(key, ...) != newest]
        for first in range(0, len(missing), SET_AT_ONCE):
            part = missing[first : first + SET_AT_ONCE]
            await asyncio.gather(*(self._timers.ensure(lane, account) for lane, account in part))
            self._set.update((key, wanted[key]) for key in part)


def _keys(lane: str, accounts: Mapping[Account, datetime]) -> dict[Key, datetime | None]:
    return {(lane, account.name): newest for account, newest in accounts.items()}
