"""A connection to NATS that replaces every closed client, and the hub's streams."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors
import structlog
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StoreCompression, StreamConfig

from contracts import subjects
from extrato.backoff import Backoff
from extrato.bus.lean_client import LeanClient
from extrato.errors import BusRefused, BusUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from structlog.stdlib import BoundLogger

CONNECT_TIMEOUT_S: Final = 5
CLOSE_TIMEOUT_S: Final = 1
PING_INTERVAL_S: Final = 5

# The default prefix of reply subjects in NATS's clients.
DEFAULT_INBOX_PREFIX: Final = "_INBOX"

# The pauses between attempts to connect; a connection that lasted resets them.
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0

DUPLICATE_WINDOW_S: Final = 120
SWEEPS_MAX_AGE_S: Final = 30 * 24 * 3600
DEAD_MAX_AGE_S: Final = 90 * 24 * 3600

# The server repeats these errors until an operator changes its configuration.
REFUSED_USER: Final = "authorization violation"
NO_ROOM: Final = frozenset({10023, 10028, 10047})

# Everything that the client raises when NATS is unavailable or refuses. A caller retries after any of them.
NATS_ERRORS: Final = (
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
    # One timer for each subject: the server rejects a second one while the first exists.
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
    """One process's connection to NATS; made by `connect`.

    nats-py closes a client permanently when the server rejects it once, for example after a changed password or above
    the limit of connections. So no client reconnects. The bus replaces each closed client with another one; meanwhile
    the client's methods raise errors of `NATS_ERRORS` at once. Read `client` and `jetstream` at each use, because they
    change. Subscriptions end with their client; those of `listen` continue on the next one.
    """

    def __init__(
        self, nats_url: str, *, name: str, log: BoundLogger | None, inbox_prefix: str = DEFAULT_INBOX_PREFIX
    ) -> None:
        self._nats_url = nats_url
        self._name = name
        self._inbox_prefix = inbox_prefix
        self._log = log
        self._listeners: list[tuple[str, Callable[[Msg], Awaitable[None]]]] = []
        self._replaced = asyncio.Event()
        self._backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        self._keeping: asyncio.Task[None] | None = None

    @property
    def client(self) -> LeanClient:
        """The present client; closed while the server is unavailable."""
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream over the present client."""
        return self._jetstream

    @property
    def is_connected(self) -> bool:
        """Whether the present client is connected."""
        return self._client.is_connected

    async def open(self) -> None:
        """Connect, and replace closed clients from then on; raises `BusUnavailable` or `BusRefused`."""
        self._use(await self._connect())
        self._keeping = asyncio.create_task(self._keep(), name="bus")

    async def until_connected(self) -> None:
        """Wait for a client that is not closed."""
        while self._client.is_closed:
            self._replaced.clear()
            await self._replaced.wait()

    async def listen(self, subject: str, callback: Callable[[Msg], Awaitable[None]]) -> None:
        """Call `callback` with each message on `subject`, from this client and every later one."""
        self._listeners.append((subject, callback))
        # If the client closes at this moment, the next one subscribes.
        with contextlib.suppress(*NATS_ERRORS):
            await self._client.subscribe(subject, cb=callback)

    async def ensure_streams(self) -> None:
        """Create missing streams, and update the compression of existing ones."""
        jetstream = self._jetstream
        for config in STREAMS:
            try:
                info = await jetstream.stream_info(config.name or "")
            except nats.js.errors.NotFoundError:
                await jetstream.add_stream(config)
            else:
                await update_compression(jetstream, info.config, config)

    async def dead_letters(self) -> int | None:
        """Return the number of dead letters; None when NATS does not answer."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                return int((await self.jetstream.stream_info(subjects.DEAD_STREAM)).state.messages)
        except NATS_ERRORS:
            return None

    async def close(self) -> None:
        """Flush and close."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait((self._keeping,))
        try:
            with contextlib.suppress(*NATS_ERRORS):
                await self._client.flush(timeout=CLOSE_TIMEOUT_S)
        finally:
            await _leave(self._client)

    def _use(self, client: LeanClient) -> None:
        self._client = client
        self._jetstream: JetStreamContext = client.jetstream(timeout=CONNECT_TIMEOUT_S)
        self._replaced.set()

    async def _keep(self) -> None:
        """Replace each client that closes."""
        time_s = asyncio.get_running_loop().time
        while True:
            since_s = time_s()
            await self._client.ended.wait()
            self._warn(
                "bus_disconnected", reason=_reason_of(self._client.last_error or nats.errors.ConnectionClosedError())
            )
            if time_s() - since_s > LONGEST_PAUSE_S:
                self._backoff.reset()
            await self._replace()
            if self._log is not None:
                self._log.info("bus_reconnected")

    async def _replace(self) -> None:
        """Connect with retries until it succeeds."""
        while self._client.is_closed:
            await self._backoff.pause()
            try:
                self._use(await self._connect())
            except (BusUnavailable, BusRefused) as error:
                self._warn("bus_unreachable", reason=error.message)
            raise_if_cancelled()

    async def _connect(self) -> LeanClient:
        """Return a client with the subscriptions of `listen`; raises `BusUnavailable` or `BusRefused`."""
        client = LeanClient()
        failures: list[Exception] = []

        async def on_error(error: Exception) -> None:
            if client.is_connected:
                self._warn("bus_error", error=repr(error))
            else:
                failures.append(error)

        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await client.connect(
                    self._nats_url,
                    name=self._name,
                    inbox_prefix=self._inbox_prefix,
                    error_cb=on_error,
                    allow_reconnect=False,
                    connect_timeout=CONNECT_TIMEOUT_S,
                    reconnect_time_wait=FIRST_PAUSE_S,  # type: ignore[arg-type] # fractions work
                    max_reconnect_attempts=1,
                    ping_interval=PING_INTERVAL_S,
                )
            # The client reports success also when the connection ends during the handshake.
            if not client.is_connected:
                raise nats.errors.ConnectionClosedError  # noqa: TRY301 - handled like every other error
            for subject, callback in self._listeners:
                await client.subscribe(subject, cb=callback)
        except BaseException as error:
            await _leave(client)
            if isinstance(error, Exception):
                # A broken connection may raise other errors than the client's own.
                raise bus_error_of(failures[-1] if failures else error) from error
            raise
        return client

    def _warn(self, event: str, **fields: str) -> None:
        if self._log is not None:
            self._log.warning(event, **fields)


