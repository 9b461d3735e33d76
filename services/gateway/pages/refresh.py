"""Refreshes a payment from the provider before a page shows it as unpaid."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from contracts.digits import number_in
from extrato.providers.call_budget import calling_for
from extrato.use_cases.payments import LoadedPayment, load_payment
from extrato.use_cases.refresh_payment import observe_attempt
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import cause_of
from services.gateway.http.values import single
from services.gateway.workers.provider_checks import PROVIDER_FAILED

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.envelope import Cause
    from services.gateway.gateway import Gateway

# How long a page waits for the provider. The next refresh shows a slower answer.
REFRESH_WITHIN_S: Final = 2.0
MAX_ATTEMPT_ID_LENGTH: Final = 20


class Refreshed(Struct, frozen=True, kw_only=True):
    """A payment after the refresh; `is_answered` is False when a call to the provider failed or timed out."""

    loaded: LoadedPayment
    is_answered: bool


async def refresh_before_render(request: web.Request, loaded: LoadedPayment) -> Refreshed:
    """Refresh a payment, unless it is settled or its last check is still valid."""
    return await _refresh(gateway_of(request), loaded, None, cause=cause_of(request))


async def refresh_on_return(request: web.Request, loaded: LoadedPayment) -> Refreshed:
    """Refresh a payment whose payer returns from the checkout, and the attempt that the return address names.

    The provider's search may not list a recent attempt yet, but a call with the attempt's id finds it. The status and
    the payment of the attempt come from the provider, never from the address.
    """
    cause = cause_of(request, actor="return_page")
    return await _refresh(gateway_of(request), loaded, _attempt_id_in(request), cause=cause)


def _attempt_id_in(request: web.Request) -> str | None:
    """Return the attempt id of the return address; None if the payer left without paying (the text `null`)."""
    text = single(request.query, "collection_id") or single(request.query, "payment_id") or ""
    is_number = number_in(text, digits=MAX_ATTEMPT_ID_LENGTH) is not None
    return text if is_number and "external_reference" in request.query else None


async def _refresh(gateway: Gateway, loaded: LoadedPayment, attempt_id: str | None, *, cause: Cause) -> Refreshed:
    """Refresh within `REFRESH_WITHIN_S`; without an answer of the provider, the payment stays as it was loaded."""
    if loaded.payment.is_settled or loaded.payment.intent.provider not in gateway.hub.providers.remote:
        return Refreshed(loaded=loaded, is_answered=True)
    is_answered = False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REFRESH_WITHIN_S):
            if attempt_id is not None and attempt_id not in loaded.payment.attempts:
                loaded = await _observe_attempt(gateway, loaded, attempt_id, cause=cause)
            if not loaded.payment.is_settled:
                checked = await gateway.provider_checks.check(loaded, cause=cause, purpose="payer")
                loaded, is_answered = checked.loaded, checked.synced_at is not None
    # The search may not list the attempt of the address yet, so its answer is not enough.
    is_attempt_known = attempt_id is None or attempt_id in loaded.payment.attempts
    return Refreshed(loaded=loaded, is_answered=is_answered and is_attempt_known)


async def _observe_attempt(gateway: Gateway, loaded: LoadedPayment, attempt_id: str, *, cause: Cause) -> LoadedPayment:
    """Ask the provider about an attempt that the hub does not know yet; these calls are rate-limited."""
    if not gateway.rate_limiter.take_return_check(loaded.merchant, loaded.payment_id):
        return loaded
    try:
        with calling_for("payer"):
            await observe_attempt(gateway.hub, loaded.merchant, loaded.payment.intent.provider, attempt_id, cause=cause)
    except PROVIDER_FAILED:
        return loaded
    return await load_payment(gateway.hub, loaded.payment_id)
