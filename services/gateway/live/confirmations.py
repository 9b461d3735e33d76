"""When a payment counts as confirmed, and what Socket.IO clients are told of it.

A payment is confirmed by every attempt of which it becomes `approved`, once each: a dispute that ends well
confirms nothing again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from contracts.events import PaymentOpened, StatusChanged
from contracts.frames import PaymentConfirmed
from extrato.domain.money import to_reais
from extrato.domain.payment.identifiers import stream_id
from extrato.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.envelope import Envelope
    from contracts.events import Event
    from extrato.store.log import LogReader

RETRY_S: Final = 0.5
PAID: Final = frozenset({"approved", "in_mediation"})


def may_confirm(event: Event) -> bool:
    """Say whether an event may be a confirmation; only its payment's history tells."""
    return isinstance(event, StatusChanged) and event.status == "approved"


def confirmations_in(history: Sequence[Envelope]) -> dict[int, PaymentConfirmed]:
    """Give the confirmations in the whole history of a payment, by their positions, oldest first."""
    found: dict[int, PaymentConfirmed] = {}
    value, attempts = 0.0, set[str | None]()
    for envelope in history:
        event = envelope.event
        if isinstance(event, PaymentOpened):
            value = to_reais(event.amount_centavos)
        if isinstance(event, StatusChanged) and may_confirm(event) and event.attempt_id not in attempts:
            attempts.add(event.attempt_id)
            found[envelope.position] = PaymentConfirmed(
                payment_id=envelope.payment_id or 0, status=event.status, value=value, paid_at=event.paid_at
            )
    return found


def late_confirmation_in(history: Sequence[Envelope]) -> PaymentConfirmed | None:
    """Give what a client is told that comes after the confirmation: nothing once the money was given back.

    A client may take the name of the event for all that it says, and show "paid". In a dispute the payer has paid
    and the money is held, so that this is true, and `status` tells of the dispute.
    """
    found = list(confirmations_in(history).values())
    changes = [envelope.event.status for envelope in history if isinstance(envelope.event, StatusChanged)]
    return replace(found[-1], status=changes[-1]) if found and changes[-1] in PAID else None


class Confirmations:
    """Reads confirmations from the payments' streams; while the database is away it waits and tries again."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._reading: dict[tuple[int, int], asyncio.Task[list[Envelope]]] = {}

    async def latest(self, payment_id: int) -> tuple[int, PaymentConfirmed | None]:
        """Give the newest confirmation, if the money is still there, and the position that this is as of."""
        history = await self._read(payment_id)
        return history[-1].position, late_confirmation_in(history)

    async def at(self, payment_id: int, position: int) -> PaymentConfirmed | None:
        """Give the confirmation at a position, if there is one; all who ask at the same time share one reading."""
        key = (payment_id, position)
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read(payment_id))
            reading.add_done_callback(lambda _: self._reading.pop(key))
        return confirmations_in(await asyncio.shield(reading)).get(position)

    async def close(self) -> None:
        """Read nothing more."""
        reading = list(self._reading.values())
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _read(self, payment_id: int) -> list[Envelope]:
        while True:
            try:
                return await self._log.read_stream(stream_id(payment_id))
            except Transient:
                await asyncio.sleep(RETRY_S)