async def _leave(client: LeanClient) -> None:
    """Close a client, for `CLOSE_TIMEOUT_S` at most."""
    # The client may write to a connection that just broke, for which uvloop raises a RuntimeError.
    with contextlib.suppress(*NATS_ERRORS, RuntimeError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await client.close()


def bus_error_of(error: Exception) -> BusUnavailable | BusRefused:
    """Translate an error of NATS: `BusRefused` where a retry does not help, `BusUnavailable` otherwise."""
    reason = _reason_of(error)
    if REFUSED_USER in reason.lower():
        return BusRefused(words=REFUSED_USER)
    if isinstance(error, nats.js.errors.APIError) and error.err_code in NO_ROOM:
        return BusRefused(why="no_room", words=reason)
    return BusUnavailable(reason)


def _reason_of(error: Exception) -> str:
    """Return an error's message in one line, or its class where the message is empty."""
    words = error.description if isinstance(error, nats.js.errors.APIError) else str(error)
    return (words or type(error).__name__).removeprefix("nats: ").strip("'. ")


async def update_compression(jetstream: JetStreamContext, found: StreamConfig, wanted: StreamConfig) -> None:
    """Update a stream's compression, and nothing else of its configuration."""
    if wanted.compression and found.compression != wanted.compression:
        await jetstream.update_stream(found.evolve(compression=wanted.compression))


async def connect(nats_url: str, *, name: str) -> Bus:
    """Connect to NATS and create missing streams; raises `BusUnavailable` or `BusRefused`."""
    bus = Bus(nats_url, name=name, log=structlog.get_logger(component="bus"))
    await bus.open()
    try:
        await bus.ensure_streams()
    except NATS_ERRORS as error:
        await bus.close()
        raise bus_error_of(error) from error
    return bus


@contextlib.asynccontextmanager
async def connect_without_logs(
    nats_url: str, *, name: str, inbox_prefix: str = DEFAULT_INBOX_PREFIX
) -> AsyncIterator[Bus]:
    """Connect to NATS for a caller that logs its own errors; raises `BusUnavailable` or `BusRefused`.

    Reply subjects begin with `inbox_prefix`.
    """
    bus = Bus(nats_url, name=name, log=None, inbox_prefix=inbox_prefix)
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()


def raise_if_cancelled() -> None:
    """Raise a cancellation of the current task that the NATS client swallowed.

    The client waits with `asyncio.wait_for`, which before Python 3.12 loses a cancellation that arrives together with
    the answer. Every endless loop that uses NATS calls this in each round, or it may never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
