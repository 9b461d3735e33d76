"""The projections process: builds its parts from the settings, and ends when one of them ends."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING, Final

import asyncpg

from extrato.bus.copier import Copier
from extrato.bus.relay import Relay
from extrato.bus.relay_metrics import measure_relay
from extrato.process import CannotStart, announce_readiness, check_bus, open_bus, open_database, run_together
from extrato.readiness import ReadinessProbes
from extrato.scrape import Scrape
from extrato.store.log import LogReader, LogSignal
from extrato.store.log_head import measure_head
from extrato.store.pool_gauge import show_connections
from services.projections import passed_over
from services.projections.metrics import measure_read_models
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild
from services.projections.runner import Runner

if TYPE_CHECKING:
    from extrato.health import RoleHealth
    from extrato.settings import Settings

MAX_CONNECTIONS: Final = 8
LISTED_AT_ONCE: Final = 1000

ALL: Final = "all"


async def serve(settings: Settings, health: RoleHealth) -> None:
    """Keep the read models up to date until cancelled; raises `CannotStart`.

    The process is ready when the read models have all events of the log at the start, and the consumer is subscribed.
    A read model that waits because PostgreSQL rejects its writes does not delay that.
    """
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(open_database(settings, connections=MAX_CONNECTIONS))
        bus = await parts.enter_async_context(open_bus(settings, name="projections"))
        log = LogReader(pool)
        await check_bus(bus, log, pool)
        signal = await parts.enter_async_context(LogSignal(settings.database_url))
        relay = Relay(database_url=settings.database_url, log=log, signal=signal, bus=bus)
        runner = Runner(database_url=settings.database_url, pool=pool, log=log, bus=bus, read_models=READ_MODELS)
        # Subscribers of the embedded NATS have copies of `extrato up`.
        copier = {"copier": Copier(settings).run()} if settings.copies_nats_url else {}
        scrape = Scrape(
            [
                measure_head(pool),
                measure_relay(relay, pool),
                measure_read_models(pool, [read_model.name for read_model in READ_MODELS]),
            ],
            set_at_once=functools.partial(show_connections, pool),
        )
        health.set_gauges_with(scrape.set_gauges)
        await run_together(
            **copier,
            relay=relay.run(),
            runner=runner.run(),
            readiness=announce_readiness(
                settings.ready_file, health, ReadinessProbes(pool, bus).probe, when=runner.until_ready()
            ),
        )


async def rebuild_by_name(settings: Settings, name: str) -> None:
    """Rebuild one read model, or `all` of them; raises `CannotStart`."""
    chosen = [read_model for read_model in READ_MODELS if name in (read_model.name, ALL)]
    if not chosen:
        names = ", ".join(read_model.name for read_model in READ_MODELS)
        raise CannotStart(f"There is no read model {name!r}; there are {names}, and {ALL} stands for all of them.")
    async with open_database(settings, connections=MAX_CONNECTIONS) as pool:
        for read_model in chosen:
            try:
                await rebuild(read_model, database_url=settings.database_url, log=LogReader(pool))
            except asyncpg.PostgresError as error:
                raise CannotStart(
                    f"PostgreSQL rejects the rebuild of {read_model.name}, which is unchanged: {error}"
                ) from error


async def list_passed_over(settings: Settings) -> None:
    """Print every event that a read model skipped, one a line; raises `CannotStart`."""
    async with open_database(settings, connections=1) as pool:
        after = ("", 0)
        while page := await passed_over.listed(pool, after=after, limit=LISTED_AT_ONCE):
            for each in page:
                what = "unreadable" if each.unreadable else "refused"
                words = (each.read_model, each.position, each.topic, each.passed_at.isoformat(), what, each.reason)
                sys.stdout.write("\t".join(map(str, words)) + "\n")
            after = page[-1].read_model, page[-1].position
