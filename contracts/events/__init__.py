"""Every event of the log.

An event is a frozen Struct in the file of its subject, named in the past tense, and is kept forever. When its shape
must change, raise `schema_version`, and add an upcaster from the old shape to `contracts/upcasters.py`.
Amounts are whole centavos; times carry their offset and are stored in UTC.
"""

from __future__ import annotations

from typing import Final, TypeGuard, TypeVar, cast

from msgspec.structs import replace

from contracts.events.idempotency import IdempotencyKeyUsed
from contracts.events.merchant import (
    ApiKeyIssued,
    ApiKeyRevoked,
    MerchantLogoRemoved,
    MerchantLogoSet,
    MerchantOriginsSet,
    MerchantProfileChanged,
    MerchantRegistered,
    MerchantRenamed,
    PixKeyRemoved,
    PixKeySet,
    ProductPriced,
    ProductWithdrawn,
    ProviderConnected,
    ProviderCredentialRotated,
    ProviderDisconnected,
    WebhookSecretRotated,
    WebhooksFailing,
    WebhooksRecovered,
)
from contracts.events.payment_alerts import AlertEnded, AlertRaised, AlertResolved
from contracts.events.payment_corrections import (
    CancellationRefused,
    CancellationRequested,
    MoneyAccepted,
    PaymentCancelled,
    PixReturned,
    RefundAccepted,
    RefundMade,
    RefundRefused,
    RefundRequested,
    RefundReversed,
)
from contracts.events.payment_observations import (
    ConfirmationRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    ObservationIgnored,
    ObservationMismatched,
    ObservationRecorded,
    PaymentExpired,
    PaymentReopened,
    StatusChanged,
    TransferNamed,
    WatchStarted,
)
from contracts.events.payment_opening import ChargeCreated, ChargeRefused, Item, PaymentOpened
from contracts.events.payment_privacy import PayerForgotten, PaymentHeld, PaymentReleased, TextHidden
from contracts.events.references import ReferenceTaken

__all__ = [
    "EVENTS",
    "EVENT_OF_TOPIC",
    "MERCHANT_EVENTS",
    "PAYMENT_EVENTS",
    "SEALED_FIELDS",
    "AlertEnded",
    "AlertRaised",
    "AlertResolved",
    "AnyEvent",
    "ApiKeyEvent",
    "ApiKeyIssued",
    "ApiKeyRevoked",
    "CancellationRefused",
    "CancellationRequested",
    "ChargeCreated",
    "ChargeRefused",
    "ConfirmationRefused",
    "DuplicatePaymentObserved",
    "Event",
    "EventOfOpened",
    "EventOfRegistered",
    "IdempotencyKeyUsed",
    "Item",
    "LatePaymentReceived",
    "MerchantEvent",
    "MerchantLogoRemoved",
    "MerchantLogoSet",
    "MerchantOriginsSet",
    "MerchantProfileChanged",
    "MerchantRegistered",
    "MerchantRenamed",
    "MoneyAccepted",
    "ObservationIgnored",
    "ObservationMismatched",
    "ObservationRecorded",
    "PayerForgotten",
    "PaymentCancelled",
    "PaymentEvent",
    "PaymentExpired",
    "PaymentHeld",
    "PaymentOpened",
    "PaymentReleased",
    "PaymentReopened",
    "PixKeyRemoved",
    "PixKeySet",
    "PixReturned",
    "ProductPriced",
    "ProductWithdrawn",
    "ProviderConnected",
    "ProviderCredentialRotated",
    "ProviderDisconnected",
    "ReferenceTaken",
    "RefundAccepted",
    "RefundMade",
    "RefundRefused",
    "RefundRequested",
    "RefundReversed",
    "StatusChanged",
    "TextHidden",
    "TransferNamed",
    "WatchStarted",
    "WebhookSecretRotated",
    "WebhooksFailing",
    "WebhooksRecovered",
    "facts_of",
    "is_of_merchant",
    "is_of_payment",
    "sealed_texts",
    "topic_of",
]

