"""Events of opening a payment: the merchant's request, and the charge or its refusal."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class Item(Struct, frozen=True):
    """One line of an order."""

    name: str
    quantity: int
    unit_price_centavos: int


class PaymentOpened(Struct, frozen=True, kw_only=True):
    """A merchant asked for a payment.

    `charge` is set for a direct Pix, because the hub computes that charge. Where `charge` is None, this event is the
    intent, and a ChargeCreated or ChargeRefused follows with the provider's answer.

    `provider` is a name from `extrato/providers/registry.py`; `method` is `pix` for a code to scan or paste, or
    `checkout` for a page of the provider. `bank_payment_id` is an unguessable identifier that contains the payment's
    number; `external_reference` is the identifier that the provider receives. `payer_email` is sealed with the
    payment's key; older logs have it in plain text.

    `reference` is the merchant's number of its order. With `unique_reference`, no other payment that demands the same
    may have it until this one is closed unpaid. `metadata` is a JSON object of the merchant's texts, sealed in the same
    way. `return_url` is the merchant's address to which the payer returns.
    """

    schema_version: ClassVar[int] = 5

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
    reference: str | None
    unique_reference: bool
    metadata: str | None
    return_url: str | None


class ChargeCreated(Struct, frozen=True, kw_only=True):
    """The provider holds a charge for the payment, and the payer can pay it.

    `charge_id` is the provider's id of the charge: a preference id, a payment id, an order id or a Pix txid.
    `attempt_id` is set where the charge itself is the only attempt, and is that attempt's id. `account_id` is the
    provider's id of the account that holds the charge: no other account's credential can read the charge. `pix_payload`
    is the BR Code of a Pix.
    """

    # PaymentOpened contains this shape: raise the versions of both.
    schema_version: ClassVar[int] = 2

    charge_id: str
    attempt_id: str | None
    account_id: str | None
    checkout_url: str | None
    sandbox_url: str | None
    pix_payload: str | None


class ChargeRefused(Struct, frozen=True, kw_only=True):
    """The provider refused the charge permanently; the payment can never be paid."""

    schema_version: ClassVar[int] = 1

    code: str
    reason: str
