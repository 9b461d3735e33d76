"""The gateway process: builds its parts from the settings, and serves until it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import hdrs, web

from extrato import tracing
from extrato.assembly import open_hub
from extrato.bus.live import LiveFeed
from extrato.process import CannotStart, announce_readiness, check_bus, open_bus, open_database, run_together
from extrato.readiness import ReadinessProbes
from extrato.store.payer_secrets import PayerSecrets
from services.gateway.api.gauges import gateway_gauges
from services.gateway.api.socket_io import SocketIoAuthenticator
from services.gateway.fd_limit import raise_fd_limit
from services.gateway.gateway import GATEWAY, Gateway
from services.gateway.http.connections import Connection, Connections
from services.gateway.http.cross_origin import SHARED
from services.gateway.http.cursors import Cursors
from services.gateway.http.key_uses import KeyUses
from services.gateway.http.payer_tokens import follow_secrets, payer_tokens
from services.gateway.http.positions import Positions
from services.gateway.http.rate_limits import RateLimiter
from services.gateway.http.request_spans import UNTRACED, traced
from services.gateway.live.fanout import Fanout
from services.gateway.live.socket_io_server import SocketIoServer
from services.gateway.live.socket_limits import SocketLimits
from services.gateway.pipeline import wrap_handler
from services.gateway.request_body import MAX_BODY_BYTES
from services.gateway.revocations import abort_revoked
from services.gateway.routes import NOT_FOUND, ROUTES, SOCKET_IO
from services.gateway.turns import Turns
from services.gateway.workers.logos import LogoDrawings
from services.gateway.workers.provider_checks import ProviderChecks
from services.gateway.workers.qr_pictures import QrPictures
from services.gateway.workers.webhook_budgets import WebhookBudgets
from services.gateway.workers.webhook_workers import WebhookWorkers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extrato.health import RoleHealth
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub

MAX_CONNECTIONS: Final = 10
# A statement of many lines keeps a core busy for a while.
MAX_STATEMENTS: Final = 4
MAX_STATEMENTS_OF_MERCHANT: Final = 2
KEEPALIVE_S: Final = 75.0
# How long the gateway reads on after it has rejected a body, so that the client can read the response.
LINGER_S: Final = 2.0
BACKLOG: Final = 1024

_logger = structlog.get_logger(component="gateway")


def create_app(gateway: Gateway) -> web.Application:
    """Build the application with every route; each GET route also answers HEAD (RFC 9110, 9.1)."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[GATEWAY] = gateway
    shared: list[web.AbstractRoute] = []
    for route in (*ROUTES, SOCKET_IO, NOT_FOUND):
        handler = wrap_handler(route)
        if tracing.is_on() and route.path not in UNTRACED:
            handler = traced(handler, method=route.method, path=route.path)
        methods = (route.method, hdrs.METH_HEAD) if route.method == hdrs.METH_GET else (route.method,)
        added = [app.router.add_route(method, path, handler) for path in route.paths for method in methods]
        shared += added if route.cross_origin else ()
    app[SHARED] = frozenset(shared)
    return app


async def serve(settings: Settings, health: RoleHealth) -> None:
    """Serve until cancelled; raises `CannotStart`."""
    raise_fd_limit()
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(open_database(settings, connections=MAX_CONNECTIONS))
        bus = await parts.enter_async_context(open_bus(settings, name="gateway"))
        hub = await parts.enter_async_context(open_hub(settings, pool=pool, bus=bus))
        await check_bus(bus, hub.log, pool)
        fanout, socket_limits, qr_pictures = Fanout(), SocketLimits(), QrPictures()
        provider_checks = ProviderChecks(hub, fresh_s=settings.timeouts.fresh_s)
        parts.push_async_callback(provider_checks.close)
        parts.callback(qr_pictures.close)
        live = LiveFeed(
            bus=bus,
            log=hub.log,
            deliver=fanout.deliver,
            is_unheard=fanout.has_no_listeners,
            went_back=functools.partial(_set_back, hub, fanout),
        )
        await live.start()
        log_id = (await hub.log.identity.read()).log_id
        positions = Positions(pool, hub.log.identity, live, log_id=log_id)
        parts.push_async_callback(positions.close)

        def follow(position: int) -> None:
            live.announce(position)
            positions.note_appended(position)

        hub.log.appender.on_append = follow
        gateway = Gateway(
            settings=settings,
            hub=hub,
            pool=pool,
            bus=bus,
            merchants=hub.merchants,
            fanout=fanout,
            socket_limits=socket_limits,
            socket_io=SocketIoServer(
                fanout=fanout, socket_limits=socket_limits, log=hub.log, authenticator=SocketIoAuthenticator()
            ),
            live=live,
            webhook_workers=WebhookWorkers(hub),
            provider_checks=provider_checks,
            qr_pictures=qr_pictures,
            logo_drawings=LogoDrawings(),
            health=health,
            tokens=await payer_tokens(hub.vault, pool),
            webhook_budgets=WebhookBudgets(),
            rate_limiter=RateLimiter(settings),
            key_uses=KeyUses(pool),
            statements=Turns(together=MAX_STATEMENTS, of_one=MAX_STATEMENTS_OF_MERCHANT),
            positions=positions,
            cursors=Cursors((await PayerSecrets(pool, hub.vault).read()).opening),
        )
        parts.push_async_callback(gateway.key_uses.close)
        health.set_gauges_with(gateway_gauges(gateway).set_gauges)
        async with _listening(gateway):
            await run_together(
                live_feed=live.run(),
                socket_io=gateway.socket_io.run(),
                revocations=abort_revoked(gateway),
                payer_tokens=follow_secrets((gateway.tokens, gateway.cursors), hub.vault, pool),
                deliveries=gateway.webhook_workers.run(),
                key_uses=gateway.key_uses.run(),
                readiness=announce_readiness(settings.ready_file, health, ReadinessProbes(pool, bus).probe),
            )


def _set_back(hub: Hub, fanout: Fanout, last_common: int) -> None:
    """Drop cached numbers and keys and close all sockets, because the log went back."""
    hub.payment_ids.discard_spare()
    hub.personal_data.keys.forget()
    fanout.close_for_restore(last_common)


@contextlib.asynccontextmanager
async def _listening(gateway: Gateway) -> AsyncIterator[None]:
    settings = gateway.settings
    options: dict[str, Any] = {
        "access_log": None,
        "keepalive_timeout": KEEPALIVE_S,
        "lingering_time": LINGER_S,
        # The pipeline rejects compressed bodies, so that aiohttp must not decompress them first.
        "auto_decompress": False,
    }
    runner = web.AppRunner(create_app(gateway), shutdown_timeout=settings.timeouts.finish_s, **options)
    await runner.setup()
    connections, head_s = Connections(settings), settings.timeouts.head_s
    if runner.server is None:
        raise CannotStart("The gateway's application has no server.")
    connect = functools.partial(Connection, runner.server, connections, head_s=head_s, **options)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(connect, settings.host, settings.port, backlog=BACKLOG)
    except OSError as error:
        await runner.cleanup()
        raise CannotStart(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from error
    _logger.info("gateway_listens", host=settings.host, port=settings.port)
    try:
        yield
    finally:
        server.close()
        gateway.fanout.close()
        await gateway.socket_io.close()
        await asyncio.sleep(0)
        await runner.cleanup()
