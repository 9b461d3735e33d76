"""Refunds money: records the request, asks the provider once, records its answer, refreshes the payment."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid5

from msgspec import Struct

from contracts.events import RefundAccepted, RefundMade, RefundRefused
from extrato.domain.payment.commands import RecordRefund, RequestRefund
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.payment.state import Charged
from extrato.errors import (
    ExtratoError,
    NotFound,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
    Transient,
)
from extrato.providers.port import RefundRequest
from extrato.store.vault_keys import InvalidVaultKey
from extrato.use_cases.payments import Outcome, change_payment, load_payment
from extrato.use_cases.refresh_payment import credential_for, refresh_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.domain.payment.ledger import Refund
    from extrato.domain.payment.state import Opened
    from extrato.providers.port import RefundSeen
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.idempotency import IdempotencyKey
    from extrato.use_cases.payments import LoadedPayment
    from extrato.values import Credential

# How far the provider's clock may be behind the hub's.
PROVIDER_CLOCK_TOLERANCE: Final = timedelta(minutes=1)
LIST_TIMEOUT_S: Final = 4.0


class RefundWish(Struct, frozen=True, kw_only=True):
    """A merchant's request for a refund: `amount_centavos`, or all held money when it is None.

    A repeated request has the same `wish_id`. `attempt_id` is the attempt to refund. When it is None, a full refund
    refunds every attempt, and an amount is refunded from the only attempt with held money.
    """

    wish_id: str
    amount_centavos: int | None
    attempt_id: str | None = None
    reason: str | None = None


def wish_id_of(hub: Hub, payment_id: int, key: IdempotencyKey | None) -> str:
    """Return the id of a request for a refund: the same for every request with this key."""
    return str(hub.new_uuid() if key is None else uuid5(stream_id(payment_id), key.key))


async def refund_payment(hub: Hub, payment_id: int, wish: RefundWish, *, cause: Cause) -> Outcome[Opened]:
    """Refund a payment; a repeated request refunds nothing more. The monitor completes refunds that stay open.

    Raises `Refused` when the rules do not allow the refund, and `ProviderNotConnected` without a credential. A refusal
    by the provider raises nothing: call `refunds_of` for the outcome of each refund.
    """
    loaded = await load_payment(hub, payment_id)
    known_refunds: dict[str, tuple[str, ...]] = {}
    is_new = not refunds_of(loaded, wish.wish_id)
    if is_new and loaded.payment.intent.provider in hub.providers.remote:
        # Without a credential the request cannot be fulfilled, so it is not recorded.
        credential = await credential_for(hub, loaded)
        known_refunds = await _earlier_refunds(hub, loaded, wish, credential, cause=cause)
    command = RequestRefund(
        wish_id=wish.wish_id,
        attempt_id=wish.attempt_id,
        amount_centavos=wish.amount_centavos,
        reason=wish.reason,
        known_refunds=known_refunds,
        now=hub.now(),
    )
    requested = await change_payment(hub, payment_id, [command], cause=cause)
    loaded = requested.after
    open_ids = [refund_id for refund_id, refund in refunds_of(loaded, wish.wish_id).items() if refund.is_open]
    outcomes = await asyncio.gather(
        *(_record_answer(hub, payment_id, refund_id, cause=cause) for refund_id in open_ids), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, (Transient, ProviderRefused)):
            raise outcome
    if open_ids:
        # The refunds are recorded; if this refresh fails, a later one updates the payment.
        with contextlib.suppress(ExtratoError):
            await refresh_payment(hub, payment_id, cause=cause)
    return Outcome(loaded=await load_payment(hub, payment_id), is_repeated=not requested.events)


async def request_refund(hub: Hub, payment_id: int, wish: RefundWish, *, cause: Cause) -> Outcome[Opened]:
    """Refund as `refund_payment` does; a transient error is raised only if the request is not recorded.

    A client that repeats a recorded request without its key would refund twice, so it must never read "retry". Raises
    `ProviderRefused` when the provider refuses every refund of the request.
    """
    try:
        refunded = await refund_payment(hub, payment_id, wish, cause=cause)
    except Transient:
        loaded = await load_payment(hub, payment_id)
        if not refunds_of(loaded, wish.wish_id):
            raise
        refunded = Outcome(loaded=loaded)
    if all(each.state == "refused" for each in refunds_of(refunded.loaded, wish.wish_id).values()):
        # The event `RefundRefused` has the provider's own message.
        raise ProviderRefused(wish.wish_id, why="refund")
    return refunded


def refunds_of(loaded: LoadedPayment, wish_id: str) -> dict[str, Refund]:
    """Return the refunds of one request, by the hub's refund id."""
    return {refund_id: refund for refund_id, refund in loaded.payment.refunds.items() if refund.wish_id == wish_id}


