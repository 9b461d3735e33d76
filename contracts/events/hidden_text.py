"""Hides the text that the merchant wrote about a payment, which may name the payer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from contracts.events.payment_alerts import AlertResolved
from contracts.events.payment_corrections import RefundRequested
from contracts.events.payment_opening import ChargeCreated, PaymentOpened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.events import Event
    from contracts.events.payment_opening import Item

# What payers and merchants see in the place of a hidden text.
HIDDEN_TEXT: Final = "Texto apagado"


def hide(text: str) -> str:
    """Return what is shown for a hidden text; an empty text stays empty."""
    return HIDDEN_TEXT if text else text


def hide_names(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return items without their names; quantities and prices stay."""
    return tuple([replace(item, name=hide(item.name)) for item in items])


def hide_text(event: Event) -> Event:
    """Return an event of a payment without the merchant's text."""
    match event:
        case PaymentOpened():
            return hide_intent(event)
        case ChargeCreated():
            return hide_in_code(event)
        case RefundRequested():
            return event if event.reason is None else replace(event, reason=hide(event.reason))
        case AlertResolved():
            return replace(event, reason=hide(event.reason))
        case _:
            return event


def hide_intent(intent: PaymentOpened) -> PaymentOpened:
    """Return a payment's intent without the merchant's text. The reference stays: it names the merchant's order."""
    return replace(
        intent,
        title=hide(intent.title),
        description=hide(intent.description),
        items=hide_names(intent.items),
        return_url=None,
        charge=None if intent.charge is None else hide_in_code(intent.charge),
    )


def hide_in_code(charge: ChargeCreated) -> ChargeCreated:
    """Return a charge without its BR Code: the code of a direct Pix contains the description."""
    return replace(charge, pix_payload=None)
