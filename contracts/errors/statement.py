"""Errors of the statement's query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import Entry, entry

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTRIES: Final[Mapping[str, Entry]] = {
    "invalid_date": entry(
        400,
        "The parameter '{about}' must be a date from 2000-01-01 to 2099-12-31, such as 2026-11-30.",
        "O parâmetro '{about}' deve ser uma data de 2000-01-01 a 2099-12-31, como 2026-11-30",
        cause="The date is absent, has another form, or does not exist.",
        remedy="Send year, month and day, as in 2026-11-30.",
    ),
    "invalid_timezone": entry(
        400,
        "The parameter '{about}' must be a time zone of the IANA database, such as America/Sao_Paulo.",
        "O parâmetro '{about}' deve ser um fuso horário da base IANA, como America/Sao_Paulo",
        cause="The IANA database has no time zone of this name.",
        remedy="Send a name such as America/Sao_Paulo or UTC, or leave the parameter out.",
    ),
    "invalid_period": entry(
        400,
        "The parameter 'to' must not be before 'from'.",
        "O parâmetro 'to' não pode ser anterior a 'from'",
        cause="The period ends before it begins, or is too long.",
        remedy="Send the first day as `from` and the last day as `to`, and ask for longer periods in parts.",
        long=(
            "A statement has at most {maximum} days.",
            "Um extrato tem no máximo {maximum} dias",
        ),
    ),
    "invalid_choice": entry(
        400,
        "The parameter '{about}' must be one of these words: {choices}.",
        "O parâmetro '{about}' deve ser uma destas palavras: {choices}",
        cause="The parameter accepts only some words, and this is another one.",
        remedy="Send one of the words, or leave the parameter out.",
    ),
}
