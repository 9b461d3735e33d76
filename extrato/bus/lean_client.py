"""The NATS client, with a short way for those who publish or hear many messages.

For each message that it sends, the client checks every header with a regular expression; for each that comes, it
reads every header, fills a dataclass and wakes a task. That costs several times what a relay or a consumer does
besides. The short way keeps the client's connection and authentication: messages go out as text of the protocol, and
come in as bytes, to a function that must not wait.

The client's end can be waited for: `ended` is set as soon as it begins to close.

It stands on `_send_command`, `_process_msg`, `_process_pong`, `_close`, `_error_cb`, what is in `_pending`, `_pongs`,
`_flush_queue` and `_resp_map`, and the `_id` of a subscription, which are private to the client. Nothing else in the
hub uses what is private there, and `tests/integration/bus/test_lean_client.py` fails when these change.
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
    """A message as it came: `headers` is empty, or begins with `NATS/1.0` and ends with an empty line."""

    subject: bytes
    reply: bytes
    headers: bytes
    body: bytes


class LeanClient(Client):
    """A client that can also send messages as text, and hand over raw ones."""

    def __init__(self) -> None:
        super().__init__()
        self._raw_callbacks: dict[int, Callable[[RawMessage], None]] = {}
        self.ended = asyncio.Event()

    async def subscribe_raw(self, subject: str, callback: Callable[[RawMessage], None]) -> Subscription:
        """Call `hearer` with what comes on `subject`; when this returns, the server knows of it.

        So what is published from then on is heard, an answer to the first publication too. Raises an error of the
        client when there is no connection.
        """
        self._need_connection()
        subscription = await self.subscribe(subject, cb=_never)
        self._raw_callbacks[subscription._id] = callback  # noqa: SLF001 - see above
        await self.flush()
        return subscription

    async def unsubscribe_raw(self, subscription: Subscription) -> None:
        """End what `hear` began."""
        self._raw_callbacks.pop(subscription._id, None)  # noqa: SLF001 - see above
        await subscription.unsubscribe()

    async def send_raw(self, text: bytes) -> None:
        """Send messages that are written in the words of the protocol, after all that was sent before.

        They leave with the next ordinary publication, which must follow. Raises an error of the client when there is
        no connection. When it breaks at this moment, they are lost.
        """
        self._need_connection()
        await self._send_command(text)

    def _need_connection(self) -> None:
        if self.is_closed:
            raise ConnectionClosedError
        if not self.is_connected:
            raise ConnectionReconnectingError

    async def _close(self, status: int, do_cbs: bool = True) -> None:  # noqa: FBT001, FBT002 - as the client calls it
        """Close, and let nobody wait for what will not come.

        A line that takes nothing must not hold this up, so what was not sent by then is dropped. Who waits until it is
        sent waits no longer, and a request that waits for its answer fails.
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
        """Take an answer to a flush that was given up as well: the client would fail on it, and read no more."""
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
    """Hear what came before there was a hearer: nothing, for nobody had been told the subject."""
