"""Errors of lists: filters with values that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry
from contracts.payment_status import ALERT_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

_ALERTS: Final = ", ".join(sorted(ALERT_NAMES))

ENTRIES: Final[Mapping[str, Entry]] = {
    "invalid_provider": entry(
        400,
        "The provider must be pix or mercado_pago.",
        "O provedor deve ser pix ou mercado_pago",
        cause="The parameter is none of these words.",
        remedy="Send one of these words.",
    ),
    "invalid_alert": entry(
        400,
        f"The alert must be one of: {_ALERTS}.",
        f"O alerta deve ser um de: {_ALERTS}",
        cause="No payment can have an alert of this name.",
        remedy="Send the name of an alert.",
    ),
    "invalid_order": entry(
        400,
        "The order must be newest_first or oldest_first.",
        "A ordem deve ser newest_first ou oldest_first",
        cause="The parameter is none of these words.",
        remedy="Send one of these words.",
    ),
    "invalid_time": entry(
        400,
        "The parameter '{about}' must be a time with its offset, such as 2026-11-22T12:30:00Z.",
        "O parâmetro '{about}' deve ser um horário com fuso, como 2026-11-22T12:30:00Z",
        cause="The text has another form, or no offset. In an address, a plain `+` is read as a blank.",
        remedy="Send a time with `Z`, or write the `+` of an offset as `%2B`.",
    ),
    "invalid_range": entry(
        400,
        "The parameter '{about}' must not be beyond '{end}'.",
        "O parâmetro '{about}' não pode passar de '{end}'",
        cause="The beginning of a range is after its end.",
        remedy="Exchange the two values, or correct one of them.",
    ),
    "no_words": entry(
        400,
        "The parameter '{about}' has no word to search for.",
        "O parâmetro '{about}' não tem nenhuma palavra para buscar",
        cause="The text has no letter and no digit.",
        remedy="Send at least one word, or leave the parameter out.",
    ),
}
