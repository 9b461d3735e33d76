"""Documents that the projections build from events, and that the gateway serves."""

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


class AttemptDetails(Struct, frozen=True, kw_only=True):
    """One attempt and its money, in centavos of the attempt's currency. Fields with a default are not in older rows."""

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    held_centavos: int
    refunded_centavos: int
    currency: str
    disputed_centavos: int = 0
    paid_at: datetime | None = None


class PaymentDetails(Struct, frozen=True, kw_only=True):
    """A payment, as of `position`.

    `attempt_id` is the attempt that decides the payment's status; `newest_attempt_id` is the attempt that began last.
    `alerts` are situations that a person must look at. The held, refunded and disputed amounts are sums over the
    attempts in the charge's currency. `payer_email` and `metadata` are sealed with the payment's key; at `erased_at`
    the payer was forgotten. Fields with a default are not in older rows.
    """

    payment_id: int
    merchant: str
    provider: str
    method: str
    status: str
    status_detail: str | None
    amount_centavos: int
    held_centavos: int
    refunded_centavos: int
    disputed_centavos: int
    currency: str
    attempts: tuple[AttemptDetails, ...]
    title: str
    description: str
    items: tuple[Item, ...]
    external_reference: str
    bank_payment_id: str
    charge_id: str | None
    attempt_id: str | None
    newest_attempt_id: str | None
    checkout_url: str | None
    sandbox_url: str | None
    pix_payload: str | None
    payer_email: str | None
    paid_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    alerts: tuple[str, ...]
    position: int
    erased_at: datetime | None = None
    reference: str | None = None
    metadata: str | None = None
    return_url: str | None = None


class OpenPayment(Struct, frozen=True, kw_only=True):
    """A payment that may still be paid or change its status, as the monitor needs it.

    The monitor asks for the payment in the fast lane until `watch_until`. `unsettled_attempts` are the provider's ids
    of attempts that are neither paid nor refused. `own_attempt_id` is set if the charge itself is an attempt. A payment
    with `settled` was paid; it is open only because another attempt may also take money.
    """

    payment_id: int
    merchant: str
    provider: str
    external_reference: str
    status: str
    charged: bool
    opened_at: datetime
    watch_until: datetime | None
    expires_at: datetime | None
    unsettled_attempts: tuple[str, ...]
    own_attempt_id: str | None
    settled: bool


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
