"""Payer links: URLs with a token that opens one payment only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from contracts.api import PaymentPage

if TYPE_CHECKING:
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.gateway import Gateway
    from services.gateway.http.caller import Caller


class PayerLinks(Struct, frozen=True, kw_only=True):
    """The token of a payment and its URLs: its Pix page, the way to its checkout, its status, and its WebSocket."""

    token: str

    pix: str
    checkout: str
    check: str
    socket: str


def token_for(gateway: Gateway, caller: Caller, payment: LoadedPayment) -> str:
    """Return the token for the links of a page. A payer keeps its own token, so that its time of expiry stays."""
    return caller.token or gateway.tokens.make(payment)


def payer_links_of(gateway: Gateway, payment: LoadedPayment, *, token: str | None = None) -> PayerLinks:
    """Return the links of a payment, below the configured public URL and never the `Host` of a request."""
    return links_by_token(gateway, payment.payment_id, token or gateway.tokens.make(payment))


def links_by_token(gateway: Gateway, number: int, token: str) -> PayerLinks:
    """Return the links of a payment by its number and its token."""
    public_url = gateway.settings.public_url
    return PayerLinks(
        token=token,
        pix=f"{public_url}/payments/pix/{number}?t={token}",
        checkout=f"{public_url}/payments/mp/pay/{number}/?t={token}",
        check=f"{public_url}/payments/api/check/{number}/?t={token}",
        socket=f"ws{public_url.removeprefix('http')}/ws?payment_id={number}&t={token}",
    )


def payment_page(links: PayerLinks, *, method: str) -> PaymentPage:
    """Return the way of the payer by the `method` of the payment's intent.

    The way to a checkout leads through the hub, so that an ended payment is not paid.
    """
    return PaymentPage(
        url=links.checkout if method == "checkout" else links.pix, token=links.token, socket_url=links.socket
    )
