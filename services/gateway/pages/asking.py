"""A page asks the provider before it says that something was not paid."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from extrato.errors import ExtratoError
from extrato.use_cases.hub import load_payment
from extrato.use_cases.refresh_payment import observe_attempt
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
    gateway = gateway_of(request)
    if not _is_worth_asking(gateway, loaded):
        return loaded
    return await _ask(gateway, loaded, cause=cause_of(request))


async def ask_on_return(request: web.Request, loaded: LoadedPayment) -> LoadedPayment:
    """Ask about the payment that a payer comes back from, and about the attempt that the address names.

    A provider's search may lag behind what just happened; the attempt by its id does not. What it is about and how
    it stands is the provider's word and not the address's.
    """
    gateway = gateway_of(request)
    if not _is_worth_asking(gateway, loaded):
        return loaded
    cause = cause_of(request, actor="return_page")
    attempt_id = _attempt_named(request)
    if attempt_id is not None and attempt_id not in loaded.payment.attempts and gateway.unverified.take():
        loaded = await _ask_about_attempt(gateway, loaded, attempt_id, cause=cause)
    return loaded if loaded.payment.is_settled else await _ask(gateway, loaded, cause=cause)


def _is_worth_asking(gateway: Gateway, loaded: LoadedPayment) -> bool:
    """Say whether somebody knows more than the hub, of something that may still move."""
    return not loaded.payment.is_settled and gateway.hub.providers[loaded.payment.intent.provider].needs_credential


def _attempt_named(request: web.Request) -> str | None:
    """Read the provider's id of the attempt; a payer who left without paying has the text `null` there."""
    text = request.query.get("collection_id") or request.query.get("payment_id") or ""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_ATTEMPT_ID_LENGTH
    return text if is_number and "external_reference" in request.query else None


async def _ask_about_attempt(
    gateway: Gateway, loaded: LoadedPayment, attempt_id: str, *, cause: Cause
) -> LoadedPayment:
    provider = loaded.payment.intent.provider
    try:
        async with asyncio.timeout(PATIENCE_S):
            await observe_attempt(gateway.hub, loaded.merchant, provider, attempt_id, cause=cause)
    except (TimeoutError, ExtratoError):
        return loaded
    return await load_payment(gateway.hub, loaded.payment_id)


async def _ask(gateway: Gateway, loaded: LoadedPayment, *, cause: Cause) -> LoadedPayment:
    """Ask within a bound. A provider that is slow or away takes nothing from the page: what is known is shown."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return (await gateway.checks.check(loaded, cause=cause)).loaded
    except TimeoutError:
        return loaded
