"""A durable consumer of the whole log: every event once and in order, even where the bus loses messages.

Messages arrive without bodies from a durable JetStream pull consumer. They name the log's newest position. The events
are read from the log, so a lost or forged message has no effect. A deleted consumer or stream is created again, and
events that the refilled stream repeats are skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from contracts.subjects import PAYMENTS_STREAM
from extrato import tracing
from extrato.bus.connection import NATS_ERRORS, Bus, raise_if_cancelled
from extrato.bus.dead_letters import publish_dead_letter
from extrato.bus.messages import position_in, sender_in
from extrato.bus.pull import DurablePull
from extrato.store.codec import UnreadableEvent
from extrato.store.log import READ_PAGE, LogReader
from extrato.store.logged_backoff import LoggedBackoff
from extrato.store.page import page_of
from extrato.store.unavailable import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from extrato.bus.lean_client import RawMessage
    from extrato.store.page import Page

PROCESS: Final = f"process {PAYMENTS_STREAM}"
READ_LOG_EVERY_S: Final = 1.0

# After a batch of more than BUSY_ABOVE messages, it waits for a larger one: each transaction has a fixed cost.
BUSY_ABOVE: Final = 16
LINGER_S: Final = 0.02

# The consumer retries after these; any other error ends it.
RETRIED_ERRORS: Final = (*NATS_ERRORS, *DATABASE_ERRORS)


async def _nothing() -> None:
    """Do nothing at a subscription."""


class DurableConsumer:
    """Passes the log to a handler from `checkpoint` on, without end.

    `handle` takes pages of the log in order. It stores a page's `position` in the transaction of its effects, skips
    events up to the stored position, and decides about events that it cannot apply. After an error of
    `RETRIED_ERRORS`, the consumer waits and passes the page again. `durable` is `<service>-<purpose>`. An unreadable
    event is dead-lettered under `dead.<durable>.…` after its page, if the bus is available. `before` is called at each
    subscription, and when the log ends before the checkpoint; it may lower `checkpoint`. `after_cycle` is called after
    each page, and about once a second when there is none. `subscribed` is set once the consumer has read the log to its
    end and is subscribed.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        log: LogReader,
        durable: str,
        checkpoint: int,
        handle: Callable[[Page], Awaitable[None]],
        before: Callable[[], Awaitable[None]] = _nothing,
        after_cycle: Callable[[], None] = lambda: None,
    ) -> None:
        self._bus = bus
        self._log = log
        self._durable = durable
        self._handle = handle
        self._before = before
        self._after_cycle = after_cycle
        self._logger = structlog.get_logger(component="consumer", consumer=durable)
        self._backoff = LoggedBackoff(self._logger, paused_event="consumer_waits", resumed_event="consumer_goes_on")
        self._read_log_at_s = 0.0
        self.checkpoint = checkpoint
        self.subscribed = asyncio.Event()
        self.refused = 0

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            raise_if_cancelled()
            try:
                await self.catch_up()
                await self._reading_on(self._bus.until_connected())
                await self._follow()
            except RETRIED_ERRORS as error:
                await self._backoff.pause(error)

    async def catch_up(self, up_to: int | None = None, *, senders: Sequence[str] = ()) -> None:
        """Handle the log from the checkpoint to `up_to`, or to its end.

        `senders` are the spans that published the messages about it.
        """
        while True:
            rows = await self._log.read_rows(self.checkpoint, up_to=up_to, limit=READ_PAGE)
            if rows:
                await self._hand_over(page_of(rows, after=self.checkpoint), senders)
            self._backoff.reset()
            self._after_cycle()
            if len(rows) < READ_PAGE:
                return

    async def _follow(self) -> None:
        """Handle the bus's messages until an error."""
        pull = DurablePull(self._bus, stream=PAYMENTS_STREAM, durable=self._durable)
        try:
            await self._reading_on(self._open(pull))
            await self._before()
            await self.catch_up()
            self.subscribed.set()
            while True:
                await self._consume(pull)
        finally:
            with contextlib.suppress(*NATS_ERRORS):
                await pull.close()

    async def _open(self, pull: DurablePull) -> None:
        await self._bus.ensure_streams()
        await pull.open()

    async def _reading_on(self, waiting: Coroutine[object, object, None]) -> None:
        """Wait for the bus and read the log meanwhile, so that an unavailable bus delays no event."""
        task = asyncio.create_task(waiting)
        try:
            while not (await asyncio.wait((task,), timeout=READ_LOG_EVERY_S))[0]:
                await self._check_log()
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _consume(self, pull: DurablePull) -> None:
        messages = await pull.take(within_s=READ_LOG_EVERY_S)
        raise_if_cancelled()
        if messages:
            await self._apply(messages, pull)
            await pull.acknowledge(messages[-1])
            if len(messages) > BUSY_ABOVE:
                await asyncio.sleep(LINGER_S)
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._read_log_at_s:
            # The bus may be quiet, cut off, or repeating known events. Only the log shows which.
            self._read_log_at_s = now_s + READ_LOG_EVERY_S
            await self._check_log()

    async def _check_log(self) -> None:
        """Handle the log's new events; when the log ends before the checkpoint, call `before` first.

        A log that went back may have grown beyond the checkpoint again. The handler detects that by a page's `after`.
        """
        if await self._log.head() < self.checkpoint:
            self._logger.warning("consumer_found_log_shorter", checkpoint=self.checkpoint)
            await self._before()
        await self.catch_up()

    async def _apply(self, messages: Sequence[RawMessage], pull: DurablePull) -> None:
        """Read from the log up to the newest position that the messages name.

        Any client that may publish can forge a message, so only the log is trusted. A message without a position, or
        with one beyond the log's end, is dead-lettered.
        """
        reached = self.checkpoint
        spoken_of: list[tuple[int, RawMessage]] = []
        for message in messages:
            try:
                position, _ = position_in(message.headers)
            except UnreadableEvent as error:
                await self._dead_letter(_named(message), await pull.body_of(message), error.message)
                continue
            spoken_of.append((position, message))
            reached = max(reached, position)
        if reached > self.checkpoint:
            senders = [sender_in(message.headers) for message in messages] if tracing.is_on() else ()
            await self.catch_up(reached, senders=senders)
        for position, message in spoken_of:
            if position > self.checkpoint:
                await self._dead_letter(_named(message), await pull.body_of(message), "The log has no such position.")

    async def _hand_over(self, page: Page, senders: Sequence[str]) -> None:
        origins = (envelope.traceparent for envelope in page.envelopes)
        with tracing.following_span(PROCESS, "consumer", origins, also=senders) as span:
            if span.traceparent:
                described = tracing.messaging("process", type_="process", messages=len(page.envelopes))
                span.set({**described, "messaging.consumer.group.name": self._durable})
            await self._handle(page)
        self.checkpoint = page.position
        await self._dead_letter_all([(f"log.{event.position}", event.state, event.reason) for event in page.unreadable])

    async def dead_letter_positions(self, events: Sequence[tuple[int, str]]) -> None:
        """Dead-letter events that the handler skipped and recorded, each by its position and the reason.

        An unavailable bus raises no error.
        """
        await self._dead_letter_all([(f"log.{position}", b"", reason) for position, reason in events])

    async def _dead_letter_all(self, letters: Sequence[tuple[str, bytes, str]]) -> None:
        try:
            for letter in letters:
                await self._dead_letter(*letter)
        except NATS_ERRORS as error:
            self._logger.warning("dead_letters_not_sent", events=len(letters), error=repr(error))

    async def _dead_letter(self, subject: str, body: bytes, reason: str) -> None:
        self.refused += 1
        self._logger.error("message_refused", subject=subject, reason=reason)
        await publish_dead_letter(
            self._bus, consumer=self._durable, subject=subject, body=body, headers={"reason": reason}
        )


def _named(message: RawMessage) -> str:
    return message.subject.decode(errors="backslashreplace")
