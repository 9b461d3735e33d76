"""Watches over a merchant's open payments, and a synchronisation of all of them; neither limits their number."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from contracts.api import MonitorList, MonitorsStarted, MonitorStarted, MovedPayment, PadariaNamed, Synced
from extrato.domain.money import to_reais
from extrato.errors import NotFound
from extrato.use_cases.payments import load_payment
from extrato.use_cases.start_watch import start_watch
from services.gateway import access
from services.gateway.api import queries
from services.gateway.api.monitored_accounts import monitored_accounts
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.http.responses import json_response
from services.gateway.http.values import single
from services.gateway.request_body import read_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiohttp import web

    from extrato.domain.merchant import Registered
    from services.gateway.workers.provider_checks import CheckResult

MAX_CONCURRENT: Final = 16
SYNC_WITHIN_S: Final = 50.0


async def start_monitor(request: web.Request) -> web.Response:
    """`POST /payments/api/monitor/{payment_id}/start/`: watch a payment; an active watch continues."""
    gateway = gateway_of(request)
    loaded = await access.find_payment(request)
    decided = await start_watch(gateway.hub, loaded.payment_id, cause=cause_of(request, actor="api_key"))
    payment = decided.after.payment
    is_on = payment.may_still_be_paid and payment.watch_until is not None and gateway.hub.now() < payment.watch_until
    if decided.events:
        message = "Monitoramento iniciado"
    elif is_on:
        message = "Monitoramento já estava ativo"
    else:
        message = "Este pagamento não precisa de monitoramento"
    body = MonitorStarted(
        success=True,
        payment_id=loaded.payment_id,
        status=payment.status,
        message=message,
        monitoring=is_on,
    )
    return json_response(body)


async def list_monitors(request: web.Request) -> web.Response:
    """`GET /payments/api/monitors/`: list the watched payments and accounts of the caller's or the named merchant."""
    gateway = gateway_of(request)
    slug = (single(request.query, "padaria_slug") or "").strip() or None
    merchant = (await access.find_padaria(request, slug)).slug if slug else caller_of(request).merchant
    watched = await queries.watched_payments(gateway.pool, merchant, now=gateway.hub.now())
    accounts = await monitored_accounts(gateway.hub, gateway.pool, merchant)
    body = MonitorList(success=True, active_count=len(watched), payment_ids=watched, accounts=accounts)
    return json_response(body)


async def start_all_monitors(request: web.Request) -> web.Response:
    """`POST /payments/api/monitors/start-all/`: watch every open payment of a merchant."""
    gateway = gateway_of(request)
    merchant = await _named(request)
    cause = cause_of(request, actor="api_key")
    started = 0

    async def start(payment_id: int) -> None:
        nonlocal started
        # Await before adding: an await inside the addition would lose counts of concurrent starts.
        decided = await start_watch(gateway.hub, payment_id, cause=cause)
        started += bool(decided.events)

    await _for_each(await queries.open_payments(gateway.pool, merchant.slug), start)
    return json_response(MonitorsStarted(success=True, padaria_slug=merchant.slug, monitors_started=started))


async def sync_pending(request: web.Request) -> web.Response:
    """`POST /payments/api/sync-pending/`: ask the provider about every open payment of a merchant.

    A payment without an answer in time does not count as synced.
    """
    gateway = gateway_of(request)
    merchant = await _named(request)
    cause = cause_of(request, actor="check")
    pending = await queries.open_payments(gateway.pool, merchant.slug)
    answered: dict[int, tuple[str, CheckResult]] = {}

    async def sync(payment_id: int) -> None:
        loaded = await load_payment(gateway.hub, payment_id)
        checked = await gateway.provider_checks.check(loaded, cause=cause)
        if checked.synced_at is not None:
            answered[payment_id] = (loaded.payment.status, checked)

    await for_each_within_limit(pending, sync)
    moved = [
        MovedPayment(
            payment_id=payment_id,
            old_status=old_status,
            new_status=checked.loaded.payment.status,
            amount=to_reais(checked.loaded.payment.intent.amount_centavos),
            description=checked.loaded.payment.intent.description,
        )
        for payment_id, (old_status, checked) in sorted(answered.items())
        if checked.loaded.payment.status != old_status
    ]
    body = Synced(
        success=True,
        padaria=merchant.name,
        synced_count=len(answered),
        approved_count=sum(payment.new_status == "approved" for payment in moved),
        total_pending=len(pending),
        updated_payments=moved,
    )
    return json_response(body)


async def _named(request: web.Request) -> Registered:
    """Return the merchant that the body names, which needs a Mercado Pago account."""
    body, _ = await read_json(request, PadariaNamed)
    merchant = await access.find_padaria(request, body.padaria_slug)
    access.require_mercado_pago(merchant)
    return merchant


async def for_each_within_limit(payment_ids: Iterable[int], work: Callable[[int], Awaitable[None]]) -> None:
    """Run `work` as `_for_each` does, for at most `SYNC_WITHIN_S`; the rest is not done."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SYNC_WITHIN_S):
            await _for_each(payment_ids, work)


async def _for_each(payment_ids: Iterable[int], work: Callable[[int], Awaitable[None]]) -> None:
    """Run `work` for `MAX_CONCURRENT` payments at a time. Missing payments are skipped; another error ends the run."""
    waiting = iter(payment_ids)

    async def take_turns() -> None:
        for payment_id in waiting:
            try:
                await work(payment_id)
            except NotFound:
                continue

    tasks = [asyncio.create_task(take_turns()) for _ in range(MAX_CONCURRENT)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
