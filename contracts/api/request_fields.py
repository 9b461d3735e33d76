"""Types of the fields of requests: the values that each accepts, and the error code of each fault.

A type is the whole description of a field: the gateway reads bodies by it, and the OpenAPI document shows it. An amount
is a JSON number of reais with at most two decimals; the Struct has whole centavos. `msgspec.Meta` has the bounds that
JSON Schema can express. A `Reader` in `Meta.extra` has the rest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from contracts.errors import amounts

MAX_VALUE_CENTAVOS: Final = 100_000_000
"""R$ 1.000.000,00, the largest charge that the hub creates."""

MAX_REFUND_CENTAVOS: Final = 999_999_999_999
"""R$ 9.999.999.999,99, the largest amount of Banco Central's API Pix (ten digits, a point, two digits)."""

# C0, DEL, C1 and the marks that change the writing direction: these could make an amount or a name read differently.
_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_ONE_LINE: Final = rf"^[^{_CONTROLS}]*$"
_EMAIL: Final = rf"^[^@\s{_CONTROLS}]{{1,64}}@[^@\s.{_CONTROLS}]+(?:\.[^@\s.{_CONTROLS}]+)+$"
# `$` also matches before a line feed at the end of a Python text.
_AT_THE_END: Final = r"$(?!\n)"

READER: Final = "reader"
REAIS: Final = "reais"
"""The format of an amount: a number of reais in JSON, whole centavos in the Struct."""

Reading = Literal[
    "text",
    "name",
    "exact",
    "whole",
    "amount",
    "instant",
    "day",
    "zone",
    "cpf",
    "cnpj",
    "merchant_text",
    "colour",
    "document",
    "telephone",
    "contact_email",
    "origin",
]


class Code(NamedTuple):
    """An error of the catalogue. `why` picks one of the sentences of `code`; empty, it picks the usual one."""

    code: str
    why: str = ""


class Reader(NamedTuple):
    """How the gateway reads a value before it checks the bounds, and the error of each fault.

    `reading` is the way to read the value. A `text` is trimmed, and a blank one counts as absent. A `name` is a text in
    the form in which names are compared (`contracts.names`). `whole` accepts 2.0 as 2. An `amount` is reais up to
    `maximum_centavos`. An `instant` has an offset, a `day` is a date, a `zone` is a name of the IANA database. `cpf`
    and `cnpj` lose their mask. `exact` stays unchanged. The rules of a merchant's profile read the others.

    `missing` is the error of an absent value, `wrong_type` that of another JSON type. `out_of_bounds` is the error of a
    value that is too long, too short, too large or too small, `malformed` that of a text that does not match the
    pattern. The errors of an amount are in `contracts.errors.amounts`; `malformed.why` picks their sentence.
    """

    reading: Reading
    missing: Code
    wrong_type: Code
    out_of_bounds: Code
    malformed: Code
    maximum_centavos: int = 0

    @property
    def codes(self) -> set[str]:
        """The codes of a value that is present."""
        if self.reading == "amount":
            return amounts.ENTRIES.keys() - {"amount_missing"}
        return {self.wrong_type.code, self.out_of_bounds.code, self.malformed.code}


def _text(*, maximum: int, reading: Reading = "text", pattern: str = _ONE_LINE, **codes: Code) -> Meta:
    reader = Reader(
        reading,
        missing=codes.get("missing", Code("missing_field")),
        wrong_type=Code("invalid_text"),
        out_of_bounds=Code("text_too_long"),
        malformed=codes.get("malformed", Code("invalid_text", "control")),
    )
    return Meta(max_length=maximum, pattern=pattern, extra={READER: reader})


def _amount(*, maximum_centavos: int = MAX_VALUE_CENTAVOS, why: str = "") -> Meta:
    # Reading an amount finds the code of each fault, so the field gives only the sentence.
    sentence = Code("", why)
    reader = Reader(
        "amount",
        missing=Code("amount_missing", "field"),
        wrong_type=sentence,
        out_of_bounds=sentence,
        malformed=sentence,
        maximum_centavos=maximum_centavos,
    )
    # No `multipleOf`: validators that compute with binary floats would refuse 0.29 as a multiple of 0.01.
    schema = {"format": REAIS, "minimum": 0.01, "maximum": maximum_centavos / 100}
    return Meta(extra={READER: reader}, extra_json_schema=schema)


