"""Publishes messages at expected sequence numbers of a stream, and counts the acknowledgements.

Each message names the sequence number that it must follow (`Nats-Expected-Last-Sequence`). So the server rejects it
when another client has changed the stream. One subscription counts the acknowledgements; none is awaited separately.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec
import nats.js.errors

from contracts.subjects import HEADER_TRACEPARENT, PROBE_SUBJECT
from extrato.bus.connection import NATS_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nats.aio.subscription import Subscription

    from extrato.bus.connection import Bus
    from extrato.bus.lean_client import LeanClient, RawMessage
    from extrato.bus.messages import Message

ANSWER_TIMEOUT_S: Final = 5.0
WRONG_LAST_SEQUENCE: Final = 10071
EXPECTED_SEQUENCE: Final = "Nats-Expected-Last-Sequence"
FRAME: Final = f"NATS/1.0\r\n{EXPECTED_SEQUENCE}: {{}}\r\n"

# No stream gets so far.
NEVER_REACHED: Final = str(1 << 62)


class StreamMoved(Exception):
    """The stream has another last sequence number: it was deleted, or another client changed it."""


class SequencedPublisher:
    """Publishes after `sequence`, the stream's last sequence number.

    Raises `StreamMoved` when the stream has another one. Raises the client's errors when the server rejects a message
    for another reason, or does not answer. `known` is the sequence number up to which every message is acknowledged,
    and its position of the log.
    """

    def __init__(self, client: LeanClient, *, stream: str, sequence: int, position: int) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._good = f'{{"stream":"{stream}"'.encode()
        self._subscription: Subscription | None = None
        self._answered = asyncio.Event()
        self._failure: Exception | None = None
        self._pages: deque[tuple[int, int]] = deque()
        self._stored = sequence
        self.sequence = sequence
        self.known = (sequence, position)
        self.unanswered = 0

    async def open(self) -> None:
        """Subscribe to the answers."""
        self._subscription = await self._client.subscribe_raw(self._inbox, self._on_answer)

    async def close(self) -> None:
        """Unsubscribe; the server may have stored unanswered messages."""
        if self._subscription is not None:
            await self._client.unsubscribe_raw(self._subscription)

    async def publish(self, messages: Sequence[Message], *, tick: str, position: int, traceparent: str = "") -> None:
        """Send messages in one piece, then a tick: the log's `position` on the subject `tick`.

        Messages with an origin also name the sending span, `traceparent`, if it is recorded.
        """
        self._raise_failure()
        sender = f"{HEADER_TRACEPARENT}: {traceparent}\r\n" if traceparent else ""
        pieces: list[bytes] = []
        for after, message in enumerate(messages, start=self.sequence):
            headers = f"{FRAME.format(after)}{message.headers}{sender if message.origin else ''}\r\n".encode()
            size = len(headers) + len(message.body)
            pieces += (
                f"HPUB {message.subject} {self._inbox} {len(headers)} {size}\r\n".encode(),
                headers,
                message.body,
                b"\r\n",
            )
        self.sequence += len(messages)
        self._pages.append((self.sequence, position))
        self.unanswered += len(messages)
        await self._client.send_raw(b"".join(pieces))
        await self._client.publish(tick, str(position).encode())

    async def until_answered(self, *, but: int = 0) -> None:
        """Wait until at most `but` messages are unanswered; raises TimeoutError after `ANSWER_TIMEOUT_S` of silence."""
        while self.unanswered > but and self._failure is None:
            self._answered.clear()
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._answered.wait()
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _on_answer(self, message: RawMessage) -> None:
        self.unanswered -= 1
        if self._failure is not None:
            return
        if message.body.startswith(self._good) and b"duplicate" not in message.body:
            self._stored += 1
            while self._pages and self._pages[0][0] <= self._stored:
                self.known = self._pages.popleft()
        else:
            self._failure = _failure_in(message)
        self._answered.set()


async def can_publish(bus: Bus, *, within_s: float) -> bool:
    """Return whether a leader of the stream of payments decides about messages; nothing is stored.

    The message must follow a sequence number that the stream never reaches, so the leader rejects it. In a cluster
    without a majority nothing answers. A full disk does not show here.
    """
    expected = {EXPECTED_SEQUENCE: NEVER_REACHED}
    try:
        await bus.jetstream.publish(PROBE_SUBJECT, b"", timeout=within_s, headers=expected)
    except nats.js.errors.APIError as error:
        return error.err_code == WRONG_LAST_SEQUENCE
    except NATS_ERRORS:
        return False
    return True


def _failure_in(message: RawMessage) -> Exception:
    """Return the error of a negative answer; without the stream, the server answers without a body."""
    if not message.body:
        return StreamMoved("The stream does not exist.")
    if b'"duplicate"' in message.body:
        return StreamMoved("The stream had this message before.")
    try:
        error = msgspec.json.decode(message.body)["error"]
        refused = nats.js.errors.APIError(code=error["code"], err_code=error.get("err_code"), description=str(error))
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Any subscriber of the messages sees the reply subject, and may publish to it.
        return nats.js.errors.Error(f"The answer to a message is malformed: {message.body[:200]!r}")
    return StreamMoved(str(error)) if refused.err_code == WRONG_LAST_SEQUENCE else refused
