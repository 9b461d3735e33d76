"""Errors of writing and reading BR Codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

# Only the issuer of a code can correct it.
READ: Final = "Copy the whole code again from the system that issued it."

ENTRIES: Final[Mapping[str, Entry]] = {
    "brcode_invalid_pix_key": entry(
        400,
        "The Pix key must have 1 to 77 printable ASCII characters and no blanks.",
        "A chave Pix deve ter de 1 a 77 caracteres ASCII visíveis, sem espaços",
        cause="The merchant's Pix key does not fit in a BR Code.",
        remedy="Set the merchant's Pix key again.",
    ),
    "brcode_empty_receiver_name": entry(
        400,
        "The receiver's name must have a letter, digit or sign that exists in ASCII.",
        "O nome do recebedor deve ter alguma letra, algarismo ou sinal",
        cause="No character of the merchant's name exists in ASCII, which BR Codes use.",
        remedy="Rename the merchant.",
    ),
    "brcode_empty_receiver_city": entry(
        400,
        "The receiver's city must have a letter, digit or sign that exists in ASCII.",
        "A cidade do recebedor deve ter alguma letra, algarismo ou sinal",
        cause="No character of the merchant's city exists in ASCII, which BR Codes use.",
        remedy="Correct the merchant's city.",
    ),
    "brcode_invalid_txid": entry(
        400,
        "The txid of a static code must have 1 to 25 letters and digits, or be '***' for no txid.",
        "O txid de um código estático deve ter de 1 a 25 letras e algarismos, ou ser '***'",
        cause="The identifier has other characters, or is too long.",
        remedy="Use another identifier.",
    ),
    "brcode_invalid_amount": entry(
        400,
        "The amount must be absent, or from 1 to {maximum} centavos.",
        "O valor deve estar ausente ou ser de 1 a {maximum} centavos",
        cause="The amount does not fit in a BR Code.",
        remedy="Use another amount.",
        field=(
            "Field 54 must contain an amount above zero, written like 123.45.",
            "O campo 54 deve ter um valor acima de zero, escrito como 123.45",
        ),
    ),
    "brcode_too_long": entry(
        400,
        "A BR Code has at most {maximum} characters.",
        "Um BR Code tem no máximo {maximum} caracteres",
        cause="The text is longer than a BR Code.",
        remedy=READ,
    ),
    "brcode_unprintable": entry(
        400,
        "A BR Code is one line of printable characters.",
        "Um BR Code é uma linha de caracteres visíveis",
        cause="The text has line breaks or control characters.",
        remedy=READ,
    ),
    "brcode_wrong_crc": entry(
        400,
        "The CRC at the end does not match the text: part of the text was changed or cut off.",
        "O código verificador no fim não confere com o texto: parte dele foi mudada ou cortada",
        cause="The text was changed or cut.",
        remedy=READ,
    ),
    "brcode_malformed": entry(
        400,
        "The text is not a list of fields with a two-digit id, a two-digit length and a value.",
        "O texto não é uma sequência de campos com número e tamanho de dois algarismos e valor",
        cause="The text is not a BR Code.",
        remedy=READ,
        empty=("The text has no field.", "O texto não tem nenhum campo"),
    ),
    "brcode_repeated_field": entry(
        400,
        "Field {about} appears twice, but is allowed only once.",
        "O campo {about} aparece duas vezes onde só pode aparecer uma",
        cause="The code has a field twice.",
        remedy=READ,
    ),
    "brcode_missing_field": entry(
        400,
        "Field {about} is missing: {content}.",
        "Falta o campo {about}",
        cause="The code lacks a required field.",
        remedy=READ,
    ),
    "brcode_invalid_field": entry(
        400,
        "Field {about} must contain {content}.",
        "O campo {about} não tem o conteúdo devido",
        cause="The content of a field differs from the BR Code manual.",
        remedy=READ,
        address=(
            "The Pix key or a URL does not have the form that the BR Code manual requires.",
            "A chave Pix ou um endereço não está escrito como o manual exige",
        ),
        frame=(
            "A BR Code begins with field 00, which contains 01, and ends with field 63, the CRC.",
            "Um BR Code começa com o campo 00, com 01, e termina com o campo 63, o código verificador",
        ),
    ),
    "brcode_not_pix": entry(
        400,
        "Exactly one of the fields 26 to 51 must be the account of {account}; the code has {found}.",
        "Um dos campos de 26 a 51 deve ser a conta de {account}, e {found} são",
        cause="The code is not a Pix code, or names two accounts.",
        remedy=READ,
    ),
    "brcode_key_or_url": entry(
        400,
        "A code must have a Pix key (static), a location URL (dynamic) or the URL of a recurrence, but not "
        "both a key and a location URL.",
        "O código deve ter uma chave Pix (estático), um endereço (dinâmico) ou o endereço de uma recorrência, e não "
        "uma chave e um endereço ao mesmo tempo",
        cause="The code has no Pix key and no URL, or has both a key and a location URL.",
        remedy=READ,
    ),
}
