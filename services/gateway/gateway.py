"""The parts that the handlers of this service use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from services.gateway.http.client_address import address_of

if TYPE_CHECKING:
    import asyncpg

    from extrato.bus.connection import Bus
    from extrato.bus.live import LiveFeed
    from extrato.health import RoleHealth
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.merchant_directory import MerchantDirectory
    from services.gateway.http.cursors import Cursors
    from services.gateway.http.key_uses import KeyUses
    from services.gateway.http.payer_tokens import PayerTokens
    from services.gateway.http.positions import Positions
    from services.gateway.http.rate_limits import RateLimiter
    from services.gateway.live.fanout import Fanout
    from services.gateway.live.socket_io_server import SocketIoServer
    from services.gateway.live.socket_limits import SocketLimits
    from services.gateway.turns import Turns
    from services.gateway.workers.logos import LogoDrawings
    from services.gateway.workers.provider_checks import ProviderChecks
    from services.gateway.workers.qr_pictures import QrPictures
    from services.gateway.workers.webhook_budgets import WebhookBudgets
    from services.gateway.workers.webhook_workers import WebhookWorkers


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """Everything that a handler may use; `app.py` builds it once.

    `statements` bounds how many statements are streamed at once, together and for each merchant.
    """

    settings: Settings
    hub: Hub
    pool: asyncpg.Pool
    bus: Bus
    merchants: MerchantDirectory
    fanout: Fanout
    socket_limits: SocketLimits
    socket_io: SocketIoServer
    live: LiveFeed
    webhook_workers: WebhookWorkers
    provider_checks: ProviderChecks
    qr_pictures: QrPictures
    logo_drawings: LogoDrawings
    health: RoleHealth
    tokens: PayerTokens
    webhook_budgets: WebhookBudgets
    rate_limiter: RateLimiter
    key_uses: KeyUses
    statements: Turns
    positions: Positions
    cursors: Cursors


GATEWAY: Final = web.AppKey("gateway", Gateway)


def gateway_of(request: web.Request) -> Gateway:
    """Return the gateway that serves a request."""
    return request.app[GATEWAY]


def client_address(request: web.Request) -> str:
    """Return the client's address, behind the trusted proxies."""
    return address_of(request, trusted=gateway_of(request).settings.trusted_proxies)
