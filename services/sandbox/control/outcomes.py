"""Outcomes that a test or a person chooses: a new attempt, or the next step of an earlier one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import msgspec

from services.sandbox.api.creation import new_attempt
from services.sandbox.api.methods import METHODS, Method
from services.sandbox.api.preferences import is_open
from services.sandbox.control.force import force
from services.sandbox.state.lifecycle import IllegalMove, charge_back, may_become, move
from services.sandbox.state.money import MAX_CENTAVOS, NotMoney, centavos
from services.sandbox.state.refunding import ExcessiveRefund, end_refund, refund

if TYPE_CHECKING:
    from services.sandbox.simulator import Simulator
    from services.sandbox.state.records import Payment, Preference

OUTCOMES = ("approved", "rejected", "pending", "in_process", "cancelled", "refunded", "charged_back", "in_mediation")

# The outcomes that can begin an attempt, each with its default method.
_FIRST_METHODS = {"approved": "pix", "pending": "pix", "rejected": "visa", "in_process": "visa"}
_METHOD_WORDS = {"card": "visa", "credit_card": "visa", "debit_card": "debvisa", "boleto": "bolbradesco"}


class ControlError(Exception):
    """The control request cannot be fulfilled; it has a stable code, a sentence and an HTTP status."""

    def __init__(self, code: str, sentence: str, *, status: int) -> None:
        """Take the parts of the answer."""
        super().__init__(sentence)
        self.code = code
        self.status = status


class OutcomeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /_sandbox/pay`: one target, an outcome, and deviations from the defaults.

    `order_id` is the `ORD…` name of an order. `detail` replaces the outcome's default status detail; with
    `charged_back`, the details `settled` and `reimbursed` end a chargeback that began before. `amount` (reais) and
    `currency_id` let the payment differ from its charge; with `refunded`, `amount` is the refunded amount.
    `new_attempt` always begins another attempt on a preference. `force` moves the payment of a `payment_id` or an
    `order_id` from any status to any other, even to a status that the provider does not have.
    """

    outcome: Annotated[str, msgspec.Meta(pattern="^[a-z_]{1,64}$")]
    detail: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")] | None = None
    preference_id: str | None = None
    payment_id: int | str | None = None
    order_id: str | None = None
    external_reference: str | None = None
    method: str | None = None
    amount: int | Decimal | None = None
    currency_id: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None
    new_attempt: bool = False
    force: bool = False


def apply_outcome(sim: Simulator, wanted: OutcomeRequest) -> Payment:
    """Apply an outcome and return the payment; raises `ControlError`.

    A `payment_id` or `order_id` names the payment to change. On a preference or a reference, the newest attempt that
    can take the step changes; without one, an outcome that can begin an attempt creates a new one. On a preference, a
    rejected or reviewed card becomes a new attempt beside a pending one, unless `method` names the pending one's
    method. `pending` always begins an attempt.
    """
    _check(wanted)
    amount_centavos = _amount(wanted)
    method = None if wanted.method is None else _method(wanted.method)
    if wanted.payment_id is not None:
        return _moved(sim, _payment(sim, wanted.payment_id), wanted, amount_centavos)
    if wanted.order_id is not None:
        return _moved(sim, _ordered_payment(sim, wanted.order_id), wanted, amount_centavos)
    preference, attempts = _target(sim, wanted)
    beside = preference is not None and method is None
    for attempt in [] if wanted.new_attempt else reversed(attempts):
        if _can_take(attempt, wanted, method, beside=beside):
            return _moved(sim, attempt, wanted, amount_centavos)
    if preference is None or wanted.outcome not in _FIRST_METHODS:
        raise ControlError("no_such_attempt", f"No attempt can become {wanted.outcome}.", status=409)
    if not is_open(preference, sim=sim):
        raise ControlError("preference_expired", "This preference cannot be paid at this time.", status=409)
    return new_attempt(
        sim,
        preference,
        method=method or METHODS[_FIRST_METHODS[wanted.outcome]],
        status=wanted.outcome,
        detail=wanted.detail,
        amount_centavos=amount_centavos,
        currency_id=wanted.currency_id or "BRL",
    )


def _check(wanted: OutcomeRequest) -> None:
    """Raise `ControlError` for a request that no payment could fulfil."""
    targets = (wanted.preference_id, wanted.payment_id, wanted.order_id, wanted.external_reference)
    if sum(target is not None for target in targets) != 1:
        sentence = "Name exactly one of preference_id, payment_id, order_id and external_reference."
        raise ControlError("one_target", sentence, status=400)
    if wanted.outcome not in OUTCOMES and not wanted.force:
        sentence = f"The outcome must be one of {', '.join(OUTCOMES)}; other outcomes need `force`."
        raise ControlError("invalid_order", sentence, status=400)
    names_payment = wanted.payment_id is not None or wanted.order_id is not None
    if wanted.force and not names_payment:
        raise ControlError("invalid_order", "With `force`, name a payment_id or an order_id.", status=400)
    if wanted.new_attempt and names_payment:
        raise ControlError("invalid_order", "With `new_attempt`, name a preference_id or a reference.", status=400)


