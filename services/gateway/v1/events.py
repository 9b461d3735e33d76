"""`/v1/payments/{payment_id}/events`: lists the events of a payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.v1 import EventList, ListQuery, PaymentEventShown
from services.gateway.gateway import gateway_of
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response
from services.gateway.payers_in_events import payers_in, show_payer
from services.gateway.request_body import read_query
from services.gateway.v1.merchant_of import history_of
from services.gateway.v1.pages_of import page_of
from services.gateway.v1.times import utc

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.envelope import Envelope
    from services.gateway.gateway import Gateway
    from services.gateway.payers_in_events import Shown


async def list_events(request: web.Request) -> web.Response:
    """`GET …/events`: list the events of a payment, the oldest first, with the payer's data."""
    gateway, query = gateway_of(request), read_query(request, ListQuery)
    payment_id, history = await history_of(request, query.merchant)
    shown = await payers_in(gateway.hub.personal_data, payment_id, history)
    page, following = page_of(gateway, history, query, name=f"events of {payment_id}", merchant=history[0].merchant)
    note_position(request, history[-1].position)
    data = [_shown(gateway, payment_id, envelope, shown) for envelope in page]
    return json_response(EventList(object="list", data=data, has_more=following is not None, next=following))


def _shown(gateway: Gateway, payment_id: int, envelope: Envelope, shown: Shown) -> PaymentEventShown:
    return PaymentEventShown(
        object="event",
        id=str(envelope.event_id),
        payment_id=str(payment_id),
        version=envelope.version,
        position=gateway.positions.text(envelope.position),
        type=type(envelope.event).__name__,
        occurred_at=utc(envelope.occurred_at),
        recorded_at=utc(envelope.recorded_at),
        actor=envelope.cause.actor,
        actor_id=envelope.cause.actor_id,
        correlation_id=envelope.cause.correlation_id,
        causation_id=envelope.cause.causation_id,
        data=show_payer(envelope.event, shown),
    )
