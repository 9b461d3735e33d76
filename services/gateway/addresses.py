"""The addresses that are handed to a payer; each carries a token that opens this one payment and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway
    from services.gateway.http.caller import Caller


class Addresses(Struct, frozen=True, kw_only=True):
    """Where a payer sees a Pix, goes to the checkout, and asks how the payment stands."""

    pix: str
    checkout: str
    check: str


def token_for(gateway: Gateway, caller: Caller, payment: LoadedPayment) -> str:
    """Give the token that a caller is handed on: a payer's own, which may end or be dropped, and never a better one."""
    return caller.token or gateway.tokens.make(payment)


def addresses_of(gateway: Gateway, payment: LoadedPayment, *, token: str | None = None) -> Addresses:
    """Write the addresses of a payment, under the configured public address and never a request's own."""
    public_url, number = gateway.settings.public_url, payment.payment_id
    token = token or gateway.tokens.make(payment)
    return Addresses(
        pix=f"{public_url}/payments/pix/{number}?t={token}",
        checkout=f"{public_url}/payments/mp/pay/{number}/?t={token}",
        check=f"{public_url}/payments/api/check/{number}/?t={token}",
    )
