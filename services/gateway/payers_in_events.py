"""Shows the events of a timeline: sealed texts opened, or when they were erased, and without hidden texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import PayerForgotten, TextHidden, sealed_texts
from contracts.events.hidden_text import hide_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.envelope import Envelope
    from contracts.events import Event
    from extrato.store.personal_data import PersonalData


class Shown(Struct, frozen=True):
    """What a payment's timeline shows: the text for each sealed text, and if the merchant's are hidden."""

    payers: Mapping[str, str | None]
    is_text_hidden: bool


async def payers_in(data: PersonalData, payment_id: int, history: Sequence[Envelope]) -> Shown:
    """Return what to show of the events of a payment.

    Between the destruction of the key and its event, a text is shown as None.
    """
    is_text_hidden = any(isinstance(envelope.event, TextHidden) for envelope in history)
    sealed = {(field, text) for envelope in history for field, text in sealed_texts(envelope.event).items()}
    erased = next((envelope for envelope in history if isinstance(envelope.event, PayerForgotten)), None)
    if erased is not None:
        at = erased.recorded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Shown({text: f"erased on {at}" for _, text in sealed}, is_text_hidden)
    opened = {text: await data.open(payment_id, text, field) for field, text in sealed}
    return Shown(opened, is_text_hidden)


def show_payer(event: Event, shown: Shown) -> Event:
    """Return an event as `payers_in` says."""
    if shown.is_text_hidden:
        event = hide_text(event)
    texts = sealed_texts(event)
    return replace(event, **{field: shown.payers[text] for field, text in texts.items()}) if texts else event
