"""Builds the simulated Mercado Pago from its settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from services.sandbox.api.middleware import SIMULATOR, control_route, open_route, provider_route
from services.sandbox.bodies.qr_pictures import QrPictures
from services.sandbox.routes import CONTROL_ROUTES, LAST_ROUTE, OPEN_ROUTES, PROVIDER_ROUTES
from services.sandbox.simulator import Simulator
from services.sandbox.state.accounts import Accounts
from services.sandbox.state.clock import Clock
from services.sandbox.state.database import Database
from services.sandbox.state.faults import FaultDial
from services.sandbox.state.stale import StaleAnswers
from services.sandbox.state.stats import Stats
from services.sandbox.state.store import Store
from services.sandbox.state.timetable import Timetable
from services.sandbox.webhooks.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.sandbox.state.records import Payment
    from services.sandbox.state.settings import Settings

_MAX_BODY_BYTES = 1 << 20


def create_app(settings: Settings) -> web.Application:
    """Return the application, which opens its data at the start and closes them at the end.

    Its start raises `DataFolderBusy` if another sandbox uses the folder.
    """
    app = web.Application(client_max_size=_MAX_BODY_BYTES)

    async def lifetime(app: web.Application) -> AsyncIterator[None]:
        sim = _build(settings)
        app[SIMULATOR] = sim

        def record_step(payment: Payment) -> None:
            sim.record(payment, action="updated")
            sim.database.commit()

        def report(job: asyncio.Task[None]) -> None:
            if not job.cancelled() and job.exception() is not None:
                context = {
                    "message": "a background task of the sandbox failed",
                    "exception": job.exception(),
                    "task": job,
                }
                asyncio.get_running_loop().call_exception_handler(context)

        jobs = [asyncio.create_task(sim.outbox.run()), asyncio.create_task(sim.timetable.run(record_step))]
        for job in jobs:
            job.add_done_callback(report)
        yield
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        sim.database.close()

    app.cleanup_ctx.append(lifetime)
    for method, path, handler in PROVIDER_ROUTES:
        app.router.add_route(method, path, provider_route(handler))
    for method, path, open_handler in OPEN_ROUTES:
        app.router.add_route(method, path, open_route(open_handler))
    for method, path, open_handler in CONTROL_ROUTES:
        app.router.add_route(method, path, control_route(open_handler))
    method, path, handler = LAST_ROUTE
    app.router.add_route(method, path, provider_route(handler))
    return app


def _build(settings: Settings) -> Simulator:
    clock, faults, stats = Clock(settings.time_factor), FaultDial(), Stats()
    accounts = Accounts(settings.accounts)
    database = Database(settings.data)
    store = Store(database, clock)
    outbox = Outbox(
        database=database,
        store=store,
        accounts=accounts,
        clock=clock,
        faults=faults,
        stats=stats,
        timeout_s=settings.webhook_timeout_s,
    )
    return Simulator(
        settings=settings,
        accounts=accounts,
        clock=clock,
        database=database,
        store=store,
        outbox=outbox,
        timetable=Timetable(store, clock),
        faults=faults,
        stats=stats,
        pictures=QrPictures(),
        stale=StaleAnswers(),
    )
