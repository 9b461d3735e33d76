"""Handles a verified webhook: asks the provider about the named resource, and trusts only the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from contracts.envelope import Cause
from extrato.errors import ProviderRefused
from extrato.providers.call_budget import calling_for
from extrato.store.inbox import RECORDED
from extrato.use_cases.refresh_payment import observe_attempt, observe_resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extrato.store.inbox import Delivery, DueDelivery
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import Decided

# Resources that are a payment, and resources that lead to one by their reference.
PAYMENT_KINDS: Final = frozenset({"payment"})
LEADING_KINDS: Final = frozenset({"order", "topic_merchant_order_wh"})


async def handle_delivery(hub: Hub, delivery: Delivery | DueDelivery) -> str:
    """Handle one delivery, mark it, and return its outcome; raises an error if the delivery must be retried.

    The provider does not send a delivery again after an answer, so the hub marks it only after an outcome.
    """
    return await handle_deliveries(hub, [delivery])


async def handle_deliveries(hub: Hub, deliveries: Sequence[Delivery | DueDelivery]) -> str:
    """Handle several deliveries about one resource with one request, in the name of the first delivery."""
    outcome, payment_id = await _handle(hub, deliveries[0])
    at = hub.now()
    marking = (
        hub.inbox.mark_handled(delivery.delivery_id, at=at, outcome=outcome, payment_id=payment_id)
        for delivery in deliveries
    )
    await asyncio.gather(*marking)
    return outcome


async def _handle(hub: Hub, delivery: Delivery | DueDelivery) -> tuple[str, int | None]:
    """Return the outcome, and the payment that the delivery led to."""
    if delivery.kind not in PAYMENT_KINDS | LEADING_KINDS:
        return "not_about_a_payment", None
    cause = Cause(
        correlation_id=delivery.correlation_id,
        causation_id=str(delivery.delivery_id),
        actor="webhook",
        actor_id=str(delivery.delivery_id),
    )
    try:
        with calling_for("background"):
            decided = await _observe(hub, delivery, cause)
    except ProviderRefused as error:
        return error.code, None
    if decided is None:
        return "unknown_payment", None
    return RECORDED if decided.events else "nothing_new", decided.after.payment_id


async def _observe(hub: Hub, delivery: Delivery | DueDelivery, cause: Cause) -> Decided | None:
    merchant, provider, resource_id = delivery.merchant, delivery.provider, delivery.resource_id
    if delivery.kind in PAYMENT_KINDS:
        return await observe_attempt(hub, merchant, provider, resource_id, cause=cause)
    return await observe_resource(hub, merchant, provider, delivery.kind, resource_id, cause=cause)
