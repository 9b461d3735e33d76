"""The addresses that are handed to a payer; each carries the token that opens this one payment and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from extrato.use_cases.hub import LoadedPayment
    from services.gateway.http.context import Gateway


class Addresses(Struct, frozen=True, kw_only=True):
    """Where a payer sees a Pix, goes to the checkout, and asks how the payment stands."""

    pix: str
    checkout: str
    check: str


def addresses_of(gateway: Gateway, payment: LoadedPayment) -> Addresses:
    """Write the addresses of a payment, under the configured public address and never a request's own."""
    public_url, number, token = gateway.settings.public_url, payment.payment_id, gateway.tokens.make(payment)
    return Addresses(
        pix=f"{public_url}/payments/pix/{number}?t={token}",
        checkout=f"{public_url}/payments/mp/pay/{number}/?t={token}",
        check=f"{public_url}/payments/api/check/{number}/?t={token}",
    )
