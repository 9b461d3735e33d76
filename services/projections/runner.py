"""Keeps every read model up to date: one consumer of the log, one transaction a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from extrato.bus.consumer import DurableConsumer
from extrato.errors import Transient
from services.projections import checkpoints
from services.projections.apply import apply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from contracts.envelope import Envelope
    from extrato.bus.connection import Bus
    from extrato.store.log import LogReader
    from services.projections.checkpoints import Checkpoint
    from services.projections.read_models.read_model import ReadModel

DURABLE: Final = "projections-read-models"


class ReadModelFellBehind(Transient):
    """A read model stands before what its consumer was fed; it must be fed again from there."""

    code = "read_model_fell_behind"


class Runner:
    """Feeds read models whose tables exist.

    The rows and the checkpoints move in one transaction that begins by locking the checkpoints. So an event
    has its effect once, whoever brings it and however often, and several runners may run side by side.
    A read model that another version of the code has rebuilt since is left to that version.
    """

    def __init__(self, *, pool: asyncpg.Pool, log: LogReader, bus: Bus, read_models: Sequence[ReadModel]) -> None:
        self._pool = pool
        self._read_models = read_models
        self._names = [read_model.name for read_model in read_models]
        self._left_to_others: set[str] = set()
        self._logger = structlog.get_logger(component="runner")
        self.consumer = DurableConsumer(bus=bus, log=log, durable=DURABLE, checkpoint=0, handle=self.handle)

    async def run(self) -> None:
        """Run until cancelled."""
        async with self._pool.acquire() as connection:
            found = await checkpoints.read(connection, self._names)
        self.consumer.checkpoint = min((each.position for each in found.values()), default=0)
        self._logger.info("runner_started", position=self.consumer.checkpoint)
        await self.consumer.run()

    async def handle(self, envelopes: Sequence[Envelope], newest: int) -> None:
        """Apply events to every read model that does not know them yet, and move all of them to `newest`."""
        async with self._pool.acquire() as connection, connection.transaction():
            found = await checkpoints.lock(connection, self._names)
            ours = self._ours(found)
            self._check_continuity([found[read_model.name] for read_model in ours])
            for read_model in ours:
                position = found[read_model.name].position
                unknown = [each for each in envelopes if each.position > position]
                if unknown:
                    await apply(connection, read_model, unknown, table=read_model.name)
            await checkpoints.move(connection, [read_model.name for read_model in ours], newest)

    def _ours(self, found: Mapping[str, Checkpoint]) -> list[ReadModel]:
        """Give the read models whose rows follow from this version of the code."""
        ours = []
        for read_model in self._read_models:
            checkpoint = found.get(read_model.name)
            if checkpoint is not None and checkpoint.version == read_model.version:
                ours.append(read_model)
            elif read_model.name not in self._left_to_others:
                self._left_to_others.add(read_model.name)
                self._logger.warning("read_model_left_to_another_version", read_model=read_model.name)
        return ours

    def _check_continuity(self, found: Sequence[Checkpoint]) -> None:
        """Refuse to leave a hole where somebody else set a table back to an earlier position."""
        lowest = min((checkpoint.position for checkpoint in found), default=self.consumer.checkpoint)
        if lowest < self.consumer.checkpoint:
            self.consumer.checkpoint = lowest
            msg = f"A read model stands at {lowest}, before what its consumer was fed."
            raise ReadModelFellBehind(msg)
