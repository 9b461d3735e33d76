"""A page asks the provider before it says that something was not paid."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from extrato.use_cases.hub import load_payment
from extrato.use_cases.refresh_payment import observe_attempt
from services.gateway.api.checks import PROVIDER_FAILED
from services.gateway.http.context import cause_of, gateway_of

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.envelope import Cause
    from extrato.use_cases.hub import LoadedPayment
    from services.gateway.http.context import Gateway

# A payer looks at an empty window for so long; a question that takes longer is answered to the next look.
PATIENCE_S: Final = 2.0
MAX_ATTEMPT_ID_LENGTH: Final = 20


async def ask_about(request: web.Request, loaded: LoadedPayment) -> LoadedPayment:
    """Ask how a payment stands, unless it is settled or was asked about just now."""
    return await _ask(gateway_of(request), loaded, None, cause=cause_of(request))


async def ask_on_return(request: web.Request, loaded: LoadedPayment) -> LoadedPayment:
    """Ask about the payment that a payer comes back from, and about the attempt that the address names.

    A provider's search may lag behind what just happened; the attempt by its id does not. What it is about and how
    it stands is the provider's word and not the address's.
    """
    cause = cause_of(request, actor="return_page")
    return await _ask(gateway_of(request), loaded, _attempt_named(request), cause=cause)


def _attempt_named(request: web.Request) -> str | None:
    """Read the provider's id of the attempt; a payer who left without paying has the text `null` there."""
    text = request.query.get("collection_id") or request.query.get("payment_id") or ""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_ATTEMPT_ID_LENGTH
    return text if is_number and "external_reference" in request.query else None


async def _ask(gateway: Gateway, loaded: LoadedPayment, attempt_id: str | None, *, cause: Cause) -> LoadedPayment:
    """Ask within a bound. A provider that is slow or away takes nothing from the page: what is known is shown."""
    if loaded.payment.is_settled or not gateway.hub.providers[loaded.payment.intent.provider].needs_credential:
        return loaded
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            if attempt_id is not None and attempt_id not in loaded.payment.attempts:
                loaded = await _ask_about_attempt(gateway, loaded, attempt_id, cause=cause)
            if not loaded.payment.is_settled:
                loaded = (await gateway.checks.check(loaded, cause=cause)).loaded
    return loaded


async def _ask_about_attempt(
    gateway: Gateway, loaded: LoadedPayment, attempt_id: str, *, cause: Cause
) -> LoadedPayment:
    """Ask about an attempt that only the address speaks of; such questions have an allowance."""
    if not gateway.limits.take_return(loaded.merchant, loaded.payment_id):
        return loaded
    try:
        await observe_attempt(gateway.hub, loaded.merchant, loaded.payment.intent.provider, attempt_id, cause=cause)
    except PROVIDER_FAILED:
        return loaded
    return await load_payment(gateway.hub, loaded.payment_id)
