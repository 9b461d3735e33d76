"""The way of a payer to a payment, which every answer to a creation has."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api.types import Address


class PaymentPage(Struct, kw_only=True):
    """Where the payer pays: a page of the hub, and the socket that reports changes of the payment."""

    url: Annotated[Address, Meta(description="The payer link: the page on which the payer pays.")]
    token: Annotated[str, Meta(description="The payer's token: the secret in the link, which opens one payment.")]
    socket_url: Annotated[
        Address, Meta(description="The WebSocket that sends the payment's changes, with the payer's token.")
    ]
