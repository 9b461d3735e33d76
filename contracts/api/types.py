"""The types of fields that several answers share, each described once; a field that says more describes itself."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta

from contracts.payment_status import ALERT_NAMES, KNOWN
from contracts.subjects import MERCHANT_SLUG


def one_of(*words: str) -> dict[str, Any]:
    """Return what a schema says of a text that is one of these words; the type of the field stays `str`."""
    return {"enum": list(words)}


MERCHANT_SCOPES: Final = ("payments:write", "payments:read", "payments:refund", "confirm", "admin")
PIX_KEY_KINDS: Final = ("cpf", "cnpj", "phone", "email", "evp")
CONNECTED_PROVIDERS: Final = ("mercado_pago",)
PIX_APIS: Final = ("payments", "orders")
REFUND_STATES: Final = ("requested", "in_process", "made", "refused")

Success = Annotated[bool, Meta(description="Always true: an error has false.", extra_json_schema={"const": True})]
Message = Annotated[str, Meta(description="What was done, in a sentence for people.")]
Count = Annotated[int, Meta(ge=0, description="How many there are in the list.")]

# A bound on decimals is only described: `multipleOf` 0.01 is false of many a float that has two of them.
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
PaymentId = Annotated[int, Meta(ge=1, description="The number of the payment.")]
AttemptId = Annotated[
    str,
    Meta(
        description="The provider's id of one attempt to pay. Of a Pix to the merchant's own key it is the bank's "
        "`end_to_end_id` of the transfer, or the `bank_payment_id` while the bank has not named the transfer."
    ),
]
ExternalReference = Annotated[
    str, Meta(description="The hub's reference of the payment, which the provider receives.", max_length=64)
]
# It is no closed list: a provider may invent a status.
Status = Annotated[
    str,
    Meta(
        description="How the payment stands, in Mercado Pago's words. These are known: "
        + ", ".join(f"`{status}`" for status in sorted(KNOWN))
        + ". A provider may invent another one: treat it as under review.",
        examples=sorted(KNOWN),
    ),
]
StatusDetail = Annotated[
    str | None,
    Meta(
        description="Why the status is so; null where there is nothing to say. The hub itself says `accredited`, "
        "`partially_paid`, `other_currency`, `partially_refunded`, `partially_charged_back`, `expired`, `by_collector` "
        "and `charge_refused`; a provider may have any other word.",
        examples=["accredited"],
    ),
]
StatusLabel = Annotated[
    str,
    Meta(
        description="The status in Portuguese, for people; `Em Análise` for one that is not known.",
        examples=["Aprovado"],
    ),
]
Alert = Annotated[
    str,
    Meta(
        description="What somebody has to look into: docs/money.md tells what happened and what to do.",
        extra_json_schema=one_of(*sorted(ALERT_NAMES)),
    ),
]
OpenAlerts = Annotated[
    list[Alert], Meta(description="The open alerts of the payment, the oldest first; a payer is not shown them.")
]

Title = Annotated[str, Meta(description="What the order is called.")]
Description = Annotated[str, Meta(description="What is paid for, in a line.")]
OrderTotal = Annotated[Reais, Meta(description="The amount of the order in reais.")]
AmountDue = Annotated[Reais, Meta(description="What is to be paid, in reais.")]
OpenedAt = Annotated[Moment, Meta(description="When the payment was opened.")]
ExpiresAt = Annotated[Moment, Meta(description="Until when it can be paid.")]
PaidAt = Annotated[Moment | None, Meta(description="When it was paid; null while it is not.")]
PayerEmail = Annotated[
    str | None, Meta(description="The e-mail address of the payer; null where it is not known, and always to a payer.")
]
NewestAttemptId = Annotated[
    str | None,
    Meta(
        description="Mercado Pago's id of the attempt that the status is of, or else of the newest; null where there "
        "is none."
    ),
]
PreferenceId = Annotated[str | None, Meta(description="Mercado Pago's id of the link; null for a Pix.")]
CheckoutUrl = Annotated[
    Address | None,
    Meta(
        description="The provider's page to pay on; null where there is none, and while money is held that does not "
        "pay the charge."
    ),
]
StatusCheckUrl = Annotated[
    Address, Meta(description="Where to ask how the payment stands, with the token of the payer.")
]
PixPageUrl = Annotated[Address, Meta(description="The page of the code, with the token of the payer.")]
PixCode = Annotated[str, Meta(description="The code as text, to copy and paste.")]

HeldAmount = Annotated[
    Reais, Meta(description="Reais of the payment that the provider or the merchant's own account holds.")
]
RefundedAmount = Annotated[Reais, Meta(description="Reais of the payment that went back to the payer.")]
DisputedAmount = Annotated[
    Reais, Meta(description="Reais that the payer asks back of a bank or of Mercado Pago, while it is not decided.")
]
RefundState = Annotated[
    str,
    Meta(
        description="How the refund stands: `in_process` is taken by the provider and not made yet.",
        extra_json_schema=one_of(*REFUND_STATES),
    ),
]

ProviderName = Annotated[
    str, Meta(description="The name of the provider.", extra_json_schema=one_of(*CONNECTED_PROVIDERS))
]
PixApi = Annotated[
    str,
    Meta(
        description="Which of Mercado Pago's interfaces makes the account's Pix charges.",
        extra_json_schema=one_of(*PIX_APIS),
    ),
]
KeyId = Annotated[str, Meta(description="The id of the API key: the part before the secret.", examples=["a1b2c3d4"])]
KeyName = Annotated[str | None, Meta(description="What the key is for; null where the key has no name.")]
Scopes = Annotated[
    list[
        Annotated[str, Meta(description="One thing that the key may do.", extra_json_schema=one_of(*MERCHANT_SCOPES))]
    ],
    Meta(description="What the key may do."),
]
ListedPricesOnly = Annotated[
    bool, Meta(description="Whether the key charges the prices of the merchant's products only, and sets none.")
]
ErrorCode = Annotated[str, Meta(description="Names the error for programs; docs/errors.md has each code's remedy.")]
