"""The caller and the correlation id of a request, for every layer of the gateway."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from msgspec import Struct

from contracts.envelope import Cause
from extrato.use_cases.payments import LoadedPayment


class Caller(Struct, frozen=True, kw_only=True):
    """An authenticated client. `merchant` is None for a caller that may act for all merchants, as in open mode.

    A payer has sent the token of `payment` and may read that one payment only. `payment` is what authentication read
    to check `token`. A caller with `listed_prices_only` charges the prices of the merchant's products and cannot choose
    another amount. `repr` hides the token.
    """

    merchant: str | None
    actor: str
    actor_id: str | None
    payment: LoadedPayment | None = None
    token: str = ""
    listed_prices_only: bool = False

    def __repr__(self) -> str:
        return f"Caller(merchant={self.merchant!r}, actor={self.actor!r}, actor_id={self.actor_id!r})"

    __str__ = __repr__

    @property
    def is_payer(self) -> bool:
        """Return whether the caller is the payer of one payment."""
        return self.payment is not None

    def may_see(self, merchant: str) -> bool:
        """Return whether the caller may read the resources of a merchant."""
        return not self.is_payer and self.merchant in {None, merchant}

    def may_open(self, payment_id: int, merchant: str) -> bool:
        """Return whether the caller may read a payment of a merchant."""
        return self.may_see(merchant) if self.payment is None else self.payment.payment_id == payment_id


CALLER: Final = web.RequestKey("caller", Caller)
CORRELATION_ID: Final = web.RequestKey("correlation_id", str)


def caller_of(request: web.Request) -> Caller:
    """Return the authenticated caller of a request."""
    return request[CALLER]


def cause_of(request: web.Request, *, actor: str | None = None) -> Cause:
    """Return the cause for events that this request records."""
    caller = caller_of(request)
    return Cause(
        correlation_id=request[CORRELATION_ID],
        actor=actor or caller.actor,
        actor_id=caller.actor_id,
    )
