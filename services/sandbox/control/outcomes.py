"""What a test or a person decides about a payment: a further attempt, or the next step of an earlier one."""

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

# The outcomes with which an attempt may begin, and the method that is usual for each.
_FIRST_METHODS = {"approved": "pix", "pending": "pix", "rejected": "visa", "in_process": "visa"}
_METHOD_WORDS = {"card": "visa", "credit_card": "visa", "debit_card": "debvisa", "boleto": "bolbradesco"}


class Refused(Exception):
    """The outcome cannot be had: a stable code, a sentence, and the HTTP status that suits it."""

    def __init__(self, code: str, sentence: str, *, status: int) -> None:
        """Take the parts of the answer."""
        super().__init__(sentence)
        self.code = code
        self.status = status


class PayOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `POST /_sandbox/pay` is asked: one target, an outcome, and what should differ from the usual.

    `order_id` is the `ORD…` name of an order. `detail` is a status detail other than the usual one of the outcome;
    with `charged_back`, `settled` or `reimbursed` ends a chargeback that began before. `amount` (reais) and
    `currency_id` let the payment differ from its charge; with `refunded`, the amount is what is given back.
    `new_attempt` makes a further attempt on a preference, whatever became of earlier ones. `force` moves the payment
    of a `payment_id` or an `order_id` from any status to any, even to a status that the provider does not have.
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


def bring_about(sim: Simulator, order: PayOrder) -> Payment:
    """Bring an outcome about and return the payment; raises `Refused`.

    A payment is moved. On a preference or a reference, the most recent attempt that can take the step is
    moved; when there is none, an outcome that can begin an attempt makes another one. On a preference, a card
    that is refused or reviewed is an attempt of its own beside a pending one, unless `method` names the
    method of the pending one, and `pending` always begins an attempt.
    """
    _check(order)
    amount_centavos = _amount(order)
    method = None if order.method is None else _method(order.method)
    if order.payment_id is not None:
        return _moved(sim, _payment(sim, order.payment_id), order, amount_centavos)
    if order.order_id is not None:
        return _moved(sim, _ordered_payment(sim, order.order_id), order, amount_centavos)
    preference, attempts = _target(sim, order)
    beside = preference is not None and method is None
    for attempt in [] if order.new_attempt else reversed(attempts):
        if _can_take(attempt, order, method, beside=beside):
            return _moved(sim, attempt, order, amount_centavos)
    if preference is None or order.outcome not in _FIRST_METHODS:
        raise Refused("no_such_attempt", f"No attempt here can become {order.outcome}.", status=409)
    if not is_open(preference, sim=sim):
        raise Refused("preference_expired", "This preference cannot be paid at this time.", status=409)
    return new_attempt(
        sim,
        preference,
        method=method or METHODS[_FIRST_METHODS[order.outcome]],
        status=order.outcome,
        detail=order.detail,
        amount_centavos=amount_centavos,
        currency_id=order.currency_id or "BRL",
    )


def _check(order: PayOrder) -> None:
    """Raise `Refused` for what no state of the payment could make possible."""
    targets = (order.preference_id, order.payment_id, order.order_id, order.external_reference)
    if sum(target is not None for target in targets) != 1:
        sentence = "Name one of preference_id, payment_id, order_id and external_reference, and only one."
        raise Refused("one_target", sentence, status=400)
    if order.outcome not in OUTCOMES and not order.force:
        sentence = f"The outcome must be one of {', '.join(OUTCOMES)}; only `force` takes another."
        raise Refused("invalid_order", sentence, status=400)
    names_payment = order.payment_id is not None or order.order_id is not None
    if order.force and not names_payment:
        raise Refused("invalid_order", "With `force`, name a payment_id or an order_id.", status=400)
    if order.new_attempt and names_payment:
        raise Refused("invalid_order", "With `new_attempt`, name a preference_id or a reference.", status=400)


def _can_take(attempt: Payment, order: PayOrder, method: Method | None, *, beside: bool) -> bool:
    """Whether this attempt is the one to move; with `beside`, a card stands beside a waiting Pix."""
    outcome = order.outcome
    if method is not None and method.method_id != attempt.method_id:
        return False
    if outcome == "refunded":
        return attempt.status in {"approved", "in_mediation"}
    if outcome == "pending" or not may_become(attempt, outcome, detail=order.detail):
        return False
    return not (beside and attempt.status == "pending" and outcome in {"rejected", "in_process"})


