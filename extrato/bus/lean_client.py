"""The NATS client, with a short way for those who publish or hear many messages.

For each message that it sends, the client checks every header with a regular expression; for each that comes, it
reads every header, fills a dataclass and wakes a task. That costs several times what a relay or a consumer does
besides. The short way keeps the client's connection, authentication and reconnecting: messages go out as text of the
protocol, and come in as bytes, to a function that must not wait.

It stands on `_send_command`, `_process_msg`, `_error_cb` and the `_id` of a subscription, which are private. Nothing
else in the hub uses what is private there, and `tests/integration/bus/test_lean_client.py` fails when these change.
"""

from __future__ import annotations

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
        self._hearers: dict[int, Callable[[RawMessage], None]] = {}

    async def hear(self, subject: str, hearer: Callable[[RawMessage], None]) -> Subscription:
        """Call `hearer` with what comes on `subject`; when this returns, the server knows of it.

        So what is published from then on is heard, an answer to the first publication too. Raises an error of the
        client when there is no connection.
        """
        self._need_connection()
        subscription = await self.subscribe(subject, cb=_never)
        self._hearers[subscription._id] = hearer  # noqa: SLF001 - see above
        await self.flush()
        return subscription

    async def hear_no_more(self, subscription: Subscription) -> None:
        """End what `hear` began."""
        self._hearers.pop(subscription._id, None)  # noqa: SLF001 - see above
        await subscription.unsubscribe()

    async def send_text(self, text: bytes) -> None:
        """Send messages that are written in the words of the protocol, after all that was sent before.

        They leave with the next ordinary publication, which must follow. Raises an error of the client when there is
        no connection. When it breaks at this moment, they leave after the client has connected again.
        """
        self._need_connection()
        await self._send_command(text)

    def _need_connection(self) -> None:
        if self.is_closed:
            raise ConnectionClosedError
        if not self.is_connected:
            raise ConnectionReconnectingError

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        hearer = self._hearers.get(sid)
        if hearer is None:
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type] # it may be None
            return
        try:
            hearer(RawMessage(subject, reply, headers or b"", data))
        except Exception as error:  # noqa: BLE001 - it would end the task that reads the connection
            await self._error_cb(error)


async def _never(_message: object) -> None:
    """Hear what came before there was a hearer: nothing, for nobody had been told the subject."""