async def _earlier_refunds(
    hub: Hub, loaded: LoadedPayment, wish: RefundWish, credential: Credential, *, cause: Cause
) -> dict[str, tuple[str, ...]]:
    """Return the provider's ids of earlier refunds, by attempt id; an empty dict if the provider does not list them.

    The merchant may have refunded part of the money elsewhere, so a full refund needs an observation of the payment. If
    the provider does not answer, `ProviderUnavailable` is raised and nothing is recorded. A refund of an amount also
    works with the observations that the hub has.
    """
    payment_id = loaded.payment_id
    has_refundable = any(
        attempt.is_refundable
        for attempt_id, attempt in loaded.payment.attempts.items()
        if wish.attempt_id in {None, attempt_id}
    )
    if wish.amount_centavos is None or not has_refundable:
        try:
            loaded = (await refresh_payment(hub, payment_id, cause=cause)).after
        except Transient:
            if wish.amount_centavos is None:
                raise
        except ExtratoError:
            # The provider's answer about one attempt was invalid; the refresh has recorded the other attempts.
            loaded = await load_payment(hub, payment_id)
    payment = loaded.payment
    if not isinstance(payment, Charged):
        return {}
    charge, provider = payment.charge, hub.providers.remote[payment.intent.provider]
    refundable = [attempt_id for attempt_id, attempt in payment.attempts.items() if attempt.is_refundable]
    wanted = [attempt_id for attempt_id in refundable if wish.attempt_id in {None, attempt_id}]
    try:
        async with asyncio.timeout(LIST_TIMEOUT_S):
            lists = await asyncio.gather(*(provider.observe_refunds(charge, each, credential) for each in wanted))
    except (ExtratoError, TimeoutError):
        return {}
    return {
        attempt_id: tuple(seen.refund_id for seen in listed if seen.refund_id is not None)
        for attempt_id, listed in zip(wanted, lists, strict=True)
    }


async def complete_refund(hub: Hub, payment_id: int, refund_id: str, *, cause: Cause) -> LoadedPayment:
    """Complete a recorded refund; `refund_id` is the idempotency key at the provider.

    Raises `ProviderRefused` if the provider moved no money, and `ProviderUnavailable` while the hub does not know.
    """
    loaded = await _record_answer(hub, payment_id, refund_id, cause=cause)
    with contextlib.suppress(ExtratoError):
        loaded = (await refresh_payment(hub, payment_id, cause=cause)).after
    return loaded


async def _record_answer(hub: Hub, payment_id: int, refund_id: str, *, cause: Cause) -> LoadedPayment:
    loaded = await load_payment(hub, payment_id)
    refund = loaded.payment.refunds.get(refund_id)
    if refund is None:
        raise NotFound(refund_id, why="refund")
    if refund.is_open:
        command = RecordRefund(answer=await _outcome(hub, loaded, refund_id, refund))
        loaded = (await change_payment(hub, payment_id, [command], cause=cause)).after
        refund = loaded.payment.refunds[refund_id]
    if refund.state == "refused":
        raise ProviderRefused(refund_id, why="refund")
    if refund.state != "made":
        raise ProviderUnavailable(refund_id, why="refund_pending")
    return loaded


async def _outcome(
    hub: Hub, loaded: LoadedPayment, refund_id: str, refund: Refund
) -> RefundAccepted | RefundMade | RefundRefused:
    """Request the refund if the provider has not accepted it yet, and return its outcome.

    A refusal counts only if the provider lists no such refund. An earlier request may have succeeded without an
    answer, and the provider may refuse the repeated request.
    """
    refusal: ProviderRefused | ProviderNotConnected | None = None
    seen: RefundSeen | None = None
    if refund.state == "requested":
        try:
            seen = await _request_refund(hub, loaded, refund_id, refund)
        except (ProviderRefused, ProviderNotConnected) as error:
            refusal = error
        except (ProviderMisunderstood, InvalidVaultKey) as error:
            raise ProviderUnavailable(refund_id, why="refund_unknown") from error
    if seen is None:
        seen = await _find_refund(hub, loaded, refund_id, is_refused=refusal is not None)
    if seen is None and refusal is not None:
        return RefundRefused(refund_id=refund_id, code=refusal.code, reason=refusal.message)
    if seen is None or seen.state == "pending":
        # The provider has accepted the refund, and has not made it yet.
        return RefundAccepted(refund_id=refund_id, provider_refund_id=seen.refund_id if seen else None)
    if seen.state == "made":
        return RefundMade(refund_id=refund_id, provider_refund_id=seen.refund_id, made_at=seen.asked_at)
    reason = refusal.message if refusal else "The provider took the refund and then refused it."
    return RefundRefused(refund_id=refund_id, code=refusal.code if refusal else ProviderRefused.code, reason=reason)