def _can_take(attempt: Payment, wanted: OutcomeRequest, method: Method | None, *, beside: bool) -> bool:
    """Return True when this attempt takes the outcome; with `beside`, a card leaves a pending Pix alone."""
    outcome = wanted.outcome
    if method is not None and method.method_id != attempt.method_id:
        return False
    if outcome == "refunded":
        return attempt.status in {"approved", "in_mediation"}
    if outcome == "pending" or not may_become(attempt, outcome, detail=wanted.detail):
        return False
    return not (beside and attempt.status == "pending" and outcome in {"rejected", "in_process"})


def _moved(sim: Simulator, payment: Payment, wanted: OutcomeRequest, amount_centavos: int | None) -> Payment:
    now_ms = sim.clock.now_ms()
    detail = wanted.detail or ("by_payer" if wanted.outcome == "cancelled" else None)
    try:
        if wanted.force:
            moved = force(
                payment,
                wanted.outcome,
                detail=detail,
                amount_centavos=amount_centavos,
                now_ms=now_ms,
                new_id=sim.store.next_id,
            )
        elif wanted.outcome == "refunded":
            moved = refund(payment, refund_id=sim.store.next_id(), amount_centavos=amount_centavos, now_ms=now_ms)
        elif wanted.outcome == "charged_back":
            moved = charge_back(payment, chargeback_id=sim.store.next_id(), detail=wanted.detail, now_ms=now_ms)
        else:
            moved = move(payment, wanted.outcome, detail=detail, now_ms=now_ms, amount_centavos=amount_centavos)
    except (IllegalMove, ExcessiveRefund) as error:
        raise ControlError("illegal_move", str(error), status=409) from error
    if wanted.currency_id is not None:
        moved = msgspec.structs.replace(moved, currency_id=wanted.currency_id)
    sim.record(moved, action="updated")
    return moved


def _target(sim: Simulator, wanted: OutcomeRequest) -> tuple[Preference | None, list[Payment]]:
    if wanted.preference_id is not None:
        preference = sim.store.preferences.get(wanted.preference_id)
        if preference is None:
            raise ControlError("unknown_preference", f"There is no preference {wanted.preference_id}.", status=404)
        return preference, sim.store.payments_of_preference(wanted.preference_id)
    reference = wanted.external_reference or ""
    preferences = sim.store.preferences_of_reference(reference) if reference else []
    attempts = sim.store.payments_of_reference(reference)
    if not preferences and not attempts:
        raise ControlError("unknown_reference", "No preference or payment has this external_reference.", status=404)
    return (preferences[-1] if preferences else None), attempts


def end_refund_named(sim: Simulator, name: str, *, status: str) -> Payment:
    """Approve, reject or reverse the refund with this id or `REF…` name; raises `ControlError`."""
    found = sim.store.refund_named(name)
    if found is None:
        raise ControlError("unknown_refund", f"There is no refund {name}.", status=404)
    payment, refund_id = found
    try:
        ended = end_refund(payment, refund_id, status=status, now_ms=sim.clock.now_ms())
    except IllegalMove as error:
        raise ControlError("illegal_move", str(error), status=409) from error
    sim.record(ended, action="updated")
    return ended


def earlier_answer(sim: Simulator, payment_id: int | str, *, answers: int | None) -> Payment:
    """Serve the payment as before its latest change for some requests, or (`None`) revert the change.

    A reverted payment has its older time again and causes no webhook, as if the provider lost the change. Returns the
    earlier form; raises `ControlError`.
    """
    payment = _payment(sim, payment_id)
    earlier = sim.store.earlier_form(payment)
    if earlier is None:
        raise ControlError("no_earlier_form", f"Payment {payment_id} has no change to revert.", status=409)
    if answers is None:
        sim.store.roll_back(earlier)
        sim.timetable.schedule(earlier)
        answers = 0
    sim.stale.hold(earlier, answers=answers)
    return earlier


def _payment(sim: Simulator, payment_id: int | str) -> Payment:
    payment = sim.store.payment_named(str(payment_id))
    if payment is None:
        raise ControlError("unknown_payment", f"There is no payment {payment_id}.", status=404)
    return payment


def _ordered_payment(sim: Simulator, order_id: str) -> Payment:
    payment = sim.store.payment_of_online_order(order_id)
    if payment is None:
        raise ControlError("unknown_order", f"There is no order {order_id}.", status=404)
    return payment


def _method(name: str) -> Method:
    method = METHODS.get(_METHOD_WORDS.get(name, name))
    if method is None:
        known = ", ".join(["card", "boleto", *METHODS])
        raise ControlError("unknown_method", f"There is no method {name}; the methods are {known}.", status=400)
    return method


def _amount(wanted: OutcomeRequest) -> int | None:
    if wanted.amount is None:
        return None
    try:
        amount_centavos = centavos(wanted.amount)
    except NotMoney as error:
        raise ControlError("invalid_amount", f"The amount in reais is {error}.", status=400) from error
    if not 0 < amount_centavos <= MAX_CENTAVOS:
        raise ControlError("invalid_amount", "The amount in reais must be above zero.", status=400)
    return amount_centavos
