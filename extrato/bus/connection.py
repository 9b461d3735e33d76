"""A connection to NATS that outlives the server's restarts, and the streams the hub keeps there."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors
import structlog
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StoreCompression, StreamConfig

from contracts import subjects
from extrato.bus.lean_client import LeanClient
from extrato.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from nats.js import JetStreamContext

CONNECT_TIMEOUT_S: Final = 5
CLOSE_TIMEOUT_S: Final = 1
RECONNECT_WAIT_S: Final = 0.1
PING_INTERVAL_S: Final = 5

# A subscription with messages that nobody fetched any more would hold up the leaving for as long as this.
DRAIN_TIMEOUT_S: Final = 1

DUPLICATE_WINDOW_S: Final = 120
SWEEPS_MAX_AGE_S: Final = 30 * 24 * 3600
DEAD_MAX_AGE_S: Final = 90 * 24 * 3600

UNUSABLE: Final = "NATS cannot be reached, or has no JetStream."

# What a caller should treat as "the bus is away, try again": everything the client raises for that.
BUS_AWAY: Final = (
    nats.errors.Error,
    nats.js.errors.Error,
    OSError,
    TimeoutError,
)

STREAMS: Final = (
    StreamConfig(
        name=subjects.PAYMENTS_STREAM,
        subjects=list(subjects.PAYMENTS_SUBJECTS),
        storage=StorageType.FILE,
        compression=StoreCompression.S2,
        duplicate_window=DUPLICATE_WINDOW_S,
        allow_direct=True,
    ),
    StreamConfig(
        name=subjects.CHECKS_STREAM,
        subjects=list(subjects.CHECKS_SUBJECTS),
        storage=StorageType.FILE,
        compression=StoreCompression.S2,
        max_age=subjects.CHECKS_MAX_AGE_S,
        max_bytes=1 << 28,
    ),
    # One timer a subject: a second one is refused while the first is there.
    StreamConfig(
        name=subjects.SWEEPS_STREAM,
        subjects=list(subjects.SWEEPS_SUBJECTS),
        storage=StorageType.FILE,
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        discard_new_per_subject=True,
        max_msgs_per_subject=1,
        max_age=SWEEPS_MAX_AGE_S,
    ),
    StreamConfig(
        name=subjects.DEAD_STREAM,
        subjects=list(subjects.DEAD_SUBJECTS),
        storage=StorageType.FILE,
        max_age=DEAD_MAX_AGE_S,
        max_bytes=1 << 28,
    ),
)


class Bus:
    """One process's connection to NATS."""

    def __init__(self, client: LeanClient) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=CONNECT_TIMEOUT_S)

    @property
    def is_connected(self) -> bool:
        """Say whether the server answers at this moment."""
        return self.client.is_connected

    async def ensure_streams(self) -> None:
        """Create the streams that are missing; of those that exist, only the compression is brought up to date."""
        for config in STREAMS:
            try:
                info = await self.jetstream.stream_info(config.name or "")
            except nats.js.errors.NotFoundError:
                await self.jetstream.add_stream(config)
            else:
                await compress_like(self.jetstream, info.config, config)

    async def dead_letters(self) -> int | None:
        """Count what was refused and lies under `dead.>`; None when NATS does not tell."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                return int((await self.jetstream.stream_info(subjects.DEAD_STREAM)).state.messages)
        except BUS_AWAY:
            return None

    async def close(self) -> None:
        """Send what is waiting and leave."""
        try:
            with contextlib.suppress(*BUS_AWAY):
                await self.client.flush(timeout=CLOSE_TIMEOUT_S)
        finally:
            # The client may write its farewell to a line that broke at this moment, which uvloop calls a RuntimeError.
            with contextlib.suppress(*BUS_AWAY, RuntimeError):
                await self.client.close()


async def compress_like(jetstream: JetStreamContext, found: StreamConfig, wanted: StreamConfig) -> None:
    """Have a stream compressed as it should be, and leave the rest of its configuration as it is."""
    if wanted.compression and found.compression != wanted.compression:
        await jetstream.update_stream(found.evolve(compression=wanted.compression))


async def connect(nats_url: str, *, name: str) -> Bus:
    """Connect to NATS and make sure of the streams; raises `BusUnavailable`."""
    log = structlog.get_logger(component="bus")

    async def on_error(error: Exception) -> None:
        log.warning("bus_error", error=repr(error))

    async def on_disconnect() -> None:
        if not client.is_closed:
            log.warning("bus_disconnected")

    async def on_reconnect() -> None:
        log.info("bus_reconnected")

    client = LeanClient()
    bus = await _connect(client, nats_url, name, error=on_error, disconnected=on_disconnect, reconnected=on_reconnect)
    try:
        await bus.ensure_streams()
    except BUS_AWAY as error:
        await client.close()
        raise BusUnavailable(UNUSABLE) from error
    return bus


@contextlib.asynccontextmanager
async def connect_quietly(nats_url: str, *, name: str) -> AsyncIterator[Bus]:
    """Connect to NATS for somebody who says himself what is worth saying; raises `BusUnavailable`."""

    async def say_nothing(_error: Exception | None = None) -> None:
        """Leave it to who waits for an answer."""

    bus = await _connect(
        LeanClient(), nats_url, name, error=say_nothing, disconnected=say_nothing, reconnected=say_nothing
    )
    try:
        yield bus
    finally:
        await bus.close()


async def _connect(
    client: LeanClient,
    nats_url: str,
    name: str,
    *,
    error: Callable[[Exception], Awaitable[None]],
    disconnected: Callable[[], Awaitable[None]],
    reconnected: Callable[[], Awaitable[None]],
) -> Bus:
    try:
        # A client that reconnects for ever also tries its first connection for ever.
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.connect(
                nats_url,
                name=name,
                error_cb=error,
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
                connect_timeout=CONNECT_TIMEOUT_S,
                reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type] # fractions work
                max_reconnect_attempts=-1,
                ping_interval=PING_INTERVAL_S,
                drain_timeout=DRAIN_TIMEOUT_S,
            )
    except BUS_AWAY as failure:
        await client.close()
        raise BusUnavailable(UNUSABLE) from failure
    return Bus(client)


def heed_cancellation() -> None:
    """Raise a cancellation of the current task that the NATS client swallowed.

    It waits with `asyncio.wait_for`, which before Python 3.12 loses a cancellation that arrives
    together with the answer. An endless loop that asks NATS calls this in every round, or it may never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
