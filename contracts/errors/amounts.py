"""Errors of amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

# The unit price of an order's line has one sentence for every fault; the code names the fault.
UNIT_PRICE: Final = (
    "The unit price of '{name}' must be reais above zero, with at most two decimals.",
    "O preço unitário de '{name}' deve ser um valor em reais acima de zero, com até duas casas",
)

ENTRIES: Final[Mapping[str, Entry]] = {
    "amount_missing": entry(
        400,
        "The amount is missing.",
        "Falta o valor",
        cause="The field of the amount is absent or null.",
        remedy="Send the amount in reais.",
        field=("The field '{about}' is missing.", "Falta o campo '{about}'"),
    ),
    "amount_boolean": entry(
        400,
        "The amount must be a number, not true or false.",
        "O valor deve ser um número",
        cause="The amount is a JSON boolean.",
        remedy="Send a number.",
        unit_price=UNIT_PRICE,
    ),
    "amount_text": entry(
        400,
        "The amount must be a number, not a text: leave out the quotes.",
        "O valor deve ser um número, sem aspas",
        cause="The amount is a text.",
        remedy="Send the number without quotes.",
        unit_price=UNIT_PRICE,
    ),
    "amount_not_a_number": entry(
        400,
        "The amount must be a number.",
        "O valor deve ser um número",
        cause="The amount is an object or a list.",
        remedy="Send a number.",
        unit_price=UNIT_PRICE,
    ),
    "amount_nan": entry(
        400,
        "The amount must be a number, not NaN.",
        "O valor deve ser um número",
        cause="The amount is NaN.",
        remedy="Send a number.",
        unit_price=UNIT_PRICE,
    ),
    "amount_infinite": entry(
        400,
        "The amount must be finite.",
        "O valor deve ser um número finito",
        cause="The amount is infinite.",
        remedy="Send a finite number.",
        unit_price=UNIT_PRICE,
    ),
    "amount_zero": entry(
        400,
        "The amount must be above zero.",
        "O valor deve ser maior que zero",
        cause="The amount is zero.",
        remedy="Send an amount of at least 0.01.",
        unit_price=UNIT_PRICE,
    ),
    "amount_negative": entry(
        400,
        "The amount must not be negative.",
        "O valor não pode ser negativo",
        cause="The amount is below zero.",
        remedy="Send the amount without a sign.",
        unit_price=UNIT_PRICE,
    ),
    "amount_too_large": entry(
        400,
        "The amount must not be above {limit}.",
        "O valor passa do limite",
        cause="The amount or the order's total is above the limit of the operation.",
        remedy="Send a smaller amount.",
        order=("The order's total is above the limit.", "O total do pedido passa do limite"),
        unit_price=UNIT_PRICE,
    ),
    "amount_too_precise": entry(
        400,
        "The amount must have at most two decimals.",
        "O valor deve ter no máximo duas casas decimais",
        cause="The amount has fractions of a centavo.",
        remedy="Round to two decimals before sending.",
        unit_price=UNIT_PRICE,
    ),
}
