"""What the handlers of this service work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from services.gateway.http.client_address import address_of

if TYPE_CHECKING:
    import asyncpg

    from extrato.bus.connection import Bus
    from extrato.bus.live import LiveFeed
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.merchant_directory import MerchantDirectory
    from services.gateway.http.key_uses import KeyUses
    from services.gateway.http.payer_tokens import PayerTokens
    from services.gateway.http.rate_limits import RateLimiter
    from services.gateway.live.fanout import Fanout
    from services.gateway.live.socket_io_server import SocketIoServer
    from services.gateway.live.socket_limits import SocketLimits
    from services.gateway.workers.checks import Checks
    from services.gateway.workers.delivery_workers import DeliveryWorkers
    from services.gateway.workers.pictures import Pictures
    from services.gateway.workers.readiness import ReadinessLooks
    from services.gateway.workers.webhook_budgets import WebhookBudgets


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """Everything a handler may touch; built once in `app.py`."""

    settings: Settings
    hub: Hub
    pool: asyncpg.Pool
    bus: Bus
    merchants: MerchantDirectory
    fanout: Fanout
    socket_limits: SocketLimits
    socket_io: SocketIoServer
    live: LiveFeed
    workers: DeliveryWorkers
    checks: Checks
    pictures: Pictures
    readiness: ReadinessLooks
    tokens: PayerTokens
    webhook_budgets: WebhookBudgets
    rate_limiter: RateLimiter
    key_uses: KeyUses


GATEWAY: Final = web.AppKey("gateway", Gateway)


def gateway_of(request: web.Request) -> Gateway:
    """Give what the handlers work with."""
    return request.app[GATEWAY]


def client_address(request: web.Request) -> str:
    """Tell where a request comes from, behind the proxies that are trusted."""
    return address_of(request, trusted=gateway_of(request).settings.trusted_proxies)
