"""The monitor process: builds its parts from the settings, and ends when one of them ends."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from extrato.assembly import open_hub
from extrato.bus.relay import Relay
from extrato.bus.relay_metrics import measure_relay
from extrato.bus.timers import Timers
from extrato.domain.sweep_lanes import FAST, QUIET, SLOW
from extrato.metrics import mark_time
from extrato.process import announce_readiness, check_bus, open_bus, open_database, run_together
from extrato.readiness import ReadinessProbes
from extrato.scrape import Scrape
from extrato.store import append_metrics
from extrato.store.log import LogSignal
from extrato.store.log_cursor import watch_log
from extrato.store.log_head import measure_head
from extrato.store.pool_gauge import show_connections
from services.monitor.backoff import BackOff
from services.monitor.charges import Charges
from services.monitor.cursors import Cursors
from services.monitor.deliveries import Deliveries
from services.monitor.dispatch import Dispatcher
from services.monitor.expiry import Expiry
from services.monitor.forgettings import Forgettings
from services.monitor.metrics import CYCLE_TIMESTAMP_S
from services.monitor.open_payments import OpenPayments
from services.monitor.reconcile import Reconciler
from services.monitor.requests import Requests
from services.monitor.retention import Retention
from services.monitor.schedule import CLOCK, Decision, End
from services.monitor.second_look import SecondLook
from services.monitor.sweep_ages import measure_refused_accounts, measure_sweep_ages
from services.monitor.sweeps import Sweeps
from services.monitor.wal_archive import WalArchive
from services.monitor.webhook_health import JudgeAccounts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from extrato.bus.connection import Bus
    from extrato.health import RoleHealth
    from extrato.settings import Keep, Settings
    from extrato.use_cases.hub import Hub

MAX_CONNECTIONS: Final = 12


async def serve(settings: Settings, health: RoleHealth) -> None:
    """Monitor until cancelled; raises `CannotStart`."""
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(open_database(settings, connections=MAX_CONNECTIONS))
        bus = await parts.enter_async_context(open_bus(settings, name="monitor"))
        hub = await parts.enter_async_context(open_hub(settings, pool=pool, bus=bus))
        await check_bus(bus, hub.log, pool)
        signal = await parts.enter_async_context(LogSignal(settings.database_url))
        relay = Relay(database_url=settings.database_url, log=hub.log, signal=signal, bus=bus)
        resume_after = timedelta(seconds=settings.timeouts.resume_s)
        monitor = Monitor(hub=hub, pool=pool, bus=bus, resume_after=resume_after, keep=settings.keep)
        health.set_gauges_with(_scrape(hub=hub, pool=pool, relay=relay).set_gauges)
        await run_together(
            relay=relay.run(),
            reconciler=monitor.reconciler.run(),
            dispatcher=monitor.dispatcher.run(),
            log_watch=watch_log(hub.log, went_back=lambda _: monitor.forget()),
            readiness=announce_readiness(
                settings.ready_file,
                health,
                ReadinessProbes(pool, bus).probe,
                when=monitor.dispatcher.subscribed.wait(),
            ),
        )


def _scrape(*, hub: Hub, pool: asyncpg.Pool, relay: Relay) -> Scrape:
    def set_at_once() -> None:
        append_metrics.WAITING.set(hub.log.appender.waiting)
        show_connections(pool)

    return Scrape(
        [
            measure_head(pool),
            measure_relay(relay, pool),
            measure_sweep_ages(pool, providers=list(hub.providers.remote), now=hub.now),
            measure_refused_accounts(pool, providers=list(hub.providers.remote), now=hub.now),
        ],
        set_at_once=set_at_once,
    )


class Monitor:
    """The parts that work on timers; `pool` is the database of `hub`.

    The monitor completes an unfinished request of another process once the request is older than `resume_after`.
    """

    def __init__(self, *, hub: Hub, pool: asyncpg.Pool, bus: Bus, resume_after: timedelta, keep: Keep) -> None:
        open_payments, pauses = OpenPayments(pool), BackOff[str](hub.now)
        cursors, self._keys = Cursors(pool), hub.personal_data.keys
        self._sweeps = Sweeps(hub=hub, open_payments=open_payments, cursors=cursors, pauses=pauses)
        merchants = hub.merchants
        asked = list(hub.providers.remote)
        silent = [name for name in hub.providers.creators if name not in asked]
        self._jobs: dict[str, Callable[[], Awaitable[Decision]]] = {
            "expiry": Expiry(hub=hub, open_payments=open_payments, pauses=pauses, providers=silent).run_once,
            "last_look": Expiry(hub=hub, open_payments=open_payments, pauses=pauses, providers=asked).run_once,
            "charges": Charges(
                hub=hub, merchants=merchants, open_payments=open_payments, pauses=pauses, resume_after=resume_after
            ).run_once,
            "requests": Requests(hub=hub, open_payments=open_payments, resume_after=resume_after).run_once,
            "deliveries": Deliveries(hub=hub).run_once,
            "forgettings": Forgettings(hub=hub).run_once,
            "second_look": SecondLook(hub=hub, pool=pool, providers=asked).run_once,
            "retention": Retention(pool=pool, now=hub.now, keep=keep).run_once,
            "wal_archive": WalArchive(pool=pool).run_once,
            "webhook_health": JudgeAccounts(hub=hub).run_once,
        }
        for name in self._jobs:
            mark_time(CYCLE_TIMESTAMP_S.labels(name))
        self._timers = Timers(bus)
        self.reconciler = Reconciler(
            timers=self._timers,
            open_payments=open_payments,
            cursors=cursors,
            providers=asked,
            jobs=list(self._jobs),
            now=hub.now,
        )
        self.dispatcher = Dispatcher(
            timers=self._timers,
            work={
                FAST: lambda account: self._sweeps.run_once(FAST, account),
                SLOW: lambda account: self._sweeps.run_once(SLOW, account),
                QUIET: lambda account: self._sweeps.run_once(QUIET, account),
                CLOCK: self._run_job,
            },
            on_end=self._restore_timer,
            on_lost=self.reconciler.forget,
        )

    def forget(self) -> None:
        """Forget set timers, recorded observations and payments' keys: a log that went back has lost some."""
        self.reconciler.forget()
        self._sweeps.forget()
        self._keys.forget()

    async def _run_job(self, name: str) -> Decision:
        job = self._jobs.get(name)
        if job is None:
            return End()
        decision = await job()
        mark_time(CYCLE_TIMESTAMP_S.labels(name))
        return decision

    async def _restore_timer(self, lane: str, account: str) -> None:
        """Set a timer again when a watch began while the timer was being ended."""
        if lane in {FAST, SLOW} and await self._sweeps.is_needed(lane, account):
            await self._timers.ensure(lane, account)
