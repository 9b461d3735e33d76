"""Documents that the projections keep and the gateway serves."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from contracts.events import Item


class AttemptDetails(Struct, frozen=True, kw_only=True):
    """One attempt to pay, and what became of its money, in centavos of its own currency."""

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    held_centavos: int
    refunded_centavos: int
    currency: str


class PaymentDetails(Struct, frozen=True, kw_only=True):
    """A payment as a whole, as of `position`.

    `attempt_id` is the attempt that decides the status; `newest_attempt_id` is the one that was begun last,
    whatever became of it. `alerts` name what somebody has to look into. What is held, was refunded and is disputed is
    summed over the attempts in the charge's currency.
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


class OpenPayment(Struct, frozen=True, kw_only=True):
    """A payment that may still be paid or still move, as the monitor needs it.

    `watch_until` bounds the fast lane; `unsettled_attempts` are the provider's ids of attempts that are
    neither paid nor refused. `own_attempt_id` is the attempt that the charge itself is, if it is one. `settled` says
    that it was paid, and is here for the sake of another attempt only, which may take money too.
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
    """A payment with something that the merchant asked for and no provider has answered yet.

    `refunds` are the hub's ids of refunds; `requested_at` is when the oldest was asked for.
    """

    payment_id: int
    merchant: str
    cancellation: bool
    refunds: tuple[str, ...]
    requested_at: datetime


class MerchantPixKey(Struct, frozen=True, kw_only=True):
    """Where a merchant receives Pix; it may be personal data."""

    kind: str
    key: str


class MerchantConnection(Struct, frozen=True, kw_only=True):
    """A merchant's account at a provider."""

    provider: str
    account_id: str
    pix_api: str


class MerchantApiKey(Struct, frozen=True, kw_only=True):
    """A key that acts for a merchant; what would recognise its secret is not shown."""

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
