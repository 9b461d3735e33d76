"""Give money back: record the wish, have the provider do it once, record its answer, look how the payment stands."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from contracts.events import ChargeCreated, RefundMade, RefundRefused
from extrato.domain.payment.commands import RecordRefund, RequestRefund
from extrato.domain.payment.state import Refund
from extrato.errors import (
    ExtratoError,
    NotFound,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.providers.port import RefundRequest
from extrato.store.vault_keys import InvalidVaultKey
from extrato.use_cases.hub import Hub, LoadedPayment, change_payment, load_payment
from extrato.use_cases.refresh_payment import credential_for, refresh_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.providers.port import RefundSeen

# How much the provider's clock may be behind the hub's.
CLOCKS_APART: Final = timedelta(minutes=1)


class Refunded(Struct, frozen=True, kw_only=True):
    """A refund, and the payment as it stands after it."""

    refund_id: str
    refund: Refund
    loaded: LoadedPayment


async def refund_payment(
    hub: Hub,
    payment_id: int,
    *,
    refund_id: str,
    amount_centavos: int | None,
    attempt_id: str | None = None,
    cause: Cause,
) -> Refunded:
    """Give back an amount, or all that is left when it is None; asking again with one `refund_id` gives it once.

    It is of one attempt to pay; None is the one that speaks for the payment.

    Raises `Refused` when the rules do not allow it, `ProviderRefused` and `ProviderNotConnected` when no money
    moves, and `ProviderUnavailable` when the wish is recorded and the monitor will see to the rest.
    """
    loaded = await load_payment(hub, payment_id)
    if refund_id not in loaded.payment.refunds and hub.providers[loaded.payment.intent.provider].needs_credential:
        # A wish that nobody can be asked to fulfil is not taken.
        await credential_for(hub, loaded)
        if amount_centavos is None:
            # What is left is what the provider says: part of it may have been given back elsewhere, unheard of here.
            with contextlib.suppress(ExtratoError):
                await refresh_payment(hub, payment_id, cause=cause)
    command = RequestRefund(refund_id=refund_id, attempt_id=attempt_id, amount_centavos=amount_centavos, now=hub.now())
    await change_payment(hub, payment_id, [command], cause=cause)
    return await complete_refund(hub, payment_id, refund_id, cause=cause)


async def complete_refund(hub: Hub, payment_id: int, refund_id: str, *, cause: Cause) -> Refunded:
    """Do what a recorded refund still needs; the provider is given `refund_id` as its idempotency key.

    Raises `ProviderRefused` when no money moved, and `ProviderUnavailable` as long as that is not known.
    """
    loaded = await load_payment(hub, payment_id)
    refund = loaded.payment.refunds.get(refund_id)
    if refund is None:
        raise NotFound("There is no such refund.", refund_id)
    if refund.state == "requested":
        command = RecordRefund(answer=await _answer(hub, loaded, refund_id, refund))
        loaded = (await change_payment(hub, payment_id, [command], cause=cause)).after
        refund = loaded.payment.refunds[refund_id]
        # The refund is recorded; how the payment stands now is told by whoever looks next, if not here.
        with contextlib.suppress(ExtratoError):
            loaded = (await refresh_payment(hub, payment_id, cause=cause)).after
    if refund.state == "refused":
        raise ProviderRefused("The provider refused this refund.", refund_id)
    return Refunded(refund_id=refund_id, refund=refund, loaded=loaded)


async def _answer(hub: Hub, loaded: LoadedPayment, refund_id: str, refund: Refund) -> RefundMade | RefundRefused:
    """Have it made, and find out what became of it.

    A refusal is believed only when the provider shows no such refund: an earlier try may have gone through without an
    answer, and the next one have been refused for another reason.
    """
    refusal: ProviderRefused | ProviderNotConnected | None = None
    told: RefundSeen | None = None
    try:
        told = await _ask(hub, loaded, refund_id, refund)
    except (ProviderRefused, ProviderNotConnected) as error:
        refusal = error
    except (ProviderMisunderstood, InvalidVaultKey) as error:
        raise ProviderUnavailable("Whether the refund was made is not known yet.", refund_id) from error
    if told is None:
        told = await _find(hub, loaded, refund_id, is_refused=refusal is not None)
    if told is not None and told.state == "pending":
        raise ProviderUnavailable("The provider is still making the refund.", refund_id)
    if told is not None and told.state == "made":
        return RefundMade(refund_id=refund_id, provider_refund_id=told.refund_id)
    if told is None and refusal is None:
        # The provider took the wish and does not show it yet.
        return RefundMade(refund_id=refund_id, provider_refund_id=None)
    reason = refusal.message if refusal else "The provider took the refund and then refused it."
    return RefundRefused(refund_id=refund_id, code=refusal.code if refusal else ProviderRefused.code, reason=reason)


async def _ask(hub: Hub, loaded: LoadedPayment, refund_id: str, refund: Refund) -> RefundSeen | None:
    payment = loaded.payment
    if not isinstance(payment.charge, ChargeCreated):
        raise ProviderRefused("There is no charge to give money back for.", refund_id)
    request = RefundRequest(
        refund_id=refund_id,
        charge=payment.charge,
        attempt_id=refund.attempt_id,
        amount_centavos=refund.amount_centavos,
    )
    credential = await credential_for(hub, loaded)
    return await hub.providers[payment.intent.provider].refund_attempt(request, credential)


async def _find(hub: Hub, loaded: LoadedPayment, refund_id: str, *, is_refused: bool) -> RefundSeen | None:
    """Find the refund among those that the provider shows; None when it shows none that may be it.

    Those of other amounts, from before, and those that other refunds of the hub are known to be are none of it.
    """
    payment = (await load_payment(hub, loaded.payment_id)).payment
    refund = payment.refunds[refund_id]
    others = [
        other
        for name, other in payment.refunds.items()
        if name != refund_id
        and (other.attempt_id, other.amount_centavos) == (refund.attempt_id, refund.amount_centavos)
    ]
    taken = {other.provider_refund_id for other in others if other.provider_refund_id is not None}
    shown = [seen for seen in await _shown(hub, loaded, refund) if _may_be(seen, refund, taken)]
    moved = [seen for seen in shown if seen.state != "refused"]
    nameless = sum(other.state == "made" and other.provider_refund_id is None for other in others)
    if len(moved) > nameless:
        if is_refused and any(other.state == "requested" for other in others):
            raise ProviderUnavailable("Which of two refunds was made is not known yet.", refund_id)
        return min(moved, key=lambda seen: seen.state != "made")
    return shown[-1] if shown and not moved else None


async def _shown(hub: Hub, loaded: LoadedPayment, refund: Refund) -> tuple[RefundSeen, ...]:
    charge = loaded.payment.charge
    if not isinstance(charge, ChargeCreated):
        return ()
    provider = hub.providers[loaded.payment.intent.provider]
    try:
        return await provider.observe_refunds(charge, refund.attempt_id, await credential_for(hub, loaded))
    except (ProviderRefused, ProviderNotConnected, ProviderMisunderstood, InvalidVaultKey) as unknown:
        raise ProviderUnavailable("Whether the refund was made is not known yet.", refund.attempt_id) from unknown


def _may_be(seen: RefundSeen, refund: Refund, taken: set[str]) -> bool:
    is_from_before = (
        seen.asked_at is not None
        and refund.requested_at is not None
        and seen.asked_at < refund.requested_at - CLOCKS_APART
    )
    return seen.amount_centavos == refund.amount_centavos and seen.refund_id not in taken and not is_from_before
