"""Every event of the log: what can happen to a payment and to a merchant.

An event is a frozen Struct, named in the past tense, and is kept forever. When its shape must
change, raise `schema_version`, and teach `contracts/upcasters.py` how the old shape becomes this one.
Amounts are whole centavos; times carry their offset and are stored in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final

from msgspec import Struct


class Item(Struct, frozen=True):
    """One line of an order."""

    name: str
    quantity: int
    unit_price_centavos: int


# --- payment ------------------------------------------------------------------------------------


class PaymentOpened(Struct, frozen=True, kw_only=True):
    """A merchant asked for a payment. Nothing was asked of a provider yet: this is the intent.

    `provider` is a name from `extrato/providers/registry.py`; `bank_payment_id` is an unguessable
    identifier that carries the payment's number; `external_reference` is what the provider is told.
    """

    schema_version: ClassVar[int] = 1

    provider: str
    amount_centavos: int
    currency: str
    title: str
    description: str
    items: tuple[Item, ...]
    external_reference: str
    bank_payment_id: str
    payer_email: str | None
    expires_at: datetime | None


class ChargeCreated(Struct, frozen=True, kw_only=True):
    """The provider holds a charge for the payment, and the payer can pay it.

    `charge_id` is the provider's id of it (a preference id, a Pix txid); `pix_payload` is the BR Code
    text where the charge is a Pix.
    """

    schema_version: ClassVar[int] = 1

    charge_id: str
    checkout_url: str | None
    sandbox_url: str | None
    pix_payload: str | None


class ChargeRefused(Struct, frozen=True, kw_only=True):
    """The provider said no to the charge, for good; the payment can never be paid."""

    schema_version: ClassVar[int] = 1

    code: str
    reason: str


class ObservationRecorded(Struct, frozen=True, kw_only=True):
    """A provider told us, when we asked it, how one attempt to pay stands.

    One payment may see several attempts (a refused card, then a Pix). `observed_at` is the provider's
    own time of its latest change; `evidence` is the SHA-256 of its answer, in hex.
    """

    schema_version: ClassVar[int] = 1

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    evidence: str | None


class ObservationIgnored(Struct, frozen=True, kw_only=True):
    """An observation moved nothing; `reason` is `stale` or `illegal_transition`."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    status: str
    status_detail: str | None
    observed_at: datetime
    reason: str
    evidence: str | None


class ObservationMismatched(Struct, frozen=True, kw_only=True):
    """An observation names another amount, currency or reference than the charge: never a payment of it."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    field: str
    expected: str
    observed: str
    status: str
    observed_at: datetime
    evidence: str | None


class StatusChanged(Struct, frozen=True, kw_only=True):
    """The payment as a whole moved from one status to another.

    Statuses are Mercado Pago's words for every provider: pending, authorized, in_process, approved,
    in_mediation, rejected, cancelled, refunded, charged_back; a provider may invent more.
    """

    schema_version: ClassVar[int] = 2

    previous: str
    status: str
    status_detail: str | None
    attempt_id: str | None
    paid_at: datetime | None


class DuplicatePaymentObserved(Struct, frozen=True, kw_only=True):
    """A second attempt was paid while another already had been: somebody must give money back."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    already_paid_by: str
    amount_centavos: int


class PaymentExpired(Struct, frozen=True, kw_only=True):
    """The time to pay ran out by the hub's clock."""

    schema_version: ClassVar[int] = 1

    expires_at: datetime


class LatePaymentReceived(Struct, frozen=True, kw_only=True):
    """The bank confirmed money for a charge that had expired; the money must be returned or accepted by hand."""

    schema_version: ClassVar[int] = 1

    amount_centavos: int
    received_at: datetime


class ConfirmationRefused(Struct, frozen=True, kw_only=True):
    """Somebody authorised confirmed another value than the charge's; the payment did not move."""

    schema_version: ClassVar[int] = 1

    expected_centavos: int
    received_centavos: int


class WatchStarted(Struct, frozen=True, kw_only=True):
    """The monitor asks the provider about this payment every few seconds until `watch_until` or a final status."""

    schema_version: ClassVar[int] = 1

    watch_until: datetime


# --- merchant -----------------------------------------------------------------------------------


class MerchantRegistered(Struct, frozen=True, kw_only=True):
    """A merchant exists; `slug` is its name in URLs and subjects."""

    schema_version: ClassVar[int] = 1

    slug: str
    name: str
    city: str


class PixKeySet(Struct, frozen=True, kw_only=True):
    """Where the merchant receives Pix; `kind` is cpf, cnpj, phone, email or evp."""

    schema_version: ClassVar[int] = 1

    kind: str
    key: str


class ProviderConnected(Struct, frozen=True, kw_only=True):
    """The merchant's account at a provider can be used; the credential itself is in the vault, never here."""

    schema_version: ClassVar[int] = 1

    provider: str
    account_id: str
    credential_digest: str


class ProductPriced(Struct, frozen=True, kw_only=True):
    """The merchant sells `name` at this price."""

    schema_version: ClassVar[int] = 1

    name: str
    price_centavos: int


class ApiKeyIssued(Struct, frozen=True, kw_only=True):
    """A key may act for the merchant; only the SHA-256 of its secret is kept."""

    schema_version: ClassVar[int] = 1

    key_id: str
    secret_digest: str
    scopes: tuple[str, ...]


class IdempotencyKeyUsed(Struct, frozen=True, kw_only=True):
    """A creation was asked for under a key of the caller's; it stands alone in the stream that the key names.

    The same request under the same key gives the same payment again; another request is refused.
    """

    schema_version: ClassVar[int] = 1

    request_digest: str
    opened_payment_id: int


PaymentEvent = (
    PaymentOpened
    | ChargeCreated
    | ChargeRefused
    | ObservationRecorded
    | ObservationIgnored
    | ObservationMismatched
    | StatusChanged
    | DuplicatePaymentObserved
    | PaymentExpired
    | LatePaymentReceived
    | ConfirmationRefused
    | WatchStarted
)
MerchantEvent = MerchantRegistered | PixKeySet | ProviderConnected | ProductPriced | ApiKeyIssued
Event = PaymentEvent | MerchantEvent | IdempotencyKeyUsed

PAYMENT_EVENTS: Final[tuple[type[PaymentEvent], ...]] = PaymentEvent.__args__
MERCHANT_EVENTS: Final[tuple[type[MerchantEvent], ...]] = MerchantEvent.__args__
EVENTS: Final[tuple[type[Event], ...]] = (*PAYMENT_EVENTS, *MERCHANT_EVENTS, IdempotencyKeyUsed)


def topic_of(event_type: type[Event]) -> str:
    """Name an event type in the log's `topic` column, such as `StatusChanged.v2`."""
    return f"{event_type.__name__}.v{event_type.schema_version}"


EVENT_OF_TOPIC: Final[dict[str, type[Event]]] = {topic_of(event_type): event_type for event_type in EVENTS}
