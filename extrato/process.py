"""The life of a process: it waits for PostgreSQL and NATS, runs its parts, and ends them together.

Shared by the services' `app.py` and `__main__.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg
import structlog
import uvloop

from extrato import tracing
from extrato.backoff import Backoff
from extrato.bus.connection import NATS_ERRORS, Bus, connect
from extrato.bus.stream_inspector import ForeignStream, StreamInspector
from extrato.errors import BusRefused, BusUnavailable, Transient
from extrato.health import CannotListen, RoleHealth, serving_health
from extrato.log_file import UnusableLogFile
from extrato.logs import configure_logging
from extrato.own_files import ForeignFile, open_own
from extrato.settings import InvalidSettings, Settings
from extrato.store.migrations import UnfitSchema, read_schema
from extrato.store.pool import CONNECT_TIMEOUT_S, Pool
from extrato.store.transaction_pooler import TRANSACTION_POOLER, is_transaction_pooler
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.store.unknown_topics import unknown_topics
from extrato.store.vault_keys import InvalidVaultKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
    from pathlib import Path

    from contracts.api import Readiness
    from extrato.store.log import LogReader

START_DEADLINE_S: Final = 30.0
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 2.0
LOOK_WITHIN_S: Final = 2.0
CLOSE_WITHIN_S: Final = 0.5
CANCEL_AGAIN_S: Final = 0.25
LAST_SPANS_S: Final = 2.0

# What shells add to the number of the signal that ended a process.
SIGNALLED: Final = 128

# A request creates hundreds of short-lived objects. With the default threshold of 700, the collector would look
# for cycles among them all the time.
GC_EVERY_OBJECTS: Final = 50_000

_logger = structlog.get_logger(component="process")

Connected = TypeVar("Connected")


class CannotStart(Exception):
    """The process cannot start; the message is one sentence for the operator."""


class NotMigrated(Exception):
    """The database lacks migrations, which another process may apply soon."""


class PartEnded(Exception):
    """An endless part has ended, and the process cannot run without it."""


@contextlib.asynccontextmanager
async def open_database(settings: Settings, *, connections: int) -> AsyncIterator[asyncpg.Pool]:
    """Wait for a migrated PostgreSQL, and return a pool of `connections`.

    Raises `CannotStart`, also when this program cannot work with a newer schema.
    """
    if not settings.database_url:
        raise CannotStart("EXTRATO_DATABASE_URL must be the address of PostgreSQL.")

    async def open_pool() -> asyncpg.Pool:
        if await is_transaction_pooler(settings.database_url, timeout_s=CONNECT_TIMEOUT_S):
            raise CannotStart(TRANSACTION_POOLER)
        pool = await Pool(settings.database_url, connections=connections)
        try:
            await _check_schema(pool)
            await _warn_of_unknown_events(pool)
        except BaseException:
            pool.terminate()
            raise
        return pool

    pool = await _retry_until_deadline("PostgreSQL", open_pool)
    try:
        yield pool
    finally:
        with contextlib.suppress(*DATABASE_UNAVAILABLE):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await pool.close()


async def _check_schema(pool: asyncpg.Pool) -> None:
    """Check that this program can work with the schema; raises `NotMigrated` and `UnfitSchema`."""
    schema = await read_schema(pool)
    if schema.missing:
        raise NotMigrated
    if schema.newer:
        _logger.warning("newer_schema", migrations=schema.newer)


async def _warn_of_unknown_events(pool: asyncpg.Pool) -> None:
    """Log the topics of a newer version.

    The process starts all the same: it can still serve the other payments and merchants, and one merchant's event must
    not stop a hub. `extrato check` calls them a problem.
    """
    try:
        topics = await unknown_topics(pool, timeout_s=LOOK_WITHIN_S)
    except TimeoutError:
        _logger.warning("unknown_events_not_looked_for", within_s=LOOK_WITHIN_S)
        return
    if topics:
        _logger.error("unknown_events", topics=topics)


@contextlib.asynccontextmanager
async def open_bus(settings: Settings, *, name: str) -> AsyncIterator[Bus]:
    """Wait for NATS and connect to it as `name`; raises `CannotStart`."""
    if not settings.nats_url:
        raise CannotStart("EXTRATO_NATS_URL must be the address of NATS.")
    bus = await _retry_until_deadline("NATS", lambda: connect(settings.nats_url, name=name))
    try:
        yield bus
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await bus.close()


async def check_bus(bus: Bus, log: LogReader, pool: asyncpg.Pool) -> None:
    """Check that NATS carries this log alone, and that all processes use this NATS; raises `CannotStart`."""
    try:
        await StreamInspector(bus, log).check(pool)
    except ForeignStream as error:
        raise CannotStart(str(error)) from error


async def _retry_until_deadline(what: str, attempt: Callable[[], Awaitable[Connected]]) -> Connected:
    """Call `attempt` until it succeeds, for `START_DEADLINE_S` at most; raises `CannotStart`."""
    reason, backoff = "it does not answer", Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
    try:
        async with asyncio.timeout(START_DEADLINE_S):
            while True:
                try:
                    return await attempt()
                except BusRefused as error:
                    raise CannotStart(error.message) from error
                except BusUnavailable as error:
                    reason = error.about
                except asyncpg.InvalidAuthorizationSpecificationError as error:
                    raise CannotStart(f"{what} refuses: {error}.") from error
                except (*DATABASE_UNAVAILABLE, Transient) as error:
                    reason = str(error) or reason
                except NotMigrated:
                    reason = "its migrations were not applied (run `extrato migrate` or `extrato up`)"
                except UnfitSchema as error:
                    raise CannotStart(error.message) from error
                except asyncpg.PostgresError as error:
                    raise CannotStart(f"{what} refuses: {error}.") from error
                _logger.warning("waiting", for_=what, reason=reason)
                await backoff.pause()
    except TimeoutError:
        raise CannotStart(f"{what} cannot be used after {START_DEADLINE_S:g} s: {reason}.") from None


async def announce_readiness(
    ready_file: Path | None,
    health: RoleHealth,
    probe: Callable[[], Awaitable[Readiness]],
    *,
    when: Awaitable[object] | None = None,
) -> None:
    """Wait for `when`, then be ready while `probe` says so, and keep `ready_file` in place until cancelled."""
    if when is not None:
        await when
    health.complete_start(probe)
    if ready_file is not None:
        os.close(open_own(ready_file, os.O_WRONLY | os.O_CREAT))
    try:
        await asyncio.Event().wait()
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)  # noqa: ASYNC240 - as above


async def run_together(**parts: Coroutine[object, object, None]) -> None:
    """Run endless parts; when one ends, cancel the others and raise `PartEnded`."""
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(tasks)
    first = ended.pop()
    raise PartEnded(f"The {first.get_name()} has ended.") from first.exception()


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end. In Python 3.11 `asyncio.wait_for` may lose a cancellation, so it is repeated."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


def run_role(
    name: str,
    serve: Callable[[Settings, RoleHealth], Coroutine[object, object, object]],
    *,
    drain_s: Callable[[Settings], float] = lambda _: 0.0,
) -> int:
    """Run a role with its health port, as `run` does; it serves on for `drain_s` after it stopped being ready."""
    health = RoleHealth()

    async def drain(settings: Settings) -> None:
        health.stop()
        # No balancer sends requests to a role that was never ready.
        if health.has_started:
            await asyncio.sleep(drain_s(settings))

    return run(name, lambda settings: _serve_with_health(name, serve, settings, health), before_end=drain)


async def _serve_with_health(
    name: str,
    serve: Callable[[Settings, RoleHealth], Coroutine[object, object, object]],
    settings: Settings,
    health: RoleHealth,
) -> None:
    async with contextlib.AsyncExitStack() as parts:
        beating = asyncio.create_task(health.beat(), name="heartbeat")
        parts.callback(beating.cancel)
        if settings.traces == "otlp":
            await parts.enter_async_context(_tracing(name, settings))
        if settings.health_port:
            serving = serving_health(
                health,
                host=settings.health_host,
                port=settings.health_port,
                role_loop=asyncio.get_running_loop(),
            )
            parts.enter_context(serving)
        await serve(settings, health)


@contextlib.asynccontextmanager
async def _tracing(name: str, settings: Settings) -> AsyncIterator[None]:
    """Record spans of the role, and export the last ones at the end; raises `CannotStart`."""
    try:
        tracing.start(f"extrato-{name}")
    except tracing.CannotTrace as error:
        raise CannotStart(str(error)) from error
    try:
        yield
    finally:
        await asyncio.to_thread(tracing.stop, within_s=min(LAST_SPANS_S, settings.timeouts.finish_s))


async def _end_at_once(_settings: Settings) -> None:
    """Do nothing before the end."""


def run(
    name: str,
    work: Callable[[Settings], Coroutine[object, object, object]],
    *,
    before_end: Callable[[Settings], Awaitable[None]] = _end_at_once,
) -> int:
    """Run `work` until it ends, or until SIGTERM or SIGINT, which are no failure; return the exit code.

    After the signal, `before_end` runs beside the work, and then the work is cancelled. A second signal ends the
    process at once, like SIGKILL: work that was not acknowledged may be lost.
    """
    try:
        settings = Settings.from_environment(os.environ)
        configure_logging(settings.log_level, file=settings.log_file)
        gc.freeze()
        gc.set_threshold(GC_EVERY_OBJECTS)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_until_signal(work(settings), lambda: before_end(settings)))
    except (CannotListen, CannotStart, ForeignFile, InvalidSettings, InvalidVaultKey, UnusableLogFile) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    except Exception:  # noqa: BLE001 - the last place that can log it
        structlog.get_logger().exception("process_died", process=name)
        return 1


async def _until_signal(work: Coroutine[object, object, object], before_end: Callable[[], Awaitable[None]]) -> int:
    working = asyncio.create_task(work)
    ending: list[asyncio.Task[None]] = []

    async def end() -> None:
        await before_end()
        working.cancel()

    def stop(number: signal.Signals) -> None:
        if ending:
            # The default action of a signal does not end the first process of a container.
            os._exit(SIGNALLED + number)
        _logger.info("process_stops", signal=number.name)
        ending.append(asyncio.create_task(end(), name="end"))

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    await asyncio.wait((working,))
    error = None if working.cancelled() else working.exception()
    if error is None:
        return 0
    if ending and isinstance(error, (*DATABASE_UNAVAILABLE, *NATS_ERRORS)):
        # PostgreSQL or NATS was unavailable during the shutdown. No confirmed work is lost by that.
        _logger.warning("stopped_while_away", error=repr(error))
        return 0
    raise error
