"""Bodies of the REST interface, in the reference systems' own words and shapes.

Amounts are JSON numbers in reais with at most two decimals; times are ISO 8601 with an offset. A request whose
Struct forbids unknown fields is refused for one, because a misspelt field would have no effect. What a bank tells may
have others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

# --- Pix in real time -----------------------------------------------------------------------------


class PixPayer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is going to pay, as far as the merchant knows."""

    email: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class PixCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a Pix charge of `value` reais."""

    value: float
    padaria_slug: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    payer: PixPayer | UnsetType = UNSET
    expires_in_minutes: int | UnsetType = UNSET


class PixPayment(Struct, kw_only=True):
    """A Pix charge; `qr_code` is the file name of its picture, `payload` its copy-and-paste code."""

    id: int
    value: float
    status: str
    expiration_date: str
    bank_payment_id: str
    qr_code: str
    qr_code_url: str
    payload: str
    payment_url: str
    padaria_slug: str
    description: str
    created_at: str


class PixCreated(Struct, kw_only=True):
    """The charge exists and can be paid; the payment's code and page stand beside it as well."""

    message: str
    payment: PixPayment
    payload: str
    payment_url: str


class PixConfirmation(Struct, kw_only=True):
    """The bank tells that `value` reais arrived for a charge.

    `end_to_end_id` names the transfer: a code can be paid twice, and only by this are two transfers told from one that
    is told twice. `paid_at` is when the payer paid, ISO 8601 with its offset; `horario` is the same under
    Banco Central's name. It decides whether the charge was paid in time. Other fields are ignored.
    """

    bank_payment_id: str
    value: float
    end_to_end_id: str | UnsetType = UNSET
    paid_at: str | UnsetType = UNSET
    horario: str | UnsetType = UNSET


class PixReturn(Struct, kw_only=True):
    """The bank gave `amount` reais of a Pix back to the payer.

    `return_id` is the bank's name of it (Pix calls it RtrId), at most 35 characters: told again, it is recorded once.
    `returned_at` is when, ISO 8601 with its offset. `end_to_end_id` names the transfer, and is needed where the money
    of two is held. Other fields are ignored.
    """

    return_id: str
    amount: float
    returned_at: str
    end_to_end_id: str | UnsetType = UNSET


class PixReturned(Struct, kw_only=True):
    """The return is recorded; the amounts are in reais."""

    message: str
    payment_id: int
    return_id: str
    end_to_end_id: str
    amount: float
    status: str
    held_amount: float
    refunded_amount: float


class PixConfirmed(Struct, kw_only=True):
    """The charge is paid."""

    message: str


class PixError(Struct, kw_only=True):
    """Something is wrong with a request to a Pix route; `code` is stable and for programs, `message` is English."""

    message: str
    code: str


# --- payment links and their monitoring -------------------------------------------------------------