def every_fault(code: str, why: str = "", *, reading: Reading = "exact") -> dict[str, Reader]:
    """Make the `extra` of a field that has one error for every fault."""
    error = Code(code, why)
    return {READER: Reader(reading, missing=error, wrong_type=error, out_of_bounds=error, malformed=error)}


def non_empty_list(invalid: str, too_many: str) -> dict[str, Reader]:
    """Make the `extra` of a list with at least one item; a list that is too long has the code `too_many`."""
    error = Code(invalid)
    reader = Reader("exact", missing=error, wrong_type=error, out_of_bounds=Code(too_many), malformed=error)
    return {READER: reader}


Text = Annotated[str, _text(maximum=500)]
ShortText = Annotated[str, _text(maximum=200)]
Title = Annotated[str, _text(maximum=120)]
Identifier = Annotated[str, _text(maximum=64)]
ApiKeyName = Annotated[str, _text(maximum=60)]
Slug = Annotated[str, _text(maximum=64, missing=Code("missing_padaria_slug"))]
ProductName = Annotated[str, _text(maximum=120, reading="name", missing=Code("invalid_item", "nameless"))]
LineName = Annotated[str, _text(maximum=120, reading="name", missing=Code("invalid_item", "line"))]
Email = Annotated[str, _text(maximum=254, pattern=_EMAIL, malformed=Code("invalid_email"))]
CustomerEmail = Annotated[
    str, _text(maximum=254, pattern=_EMAIL, missing=Code("missing_email"), malformed=Code("invalid_email"))
]
Phone = Annotated[
    str, _text(maximum=30, pattern=r"^\+?(?:[ ().-]*[0-9]){8,15}" + _AT_THE_END, malformed=Code("invalid_phone"))
]
Person = Annotated[str, _text(maximum=254)]
PaymentNumber = Annotated[int, Meta(ge=1, le=2**47 - 1, extra=every_fault("invalid_payment_number", reading="whole"))]
Cpf = Annotated[str, _text(maximum=20, reading="cpf", malformed=Code("invalid_cpf"))]
Cnpj = Annotated[str, _text(maximum=20, reading="cnpj", malformed=Code("invalid_cnpj"))]
Amount = Annotated[int, _amount()]
UnitPrice = Annotated[int, _amount(why="unit_price")]
RefundAmount = Annotated[int, _amount(maximum_centavos=MAX_REFUND_CENTAVOS)]
Quantity = Annotated[int, Meta(ge=1, le=10_000, extra=every_fault("invalid_quantity", reading="whole"))]
Minutes = Annotated[int, Meta(ge=1, le=60 * 24 * 30, extra=every_fault("invalid_lifetime"))]
# Mercado Pago's documented window for a Pix begins at half an hour.
PixMinutes = Annotated[int, Meta(ge=30, le=60 * 24 * 30, extra=every_fault("invalid_lifetime"))]
Flag = Annotated[bool, Meta(extra=every_fault("invalid_flag"))]
BankPaymentId = Annotated[str, Meta(min_length=1, extra=every_fault("invalid_bank_payment_id"))]
EndToEndId = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9]{32}" + _AT_THE_END,
        description="Pix's id of a transfer (EndToEndId of Banco Central's API Pix).",
        extra=every_fault("invalid_end_to_end_id"),
    ),
]
# Pix's RtrId has 32 letters and digits, a bank's id of a return at most 35 (Banco Central's API Pix).
ReturnId = Annotated[str, Meta(pattern="^[!-~]{1,35}" + _AT_THE_END, extra=every_fault("invalid_return_id"))]
PaidAt = Annotated[datetime, Meta(tz=True, extra=every_fault("invalid_paid_at", "not_a_time", reading="instant"))]
HoldUntil = Annotated[datetime, Meta(tz=True, extra=every_fault("invalid_until", reading="instant"))]
ReturnedAt = Annotated[
    datetime, Meta(tz=True, extra=every_fault("invalid_returned_at", "not_a_time", reading="instant"))
]
ExpiresAt = Annotated[datetime, Meta(tz=True, extra=every_fault("invalid_expires_at", reading="instant"))]
# The merchant's origins decide which addresses are allowed; the length is that of the longest one.
ReturnUrl = Annotated[
    str, Meta(max_length=2_000, pattern="^[!-~]+" + _AT_THE_END, extra=every_fault("return_url_not_allowed"))
]
TokenExpiresAt = Annotated[
    datetime, Meta(tz=True, extra=every_fault("invalid_token_expires_at", "not_a_time", reading="instant"))
]
