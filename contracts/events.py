"""Every event of the log: what can happen to a payment and to a merchant.

An event is a frozen Struct, named in the past tense, and is kept forever. When its shape must
change, raise `schema_version`, and teach `contracts/upcasters.py` how the old shape becomes this one.
Amounts are whole centavos; times carry their offset and are stored in UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace


class Item(Struct, frozen=True):
    """One line of an order."""

    name: str
    quantity: int
    unit_price_centavos: int


# --- payment ------------------------------------------------------------------------------------


class PaymentOpened(Struct, frozen=True, kw_only=True):
    """A merchant asked for a payment.

    `charge` is set where the hub computes the charge itself: a Pix to the merchant's own key. Where it is None this is
    the intent, and a ChargeCreated or ChargeRefused follows with the provider's answer.

    `provider` is a name from `extrato/providers/registry.py`; `method` is `pix` for a code to scan or paste, or
    `checkout` for a page of the provider's. `bank_payment_id` is an unguessable identifier that carries the payment's
    number; `external_reference` is what the provider is told.
    """

    schema_version: ClassVar[int] = 3

    provider: str
    method: str
    amount_centavos: int
    currency: str
    title: str
    description: str
    items: tuple[Item, ...]
    external_reference: str
    bank_payment_id: str
    payer_email: str | None
    expires_at: datetime | None
    charge: ChargeCreated | None


class ChargeCreated(Struct, frozen=True, kw_only=True):
    """The provider holds a charge for the payment, and the payer can pay it.

    `charge_id` is the provider's id of it (a preference id, a payment id, an order id, a Pix txid); `attempt_id` is
    set where the charge is itself the one attempt to pay it, and is that attempt's id. `account_id` is the provider's
    name of the account that holds it: no other account's credential can tell of it. `pix_payload` is the BR Code text
    where the charge is a Pix.
    """

    # PaymentOpened holds this shape too: raise the versions of both.
    schema_version: ClassVar[int] = 2

    charge_id: str
    attempt_id: str | None
    account_id: str | None
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

    One payment may see several attempts (a refused card, then a Pix), of other amounts than its own or in another
    `currency`. `observed_at` is the provider's own time of its latest change; `evidence` is the SHA-256 of its answer,
    in hex.
    """

    schema_version: ClassVar[int] = 2

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    evidence: str | None


class ObservationIgnored(Struct, frozen=True, kw_only=True):
    """An observation moved nothing, because it is older than what is known: `reason` is `stale`.

    Older logs have `illegal_transition` as well. `ignored_at` is when the provider was asked, by the hub's clock; None
    where that was not noted. It is believed when the provider, asked for that attempt by its id at least a minute
    later, repeats it.
    """

    schema_version: ClassVar[int] = 2

    attempt_id: str
    status: str
    status_detail: str | None
    observed_at: datetime
    ignored_at: datetime | None
    reason: str
    evidence: str | None


class ObservationMismatched(Struct, frozen=True, kw_only=True):
    """An observation names another reference than the charge: it is of another payment, and left out of this one.

    Older logs have it for another amount or currency as well.
    """

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
    """A second attempt was paid while another already paid the whole: somebody must give money back."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    already_paid_by: str
    amount_centavos: int


class PaymentExpired(Struct, frozen=True, kw_only=True):
    """The time to pay ran out by the hub's clock."""

    schema_version: ClassVar[int] = 1

    expires_at: datetime


class LatePaymentReceived(Struct, frozen=True, kw_only=True):
    """Money came for a charge that was closed already.

    Of a direct Pix that was paid after its end this is all that tells of the money: it is held, and counts once it is
    accepted. Otherwise it stands beside the observation of the attempt. `attempt_id` is None only in older logs, where
    the bank did not name the transfer.
    """

    schema_version: ClassVar[int] = 3

    attempt_id: str | None
    amount_centavos: int
    received_at: datetime
    paid_at: datetime | None
    evidence: str | None


class TransferNamed(Struct, frozen=True, kw_only=True):
    """The bank names the transfer of a direct Pix that it had told of without a name: any other name is another one."""

    schema_version: ClassVar[int] = 1

    end_to_end_id: str


class MoneyAccepted(Struct, frozen=True, kw_only=True):
    """The merchant takes what is held, `amount_centavos`, as the payment, though it came late or is too little."""

    schema_version: ClassVar[int] = 1

    amount_centavos: int


