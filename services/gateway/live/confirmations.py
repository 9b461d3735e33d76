"""When a payment counts as confirmed, and what Socket.IO clients receive.

A payment is confirmed once: when the held money first reaches the charge's amount. A part does not confirm it, a won
dispute does not confirm it again, and neither does money after a refund.
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
    """Return whether an event can be a confirmation; the payment's history decides."""
    return isinstance(event, StatusChanged) and event.status == CONFIRMED


def confirmation_in(history: Sequence[Envelope]) -> tuple[int, PaymentConfirmed] | None:
    """Return the position and the confirmation in the whole history of a payment; None when there is none."""
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
    """Return the confirmation for a client that connects after it; None once the money was refunded.

    A client may look only at the name of the event, and show "paid". During a dispute the payer has paid and the
    merchant holds the money, so that this is true; `status` shows the dispute.
    """
    found = confirmation_in(history)
    changes = [envelope.event.status for envelope in history if isinstance(envelope.event, StatusChanged)]
    return replace(found[1], status=changes[-1]) if found and changes[-1] in PAID else None


class Confirmations:
    """Reads confirmations from the payments' streams, and retries while the database does not answer."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._reading: SingleFlight[tuple[int, int], list[Envelope]] = SingleFlight()

    async def latest(self, payment_id: int) -> tuple[int, PaymentConfirmed | None]:
        """Return the position of the stream, and the confirmation if the merchant still holds the money."""
        history = await self._read(payment_id)
        return history[-1].position, late_confirmation_in(history)

    async def at(self, payment_id: int, position: int) -> PaymentConfirmed | None:
        """Return the confirmation at a position, if there is one; concurrent calls share one read."""
        found = confirmation_in(await self._reading.run((payment_id, position), lambda: self._read(payment_id)))
        return found[1] if found is not None and found[0] == position else None

    async def close(self) -> None:
        """Cancel the running reads."""
        await self._reading.close()

    async def _read(self, payment_id: int) -> list[Envelope]:
        backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        while True:
            try:
                return await self._log.read_stream(stream_id(payment_id))
            except Transient:
                await backoff.pause()
