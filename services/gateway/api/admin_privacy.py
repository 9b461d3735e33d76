"""Forgets payers of a merchant, and holds payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts import api
from contracts.events.payment_privacy import FORGETTING_REASONS
from extrato.domain.errors import Refused
from extrato.errors import NotFound
from extrato.use_cases.forget_payer import (
    STAYS_WITH_TEXT,
    STAYS_WITHOUT_TEXT,
    find_payments,
    forget_payers,
    plan_forgetting,
)
from extrato.use_cases.hold_payment import hold_payment, release_payment
from extrato.use_cases.payments import load_payment
from services.gateway.api.admin import find_administered_merchant
from services.gateway.api.response_bodies import local_time_or_none
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import cause_of
from services.gateway.http.responses import json_response
from services.gateway.request_body import read_json

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.forget_payer import Planned


async def forget(request: web.Request) -> web.Response:
    """`POST /admin/merchants/{merchant}/forget`: plan to forget a payer, or with `dry_run` false forget the payer."""
    merchant, hub = await find_administered_merchant(request), gateway_of(request).hub
    body, _ = await read_json(request, api.ForgettingWanted)
    if body.reason not in FORGETTING_REASONS:
        raise Refused("invalid_reason", "reason", choices=", ".join(FORGETTING_REASONS))
    if body.payer is not None and body.payment_id is None:
        payment_ids = await find_payments(hub, body.payer, merchant=merchant.slug)
    elif body.payment_id is not None and body.payer is None:
        payment_ids = [await _own_payment(request, body.payment_id, merchant.slug)]
    else:
        raise Refused("payer_or_payment", "payer")
    planned = await plan_forgetting(hub, payment_ids)
    is_dry, with_text = body.dry_run is not False, body.text is True
    if not is_dry:
        cause = cause_of(request, actor="api_key")
        planned = await forget_payers(hub, planned, reason=body.reason, with_text=with_text, cause=cause)
    stays = STAYS_WITHOUT_TEXT if with_text else STAYS_WITH_TEXT
    answer = api.Forgetting(
        success=True,
        dry_run=is_dry,
        count=len(planned),
        payments=[_body(each) for each in planned],
        stays=[api.WhatStays(what=what, why=why) for what, why in stays.items()],
    )
    return json_response(answer)


async def hold(request: web.Request) -> web.Response:
    """`POST /admin/merchants/{merchant}/payments/{payment_id}/hold`: hold a payment, or replace its hold."""
    payment_id = await _payment_of_path(request)
    body, _ = await read_json(request, api.HoldWanted)
    cause = cause_of(request, actor="api_key")
    held = await hold_payment(gateway_of(request).hub, payment_id, reason=body.reason, until=body.until, cause=cause)
    return json_response(
        api.PaymentHold(
            success=True, payment_id=payment_id, held=True, reason=held.reason, until=local_time_or_none(held.until)
        )
    )


async def release(request: web.Request) -> web.Response:
    """`DELETE /admin/merchants/{merchant}/payments/{payment_id}/hold`: end the hold."""
    payment_id = await _payment_of_path(request)
    await release_payment(gateway_of(request).hub, payment_id, cause=cause_of(request, actor="api_key"))
    return json_response(api.PaymentHold(success=True, payment_id=payment_id, held=False, reason=None, until=None))


async def _payment_of_path(request: web.Request) -> int:
    merchant = await find_administered_merchant(request)
    return await _own_payment(request, fields.payment_id(request.match_info["payment_id"]), merchant.slug)


async def _own_payment(request: web.Request, payment_id: int, merchant: str) -> int:
    try:
        loaded = await load_payment(gateway_of(request).hub, payment_id)
    except NotFound as error:
        raise fields.not_found(payment_id) from error
    if loaded.merchant != merchant:
        raise fields.not_found(payment_id)
    return payment_id


def _body(planned: Planned) -> api.ForgottenPayment:
    data, held = planned.data, planned.hold
    return api.ForgottenPayment(
        payment_id=planned.payment_id,
        state=planned.state,
        waits_for=list(planned.waits_for),
        held_because=held.reason if held else None,
        held_until=local_time_or_none(held.until if held else None),
        goes=api.WhatGoes(
            emails=planned.emails,
            metadata=planned.metadata,
            evidence=data.evidence,
            webhook_bodies=data.webhook_bodies,
            payer_details=data.payer_details,
            tags=data.tags,
        ),
        requested_at=local_time_or_none(planned.requested_at),
        text_hidden=planned.is_text_hidden,
        erased_at=local_time_or_none(planned.forgotten_at),
    )