class PixReturned(Struct, frozen=True, kw_only=True):
    """The merchant's bank gave money of a direct Pix back; `return_id` is the bank's name of that."""

    schema_version: ClassVar[int] = 1

    return_id: str
    attempt_id: str
    amount_centavos: int
    returned_at: datetime


class ConfirmationRefused(Struct, frozen=True, kw_only=True):
    """Somebody authorised confirmed another value than the charge's; the payment did not move."""

    schema_version: ClassVar[int] = 1

    expected_centavos: int
    received_centavos: int


class CancellationRequested(Struct, frozen=True, kw_only=True):
    """The merchant wants the payment closed. The provider has not said yes yet: this is the intent."""

    schema_version: ClassVar[int] = 1


class CancellationRefused(Struct, frozen=True, kw_only=True):
    """The payment could not be closed, because it was paid in time or the provider said no."""

    schema_version: ClassVar[int] = 1

    code: str
    reason: str


class PaymentCancelled(Struct, frozen=True, kw_only=True):
    """The merchant closed the payment; no way to pay it is left open that the hub knows of."""

    schema_version: ClassVar[int] = 1


class RefundRequested(Struct, frozen=True, kw_only=True):
    """The merchant gives money back for one attempt. The provider has not done it yet: this is the intent.

    `refund_id` is the hub's; the provider is given it as its idempotency key. `wish_id` is what the merchant asked
    for: one wish to give all back makes a refund of each attempt, and `is_all` says so. `reason` is the merchant's,
    for the books. `requested_at` tells this refund from one that the merchant made elsewhere before; None where that
    was not noted. `known_refunds` are the provider's ids of the attempt's refunds just before: none of them is this
    one. None where the provider did not tell.
    """

    schema_version: ClassVar[int] = 3

    refund_id: str
    wish_id: str
    attempt_id: str
    amount_centavos: int
    is_all: bool
    reason: str | None
    requested_at: datetime | None
    known_refunds: tuple[str, ...] | None


class RefundAccepted(Struct, frozen=True, kw_only=True):
    """The provider took the refund and has not made it yet; `provider_refund_id` is its id, where it told one."""

    schema_version: ClassVar[int] = 1

    refund_id: str
    provider_refund_id: str | None


class RefundMade(Struct, frozen=True, kw_only=True):
    """The provider made the refund; `provider_refund_id` is its id of it, where it told one.

    `made_at` is the provider's time, and later than an observation that does not show the refund yet; None in older
    logs.
    """

    schema_version: ClassVar[int] = 2

    refund_id: str
    provider_refund_id: str | None
    made_at: datetime | None


class RefundRefused(Struct, frozen=True, kw_only=True):
    """The provider said no to the refund; no money moved."""

    schema_version: ClassVar[int] = 1

    refund_id: str
    code: str
    reason: str


class RefundReversed(Struct, frozen=True, kw_only=True):
    """The provider tells that less of an attempt was given back than it did before: the money is held again."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    before_centavos: int
    after_centavos: int
    observed_at: datetime


class PaymentReopened(Struct, frozen=True, kw_only=True):
    """The provider withdrew an approval, and the charge can still be paid: the monitor watches it, and it can expire.

    `unsettled_attempts` are those of which money may still come.
    """

    schema_version: ClassVar[int] = 1

    provider: str
    external_reference: str
    own_attempt_id: str | None
    unsettled_attempts: tuple[str, ...]
    expires_at: datetime | None


class AlertRaised(Struct, frozen=True, kw_only=True):
    """Somebody has to look into the payment.

    `occurrence` identifies the cause: an attempt id, or an attempt id and a time. One alert is raised once for each.
    """

    schema_version: ClassVar[int] = 1

    alert: str
    occurrence: str


class AlertEnded(Struct, frozen=True, kw_only=True):
    """The cause of an alert is gone."""

    schema_version: ClassVar[int] = 1

    alert: str


class AlertResolved(Struct, frozen=True, kw_only=True):
    """The merchant has looked into all occurrences of an alert so far; another one raises it again."""

    schema_version: ClassVar[int] = 1

    alert: str
    reason: str


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


class MerchantRenamed(Struct, frozen=True, kw_only=True):
    """The merchant has another name or city; its slug stays."""

    schema_version: ClassVar[int] = 1

    name: str
    city: str


class PixKeySet(Struct, frozen=True, kw_only=True):
    """Where the merchant receives Pix; `kind` is cpf, cnpj, phone, email or evp."""

    schema_version: ClassVar[int] = 1

    kind: str
    key: str


class PixKeyRemoved(Struct, frozen=True, kw_only=True):
    """The merchant receives no Pix to a key of its own."""

    schema_version: ClassVar[int] = 1


class ProviderConnected(Struct, frozen=True, kw_only=True):
    """The merchant's account at a provider can be used; the credential itself is in the vault, never here.

    `credential_digest` is a SHA-256 over all parts of the credential, of which the access token is long and random.
    `pix_api` says which of Mercado Pago's APIs makes this account's Pix charges: `payments` or `orders`.
    """

    schema_version: ClassVar[int] = 2

    provider: str
    account_id: str
    credential_digest: str
    pix_api: str


class ProviderCredentialRotated(Struct, frozen=True, kw_only=True):
    """The connected account is opened by another credential."""

    schema_version: ClassVar[int] = 1

    provider: str
    credential_digest: str
    pix_api: str


class WebhookSecretRotated(Struct, frozen=True, kw_only=True):
    """The provider signs its notifications with another secret; `credential_digest` is that of the whole credential."""

    schema_version: ClassVar[int] = 1

    provider: str
    credential_digest: str


class ProviderDisconnected(Struct, frozen=True, kw_only=True):
    """The merchant's account at a provider can be used no more; its credential has left the vault."""

    schema_version: ClassVar[int] = 1

    provider: str