def _moved(sim: Simulator, payment: Payment, order: PayOrder, amount_centavos: int | None) -> Payment:
    now_ms = sim.clock.now_ms()
    detail = order.detail or ("by_payer" if order.outcome == "cancelled" else None)
    try:
        if order.force:
            moved = force(
                payment,
                order.outcome,
                detail=detail,
                amount_centavos=amount_centavos,
                now_ms=now_ms,
                new_id=sim.store.next_id,
            )
        elif order.outcome == "refunded":
            moved = refund(payment, refund_id=sim.store.next_id(), amount_centavos=amount_centavos, now_ms=now_ms)
        elif order.outcome == "charged_back":
            moved = charge_back(payment, chargeback_id=sim.store.next_id(), detail=order.detail, now_ms=now_ms)
        else:
            moved = move(payment, order.outcome, detail=detail, now_ms=now_ms, amount_centavos=amount_centavos)
    except (IllegalMove, ExcessiveRefund) as error:
        raise Refused("illegal_move", str(error), status=409) from error
    if order.currency_id is not None:
        moved = msgspec.structs.replace(moved, currency_id=order.currency_id)
    sim.record(moved, action="updated")
    return moved


def _target(sim: Simulator, order: PayOrder) -> tuple[Preference | None, list[Payment]]:
    if order.preference_id is not None:
        preference = sim.store.preferences.get(order.preference_id)
        if preference is None:
            raise Refused("unknown_preference", f"There is no preference {order.preference_id}.", status=404)
        return preference, sim.store.payments_of_preference(order.preference_id)
    reference = order.external_reference or ""
    preferences = sim.store.preferences_of_reference(reference) if reference else []
    attempts = sim.store.payments_of_reference(reference)
    if not preferences and not attempts:
        raise Refused("unknown_reference", "No preference or payment has this external_reference.", status=404)
    return (preferences[-1] if preferences else None), attempts


def end_refund_named(sim: Simulator, name: str, *, status: str) -> Payment:
    """Make, refuse or take back the refund with this number or `REF…` name; raises `Refused`."""
    found = sim.store.refund_named(name)
    if found is None:
        raise Refused("unknown_refund", f"There is no refund {name}.", status=404)
    payment, refund_id = found
    try:
        ended = end_refund(payment, refund_id, status=status, now_ms=sim.clock.now_ms())
    except IllegalMove as error:
        raise Refused("illegal_move", str(error), status=409) from error
    sim.record(ended, action="updated")
    return ended


def earlier_answer(sim: Simulator, payment_id: int | str, *, answers: int | None) -> Payment:
    """Let the payment be shown as before its latest change, for some questions or (`None`) for good.

    For good, the payment becomes what it was, with its older instant and without a notice, as if the provider lost
    the change. Returns the earlier form; raises `Refused`.
    """
    payment = _payment(sim, payment_id)
    earlier = sim.store.earlier_form(payment)
    if earlier is None:
        raise Refused("no_earlier_form", f"No change of payment {payment_id} is remembered.", status=409)
    if answers is None:
        sim.store.roll_back(earlier)
        sim.timetable.watch(earlier)
        answers = 0
    sim.stale.hold(earlier, answers=answers)
    return earlier


def _payment(sim: Simulator, payment_id: int | str) -> Payment:
    payment = sim.store.payment_named(str(payment_id))
    if payment is None:
        raise Refused("unknown_payment", f"There is no payment {payment_id}.", status=404)
    return payment


def _ordered_payment(sim: Simulator, order_id: str) -> Payment:
    payment = sim.store.payment_of_online_order(order_id)
    if payment is None:
        raise Refused("unknown_order", f"There is no order {order_id}.", status=404)
    return payment


def _method(name: str) -> Method:
    method = METHODS.get(_METHOD_WORDS.get(name, name))
    if method is None:
        known = ", ".join(["card", "boleto", *METHODS])
        raise Refused("unknown_method", f"There is no method {name}; the methods are {known}.", status=400)
    return method


def _amount(order: PayOrder) -> int | None:
    if order.amount is None:
        return None
    try:
        amount_centavos = centavos(order.amount)
    except NotMoney as error:
        raise Refused("invalid_amount", f"The amount in reais is {error}.", status=400) from error
    if not 0 < amount_centavos <= MAX_CENTAVOS:
        raise Refused("invalid_amount", "The amount in reais must be above zero.", status=400)
    return amount_centavos
