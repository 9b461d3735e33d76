"""`/v1/payments/{payment_id}/alerts`: lists and resolves the alerts of a payment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.v1 import AlertList, AlertResolution, AlertShown, ListQuery, MerchantQuery
from extrato.domain.payment.alert_history import alert_records
from extrato.domain.payment.commands import ResolveAlert
from extrato.domain.payment.identifiers import stream_id
from extrato.use_cases.resolve_alert import resolve_alert
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import cause_of
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response, replayed
from services.gateway.request_body import read_query, read_request
from services.gateway.v1.merchant_of import history_of, payment_of
from services.gateway.v1.pages_of import page_of
from services.gateway.v1.repetitions import key_of
from services.gateway.v1.times import utc, utc_or_none

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.domain.payment.alert_history import AlertRecord


async def list_alerts(request: web.Request) -> web.Response:
    """`GET …/alerts`: list every alert that a payment ever had."""
    gateway, query = gateway_of(request), read_query(request, ListQuery)
    payment_id, history = await history_of(request, query.merchant)
    page, following = page_of(
        gateway, alert_records(history), query, name=f"alerts of {payment_id}", merchant=history[0].merchant
    )
    note_position(request, history[-1].position)
    data = [_shown(payment_id, record) for record in page]
    return json_response(AlertList(object="list", data=data, has_more=following is not None, next=following))


async def resolve(request: web.Request) -> web.Response:
    """`POST …/alerts/{alert}/resolve`: resolve an alert, with a reason that its event keeps."""
    hub, name = gateway_of(request).hub, fields.alert(request.match_info["alert"])
    query, body, raw = await read_request(request, MerchantQuery, AlertResolution)
    loaded = await payment_of(request, query.merchant)
    command = ResolveAlert(alert=name, reason=body.reason)
    key = key_of(request, loaded, what=f"resolve {name}", body=raw)
    resolved = await resolve_alert(hub, loaded, command, idempotency_key=key, cause=cause_of(request))
    records = alert_records(await hub.log.read_stream(stream_id(loaded.payment_id)))
    (record,) = (each for each in records if each.name == name)
    note_position(request, resolved.loaded.position)
    return json_response(_shown(loaded.payment_id, record), headers=replayed(is_repeated=resolved.is_repeated))


def _shown(payment_id: int, record: AlertRecord) -> AlertShown:
    return AlertShown(
        object="alert",
        id=record.name,
        payment_id=str(payment_id),
        status=record.state,
        occurrences=record.occurrences,
        raised_at=utc(record.raised_at),
        closed_at=utc_or_none(record.closed_at),
        reason=record.reason,
    )
