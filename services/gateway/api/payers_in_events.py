"""Shows the payer's data in the events of a timeline: opened, or when it was erased."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from msgspec.structs import replace

from contracts.events import PayerForgotten, WithPayerEmail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.envelope import Envelope
    from contracts.events import Event
    from extrato.store.personal_data import PersonalData


async def payers_in(data: PersonalData, payment_id: int, history: Sequence[Envelope]) -> dict[str, str | None]:
    """Return the text to show for each sealed e-mail address in the events of a payment.

    Between the destruction of the key and its event, an address is shown as None.
    """
    events = [envelope.event for envelope in history]
    texts = {each.payer_email for each in events if isinstance(each, WithPayerEmail)}
    sealed = [text for text in texts if text is not None]
    erased = next((envelope for envelope in history if isinstance(envelope.event, PayerForgotten)), None)
    if erased is not None:
        at = erased.recorded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return dict.fromkeys(sealed, f"erased on {at}")
    opened = await data.open_all([(payment_id, text) for text in sealed])
    return dict(zip(sealed, opened, strict=True))


def show_payer(event: Event, payers: Mapping[str, str | None]) -> Event:
    """Return an event with the texts of `payers_in`."""
    if not isinstance(event, WithPayerEmail) or event.payer_email is None:
        return event
    return replace(event, payer_email=payers[event.payer_email])
