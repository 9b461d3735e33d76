"""`extrato restored`: run it once after a restore of the database from a backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from extrato.bus.connection import connect_without_logs
from extrato.bus.stream_inspector import ForeignStream, StreamInspector
from extrato.process import CannotStart
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from extrato.bus.stream_inspector import LossReport
    from extrato.store.identity import Identity


async def restored(_arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Start a new epoch of the log, and move positions and payment ids above every published one.

    The relay of a running hub does the same when it finds newer events on NATS. This command does it before the first
    sale, and also when NATS was restored together with the database. Raises `CannotStart`.
    """
    try:
        identity, seen, position, payment = await _begin_epoch(environment)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise CannotStart(
            f"The backup is of an older version ({error}): run `extrato up` once to migrate it, and then this again."
        ) from error
    print(f"Epoch {identity.epoch} of the log starts after position {seen.last_common}.")
    print(f"The log has lost {seen.lost} events that NATS still has.")
    print(f"The next event gets a position above {position}, and the next payment an id above {payment}.")


async def _begin_epoch(environment: Mapping[str, str]) -> tuple[Identity, LossReport, int, int]:
    async with running_hub(environment) as running:
        if not running.settings.nats_url:
            raise CannotStart("EXTRATO_NATS_URL must name the NATS server of this log.")
        log = running.hub.log
        async with connect_without_logs(running.settings.nats_url, name="restored") as bus:
            try:
                seen = await StreamInspector(bus, log).report_losses()
            except ForeignStream as error:
                raise CannotStart(str(error)) from error
        epoch = max((await log.identity.read()).epoch, seen.epoch)
        identity = await log.identity.begin_epoch(epoch, last_common=seen.last_common, reason="restored")
        position, payment = await log.recorder.right_sequences(position=seen.position, payment=seen.payment_id)
        return identity, seen, position, payment
