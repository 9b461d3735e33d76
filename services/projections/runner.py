"""Keeps every read model up to date: one consumer feeds all of them together; a failing one is fed separately."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from extrato.bus.connection import raise_if_cancelled
from extrato.bus.consumer import DurableConsumer
from extrato.store.log import READ_PAGE
from extrato.store.logged_backoff import LoggedBackoff
from extrato.store.page import page_of
from extrato.store.unavailable import DATABASE_ERRORS, is_poison, is_refusal
from services.projections import checkpoints, passed_over
from services.projections.apply import apply, apply_or_skip
from services.projections.metrics import ReadModelMetrics, events_above
from services.projections.passed_over import PassedOver
from services.projections.rebuild import rebuild_if_stale
from services.projections.staleness import REBUILT_WHILE_RUNNING, Stale, why_stale

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from contracts.envelope import Envelope
    from extrato.bus.connection import Bus
    from extrato.store.log import LogReader
    from extrato.store.page import Page
    from services.projections.checkpoints import Checkpoint
    from services.projections.read_models.read_model import ReadModel

DURABLE: Final = "projections-read-models"

# An older version of this process may run at the same time and skip events that this version can read, and an
# operator may change checkpoints.
CHECK_INTERVAL_S: Final = 60.0

# The shared feed may apply a page while a separate read model catches up. This pause precedes its next try to join.
JOIN_PAUSE_S: Final = 0.01


class ReadModelState:
    """The state of one read model in this process. While `is_separate` is set, it is fed from its own checkpoint.

    `reasons` are the kinds of staleness that lead to a rebuild.
    """

    def __init__(self, read_model: ReadModel) -> None:
        self.read_model = read_model
        self.name = read_model.name
        self.reasons: Collection[Stale] = REBUILT_WHILE_RUNNING
        self.checked_up_to = 0
        self.is_separate = asyncio.Event()
        self.is_ready = asyncio.Event()
        self.metrics = ReadModelMetrics(self.name)
        self.metrics.complete_cycle()
        self.backoff = LoggedBackoff(
            structlog.get_logger(component="runner", read_model=self.name),
            paused_event="read_model_waits",
            resumed_event="read_model_goes_on",
        )


class CannotApply(Exception):
    """One read model could not apply a page; `__cause__` is the reason."""

    def __init__(self, state: ReadModelState) -> None:
        super().__init__(state.name)
        self.state = state


class Runner:
    """Feeds read models, and rebuilds missing or stale tables.

    One transaction locks the checkpoint, changes the rows and moves the checkpoint. So each event is applied once, also
    when several runners run at the same time.
    All read models apply a page of the log in one transaction. A read model that fails is fed separately, from the log,
    until it has caught up with the others. Meanwhile it skips events that it cannot apply, waits while PostgreSQL
    rejects its writes, and is rebuilt when it is stale.
    A read model that another version of the code has rebuilt is left to that version.
    """

    def __init__(
        self, *, database_url: str, pool: asyncpg.Pool, log: LogReader, bus: Bus, read_models: Sequence[ReadModel]
    ) -> None:
        self._database_url = database_url
        self._pool = pool
        self._log = log
        self._states = [ReadModelState(read_model) for read_model in read_models]
        self._fed_to = 0
        self._left_to_others: set[str] = set()
        self._logger = structlog.get_logger(component="runner")
        self.consumer = DurableConsumer(
            bus=bus,
            log=log,
            durable=DURABLE,
            checkpoint=0,
            handle=self.handle,
            before=self.check,
            after_cycle=self._after_cycle,
        )

    @property
    def waiting(self) -> dict[str, str]:
        """The read models that wait, with the reason."""
        return {state.name: state.backoff.reason for state in self._states if state.backoff.reason is not None}

    async def run(self) -> None:
        """Run until cancelled."""
        await self._begin_with_retries()
        self._logger.info("runner_started", position=self.consumer.checkpoint)
        async with asyncio.TaskGroup() as tasks:
            for state in self._states:
                tasks.create_task(self._feed_while_separate(state))
            tasks.create_task(self._check_periodically())
            await self.consumer.run()

    async def until_ready(self) -> None:
        """Wait until every read model has caught up with the log, or has failed once and logged the reason."""
        await self.consumer.subscribed.wait()
        for state in self._states:
            await state.is_ready.wait()

    # --- the shared feed --------------------------------------------------------------------------

    async def handle(self, page: Page) -> None:
        """Apply a page to every read model in the shared feed, and move their checkpoints to its end.

        Raises only errors of an unavailable PostgreSQL.
        """
        self._fed_to = page.position
        while states := [state for state in self._states if not state.is_separate.is_set()]:
            try:
                return await self._feed(states, page)
            except CannotApply as failed:
                failed.state.is_separate.set()
            except asyncpg.PostgresError as error:
                if not is_refusal(error):
                    raise
                # The error does not name its read model. Fed separately, each read model logs its own error.
                self._logger.warning("read_models_fed_apart", error=repr(error))
                for state in states:
                    state.is_separate.set()
        return None

    async def _feed(self, states: Sequence[ReadModelState], page: Page) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            found = await checkpoints.lock(connection, [state.name for state in states])
            fed = [state for state in states if self._follows(page, state, found.get(state.name))]
            if not fed:
                return
            for state in fed:
                unapplied = [each for each in page.envelopes if each.position > found[state.name].position]
                if unapplied:
                    await self._apply(connection, state, unapplied)
            await passed_over.put(connection, _unreadable(page, {state.name: found[state.name] for state in fed}))
            await checkpoints.move(connection, [state.name for state in fed], page.position, page.event_id)
        for state in fed:
            state.metrics.count_events(events_above(page, found[state.name].position))

    def _after_cycle(self) -> None:
        for state in self._states:
            if not state.is_separate.is_set():
                state.metrics.complete_cycle()

    @staticmethod
    async def _apply(connection: asyncpg.Connection, state: ReadModelState, envelopes: Sequence[Envelope]) -> None:
        try:
            await apply(connection, state.read_model, envelopes, table=state.name)
        except Exception as error:
            if connection.is_closed() and not is_poison(error):
                raise
            raise CannotApply(state) from error

    def _follows(self, page: Page, state: ReadModelState, checkpoint: Checkpoint | None) -> bool:
        """Return whether this version of the code has applied the whole log before the page."""
        if checkpoint is None or checkpoint.version != state.read_model.version:
            if state.name not in self._left_to_others:
                self._left_to_others.add(state.name)
                self._logger.warning("read_model_left_to_another_version", read_model=state.name)
            return False
        if checkpoint.position < page.after or not _has_event_of(page, checkpoint):
            state.is_separate.set()
            return False
        return True

    # --- the separate feeds -----------------------------------------------------------------------

    async def _feed_while_separate(self, state: ReadModelState) -> None:
        """Feed a read model while it is separate, until it has caught up with the others."""
        while True:
            await state.is_separate.wait()
            raise_if_cancelled()
            try:
                await self._rebuild_if_stale(state)
                position = await self._catch_up(state)
            except Exception as error:  # noqa: BLE001 - it is logged and retried without end
                state.is_ready.set()
                await state.backoff.pause(error)
                continue
            state.backoff.reset()
            if position is None or position >= self._fed_to:
                state.is_separate.clear()
                state.is_ready.set()
            else:
                await asyncio.sleep(JOIN_PAUSE_S)

    async def _rebuild_if_stale(self, state: ReadModelState) -> None:
        why = await why_stale(self._pool, state.read_model, self._log)
        if why in state.reasons:
            await rebuild_if_stale(
                state.read_model, database_url=self._database_url, log=self._log, reasons=state.reasons
            )
        state.reasons = REBUILT_WHILE_RUNNING

    async def _catch_up(self, state: ReadModelState) -> int | None:
        """Feed a read model to the end of the log; return its position. None if another version of the code owns it."""
        while True:
            checkpoint = (await checkpoints.read(self._pool, [state.name])).get(state.name)
            if checkpoint is None or checkpoint.version != state.read_model.version:
                return None
            rows = await self._log.read_rows(checkpoint.position, limit=READ_PAGE)
            if not rows:
                state.metrics.complete_cycle()
                return checkpoint.position
            await self._feed_separately(state, page_of(rows, after=checkpoint.position))
            state.metrics.complete_cycle()
            raise_if_cancelled()

    async def _feed_separately(self, state: ReadModelState, page: Page) -> None:
        """Apply a page that follows the checkpoint, and record the skipped events."""
        async with self._pool.acquire() as connection, connection.transaction():
            checkpoint = (await checkpoints.lock(connection, [state.name])).get(state.name)
            if checkpoint is None or (checkpoint.version, checkpoint.position) != (
                state.read_model.version,
                page.after,
            ):
                # Another process has applied the page.
                return
            skipped = await apply_or_skip(connection, state.read_model, page.envelopes, table=state.name)
            await passed_over.put(connection, [*skipped, *_unreadable(page, {state.name: checkpoint})])
            await checkpoints.move(connection, [state.name], page.position, page.event_id)
        state.metrics.count_events(events_above(page, page.after))
        for each in skipped:
            self._logger.error("event_skipped", **each._asdict())
        await self.consumer.dead_letter_positions(
            [(each.position, f"{each.read_model}: {each.reason}") for each in skipped]
        )

    # --- checks -----------------------------------------------------------------------------------

    async def check(self) -> None:
        """Move the shared feed back if the log went back; feed stale read models and those behind separately."""
        head = await self._log.head()
        if head < self.consumer.checkpoint:
            # The log went back. An older version of the code may have built the restored tables.
            self._left_to_others.clear()
            await self._check(tuple(Stale))
        else:
            await self._check(REBUILT_WHILE_RUNNING)
        self._begin_at(min(self.consumer.checkpoint, head))
        found = await checkpoints.read(self._pool, [state.name for state in self._states])
        for state in self._states:
            if state.name in found and found[state.name].position < self.consumer.checkpoint:
                state.is_separate.set()

    async def _check(self, reasons: Collection[Stale]) -> None:
        for state in self._states:
            if state.is_separate.is_set():
                continue
            checkpoint = (await checkpoints.read(self._pool, [state.name])).get(state.name)
            why = await why_stale(self._pool, state.read_model, self._log, checked_up_to=state.checked_up_to)
            if why in reasons:
                state.reasons = reasons
                state.is_separate.set()
            elif checkpoint is not None:
                state.checked_up_to = checkpoint.position

    async def _check_periodically(self) -> None:
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            raise_if_cancelled()
            try:
                await self._check(REBUILT_WHILE_RUNNING)
            except DATABASE_ERRORS as error:
                self._logger.warning("check_failed", error=repr(error))

    async def _begin_with_retries(self) -> None:
        backoff = LoggedBackoff(self._logger, paused_event="runner_waits", resumed_event="runner_goes_on")
        while True:
            raise_if_cancelled()
            try:
                return await self._begin()
            except DATABASE_ERRORS as error:
                await backoff.pause(error)

    async def _begin(self) -> None:
        """Begin the shared feed at the most advanced read model that is not stale; feed all others separately."""
        await self._check(tuple(Stale))
        found = await checkpoints.read(self._pool, [state.name for state in self._states])
        for state in self._states:
            if state.name not in found:
                # The checkpoint was deleted after the check, so its reasons are those of the check.
                state.reasons = tuple(Stale)
                state.is_separate.set()
        up_to_date = {
            state.name: found[state.name].position for state in self._states if not state.is_separate.is_set()
        }
        self._begin_at(max(up_to_date.values()) if up_to_date else await self._log.head())
        for state in self._states:
            if up_to_date.get(state.name) == self.consumer.checkpoint:
                state.is_ready.set()
            else:
                state.is_separate.set()

    def _begin_at(self, position: int) -> None:
        self.consumer.checkpoint = self._fed_to = position


def _unreadable(page: Page, found: Mapping[str, Checkpoint]) -> list[PassedOver]:
    """Return the unreadable events that read models skip."""
    return [
        PassedOver.unread(name, event)
        for name, checkpoint in found.items()
        for event in page.unreadable
        if event.position > checkpoint.position
    ]


def _has_event_of(page: Page, checkpoint: Checkpoint) -> bool:
    """Return whether the page has the checkpoint's event at its position; True for a checkpoint outside the page."""
    if checkpoint.event_id is None or not page.after < checkpoint.position <= page.position:
        return True
    return any(each.event_id == checkpoint.event_id for each in page.envelopes if each.position == checkpoint.position)
