"""When a payment counts as confirmed, and what Socket.IO clients are told of it.

A payment is confirmed once: when what is held first reaches the charge. A part confirms nothing, a dispute that ends
well nothing again, and what comes after a refund is for the merchant to look into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from contracts.events import MoneyAccepted, PaymentOpened, StatusChanged
from contracts.frames import PaymentConfirmed
from contracts.payment_status import CONFIRMED, PAID
from extrato.backoff import Backoff
from extrato.domain.money import to_reais
from extrato.domain.payment.identifiers import stream_id
from extrato.errors import Transient
from services.gateway.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.envelope import Envelope
    from contracts.events import Event
    from extrato.store.log import LogReader

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 2.0


def may_confirm(event: Event) -> bool:
    """Say whether an event may be a confirmation; only its payment's history tells."""
    return isinstance(event, StatusChanged) and event.status == CONFIRMED


def confirmation_in(history: Sequence[Envelope]) -> tuple[int, PaymentConfirmed] | None:
    """Give the confirmation in the whole history of a payment, and its position; None when there is none yet."""
    value = 0.0
    for envelope in history:
        event = envelope.event
        if isinstance(event, PaymentOpened | MoneyAccepted):
            value = to_reais(event.amount_centavos)
        if isinstance(event, StatusChanged) and may_confirm(event):
            confirmed = PaymentConfirmed(
                payment_id=envelope.payment_id or 0, status=event.status, value=value, paid_at=event.paid_at
            )
            return envelope.position, confirmed
    return None


def late_confirmation_in(history: Sequence[Envelope]) -> PaymentConfirmed | None:
    """Give what a client is told that comes after the confirmation: nothing once the money was given back.

    A client may take the name of the event for all that it says, and show "paid". In a dispute the payer has paid
    and the money is held, so that this is true, and `status` tells of the dispute.
    """
    found = confirmation_in(history)
    changes = [envelope.event.status for envelope in history if isinstance(envelope.event, StatusChanged)]
    return replace(found[1], status=changes[-1]) if found and changes[-1] in PAID else None


class Confirmations:
    """Reads confirmations from the payments' streams; while the database is away it waits and tries again."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._reading: SingleFlight[tuple[int, int], list[Envelope]] = SingleFlight()

    async def latest(self, payment_id: int) -> tuple[int, PaymentConfirmed | None]:
        """Give the confirmation, if the money is still there, and the position that this is as of."""
        history = await self._read(payment_id)
        return history[-1].position, late_confirmation_in(history)

    async def at(self, payment_id: int, position: int) -> PaymentConfirmed | None:
        """Give the confirmation at a position, if there is one; all who ask at once share one reading."""
        found = confirmation_in(await self._reading.run((payment_id, position), lambda: self._read(payment_id)))
        return found[1] if found is not None and found[0] == position else None

    async def close(self) -> None:
        """Read nothing more."""
        await self._reading.close()

    async def _read(self, payment_id: int) -> list[Envelope]:
        backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        while True:
            try:
                return await self._log.read_stream(stream_id(payment_id))
            except Transient:
                await backoff.pause()