async def _request_refund(hub: Hub, loaded: LoadedPayment, refund_id: str, refund: Refund) -> RefundSeen | None:
    payment = loaded.payment
    if not isinstance(payment, Charged):
        raise ProviderRefused(refund_id, why="no_charge")
    request = RefundRequest(
        refund_id=refund_id,
        charge=payment.charge,
        attempt_id=refund.attempt_id,
        amount_centavos=refund.amount_centavos,
        known_refunds=refund.known_refunds,
    )
    credential = await credential_for(hub, loaded)
    return await hub.providers.remote[payment.intent.provider].refund_attempt(request, credential)


async def _find_refund(hub: Hub, loaded: LoadedPayment, refund_id: str, *, is_refused: bool) -> RefundSeen | None:
    """Find the refund in the provider's list; None if no refund there matches.

    A listed refund does not match if it has another amount, is older than the request, or is another refund of the hub.
    Raises `ProviderUnavailable` when several match and their states differ, or when a match contradicts a refusal and
    may be another refund.
    """
    payment = (await load_payment(hub, loaded.payment_id)).payment
    refund = payment.refunds[refund_id]
    listed = await _list_refunds(hub, loaded, refund)
    if refund.provider_refund_id is not None:
        return next((seen for seen in listed if seen.refund_id == refund.provider_refund_id), None)
    others = [
        other
        for other_id, other in payment.refunds.items()
        if other_id != refund_id
        and (other.attempt_id, other.amount_centavos) == (refund.attempt_id, refund.amount_centavos)
    ]
    taken = {other.provider_refund_id for other in others if other.provider_refund_id is not None}
    matching = [seen for seen in listed if _matches(seen, refund, taken)]
    not_refused = [seen for seen in matching if seen.state != "refused"]
    # The refunds that the provider made for other requests, without an id to recognise them by.
    without_id = sum(other.state == "made" and other.provider_refund_id is None for other in others)
    if len(not_refused) > without_id:
        is_another_waiting = any(other.is_open for other in others)
        is_one_of_several = len(not_refused) > without_id + 1
        have_same_state = len({seen.state for seen in not_refused}) == 1
        if (is_refused and (is_another_waiting or is_one_of_several)) or (is_one_of_several and not have_same_state):
            raise ProviderUnavailable(refund_id, why="which_refund")
        if is_refused and any(_may_be_older(seen, refund) for seen in not_refused):
            raise ProviderUnavailable(refund_id, why="attempt_unknown")
        return not_refused[0]
    return matching[-1] if matching and not not_refused else None


async def _list_refunds(hub: Hub, loaded: LoadedPayment, refund: Refund) -> tuple[RefundSeen, ...]:
    payment = loaded.payment
    if not isinstance(payment, Charged):
        return ()
    provider = hub.providers.remote[payment.intent.provider]
    try:
        return await provider.observe_refunds(payment.charge, refund.attempt_id, await credential_for(hub, loaded))
    except (ProviderRefused, ProviderNotConnected, ProviderMisunderstood, InvalidVaultKey) as unknown:
        raise ProviderUnavailable(refund.attempt_id, why="refund_unknown") from unknown


def _may_be_older(seen: RefundSeen, refund: Refund) -> bool:
    """Return whether a listed refund may be older than the request, by its time and without the earlier list."""
    if refund.known_refunds is not None or seen.asked_at is None or refund.requested_at is None:
        return False
    return seen.asked_at < refund.requested_at


def _matches(seen: RefundSeen, refund: Refund, taken: set[str]) -> bool:
    """Return whether a listed refund has the same amount, is not older than the request and not in `taken`."""
    if seen.amount_centavos != refund.amount_centavos or seen.refund_id in taken:
        return False
    if refund.known_refunds is not None and seen.refund_id is not None:
        return seen.refund_id not in refund.known_refunds
    if seen.asked_at is None or refund.requested_at is None:
        return True
    return seen.asked_at >= refund.requested_at - PROVIDER_CLOCK_TOLERANCE