class ProductPriced(Struct, frozen=True, kw_only=True):
    """The merchant sells `name` at this price; names of products are compared in Unicode's form NFC."""

    schema_version: ClassVar[int] = 1

    name: str
    price_centavos: int


class ProductWithdrawn(Struct, frozen=True, kw_only=True):
    """The merchant sells `name` no more."""

    schema_version: ClassVar[int] = 1

    name: str


class ApiKeyIssued(Struct, frozen=True, kw_only=True):
    """A key may act for the merchant, or for the hub itself; only the SHA-256 of its random secret is kept.

    With `listed_prices_only` it charges what the merchant's products cost, and no other amount. `name` says for people
    what the key is for; None when that was not told.
    """

    schema_version: ClassVar[int] = 3

    key_id: str
    secret_digest: str
    scopes: tuple[str, ...]
    listed_prices_only: bool
    name: str | None


class ApiKeyRevoked(Struct, frozen=True, kw_only=True):
    """A key may act for nobody, for good."""

    schema_version: ClassVar[int] = 1

    key_id: str


class IdempotencyKeyUsed(Struct, frozen=True, kw_only=True):
    """A creation was asked for under a key of the caller's; it stands alone in the stream that the key names.

    The same request under the same key gives the same payment again; another request is refused.
    """

    schema_version: ClassVar[int] = 1

    request_digest: str
    opened_payment_id: int


def facts_of(event: AnyEvent) -> tuple[AnyEvent | PaymentOpened | ChargeCreated, ...]:
    """Give the facts in an event, in order: a PaymentOpened with its charge is the intent, then the charge.

    Each fold applies both facts, so that one event and two events lead to the same payment.
    """
    if isinstance(event, PaymentOpened) and event.charge is not None:
        return replace(event, charge=None), event.charge
    return (event,)


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
)
PaymentEvent = PaymentOpened | EventOfOpened
ApiKeyEvent = ApiKeyIssued | ApiKeyRevoked
EventOfRegistered = (
    MerchantRenamed
    | PixKeySet
    | PixKeyRemoved
    | ProviderConnected
    | ProviderCredentialRotated
    | WebhookSecretRotated
    | ProviderDisconnected
    | ProductPriced
    | ProductWithdrawn
)
MerchantEvent = MerchantRegistered | EventOfRegistered | ApiKeyEvent
Event = PaymentEvent | MerchantEvent | IdempotencyKeyUsed
AnyEvent = TypeVar("AnyEvent", bound=Event)

PAYMENT_EVENTS: Final[tuple[type[PaymentEvent], ...]] = PaymentEvent.__args__
MERCHANT_EVENTS: Final[tuple[type[MerchantEvent], ...]] = MerchantEvent.__args__
EVENTS: Final[tuple[type[Event], ...]] = (*PAYMENT_EVENTS, *MERCHANT_EVENTS, IdempotencyKeyUsed)


def topic_of(event_type: type[Event]) -> str:
    """Name an event type in the log's `topic` column, such as `StatusChanged.v2`."""
    return f"{event_type.__name__}.v{event_type.schema_version}"


EVENT_OF_TOPIC: Final[dict[str, type[Event]]] = {topic_of(event_type): event_type for event_type in EVENTS}