class LinkItem(Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of an order: a product of the merchant by name, or with a price of its own in reais.

    `id` is a product's number in the reference system, whose clients may send it. It is not read: `nome` decides.
    """

    nome: str
    quantidade: int
    preco_unitario: float | UnsetType = UNSET
    id: int | str | UnsetType | None = UNSET


class LinkCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a payment link."""

    padaria_slug: str
    items: list[LinkItem]
    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    payer_email: str | UnsetType = UNSET
    expires_in_minutes: int | UnsetType = UNSET


class PricedItem(Struct, kw_only=True):
    """One line of an order with its price in reais."""

    nome: str
    quantidade: int
    preco_unitario: float
    subtotal: float


class LinkCreated(Struct, kw_only=True):
    """The link exists. `secure_checkout_url` is the one to hand to a payer."""

    success: bool
    payment_id: int
    preference_id: str
    checkout_url: str
    secure_checkout_url: str
    status_check_url: str
    sandbox_url: str | None
    title: str
    total: float
    items: list[PricedItem]
    description: str
    status: str
    external_reference: str
    created_at: str


class CartCustomer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is going to pay. Mercado Pago wants the e-mail address; the rest is told to it alone, and not kept.

    A person has a `cpf`, a company a `cnpj`, with or without its mask; one of them at most.
    """

    email: str
    name: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    cpf: str | UnsetType = UNSET
    cnpj: str | UnsetType = UNSET


class CartCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a Pix through Mercado Pago, for an order; it may be paid for 30 minutes to 30 days.

    `expiration_minutes` is the older name of `expires_in_minutes`; where both are given, they must be equal.
    """

    padaria_slug: str
    items: list[LinkItem]
    customer: CartCustomer
    expires_in_minutes: int | UnsetType = UNSET
    expiration_minutes: int | UnsetType = UNSET
    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class CartPix(Struct, kw_only=True):
    """The code of a Pix: as text, as a PNG in base64, and as a page of Mercado Pago's."""

    qr_code: str
    qr_code_base64: str
    ticket_url: str | None


class CartCreated(Struct, kw_only=True):
    """The Pix exists. `payment_url` is the page to hand to a payer."""

    success: bool
    payment_id: int
    mp_payment_id: str | None
    status: str
    status_label: str
    title: str
    total: float
    items: list[PricedItem]
    description: str
    external_reference: str
    pix: CartPix
    expires_at: str
    payment_url: str
    status_check_url: str
    created_at: str


class PaymentCancelled(Struct, kw_only=True):
    """The payment is closed; with status 202 the wish is recorded and will be carried out."""

    success: bool
    payment_id: int
    status: str
    status_detail: str | None
    status_label: str
    message: str


class PaidAttempt(Struct, kw_only=True):
    """One attempt to pay; amounts are in its own currency.

    `held_amount` is what the provider holds of it; what is disputed or lost is neither held nor refunded.
    """

    mp_payment_id: str
    status: str
    status_detail: str | None
    amount: float
    held_amount: float
    refunded_amount: float
    currency: str


class RefundRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks to give `amount` back, or with `all` everything that is held; one of the two has to be said.

    `all` refunds every attempt in the charge's currency. `mp_payment_id` chooses one attempt: an amount needs it where
    several hold money, and so does an attempt in another currency. `reason` is kept for the books.
    """

    amount: float | UnsetType = UNSET
    all: bool | UnsetType = UNSET
    mp_payment_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class RefundOfAttempt(Struct, kw_only=True):
    """One refund of one attempt: `made`, `refused`, `requested`, or `in_process` at the provider."""

    refund_id: str
    refund_status: str
    mp_payment_id: str
    amount: float
    currency: str


class Refunded(Struct, kw_only=True):
    """What was asked to give back, and what became of it.

    `refund_status` is `made` with status 200, and `requested` with 202, when something will still be carried out.
    `refunds` has one of each attempt; `refund_id` names them all, and `mp_payment_id` is the only attempt there is.
    `amount` is what was asked for and not refused. Of the attempts that it is of, `pending_amount` is asked for and not
    answered, and `remaining_amount` may still be given back. The other amounts are of the payment.
    """

    success: bool
    payment_id: int
    refund_id: str
    refund_status: str
    refunds: list[RefundOfAttempt]
    mp_payment_id: str | None
    amount: float
    refunded_amount: float
    pending_amount: float
    remaining_amount: float
    held_amount: float
    disputed_amount: float
    attempts: list[PaidAttempt]
    status: str
    status_detail: str | None
    status_label: str
    message: str


class MoneyTaken(Struct, kw_only=True):
    """Late or short money is taken as the payment."""

    success: bool
    payment_id: int
    status: str
    status_detail: str | None
    status_label: str
    held_amount: float
    alerts: list[str]
    message: str


class AlertReason(Struct, kw_only=True, forbid_unknown_fields=True):
    """Says what was done about an alert, in at most 500 characters."""

    reason: str


class AlertClosed(Struct, kw_only=True):
    """The alert is closed; `alerts` are those that are still open."""

    success: bool
    payment_id: int
    alert: str
    alerts: list[str]
    message: str


class PaymentStatus(Struct, kw_only=True):
    """How a payment stands.

    `synced` says whether there is a provider that was asked and answered, `status_changed` whether that moved the
    payment. What is held, was refunded and is disputed is summed over the attempts in the charge's currency;
    `checkout_url` is null while money is held that does not pay the charge. `alerts` name what somebody has to look
    into: `partially_paid`, `overpaid`, `duplicate_payment`, `late_payment`, `mismatched_payment` (another currency, or
    another charge's reference), `wrong_confirmation`, `provider_contradicts` (what was approved was never
    paid, the provider says now) and `refund_reversed`. A payer is told of neither alerts nor single attempts.
    """

    success: bool
    payment_id: int
    mp_payment_id: str | None
    preference_id: str | None
    external_reference: str
    status: str
    status_detail: str | None
    status_label: str
    amount: float
    description: str
    checkout_url: str | None
    padaria_name: str
    payer_email: str | None
    paid_at: str | None
    created_at: str
    updated_at: str
    synced: bool
    synced_at: str | None
    status_changed: bool
    held_amount: float
    refunded_amount: float
    disputed_amount: float
    attempts: list[PaidAttempt]
    alerts: list[str]


class ListedPayment(Struct, kw_only=True):
    """A payment in a list; `alerts` are those of `PaymentStatus`."""

    payment_id: int
    mp_payment_id: str | None
    preference_id: str | None
    status: str
    status_label: str
    amount: float
    description: str
    checkout_url: str | None
    payer_email: str | None
    paid_at: str | None
    created_at: str
    alerts: list[str]


class PaymentList(Struct, kw_only=True):
    """Payments of a merchant, the newest first."""

    success: bool
    padaria: str
    count: int
    status_filter: str
    payments: list[ListedPayment]


class PadariaNamed(Struct, kw_only=True, forbid_unknown_fields=True):
    """Names a merchant."""

    padaria_slug: str


class MovedPayment(Struct, kw_only=True):
    """A payment whose status a synchronisation moved."""

    payment_id: int
    old_status: str
    new_status: str
    amount: float
    description: str


class Synced(Struct, kw_only=True):
    """What asking the provider about every open payment of a merchant brought.

    `total_pending` counts what may still be paid or move and has a provider to ask. `synced_count` is less when the
    provider did not answer for some, or not in time.
    """

    success: bool
    padaria: str
    synced_count: int
    approved_count: int
    total_pending: int
    updated_payments: list[MovedPayment]


class MonitorStarted(Struct, kw_only=True):
    """Whether a payment is being watched."""

    success: bool
    payment_id: int
    status: str
    message: str
    monitoring: bool


class MonitorList(Struct, kw_only=True):
    """The payments that are being watched."""

    success: bool
    active_count: int
    payment_ids: list[int]


class MonitorsStarted(Struct, kw_only=True):
    """How many watches were started; those that were on already are not counted."""

    success: bool
    padaria_slug: str
    monitors_started: int


class TimelineItem(Struct, kw_only=True):
    """One event of a payment, with its place in the log and where it came from."""

    position: int
    version: int
    type: str
    time: datetime
    recorded_at: datetime
    event_id: str
    source: str
    source_id: str | None
    correlation_id: str
    causation_id: str | None
    data: Any


class Timeline(Struct, kw_only=True):
    """Everything that happened to a payment, in order."""

    success: bool
    payment_id: int
    count: int
    events: list[TimelineItem]


# --- administration -------------------------------------------------------------------------------


class MerchantCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a merchant; `slug` is its name in addresses and subjects for ever."""

    slug: str
    name: str
    city: str


class MerchantNaming(Struct, kw_only=True, forbid_unknown_fields=True):
    """Gives a merchant another name or city."""

    name: str | UnsetType = UNSET
    city: str | UnsetType = UNSET


class PixKeyGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """A Pix key; `kind` is cpf, cnpj, phone, email or evp, and the key is kept in that kind's one spelling."""

    kind: str
    key: str


class CredentialGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """What opens an account at a provider. It is kept encrypted, and no answer shows it.

    `account_id` is checked against the account that the token opens; `pix_api` is `payments` or `orders`.
    """

    access_token: str
    webhook_secret: str
    account_id: str | UnsetType = UNSET
    pix_api: str | UnsetType = UNSET


class WebhookSecretGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """The secret with which the provider signs its notifications."""

    webhook_secret: str


class PriceGiven(Struct, kw_only=True, forbid_unknown_fields=True):
    """What one of a product costs, in reais."""

    price: float


class ApiKeyWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for an API key with some of payments:write, payments:read, payments:refund, confirm and admin.

    Without `scopes` it gets the first three, which a shop's backend needs. `name` says what the key is for, in 60
    characters. With `listed_prices_only` it charges the prices of the merchant's products and cannot set one; not
    with admin, which sets those prices.
    """

    scopes: list[str] | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    listed_prices_only: bool | UnsetType = UNSET


class PixKeyShown(Struct, kw_only=True):
    """A merchant's Pix key, with its `kind` as in `PixKeyGiven`."""

    kind: str
    key: str


class ConnectedProvider(Struct, kw_only=True):
    """An account at a provider that can be used."""

    provider: str
    account_id: str
    pix_api: str


class Merchant(Struct, kw_only=True):
    """A merchant as its administrators see it; `products` are prices in reais by name."""

    slug: str
    name: str
    city: str
    pix_key: PixKeyShown | None
    providers: list[ConnectedProvider]
    products: dict[str, float]


class MerchantShown(Struct, kw_only=True):
    """A merchant as it is."""

    success: bool
    merchant: Merchant


class MerchantList(Struct, kw_only=True):
    """Some merchants by slug; `next` is what to give as `after` for more, and null when there are none."""

    success: bool
    count: int
    merchants: list[Merchant]
    next: str | None


class ApiKeyCreated(Struct, kw_only=True):
    """An API key; `api_key` is shown in this answer and never again."""

    success: bool
    padaria_slug: str
    key_id: str
    name: str | None
    scopes: list[str]
    listed_prices_only: bool
    api_key: str


class ListedApiKey(Struct, kw_only=True):
    """An API key, without what would open anything.

    It opens something while `revoked_at` is null. `last_used_at` is exact to some minutes, and null when the key was
    never shown.
    """

    key_id: str
    name: str | None
    scopes: list[str]
    listed_prices_only: bool
    issued_at: str
    revoked_at: str | None
    last_used_at: str | None


class ApiKeyList(Struct, kw_only=True):
    """The API keys of a merchant in the order of their issue, with the 100 that were revoked last."""

    success: bool
    padaria_slug: str
    count: int
    api_keys: list[ListedApiKey]


# --- errors and the service -----------------------------------------------------------------------


class MonitoringError(Struct, kw_only=True):
    """Something is wrong with a request; `code` is stable and for programs, `error` is Portuguese.

    `payment_id` names the payment that the provider refused to charge: it exists, and is cancelled.
    """

    success: bool
    error: str
    code: str
    payment_id: int | UnsetType = UNSET


# --- webhooks and the state of the service ----------------------------------------------------------


class WebhookAccepted(Struct, kw_only=True):
    """The notification is taken; if its signature is good, it is looked into after this answer."""

    success: bool


class Health(Struct, kw_only=True):
    """The process answers."""

    status: str
    checks: dict[str, bool]


ReadinessStatus = Literal["ok", "degraded", "unavailable"]


class ReadinessCheck(Struct, kw_only=True):
    """How one thing fares that the process stands on; `reason` is null where it is `ok`."""

    status: Literal["ok", "unavailable"]
    reason: str | None


class Readiness(Struct, kw_only=True):
    """Whether the process can do its work, and how what it stands on fares: `database` and `bus`.

    `degraded`: it does its work, and something is away that it can do without for a while.
    """

    status: ReadinessStatus
    checks: dict[str, ReadinessCheck]
