"""The query and the answer of `GET /v1/statement`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api.request_fields import READER, Code, Reader, every_fault
from contracts.api.types import Currency
from contracts.statement_kinds import Kind
from contracts.v1.request_fields import MerchantQuery
from contracts.v1.types import (
    MAX_POSITION_LENGTH,
    AttemptId,
    MerchantSlug,
    Method,
    Moment,
    PaymentId,
    Provider,
    Reference,
)

DEFAULT_TIMEZONE: Final = "America/Sao_Paulo"
MAX_DAYS: Final = 366

GroupBy = Literal["none", "day", "method"]
Basis = Literal["moved", "recorded"]
Format = Literal["json", "csv"]
Locale = Literal["en", "pt-BR"]

Day = Annotated[date, Meta(extra=every_fault("invalid_date", reading="day"), examples=["2026-11-30"])]
Zone = Annotated[str, Meta(min_length=1, max_length=64, extra=every_fault("invalid_timezone", reading="zone"))]
_NO_POSITION: Final = Code("position_unknown")


_CHOICE: Final = Meta(extra=every_fault("invalid_choice"))


class StatementQuery(
    MerchantQuery, kw_only=True, forbid_unknown_fields=True, rename={"from_day": "from", "to_day": "to"}
):
    """The query of a statement."""

    from_day: Annotated[Day, Meta(description="The first day, in `timezone`.")]
    to_day: Annotated[Day, Meta(description=f"The last day, in `timezone`. A statement has at most {MAX_DAYS} days.")]
    timezone: Annotated[Zone, Meta(description="The time zone of the days, by its name in the IANA database.")] = (
        DEFAULT_TIMEZONE
    )
    basis: Annotated[
        Annotated[Basis, _CHOICE],
        Meta(
            description="The day of a line: `moved` is when the money moved, `recorded` when the hub recorded it. "
            "With `recorded`, no line is ever added to a past day."
        ),
    ] = "moved"
    group_by: Annotated[
        Annotated[GroupBy, _CHOICE],
        Meta(description="`none` lists every line. `day` and `method` have sums in place of lines."),
    ] = "none"
    format: Annotated[Annotated[Format, _CHOICE], Meta(description="The format of the answer.")] = "json"
    locale: Annotated[
        Annotated[Locale, _CHOICE],
        Meta(
            description="The words and numbers of a CSV. `pt-BR` is for spreadsheets in Portuguese: semicolons, "
            "decimal commas, and a byte order mark."
        ),
    ] = "en"
    as_of: Annotated[
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=MAX_POSITION_LENGTH,
                extra={
                    READER: Reader(
                        "exact",
                        missing=_NO_POSITION,
                        wrong_type=_NO_POSITION,
                        out_of_bounds=_NO_POSITION,
                        malformed=_NO_POSITION,
                    )
                },
            ),
        ]
        | None,
        Meta(
            description="The `as_of` of an earlier statement: the answer has the same bytes again. Without it, the "
            "answer has everything that the hub has recorded."
        ),
    ] = None


_KIND: Final = "The kind of a line; docs/guides/accounting.md explains them."
KindOfLine = Annotated[Kind, Meta(description=_KIND)]
Change = Annotated[
    int, Meta(description="The change of what the payments hold, in centavos; negative where money leaves them.")
]
DisputedChange = Annotated[int, Meta(description="The change of the money in open disputes, in centavos.")]
Balance = Annotated[int, Meta(description="What the payments hold, in centavos.")]
DisputedBalance = Annotated[int, Meta(description="The money in open disputes, in centavos.")]


class StatementLine(Struct, kw_only=True):
    """One movement of money.

    Amounts are signed. A line with `reversal` takes back what earlier lines of its kind had: the provider withdrew an
    approval, or took back a refund or a loss. A line in another currency than the statement's is in no sum.
    """

    object: Annotated[Literal["statement_line"], Meta(description="Always `statement_line`.")]
    id: Annotated[str, Meta(description="The id of the line; it never changes.", examples=["line_15_1"])]
    kind: KindOfLine
    reversal: Annotated[bool, Meta(description="True if the line takes back what earlier lines of its kind had.")]
    amount_centavos: Change
    disputed_centavos: DisputedChange
    currency: Currency
    booked_at: Annotated[Moment, Meta(description="When the money moved, as the provider or the bank reports it.")]
    recorded_at: Annotated[Moment, Meta(description="When the hub recorded the movement.")]
    payment_id: PaymentId
    attempt_id: AttemptId
    reference: Reference
    description: Annotated[str, Meta(description="The purpose of the payment, in one line.")]
    method: Method
    provider: Provider


class StatementTotal(Struct, kw_only=True):
    """The sum of the lines of one kind; reversals are subtracted."""

    kind: KindOfLine
    lines: Annotated[int, Meta(ge=1, description="The number of lines.")]
    amount_centavos: Change
    disputed_centavos: DisputedChange


class StatementDay(Struct, kw_only=True):
    """A day of a statement. The closing balance of a day is the opening balance of the next."""

    object: Annotated[Literal["statement_day"], Meta(description="Always `statement_day`.")]
    id: Annotated[str, Meta(description="The date.", extra_json_schema={"format": "date"})]
    opening_centavos: Balance
    closing_centavos: Balance
    opening_disputed_centavos: DisputedBalance
    closing_disputed_centavos: DisputedBalance
    totals: Annotated[list[StatementTotal], Meta(description="The sums by kind, without kinds that have no line.")]


class StatementMethod(Struct, kw_only=True):
    """The lines of one method of payment in a statement, as sums."""

    object: Annotated[Literal["statement_method"], Meta(description="Always `statement_method`.")]
    id: Method
    amount_centavos: Change
    disputed_centavos: DisputedChange
    totals: Annotated[list[StatementTotal], Meta(description="The sums by kind, without kinds that have no line.")]


class Statement(Struct, kw_only=True, rename={"from_day": "from", "to_day": "to"}):
    """The money of a merchant's payments over some days: balances, sums by kind, and lines or groups.

    Opening balance and all lines in the statement's currency add up to the closing balance.
    """

    object: Annotated[Literal["statement"], Meta(description="Always `statement`.")]
    id: Annotated[
        str,
        Meta(
            description="Merchant, days, `basis`, `timezone` and `group_by`. A statement at another `as_of` has "
            "the same `id`.",
            examples=["padaria-do-marcos_2026-11-01_2026-11-30_moved_America/Sao_Paulo_none"],
        ),
    ]
    merchant: MerchantSlug
    from_day: Annotated[str, Meta(description="The first day.", extra_json_schema={"format": "date"})]
    to_day: Annotated[str, Meta(description="The last day.", extra_json_schema={"format": "date"})]
    timezone: Annotated[str, Meta(description="The time zone of the days.")]
    basis: Annotated[Basis, Meta(description="What decides the day of a line.")]
    currency: Currency
    as_of: Annotated[
        str, Meta(description="The position of the log up to which the statement has every line. Send it to repeat it.")
    ]
    skipped_events: Annotated[
        int,
        Meta(ge=0, description="Events of the hub that the books could not apply. If it is not 0, ask the operator."),
    ]
    opening_centavos: Balance
    closing_centavos: Balance
    opening_disputed_centavos: DisputedBalance
    closing_disputed_centavos: DisputedBalance
    totals: Annotated[list[StatementTotal], Meta(description="The sums by kind, without kinds that have no line.")]
    lines: Annotated[
        list[StatementLine] | UnsetType,
        Meta(description="Every line, the oldest first; with `group_by=none`."),
    ] = UNSET
    days: Annotated[list[StatementDay] | UnsetType, Meta(description="Every day; with `group_by=day`.")] = UNSET
    methods: Annotated[
        list[StatementMethod] | UnsetType,
        Meta(description="Every method that has a line; with `group_by=method`."),
    ] = UNSET