EventOfOpened = (
    ChargeCreated
    | ChargeRefused
    | ObservationRecorded
    | ObservationIgnored
    | ObservationMismatched
    | StatusChanged
    | DuplicatePaymentObserved
    | PaymentExpired
    | LatePaymentReceived
    | TransferNamed
    | MoneyAccepted
    | PixReturned
    | ConfirmationRefused
    | CancellationRequested
    | CancellationRefused
    | PaymentCancelled
    | RefundRequested
    | RefundAccepted
    | RefundMade
    | RefundRefused
    | RefundReversed
    | PaymentReopened
    | AlertRaised
    | AlertEnded
    | AlertResolved
    | WatchStarted
    | PayerForgotten
    | PaymentHeld
    | PaymentReleased
    | TextHidden
)
PaymentEvent = PaymentOpened | EventOfOpened
ApiKeyEvent = ApiKeyIssued | ApiKeyRevoked
EventOfRegistered = (
    MerchantRenamed
    | MerchantProfileChanged
    | MerchantLogoSet
    | MerchantLogoRemoved
    | MerchantOriginsSet
    | PixKeySet
    | PixKeyRemoved
    | ProviderConnected
    | ProviderCredentialRotated
    | WebhookSecretRotated
    | ProviderDisconnected
    | WebhooksFailing
    | WebhooksRecovered
    | ProductPriced
    | ProductWithdrawn
)
MerchantEvent = MerchantRegistered | EventOfRegistered | ApiKeyEvent
Event = PaymentEvent | MerchantEvent | IdempotencyKeyUsed | ReferenceTaken
AnyEvent = TypeVar("AnyEvent", bound=Event)

PAYMENT_EVENTS: Final[tuple[type[PaymentEvent], ...]] = PaymentEvent.__args__
MERCHANT_EVENTS: Final[tuple[type[MerchantEvent], ...]] = MerchantEvent.__args__
EVENTS: Final[tuple[type[Event], ...]] = (*PAYMENT_EVENTS, *MERCHANT_EVENTS, IdempotencyKeyUsed, ReferenceTaken)

_PAYMENT_EVENTS: Final[frozenset[type[Event]]] = frozenset(PAYMENT_EVENTS)
_MERCHANT_EVENTS: Final[frozenset[type[Event]]] = frozenset(MERCHANT_EVENTS)

# The sealed fields of events. Forgetting, its proof, exports and timelines go by this list; a test compares it with the
# classes of docs/privacy.md.
SEALED_FIELDS: Final[dict[type[Event], tuple[str, ...]]] = {
    PaymentOpened: ("payer_email", "metadata"),
    ObservationRecorded: ("payer_email",),
}


# `isinstance` with a tuple of Structs asks each of them, which takes microseconds, and read models ask for every event.
def is_of_payment(event: Event) -> TypeGuard[PaymentEvent]:
    """Return whether the event is one of a payment."""
    return type(event) in _PAYMENT_EVENTS


def is_of_merchant(event: Event) -> TypeGuard[MerchantEvent]:
    """Return whether the event is one of a merchant."""
    return type(event) in _MERCHANT_EVENTS


def sealed_texts(event: Event) -> dict[str, str]:
    """Return the sealed texts of an event, by field."""
    fields = SEALED_FIELDS.get(type(event), ())
    return {field: text for field in fields if (text := getattr(event, field)) is not None}


def topic_of(event_type: type[Event]) -> str:
    """Return an event type's name in the log's column `topic`, such as `StatusChanged.v2`."""
    return f"{event_type.__name__}.v{event_type.schema_version}"


EVENT_OF_TOPIC: Final[dict[str, type[Event]]] = {topic_of(event_type): event_type for event_type in EVENTS}


def facts_of(event: AnyEvent) -> tuple[AnyEvent | PaymentOpened | ChargeCreated, ...]:
    """Return the facts in an event, in order: a PaymentOpened with its charge is two facts, the intent and the charge.

    Each fold applies both, so that one event leads to the same payment as two events.
    """
    if type(event) is not PaymentOpened:
        return (event,)
    opened = cast("PaymentOpened", event)
    return (opened,) if opened.charge is None else (replace(opened, charge=None), opened.charge)
