"""Forgets payers: plans what goes and what stays, destroys the keys of payments, and records that.

The steps of a payment: the request is recorded, the forgetting begins, the list outside the database has the payment,
the key is destroyed, the event is in the log. Each step may be repeated, and the monitor does those that are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import structlog
from msgspec import Struct

from contracts.events import sealed_texts
from contracts.events.payment_privacy import AFTER_RESTORE, FORGETTING_REASONS
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import ForgetPayer, HideText
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.payment.privacy import Need, needs_payer_for
from extrato.domain.payment.state import Charged
from extrato.domain.person import kind_of
from extrato.errors import NotFound
from extrato.store.forgettings import Forgetting, HeldData, Hold
from extrato.store.forgotten_list import Listed
from extrato.store.personal_data import EMAIL, METADATA
from extrato.store.sealing import is_sealed
from extrato.use_cases.payments import change_payment, load_payment

if TYPE_CHECKING:
    from collections.abc import Collection

    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import LoadedPayment

# The process that took a request has this time before the monitor completes it.
RESUME_AFTER: Final = timedelta(seconds=10)
# How often the monitor checks whether a payment is still in flight.
CHECK_AGAIN_AFTER: Final = timedelta(minutes=1)
MAX_PAYMENTS: Final = 1_000

# A `ready` payment can be forgotten at once, a `waiting` one after the end of a refund, a dispute or the payment.
# A `held` one is not forgotten while its hold lasts. A `not_sealed` one has data of an older version in plain text.
PlanState = Literal["ready", "waiting", "held", "not_sealed", "forgotten"]

# What stays of a forgotten payment, and why.
STAYS: Final = {
    "amounts, refunds, statuses and their times": "fiscal and accounting records (Art. 16 I LGPD; CTN 173, 174, 195)",
    "ids of the payment, of its charge and of its attempts": "they tie the records to the provider's statement",
    "the merchant's reference": "the number of the merchant's order, which must not be personal data",
    "digests of evidence, without the bytes": "they show that there was evidence, and not what it said",
}
# The last line of the plan: the text stays everywhere, or only where it cannot be changed.
TEXT: Final = "title, description, items, return address and reasons"
STAYS_WITH_TEXT: Final = STAYS | {
    TEXT: "the merchant's text, which must not name a person; forgetting with the text hides it"
}
STAYS_WITHOUT_TEXT: Final = STAYS | {
    f"{TEXT}, in the events only": "they say what was sold (fiscal records), and no event of the log is ever changed; "
    "answers, lists, timelines and pages show a neutral text"
}


class Planned(Struct, frozen=True, kw_only=True):
    """What forgetting the payer of one payment does.

    `waits_for` names what must end first. `requested_at` is the time of a recorded request; the monitor completes it.
    `emails` and `metadata` count the events with an e-mail address and with the merchant's metadata. `is_text_hidden`:
    answers do not show the merchant's text.
    """

    payment_id: int
    merchant: str
    state: PlanState
    waits_for: Sequence[Need] = ()
    hold: Hold | None = None
    requested_at: datetime | None = None
    emails: int
    metadata: int
    data: HeldData
    forgotten_at: datetime | None = None
    is_text_hidden: bool = False


async def find_payments(
    hub: Hub, payer: str, *, merchant: str | None = None, most: int | None = MAX_PAYMENTS
) -> list[int]:
    """Return the payments of a payer, the newest first, of one merchant or (None) of all.

    At most `most` can still be asked to be forgotten; held ones, and those with a recorded request, do not count, so
    that a repetition reaches the others. `payer` is an e-mail address, a CPF, a CNPJ, or a telephone number that begins
    with a plus or a bracket. Raises `Refused` for another text.
    """
    kind = kind_of(payer)
    if kind is None:
        raise Refused("invalid_person", "payer")
    ids = await hub.personal_data.payments_of_person(kind, payer)
    uncounted = {*await hub.forgettings.holds(ids), *await hub.forgettings.read(ids)} if ids else set()
    found, counted = [], 0
    for payment_id in ids:
        is_counted = payment_id not in uncounted
        if is_counted and counted == most:
            continue
        if merchant is None or await _belongs_to(hub, payment_id, merchant):
            found.append(payment_id)
            counted += is_counted
    return found


async def _belongs_to(hub: Hub, payment_id: int, merchant: str) -> bool:
    try:
        return (await load_payment(hub, payment_id)).merchant == merchant
    except NotFound:
        return False


async def plan_forgetting(hub: Hub, payment_ids: Collection[int]) -> list[Planned]:
    """Return the plan of each payment; raises `NotFound`."""
    holds = await hub.forgettings.holds(payment_ids)
    known = await hub.forgettings.read(payment_ids)
    return [await _plan(hub, each, holds.get(each), known.get(each)) for each in payment_ids]


async def _plan(hub: Hub, payment_id: int, hold: Hold | None, known: Forgetting | None) -> Planned:
    loaded = await load_payment(hub, payment_id)
    history = await hub.log.read_stream(stream_id(payment_id))
    events = [envelope.event for envelope in history]
    sealed = [(field, text) for each in events for field, text in sealed_texts(each).items()]
    fields = [field for field, _ in sealed]
    digests = [bytes.fromhex(digest) for each in events if (digest := getattr(each, "evidence", None))]
    data = await hub.forgettings.held_data(
        payment_id, merchant=loaded.merchant, resources=_resources(loaded), digests=digests
    )
    needs = needs_payer_for(loaded.payment)
    is_plain = data.has_plain_evidence or not all(is_sealed(text) for _, text in sealed)
    state: PlanState = "waiting" if needs else "ready"
    if loaded.payment.is_forgotten or (known is not None and known.destroyed_at is not None):
        state = "forgotten"
    elif is_plain:
        state = "not_sealed"
    elif hold is not None:
        state = "held"
    return Planned(
        payment_id=payment_id,
        merchant=loaded.merchant,
        state=state,
        waits_for=needs if state == "waiting" else (),
        hold=hold if state == "held" else None,
        emails=fields.count(EMAIL),
        metadata=fields.count(METADATA),
        data=data,
        requested_at=known.requested_at if known is not None else None,
        forgotten_at=known.destroyed_at if known is not None else None,
        is_text_hidden=loaded.payment.is_text_hidden,
    )


async def forget_payers(
    hub: Hub, planned: Sequence[Planned], *, reason: str, with_text: bool = False, cause: Cause
) -> list[Planned]:
    """Forget the payers of payments whose plan is `ready`, and leave those that are `waiting` to the monitor.

    `with_text` also hides the merchant's text, of those that are already forgotten too. Nothing happens to the others.
    Returns the plans as they are afterwards. Raises `Refused` for an unknown reason, `UnusableForgottenList` and
    `StoreUnavailable`; the monitor then completes what was begun.
    """
    if reason not in FORGETTING_REASONS:
        raise Refused("invalid_reason", "reason", choices=", ".join(FORGETTING_REASONS))
    # Without the list nothing is recorded either: no hold could stop a forgetting that has begun and cannot go on.
    await hub.forgotten_list.check()
    now = hub.now()
    wanted = [
        Forgetting(
            payment_id=each.payment_id,
            reason=reason,
            requested_by="/".join(filter(None, (cause.actor, cause.actor_id))),
            requested_at=now,
            with_text=with_text,
        )
        for each in planned
        if each.state in {"ready", "waiting"} or (each.state == "forgotten" and with_text and not each.is_text_hidden)
    ]
    for request in wanted:
        await hub.forgettings.request(request, next_attempt_at=now + RESUME_AFTER)
    for request in wanted:
        await complete_forgetting(hub, request.payment_id, cause=cause)
    return await plan_forgetting(hub, [each.payment_id for each in planned])


async def complete_forgetting(hub: Hub, payment_id: int, *, cause: Cause) -> bool:
    """Do the missing steps of a recorded request; return whether the payer is forgotten, and the text hidden.

    False while the payment is in flight or held: the monitor asks again. Raises `NotFound`, `UnusableForgottenList`,
    `Overloaded` and `StoreUnavailable`.
    """
    request = (await hub.forgettings.read([payment_id])).get(payment_id)
    if request is None:
        return False
    if request.completed_at is not None:
        return True
    await hub.forgotten_list.check()
    loaded = await load_payment(hub, payment_id)
    if request.begun_at is None and (needs_payer_for(loaded.payment) or not await hub.forgettings.begin(payment_id)):
        await hub.forgettings.put_off(payment_id, until=hub.now() + CHECK_AGAIN_AFTER)
        return False
    hides_text = request.with_text and not loaded.payment.is_text_hidden
    if request.destroyed_at is None or hides_text:
        log_id = (await hub.log.identity.read()).log_id
        await hub.forgotten_list.add(
            [Listed(log_id=log_id, payment_id=payment_id, at=hub.now(), text=request.with_text)]
        )
    if request.destroyed_at is None:
        await hub.forgettings.destroy([payment_id])
    hub.personal_data.keys.drop(payment_id)
    resources = _resources(loaded)
    await hub.forgettings.delete_bodies(payment_id, merchant=loaded.merchant, resources=resources)
    forget = ForgetPayer(reason=request.reason, requested_by=request.requested_by, requested_at=request.requested_at)
    await change_payment(hub, payment_id, [forget, *([HideText()] if hides_text else [])], cause=cause)
    # A delivery may have been handled meanwhile.
    await hub.forgettings.delete_bodies(payment_id, merchant=loaded.merchant, resources=resources)
    await hub.forgettings.complete(payment_id)
    return True


async def apply_forgotten_list(hub: Hub, listed: Sequence[Listed]) -> int:
    """Destroy the keys of listed payments that the database has not forgotten, as after a restore; return their number.

    The monitor records the events. Lines of another log, and of another payment with the same id, have no effect.
    """
    log_id = (await hub.log.identity.read()).log_id
    ours: dict[int, list[Listed]] = {}
    for each in listed:
        if each.log_id == log_id:
            ours.setdefault(each.payment_id, []).append(each)
    destroyed = await hub.forgettings.destroyed(ours) if ours else {}
    missing = []
    for payment_id, lines in ours.items():
        if payment_id in destroyed and (destroyed[payment_id] or not any(each.text for each in lines)):
            continue
        try:
            opened_at = (await load_payment(hub, payment_id)).opened_at
        except NotFound:
            # The restore has lost the whole payment.
            continue
        newer = [each for each in lines if opened_at <= each.at]
        hides_text = any(each.text for each in newer)
        if newer and (payment_id not in destroyed or hides_text):
            newest = max(each.at for each in newer)
            missing.append(Listed(log_id=log_id, payment_id=payment_id, at=newest, text=hides_text))
    if missing:
        await hub.forgettings.repeat(missing, reason=AFTER_RESTORE, requested_by="forgotten_list")
        structlog.get_logger(component="forgotten_list").warning("forgotten_again", payments=len(missing))
    return len(missing)


def _resources(loaded: LoadedPayment) -> list[str]:
    """Return the ids by which a webhook may name the payment."""
    payment = loaded.payment
    charge = payment.charge if isinstance(payment, Charged) else None
    names = (charge.charge_id, charge.attempt_id) if charge else ()
    return [*(name for name in names if name), *payment.attempts]
