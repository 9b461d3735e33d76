"""Documents that the projections build from events, and that the gateway serves.

A field with its default is not stored, because most payments never have most values. Older rows may lack it too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from contracts.events import Item

# The read models that every hub has; a test compares them with the registry of the projections.
READ_MODEL_NAMES: Final = (
    "merchants",
    "open_payments",
    "open_requests",
    "payment_details",
    "merchant_positions",
    "statement",
)


class AttemptDetails(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt and its money, in centavos of the attempt's currency."""

    attempt_id: str
    status: str
    status_detail: str | None = None
    amount_centavos: int
    held_centavos: int = 0
    refunded_centavos: int = 0
    disputed_centavos: int = 0
    currency: str
    paid_at: datetime | None = None


class PaymentDetails(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment, as of `position`.

    `attempt_id` is the attempt that decides the payment's status; `newest_attempt_id` is the attempt that began last.
    `alerts` are situations that a person must look at. The held, refunded and disputed amounts are sums over the
    attempts in the charge's currency. `payer_email` and `metadata` are sealed with the payment's key; at `erased_at`
    the payer was forgotten.
    """

    payment_id: int
    merchant: str
    provider: str
    method: str
    status: str
    status_detail: str | None = None
    amount_centavos: int
    held_centavos: int = 0
    refunded_centavos: int = 0
    disputed_centavos: int = 0
    currency: str
    attempts: tuple[AttemptDetails, ...] = ()
    title: str
    description: str
    items: tuple[Item, ...]
    external_reference: str
    bank_payment_id: str
    charge_id: str | None = None
    attempt_id: str | None = None
    newest_attempt_id: str | None = None
    checkout_url: str | None = None
    sandbox_url: str | None = None
    pix_payload: str | None = None
    payer_email: str | None = None
    paid_at: datetime | None = None
    expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    alerts: tuple[str, ...] = ()
    position: int
    erased_at: datetime | None = None
    reference: str | None = None
    metadata: str | None = None
    return_url: str | None = None


class OpenPayment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment that may still be paid or change its status, as the monitor needs it.

    The monitor asks for the payment in the fast lane until `watch_until`. `unsettled_attempts` are the provider's ids
    of attempts that are neither paid nor refused. `own_attempt_id` is set if the charge itself is an attempt. A payment
    with `settled` was paid; it is open only because another attempt may also take money.
    """

    payment_id: int
    merchant: str
    provider: str
    external_reference: str
    status: str = "pending"
    charged: bool = False
    opened_at: datetime
    watch_until: datetime | None = None
    expires_at: datetime | None = None
    unsettled_attempts: tuple[str, ...] = ()
    own_attempt_id: str | None = None
    settled: bool = False


class OpenRequest(Struct, frozen=True, kw_only=True):
    """A payment with a cancellation or refunds that the provider has not answered yet.

    `refunds` are the hub's ids of refunds; `requested_at` is the time of the oldest request.
    """

    payment_id: int
    merchant: str
    cancellation: bool
    refunds: tuple[str, ...]
    requested_at: datetime


class MerchantPixKey(Struct, frozen=True, kw_only=True):
    """A merchant's Pix key; it may be personal data."""

    kind: str
    key: str


class MerchantConnection(Struct, frozen=True, kw_only=True):
    """A merchant's account at a provider."""

    provider: str
    account_id: str
    pix_api: str


class MerchantApiKey(Struct, frozen=True, kw_only=True):
    """An API key of a merchant, without the digest of its secret."""

    key_id: str
    scopes: tuple[str, ...]
    listed_prices_only: bool


class MerchantProfile(Struct, frozen=True, kw_only=True):
    """A merchant with its prices, connections and keys."""

    slug: str
    name: str
    city: str
    pix_key: MerchantPixKey | None
    connections: tuple[MerchantConnection, ...]
    prices_centavos: dict[str, int]
    api_keys: tuple[MerchantApiKey, ...]
    version: int
