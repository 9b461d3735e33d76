"""The NATS client, with cheap methods to publish and receive many messages.

The client checks every header of a sent message with a regular expression. For a received one, it parses every header,
fills a dataclass and wakes a task. That costs several times the rest of a relay's or consumer's work. The cheap methods
keep the client's connection and authentication. They send messages as protocol text, and pass received bytes to a
function that must not block.

`ended` is set as soon as the client begins to close.

This module uses private members of the client: `_send_command`, `_process_msg`, `_process_pong`, `_close`, `_error_cb`,
`_pending`, `_pongs`, `_flush_queue`, `_resp_map`, and the `_id` of a subscription. No other module of the hub does, and
`tests/integration/bus/test_lean_client.py` fails when they change.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from nats.aio.client import Client
from nats.errors import ConnectionClosedError, ConnectionReconnectingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.subscription import Subscription


class RawMessage(NamedTuple):
    """An undecoded message: `headers` is empty, or begins with `NATS/1.0` and ends with an empty line."""

    subject: bytes
    reply: bytes
    headers: bytes
    body: bytes


class LeanClient(Client):
    """A client that can also send and receive raw messages."""

    def __init__(self) -> None:
        super().__init__()
        self._raw_callbacks: dict[int, Callable[[RawMessage], None]] = {}
        self.ended = asyncio.Event()

    async def subscribe_raw(self, subject: str, callback: Callable[[RawMessage], None]) -> Subscription:
        """Call `callback` with each message on `subject`.

        On return, the server has the subscription, so every later message arrives. Raises an error of the client when
        there is no connection.
        """
        self._need_connection()
        subscription = await self.subscribe(subject, cb=_never)
        self._raw_callbacks[subscription._id] = callback  # noqa: SLF001 - see above
        await self.flush()
        return subscription

    async def unsubscribe_raw(self, subscription: Subscription) -> None:
        """End a subscription of `subscribe_raw`."""
        self._raw_callbacks.pop(subscription._id, None)  # noqa: SLF001 - see above
        await subscription.unsubscribe()

    async def send_raw(self, text: bytes) -> None:
        """Send messages as text of the protocol, after all earlier messages.

        They leave with the next `publish`, which must follow. Raises an error of the client when there is no
        connection. A connection that breaks at this moment loses them.
        """
        self._need_connection()
        await self._send_command(text)

    def _need_connection(self) -> None:
        if self.is_closed:
            raise ConnectionClosedError
        if not self.is_connected:
            raise ConnectionReconnectingError

    async def _close(self, status: int, do_cbs: bool = True) -> None:  # noqa: FBT001, FBT002 - as the client calls it
        """Close at once, also over a connection that accepts no bytes.

        Unsent messages are dropped. Waiting flushes return, and waiting requests raise ConnectionClosedError.
        """
        self.ended.set()
        self._pending, self._pending_data_size = [], 0
        while self._flush_queue is not None and not self._flush_queue.empty():
            flushed = self._flush_queue.get_nowait()
            if not flushed.done():
                flushed.set_result(None)
        for answer in self._resp_map.values():
            if not answer.done():
                answer.set_exception(ConnectionClosedError())
        await super()._close(status, do_cbs)

    async def _process_pong(self) -> None:
        """Accept the answer to a cancelled flush: the client would raise on it, and stop reading."""
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        callback = self._raw_callbacks.get(sid)
        if callback is None:
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type] # it may be None
            return
        try:
            callback(RawMessage(subject, reply, headers or b"", data))
        except Exception as error:  # noqa: BLE001 - it would end the task that reads the connection
            await self._error_cb(error)


async def _never(_message: object) -> None:
    """Ignore messages from before the raw callback is set; none arrives before the flush."""
