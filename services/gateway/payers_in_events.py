"""Shows the sealed texts in the events of a timeline: opened, or when they were erased."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from msgspec.structs import replace

from contracts.events import PayerForgotten, sealed_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.envelope import Envelope
    from contracts.events import Event
    from extrato.store.personal_data import PersonalData


async def payers_in(data: PersonalData, payment_id: int, history: Sequence[Envelope]) -> dict[str, str | None]:
    """Return the text to show for each sealed text in the events of a payment.

    Between the destruction of the key and its event, a text is shown as None.
    """
    sealed = {(field, text) for envelope in history for field, text in sealed_texts(envelope.event).items()}
    erased = next((envelope for envelope in history if isinstance(envelope.event, PayerForgotten)), None)
    if erased is not None:
        at = erased.recorded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {text: f"erased on {at}" for _, text in sealed}
    return {text: await data.open(payment_id, text, field) for field, text in sealed}


def show_payer(event: Event, payers: Mapping[str, str | None]) -> Event:
    """Return an event with the texts of `payers_in`."""
    texts = sealed_texts(event)
    return replace(event, **{field: payers[text] for field, text in texts.items()}) if texts else event
