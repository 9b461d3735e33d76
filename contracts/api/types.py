"""The types of fields that several answers share."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from msgspec import Meta

from contracts.envelope import ACTORS
from contracts.events import PAYMENT_EVENTS
from contracts.payment_status import ALERT_NAMES, KNOWN, REFUND_STATES
from contracts.providers import CONNECTED_PROVIDERS, PIX_APIS
from contracts.subjects import MERCHANT_SLUG


def one_of(*words: str) -> dict[str, Any]:
    """Return the JSON Schema of a text that is one of these words; the type of the field stays `str`."""
    return {"enum": list(words)}


MerchantScope = Literal["payments:write", "payments:read", "payments:refund", "confirm", "admin"]
MERCHANT_SCOPES: Final[tuple[MerchantScope, ...]] = get_args(MerchantScope)
EVENT_NAMES: Final = tuple(event.__name__ for event in PAYMENT_EVENTS)
PIX_KEY_KINDS: Final = ("cpf", "cnpj", "phone", "email", "evp")

Success = Annotated[bool, Meta(description="Always true; errors have false.", extra_json_schema={"const": True})]
Message = Annotated[str, Meta(description="The result, in a sentence for people.")]
Count = Annotated[int, Meta(ge=0, description="The length of the list.")]

# No `multipleOf`: validators that compute with binary floats would refuse 0.29 as a multiple of 0.01.
Reais = Annotated[float, Meta(ge=0, description="An amount in reais with at most two decimals.")]
Currency = Annotated[str, Meta(description="The currency of the amounts, by ISO 4217.", examples=["BRL"])]
Moment = Annotated[
    str,
    Meta(
        description="ISO 8601: the time in Brasília with microseconds and offset.",
        examples=["2026-01-12T10:00:00.000000-03:00"],
        extra_json_schema={"format": "date-time"},
    ),
]
Address = Annotated[str, Meta(description="An address.", extra_json_schema={"format": "uri"})]

Slug = Annotated[
    str,
    Meta(
        description="The slug of the merchant: its name in addresses and subjects.",
        pattern=f"^{MERCHANT_SLUG.pattern}$",
        examples=["padaria-do-marcos"],
    ),
]
MerchantName = Annotated[str, Meta(description="The name of the merchant, which payers see.")]
PaymentId = Annotated[int, Meta(ge=1, description="The payment's number.")]
AttemptId = Annotated[
    str,
    Meta(
        description="The provider's id of one attempt. For a direct Pix it is the transfer's `end_to_end_id`, or the "
        "`bank_payment_id` while the bank has not named the transfer."
    ),
]
ExternalReference = Annotated[
    str, Meta(description="The hub's identifier of the payment at the provider.", max_length=64)
]
# The list is open: a provider may invent a status.
Status = Annotated[
    str,
    Meta(
        description="The status, in Mercado Pago's words. Known statuses: "
        + ", ".join(f"`{status}`" for status in sorted(KNOWN))
        + ". A provider may send another one: treat it as under review.",
        examples=sorted(KNOWN),
    ),
]
StatusDetail = Annotated[
    str | None,
    Meta(
        description="The reason for the status; null if there is none. The hub uses `accredited`, `partially_paid`, "
        "`other_currency`, `partially_refunded`, `partially_charged_back`, `expired`, `by_collector` and "
        "`charge_refused`; a provider may use any other word.",
        examples=["accredited"],
    ),
]
StatusLabel = Annotated[
    str,
    Meta(
        description="The status in Portuguese, for people; `Em Análise` for an unknown status.",
        examples=["Aprovado"],
    ),
]
Alert = Annotated[
    str,
    Meta(
        description="A situation that a person must look at; docs/reference/money.md has the cause and remedy of each.",
        extra_json_schema=one_of(*sorted(ALERT_NAMES)),
    ),
]
OpenAlerts = Annotated[
    list[Alert], Meta(description="The open alerts of the payment, the oldest first; empty for a payer.")
]

Title = Annotated[str, Meta(description="The title of the order.")]
Description = Annotated[str, Meta(description="The purpose of the payment, in one line.")]
OrderTotal = Annotated[Reais, Meta(description="The total of the order, in reais.")]
AmountDue = Annotated[Reais, Meta(description="The amount of the charge, in reais.")]
OpenedAt = Annotated[Moment, Meta(description="When the payment was opened.")]
ExpiresAt = Annotated[Moment, Meta(description="When the charge expires.")]
PaidAt = Annotated[Moment | None, Meta(description="When the payment was paid; null if it is not paid.")]
PayerEmail = Annotated[
    str | None,
    Meta(
        description="The payer's e-mail address; null if unknown or erased, and always null for a payer. `unreadable` "
        "if the payment's key is lost."
    ),
]
NewestAttemptId = Annotated[
    str | None,
    Meta(
        description="Mercado Pago's id of the attempt that decides the status, or else of the newest attempt; null if "
        "there is none."
    ),
]
PreferenceId = Annotated[str | None, Meta(description="Mercado Pago's id of the payment link; null for a Pix.")]
CheckoutUrl = Annotated[
    Address | None,
    Meta(
        description="The provider's page on which the payer pays. Null if there is none, and while the payment holds "
        "money that does not pay the charge."
    ),
]
StatusCheckUrl = Annotated[Address, Meta(description="The address of the payment's status, with the payer's token.")]
PixPageUrl = Annotated[Address, Meta(description="The payer link: the page with the code, with the payer's token.")]
PixCode = Annotated[str, Meta(description="The Pix code as text, to copy and paste.")]

HeldAmount = Annotated[Reais, Meta(description="The money of the payment that the merchant has, in reais.")]
RefundedAmount = Annotated[Reais, Meta(description="The money that was refunded to the payer, in reais.")]
DisputedAmount = Annotated[
    Reais, Meta(description="The money in an open dispute of the payer's bank or of Mercado Pago, in reais.")
]
RefundState = Annotated[
    str,
    Meta(
        description="The state of the refund. `in_process`: the provider accepted it and has not made it yet.",
        extra_json_schema=one_of(*REFUND_STATES),
    ),
]

ProviderName = Annotated[
    str, Meta(description="The name of the provider.", extra_json_schema=one_of(*CONNECTED_PROVIDERS))
]
PixApi = Annotated[
    str,
    Meta(
        description="The API of Mercado Pago that creates the account's Pix charges.",
        extra_json_schema=one_of(*PIX_APIS),
    ),
]
KeyId = Annotated[str, Meta(description="The id of the API key: the part before the secret.", examples=["a1b2c3d4"])]
KeyName = Annotated[str | None, Meta(description="The purpose of the key; null if the key has no name.")]
Scopes = Annotated[
    list[Annotated[str, Meta(description="One scope.", extra_json_schema=one_of(*MERCHANT_SCOPES))]],
    Meta(description="The operations that the key may call."),
]
ListedPricesOnly = Annotated[
    bool, Meta(description="True if the key only charges the prices of the merchant's products.")
]
EventVersion = Annotated[int, Meta(ge=1, description="The place of the event in the payment, counted from 1.")]
EventName = Annotated[str, Meta(description="The name of the event.", extra_json_schema=one_of(*EVENT_NAMES))]
EventId = Annotated[str, Meta(description="The id of the event.", extra_json_schema={"format": "uuid"})]
Actor = Annotated[str, Meta(description="The actor that caused the event.", extra_json_schema=one_of(*ACTORS))]
CorrelationId = Annotated[str, Meta(description="The id of the request or delivery; all its effects have the same id.")]
CausationId = Annotated[
    str | None, Meta(description="The event or message that led to this event; null if there is none.")
]
EventFields = Annotated[
    Any, Meta(description="The fields of the event; its schema in the AsyncAPI document has its name.")
]
ErrorCode = Annotated[str, Meta(description="The error code; docs/errors.md has each code's cause and remedy.")]
