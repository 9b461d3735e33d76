"""The projections process: builds its parts from the settings, and lives as long as all of them do."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from extrato.bus.relay import Relay
from extrato.process import CannotStart, announce_readiness, open_bus, open_database, run_together
from extrato.store.log import LogReader, LogSignal
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild, rebuild_unless_current
from services.projections.runner import Runner

if TYPE_CHECKING:
    from extrato.settings import Settings

MAX_CONNECTIONS: Final = 8

ALL: Final = "all"


async def serve(settings: Settings) -> None:
    """Keep the read models up to date until cancelled; raises `CannotStart`.

    The process is ready when the read models know all that was in the log when it began, and hear what is to come.
    """
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(open_database(settings, connections=MAX_CONNECTIONS))
        bus = await parts.enter_async_context(open_bus(settings, name="projections"))
        log = LogReader(pool)
        for read_model in READ_MODELS:
            await rebuild_unless_current(read_model, database_url=settings.database_url, log=log)
        signal = await parts.enter_async_context(LogSignal(settings.database_url))
        relay = Relay(database_url=settings.database_url, log=log, signal=signal, bus=bus)
        runner = Runner(pool=pool, log=log, bus=bus, read_models=READ_MODELS)
        await run_together(
            relay=relay.run(),
            runner=runner.run(),
            readiness=announce_readiness(settings.ready_file, when=runner.consumer.subscribed.wait()),
        )


async def rebuild_by_name(settings: Settings, name: str) -> None:
    """Rebuild one read model, or `all` of them; raises `CannotStart`."""
    chosen = [read_model for read_model in READ_MODELS if name in (read_model.name, ALL)]
    if not chosen:
        names = ", ".join(read_model.name for read_model in READ_MODELS)
        raise CannotStart(f"There is no read model {name!r}; there are {names}, and {ALL} stands for all of them.")
    async with open_database(settings, connections=MAX_CONNECTIONS) as pool:
        for read_model in chosen:
            await rebuild(read_model, database_url=settings.database_url, log=LogReader(pool))
