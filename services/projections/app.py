"""The projections process: builds its parts from the settings, and lives as long as all of them do."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg
import structlog

from extrato.bus.connection import Bus, connect
from extrato.bus.relay import Relay
from extrato.errors import Transient
from extrato.store.log import LogReader, LogSignal
from extrato.store.unavailable import LINE_BROKE, is_line_broken
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild, rebuild_unless_current
from services.projections.runner import Runner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
    from pathlib import Path

    from extrato.settings import Settings

PATIENCE_AT_START_S: Final = 30.0
PAUSE_S: Final = 0.25
COMMAND_TIMEOUT_S: Final = 30.0
MAX_CONNECTIONS: Final = 8
CLOSE_WITHIN_S: Final = 0.5
CANCEL_AGAIN_S: Final = 0.25

ALL: Final = "all"

_logger = structlog.get_logger(component="projections")

Connected = TypeVar("Connected")


class CannotStart(Exception):
    """The process cannot start; the message is one sentence for the person who tried."""


class PartEnded(Exception):
    """A part that runs for ever has ended; the process must not go on without it."""


async def serve(settings: Settings) -> None:
    """Keep the read models up to date until cancelled; raises `CannotStart`."""
    _forget_readiness(settings.ready_file)
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_AT_START_S
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(_database(settings, deadline_s))
        bus = await parts.enter_async_context(_bus(settings, deadline_s))
        log = LogReader(pool)
        for read_model in READ_MODELS:
            await rebuild_unless_current(read_model, database_url=settings.database_url, log=log)
        signal = await parts.enter_async_context(LogSignal(settings.database_url))
        relay = Relay(database_url=settings.database_url, log=log, signal=signal, bus=bus)
        runner = Runner(pool=pool, log=log, bus=bus, read_models=READ_MODELS)
        head = await log.head()
        await _run_together(
            relay=relay.run(),
            runner=runner.run(),
            readiness=_tell_readiness(settings.ready_file, runner, head),
        )


async def rebuild_by_name(settings: Settings, name: str) -> None:
    """Rebuild one read model, or `all` of them; raises `CannotStart`."""
    chosen = [read_model for read_model in READ_MODELS if name in (read_model.name, ALL)]
    if not chosen:
        names = ", ".join(read_model.name for read_model in READ_MODELS)
        raise CannotStart(
            f"There is no read model {name!r}; there are {names}, and {ALL} stands for all of them."
        )
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_AT_START_S
    async with _database(settings, deadline_s) as pool:
        for read_model in chosen:
            await rebuild(read_model, database_url=settings.database_url, log=LogReader(pool))


@contextlib.asynccontextmanager
async def _database(settings: Settings, deadline_s: float) -> AsyncIterator[asyncpg.Pool]:
    if not settings.database_url:
        raise CannotStart("EXTRATO_DATABASE_URL must say where PostgreSQL is.")

    async def open_pool() -> asyncpg.Pool:
        pool = await asyncpg.create_pool(
            settings.database_url,
            min_size=1,
            max_size=MAX_CONNECTIONS,
            command_timeout=COMMAND_TIMEOUT_S,
            timeout=5,
        )
        try:
            await pool.fetchval("SELECT count(*) FROM checkpoints")
        except BaseException:
            pool.terminate()
            raise
        return pool

    pool = await _patiently("PostgreSQL", open_pool, deadline_s)
    try:
        yield pool
    finally:
        with contextlib.suppress(*LINE_BROKE):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await pool.close()


@contextlib.asynccontextmanager
async def _bus(settings: Settings, deadline_s: float) -> AsyncIterator[Bus]:
    if not settings.nats_url:
        raise CannotStart("EXTRATO_NATS_URL must say where NATS is.")
    bus = await _patiently("NATS", lambda: connect(settings.nats_url, name="projections"), deadline_s)
    try:
        yield bus
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await bus.close()


async def _patiently(what: str, attempt: Callable[[], Awaitable[Connected]], deadline_s: float) -> Connected:
    """Try until it works or the patience has run out; raises `CannotStart`."""
    reason = "it does not answer"
    try:
        async with asyncio.timeout_at(deadline_s):
            while True:
                try:
                    return await attempt()
                except asyncpg.UndefinedTableError:
                    reason = "its migrations were not applied"
                except Exception as error:
                    if not is_line_broken(error) and not isinstance(error, Transient):
                        raise CannotStart(f"{what} refuses: {error}.") from error
                    reason = str(error).rstrip(".") or reason
                _logger.warning("waiting", server=what, reason=reason)
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise CannotStart(f"{what} cannot be used after {PATIENCE_AT_START_S:g} s: {reason}.") from None


async def _tell_readiness(ready_file: Path | None, runner: Runner, head: int) -> None:
    """Say that the read models know what was in the log when the process began, and hear what is to come."""
    await runner.consumer.subscribed.wait()
    _logger.info("projections_ready", position=runner.consumer.checkpoint, head=head)
    if ready_file is not None:
        ready_file.touch()  # noqa: ASYNC240 - one empty file, once
    await asyncio.Event().wait()


def _forget_readiness(ready_file: Path | None) -> None:
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)


async def _run_together(**parts: Coroutine[object, object, None]) -> None:
    """Run parts that never end; when one ends all the same, end the others and raise `PartEnded`."""
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(tasks)
    first = ended.pop()
    raise PartEnded(f"The {first.get_name()} has ended.") from first.exception()


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    """End tasks. In Python 3.11 `asyncio.wait_for` may lose a cancellation, so it is repeated."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
