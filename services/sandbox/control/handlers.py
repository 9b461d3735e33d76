"""`/_sandbox/*`: the control API for tests, outside the provider's own paths."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from services.sandbox.api.doors import refusal
from services.sandbox.control.books import money_body
from services.sandbox.control.outcomes import PayOrder, Refused, bring_about, earlier_answer, end_refund_named
from services.sandbox.state.errors import ProviderError
from services.sandbox.state.faults import InvalidFaults
from services.sandbox.state.json_body import WrongBody, answer, read_control, read_object

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator


class RefundEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a refund: one in process is made or not, a made one is taken back."""

    status: Literal["approved", "rejected", "cancelled"]


class Staleness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many questions about a payment are answered as before its latest change; `null` takes the change back."""

    payment_id: int | str
    answers: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None


async def pay(sim: Simulator, request: web.Request) -> web.Response:
    """Bring an outcome about; answers with the payment, or with a JSON error of 400, 404 or 409."""
    try:
        order = read_control(await request.read(), PayOrder)
    except WrongBody as error:
        return refusal("invalid_order", str(error), status=400)
    try:
        payment = bring_about(sim, order)
    except Refused as error:
        return refusal(error.code, str(error), status=error.status)
    sim.database.commit()
    return answer(await sim.shown(payment))


async def end_refund(sim: Simulator, request: web.Request) -> web.Response:
    """End a refund, or take a made one back; answers with the payment, or with a JSON error of 400, 404 or 409."""
    try:
        end = read_control(await request.read(), RefundEnd)
        payment = end_refund_named(sim, request.match_info["refund_id"], status=end.status)
    except WrongBody as error:
        return refusal("invalid_refund", str(error), status=400)
    except Refused as error:
        return refusal(error.code, str(error), status=error.status)
    sim.database.commit()
    return answer(await sim.shown(payment))


async def make_stale(sim: Simulator, request: web.Request) -> web.Response:
    """Show a payment as before its latest change; answers with that form, or with a JSON error of 400, 404 or 409."""
    try:
        order = read_control(await request.read(), Staleness)
        earlier = earlier_answer(sim, order.payment_id, answers=order.answers)
    except WrongBody as error:
        return refusal("invalid_staleness", str(error), status=400)
    except Refused as error:
        return refusal(error.code, str(error), status=error.status)
    sim.database.commit()
    return answer(await sim.shown(earlier))


async def money(sim: Simulator, request: web.Request) -> web.Response:
    """Count the money of the payments with an `external_reference`, or of all payments when none is named."""
    reference = request.query.get("external_reference")
    found = sim.store.payments.values() if reference is None else sim.store.payments_of_reference(reference)
    return answer(money_body(found))


async def get_faults(sim: Simulator, _request: web.Request) -> web.Response:
    """Show the fault dial."""
    return answer(sim.faults.now)


async def put_faults(sim: Simulator, request: web.Request) -> web.Response:
    """Turn the named faults and keep the others; shows the whole dial."""
    try:
        change = await read_object(request)
        plain = {key: float(value) if isinstance(value, Decimal) else value for key, value in change.items()}
        return answer(sim.faults.turn(plain))
    except ProviderError:
        return refusal("invalid_faults", "The body must be a JSON object.", status=400)
    except InvalidFaults as error:
        return refusal("invalid_faults", str(error), status=400)


async def stats(sim: Simulator, _request: web.Request) -> web.Response:
    """Show what has been served since the start or the last reset."""
    return answer(sim.stats.body(webhooks_pending=sim.outbox.pending, webhooks_retrying=sim.outbox.retrying))


async def reset(sim: Simulator, _request: web.Request) -> web.Response:
    """Forget preferences, payments, notices, faults, panels and stats; ids are never given twice."""
    sim.outbox.clear()
    sim.store.clear()
    sim.faults.reset()
    sim.accounts.reset()
    sim.stats.reset()
    sim.stale.clear()
    return answer({"status": "ok"})


async def health(sim: Simulator, _request: web.Request) -> web.Response:
    """Say that the sandbox serves, and how much it holds."""
    return answer(
        {
            "status": "ok",
            "preferences": len(sim.store.preferences),
            "payments": len(sim.store.payments),
            "webhooks_pending": sim.outbox.pending,
        }
    )
