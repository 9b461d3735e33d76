"""A page asks the provider before it says that something was not paid."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.use_cases.payments import LoadedPayment, load_payment
from extrato.use_cases.refresh_payment import observe_attempt
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import cause_of
from services.gateway.http.values import single
from services.gateway.workers.checks import PROVIDER_FAILED

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.envelope import Cause
    from services.gateway.gateway import Gateway

# A payer looks at an empty window for so long; a question that takes longer is answered to the next look.
PATIENCE_S: Final = 2.0
MAX_ATTEMPT_ID_LENGTH: Final = 20


class Asked(Struct, frozen=True, kw_only=True):
    """A payment after the question; `is_answered` says that the provider told all that it was to be asked."""

    loaded: LoadedPayment
    is_answered: bool


async def ask_about(request: web.Request, loaded: LoadedPayment) -> Asked:
    """Ask how a payment stands, unless it is settled or was asked about just now."""
    return await _ask(gateway_of(request), loaded, None, cause=cause_of(request))


async def ask_on_return(request: web.Request, loaded: LoadedPayment) -> Asked:
    """Ask about the payment that a payer comes back from, and about the attempt that the address names.

    A provider's search may lag behind what just happened; the attempt by its id does not. What it is about and how
    it stands is the provider's word and not the address's.
    """
    cause = cause_of(request, actor="return_page")
    return await _ask(gateway_of(request), loaded, _attempt_named(request), cause=cause)


def _attempt_named(request: web.Request) -> str | None:
    """Read the provider's id of the attempt; a payer who left without paying has the text `null` there."""
    text = single(request.query, "collection_id") or single(request.query, "payment_id") or ""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_ATTEMPT_ID_LENGTH
    return text if is_number and "external_reference" in request.query else None


async def _ask(gateway: Gateway, loaded: LoadedPayment, attempt_id: str | None, *, cause: Cause) -> Asked:
    """Ask within a bound. A provider that is slow or away takes nothing from the page: what is known is shown."""
    if loaded.payment.is_settled or loaded.payment.intent.provider not in gateway.hub.providers.remote:
        return Asked(loaded=loaded, is_answered=True)
    is_answered = False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            if attempt_id is not None and attempt_id not in loaded.payment.attempts:
                loaded = await _ask_about_attempt(gateway, loaded, attempt_id, cause=cause)
            if not loaded.payment.is_settled:
                checked = await gateway.checks.check(loaded, cause=cause)
                loaded, is_answered = checked.loaded, checked.synced_at is not None
    # A search that finds nothing does not speak of an attempt that the address names.
    is_told = attempt_id is None or attempt_id in loaded.payment.attempts
    return Asked(loaded=loaded, is_answered=is_answered and is_told)


async def _ask_about_attempt(
    gateway: Gateway, loaded: LoadedPayment, attempt_id: str, *, cause: Cause
) -> LoadedPayment:
    """Ask about an attempt that only the address speaks of; such questions have an allowance."""
    if not gateway.rate_limiter.take_return_check(loaded.merchant, loaded.payment_id):
        return loaded
    try:
        await observe_attempt(gateway.hub, loaded.merchant, loaded.payment.intent.provider, attempt_id, cause=cause)
    except PROVIDER_FAILED:
        return loaded
    return await load_payment(gateway.hub, loaded.payment_id)
