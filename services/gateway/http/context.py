"""What the handlers of this service work with, and who is calling them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web
from msgspec import Struct

from contracts.envelope import Cause
from extrato.use_cases.payments import LoadedPayment

if TYPE_CHECKING:
    import asyncpg

    from extrato.bus.connection import Bus
    from extrato.bus.live import LiveFeed
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.merchants import MerchantDirectory
    from services.gateway.api.checks import Checks
    from services.gateway.api.delivery_workers import DeliveryWorkers
    from services.gateway.api.observability import ReadinessLooks
    from services.gateway.api.pictures import Pictures
    from services.gateway.api.webhook_budgets import WebhookBudgets
    from services.gateway.http.key_uses import KeyUses
    from services.gateway.http.limits import Limits
    from services.gateway.http.payer_tokens import PayerTokens
    from services.gateway.live.fanout import Fanout
    from services.gateway.live.places import Places
    from services.gateway.live.socket_io import SocketIo


class Caller(Struct, frozen=True, kw_only=True):
    """Who is calling. `merchant` is None for a caller who may act for all, as in open mode.

    A payer has shown the token of `payment`, and may know of that one payment and of nothing else; it is as the door
    has read it to check `token`. A caller with `listed_prices_only` charges what the merchant's products cost, and
    chooses no other amount. The token is not shown in `repr`.
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
        """Say whether it is the payer of one payment."""
        return self.payment is not None

    def may_see(self, merchant: str) -> bool:
        """Say whether this caller may know of that merchant's things."""
        return not self.is_payer and self.merchant in {None, merchant}

    def may_open(self, payment_id: int, merchant: str) -> bool:
        """Say whether this caller may know of that payment of that merchant."""
        return self.may_see(merchant) if self.payment is None else self.payment.payment_id == payment_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """Everything a handler may touch; built once in `app.py`."""

    settings: Settings
    hub: Hub
    pool: asyncpg.Pool
    bus: Bus
    merchants: MerchantDirectory
    fanout: Fanout
    places: Places
    socket_io: SocketIo
    live: LiveFeed
    workers: DeliveryWorkers
    checks: Checks
    pictures: Pictures
    readiness: ReadinessLooks
    tokens: PayerTokens
    webhook_budgets: WebhookBudgets
    limits: Limits
    key_uses: KeyUses


GATEWAY: Final = web.AppKey("gateway", Gateway)
CORRELATION: Final = "correlation_id"


def gateway_of(request: web.Request) -> Gateway:
    """Give what the handlers work with."""
    return request.app[GATEWAY]


def caller_of(request: web.Request) -> Caller:
    """Give who is calling, as the door found out."""
    caller: Caller = request["caller"]
    return caller


def cause_of(request: web.Request, *, actor: str | None = None) -> Cause:
    """Say why something is done on behalf of this request."""
    caller = caller_of(request)
    return Cause(
        correlation_id=request[CORRELATION],
        actor=actor or caller.actor,
        actor_id=caller.actor_id,
    )
