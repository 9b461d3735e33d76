"""Errors of creations through `/v1`: fields that do not go together, and fields that no older route has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

ENTRIES: Final[Mapping[str, Entry]] = {
    "invalid_method": entry(
        400,
        "The method must be pix, mercado_pago_pix or mercado_pago_checkout.",
        "O método deve ser pix, mercado_pago_pix ou mercado_pago_checkout",
        cause="The field is absent, or is none of the words that it accepts.",
        remedy="Send one of these words.",
    ),
    "amount_or_items": entry(
        400,
        "Send 'amount_centavos' or 'items', and not both.",
        "Informe 'amount_centavos' ou 'items', e não os dois",
        cause="The request has no amount, or two: the items of an order add up to its amount.",
        remedy="Send the items, or the amount alone.",
    ),
    "missing_reference": entry(
        400,
        "With 'unique_reference', the field 'reference' is required.",
        "Com 'unique_reference', o campo 'reference' é obrigatório",
        cause="The request demands a unique reference, and has none.",
        remedy="Send the number of the order as `reference`.",
    ),
    "invalid_metadata": entry(
        400,
        "The field 'metadata' must be an object of at most 20 texts, with names of 1 to 40 characters and texts of at "
        "most 500.",
        "O campo 'metadata' deve ser um objeto com até 20 textos de até 500 caracteres, e chaves com até 40",
        cause="The field is not an object, has too many or too long texts, or a value is not a text.",
        remedy="Send fewer or shorter texts, and numbers in quotes.",
    ),
    "invalid_expires_at": entry(
        400,
        "The field 'expires_at' must be a time with its offset, such as 2026-11-22T12:30:00-03:00.",
        "O campo 'expires_at' deve ser um horário com fuso, como 2026-11-22T12:30:00-03:00",
        cause="The time has another form or no offset, or is too near or too far.",
        remedy="Send a time within the bounds, or `expires_in_s`.",
        bounds=(
            "The field 'expires_at' must be {minimum} to {maximum} seconds from now.",
            "O campo 'expires_at' deve ficar de {minimum} a {maximum} segundos no futuro",
        ),
    ),
    "two_expiries": entry(
        400,
        "Send 'expires_in_s' or 'expires_at', and not both.",
        "Informe 'expires_in_s' ou 'expires_at', e não os dois",
        cause="The request says twice when the payment expires.",
        remedy="Leave one of the two fields out.",
    ),
}
