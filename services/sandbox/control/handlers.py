"""`/_sandbox/*`: the control API for tests, beside the provider's own paths."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from services.sandbox.api.middleware import control_error
from services.sandbox.control.money_totals import money_body
from services.sandbox.control.outcomes import (
    ControlError,
    OutcomeRequest,
    apply_outcome,
    earlier_answer,
    end_refund_named,
)
from services.sandbox.state.errors import ProviderError
from services.sandbox.state.faults import InvalidFaults
from services.sandbox.state.json_body import WrongBody, answer, read_control, read_object

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator


class RefundEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new status of a refund: it ends one in process, or reverses an approved one."""

    status: Literal["approved", "rejected", "cancelled"]


class Staleness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many requests for a payment get its form before the latest change; `null` reverts the change."""

    payment_id: int | str
    answers: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None


async def pay(sim: Simulator, request: web.Request) -> web.Response:
    """Apply an outcome; answer the payment, or a JSON error of 400, 404 or 409."""
    try:
        wanted = read_control(await request.read(), OutcomeRequest)
    except WrongBody as error:
        return control_error("invalid_order", str(error), status=400)
    try:
        payment = apply_outcome(sim, wanted)
    except ControlError as error:
        return control_error(error.code, str(error), status=error.status)
    sim.database.commit()
    return answer(await sim.payment_json(payment))


async def end_refund(sim: Simulator, request: web.Request) -> web.Response:
    """End or reverse a refund; answer the payment, or a JSON error of 400, 404 or 409."""
    try:
        end = read_control(await request.read(), RefundEnd)
        payment = end_refund_named(sim, request.match_info["refund_id"], status=end.status)
    except WrongBody as error:
        return control_error("invalid_refund", str(error), status=400)
    except ControlError as error:
        return control_error(error.code, str(error), status=error.status)
    sim.database.commit()
    return answer(await sim.payment_json(payment))


async def make_stale(sim: Simulator, request: web.Request) -> web.Response:
    """Serve a payment as before its latest change; answer that form, or a JSON error of 400, 404 or 409."""
    try:
        wanted = read_control(await request.read(), Staleness)
        earlier = earlier_answer(sim, wanted.payment_id, answers=wanted.answers)
    except WrongBody as error:
        return control_error("invalid_staleness", str(error), status=400)
    except ControlError as error:
        return control_error(error.code, str(error), status=error.status)
    sim.database.commit()
    return answer(await sim.payment_json(earlier))


async def money(sim: Simulator, request: web.Request) -> web.Response:
    """Answer the money of the payments with an `external_reference`, or of all payments without one."""
    reference = request.query.get("external_reference")
    found = sim.store.payments.values() if reference is None else sim.store.payments_of_reference(reference)
    return answer(money_body(found))


async def get_faults(sim: Simulator, _request: web.Request) -> web.Response:
    """Answer the fault dial."""
    return answer(sim.faults.now)


async def put_faults(sim: Simulator, request: web.Request) -> web.Response:
    """Change the named faults and keep the others; answer the whole dial."""
    try:
        change = await read_object(request)
        plain = {key: float(value) if isinstance(value, Decimal) else value for key, value in change.items()}
        return answer(sim.faults.change(plain))
    except ProviderError:
        return control_error("invalid_faults", "The body must be a JSON object.", status=400)
    except InvalidFaults as error:
        return control_error("invalid_faults", str(error), status=400)


async def stats(sim: Simulator, _request: web.Request) -> web.Response:
    """Answer the counts since the start or the last reset."""
    return answer(sim.stats.body(webhooks_pending=sim.outbox.pending, webhooks_retrying=sim.outbox.retrying))


async def reset(sim: Simulator, _request: web.Request) -> web.Response:
    """Delete preferences, payments and webhooks, and reset faults, panels and stats; ids are never reused."""
    sim.outbox.clear()
    sim.store.clear()
    sim.faults.reset()
    sim.accounts.reset()
    sim.stats.reset()
    sim.stale.clear()
    return answer({"status": "ok"})


async def health(sim: Simulator, _request: web.Request) -> web.Response:
    """Answer that the sandbox is up, with the number of its records."""
    return answer(
        {
            "status": "ok",
            "preferences": len(sim.store.preferences),
            "payments": len(sim.store.payments),
            "webhooks_pending": sim.outbox.pending,
        }
    )
