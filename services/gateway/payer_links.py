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

    public_url: str
    payment_id: int
    token: str

    @property
    def pix(self) -> str:
        """The page with the Pix code."""
        return f"{self.public_url}/payments/pix/{self.payment_id}?t={self.token}"

    @property
    def checkout(self) -> str:
        """The way to the provider's checkout."""
        return f"{self.public_url}/payments/mp/pay/{self.payment_id}/?t={self.token}"

    @property
    def check(self) -> str:
        """The status of the payment."""
        return f"{self.public_url}/payments/api/check/{self.payment_id}/?t={self.token}"

    @property
    def socket(self) -> str:
        """The WebSocket that sends the payment's changes."""
        return f"ws{self.public_url.removeprefix('http')}/ws?payment_id={self.payment_id}&t={self.token}"


def token_for(gateway: Gateway, caller: Caller, payment: LoadedPayment) -> str:
    """Return the token for the links of a page. A payer keeps its own token, so that its time of expiry stays."""
    return caller.token or gateway.tokens.make(payment)


def payer_links_of(gateway: Gateway, payment: LoadedPayment, *, token: str | None = None) -> PayerLinks:
    """Return the links of a payment, below the configured public URL and never the `Host` of a request."""
    return links_by_token(gateway, payment.payment_id, token or gateway.tokens.make(payment))


def links_by_token(gateway: Gateway, number: int, token: str) -> PayerLinks:
    """Return the links of a payment by its number and its token."""
    return PayerLinks(public_url=gateway.settings.public_url, payment_id=number, token=token)


def payment_page(links: PayerLinks, *, method: str) -> PaymentPage:
    """Return the way of the payer by the `method` of the payment's intent.

    The way to a checkout leads through the hub, so that an ended payment is not paid.
    """
    return PaymentPage(
        url=links.checkout if method == "checkout" else links.pix, token=links.token, socket_url=links.socket
    )
