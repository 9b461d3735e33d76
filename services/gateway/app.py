"""The gateway process: builds its parts from the settings, and serves until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import hdrs, web

from extrato.assembly import open_hub
from extrato.bus.live import LiveFeed
from extrato.process import CannotStart, announce_readiness, check_bus, open_bus, open_database, run_together
from services.gateway.api.socket_io import SocketIoGate
from services.gateway.door import door
from services.gateway.gateway import GATEWAY, Gateway
from services.gateway.http.connections import Connection, Connections
from services.gateway.http.cross_origin import SHARED
from services.gateway.http.key_uses import KeyUses
from services.gateway.http.limits import Limits
from services.gateway.http.payer_tokens import follow_secrets, payer_tokens
from services.gateway.live.fanout import Fanout
from services.gateway.live.places import Places
from services.gateway.live.socket_io_server import SocketIo
from services.gateway.open_files import allow_many_open_files
from services.gateway.request_body import MAX_BODY_BYTES
from services.gateway.revocations import end_revoked
from services.gateway.routes import NOWHERE, ROUTES, SOCKET_IO
from services.gateway.workers.checks import Checks
from services.gateway.workers.delivery_workers import DeliveryWorkers
from services.gateway.workers.pictures import Pictures
from services.gateway.workers.readiness import ReadinessLooks
from services.gateway.workers.webhook_budgets import WebhookBudgets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub

MAX_CONNECTIONS: Final = 10
SHUTDOWN_S: Final = 1.0
KEEPALIVE_S: Final = 75.0
# For so long the rest of a body is let run past, of which its sender was told already that it is not wanted.
LINGER_S: Final = 2.0
BACKLOG: Final = 1024

_logger = structlog.get_logger(component="gateway")


def create_app(gateway: Gateway) -> web.Application:
    """Put every route on an application; what may be read may be asked for without its body too (RFC 9110, 9.1)."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[GATEWAY] = gateway
    shared: list[web.AbstractRoute] = []
    for route in (*ROUTES, SOCKET_IO, NOWHERE):
        through = door(route)
        methods = (route.method, hdrs.METH_HEAD) if route.method == hdrs.METH_GET else (route.method,)
        added = [app.router.add_route(method, address, through) for address in route.addresses for method in methods]
        shared += added if route.cross_origin else ()
    app[SHARED] = frozenset(shared)
    return app


async def serve(settings: Settings) -> None:
    """Serve until cancelled; raises `CannotStart`."""
    allow_many_open_files()
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(open_database(settings, connections=MAX_CONNECTIONS))
        bus = await parts.enter_async_context(open_bus(settings, name="gateway"))
        hub = await parts.enter_async_context(open_hub(settings, pool=pool, bus=bus))
        await check_bus(bus, hub.log, pool)
        fanout, places, pictures = Fanout(), Places(), Pictures()
        checks = Checks(hub, fresh_s=settings.timeouts.fresh_s)
        parts.push_async_callback(checks.close)
        parts.callback(pictures.close)
        live = LiveFeed(
            bus=bus,
            log=hub.log,
            deliver=fanout.deliver,
            is_unheard=fanout.is_unheard,
            went_back=functools.partial(_set_back, hub, fanout),
        )
        await live.start()
        hub.log.appender.on_append = live.announce
        gateway = Gateway(
            settings=settings,
            hub=hub,
            pool=pool,
            bus=bus,
            merchants=hub.merchants,
            fanout=fanout,
            places=places,
            socket_io=SocketIo(fanout=fanout, places=places, log=hub.log, gate=SocketIoGate()),
            live=live,
            workers=DeliveryWorkers(hub),
            checks=checks,
            pictures=pictures,
            readiness=ReadinessLooks(pool, bus),
            tokens=await payer_tokens(hub.vault, pool),
            webhook_budgets=WebhookBudgets(),
            limits=Limits(settings),
            key_uses=KeyUses(pool),
        )
        parts.push_async_callback(gateway.key_uses.close)
        async with _listening(gateway):
            await run_together(
                live_feed=live.run(),
                socket_io=gateway.socket_io.run(),
                revocations=end_revoked(gateway),
                payer_tokens=follow_secrets(gateway.tokens, hub.vault, pool),
                deliveries=gateway.workers.run(),
                key_uses=gateway.key_uses.run(),
                readiness=announce_readiness(settings.ready_file),
            )


def _set_back(hub: Hub, fanout: Fanout, last_common: int) -> None:
    """Forget what may not be so any more since the log went back."""
    hub.payment_ids.discard_spare()
    fanout.set_back(last_common)


@contextlib.asynccontextmanager
async def _listening(gateway: Gateway) -> AsyncIterator[None]:
    settings = gateway.settings
    options: dict[str, Any] = {
        "access_log": None,
        "keepalive_timeout": KEEPALIVE_S,
        "lingering_time": LINGER_S,
        # What is packed is refused, and never unpacked on the way to its refusal.
        "auto_decompress": False,
    }
    runner = web.AppRunner(create_app(gateway), shutdown_timeout=SHUTDOWN_S, **options)
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
        gateway.fanout.close()
        await gateway.socket_io.close()
        server.close()
        await asyncio.sleep(0)
        await runner.cleanup()
