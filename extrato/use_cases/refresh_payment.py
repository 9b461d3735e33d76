"""Ask the provider what is true about a payment, and record what it says.

The one way by which a webhook, a sweep, a return page and a manual check change a payment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from contracts.payment_status import ENDED
from extrato.domain.payment.commands import RecordObservation
from extrato.domain.payment.identifiers import payment_id_in_reference
from extrato.domain.payment.state import Charged, Opened
from extrato.errors import (
    NotFound,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderShowsNothing,
    ProviderUnavailable,
)
from extrato.providers.port import ObservedPage
from extrato.store.appender import Evidence
from extrato.use_cases.payments import Decided, LoadedPayment, change_payment, load_payment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from contracts.envelope import Cause
    from extrato.providers.port import Observation, RemoteProvider
    from extrato.use_cases.hub import Hub
    from extrato.values import Credential

REFRESH_TIMEOUT_S: Final = 8.0
MAX_ATTEMPTS_ASKED: Final = 10


async def refresh_payment(hub: Hub, payment_id: int, *, cause: Cause) -> Decided:
    """Ask about every attempt to pay; raises `NotFound`, `ProviderNotConnected` and the provider's errors.

    What was understood is recorded, and then `ProviderMisunderstood` is raised if something was not: nobody may take
    that for nothing.
    """
    loaded = await load_payment(hub, payment_id)
    provider = hub.providers.remote.get(loaded.payment.intent.provider)
    if provider is None:
        return Decided(before=loaded, after=loaded, events=())
    credential = await credential_for(hub, loaded)
    asked_at = hub.now()
    try:
        async with asyncio.timeout(REFRESH_TIMEOUT_S):
            pages, alone = await _observe(provider, loaded.payment, credential)
    except TimeoutError as error:
        raise ProviderUnavailable(provider.name, why="too_slow") from error
    by_id = {seen.attempt_id for page in alone for seen in page.observations}
    seen = {seen.attempt_id: seen for page in (*pages, *alone) for seen in page.observations}
    decided = await record_observations(
        hub, payment_id, list(seen.values()), asked_at=asked_at, by_id=by_id, cause=cause
    )
    if any(page.answers > len(page.observations) for page in (*pages, *alone)):
        raise ProviderMisunderstood(str(payment_id), why="attempt")
    return decided


async def _observe(
    provider: RemoteProvider, payment: Opened, credential: Credential
) -> tuple[list[ObservedPage], list[ObservedPage]]:
    """Ask for the charge where it is itself the attempt, otherwise search, which may lag behind.

    An attempt that is known already is asked for by its id, which is the later word. Gives what was searched for, and
    what was asked for by its id.
    """
    known = _worth_asking(payment)
    if isinstance(payment, Charged) and payment.charge.attempt_id is not None:
        charge = payment.charge
        others = [_alone(provider.observe_attempt(name, credential)) for name in known if name != charge.attempt_id]
        return [], await asyncio.gather(_alone(provider.observe_charge(charge, credential)), *others)
    searching = provider.observe_reference(payment.intent.external_reference, credential)
    asking = (_alone(provider.observe_attempt(name, credential)) for name in known)
    found, *alone = await asyncio.gather(searching, *asking)
    return [found], alone


def _worth_asking(payment: Opened) -> list[str]:
    """Choose the attempts to be asked for by id: those that money depends on, and of the others the newest."""
    ended = [name for name, attempt in payment.attempts.items() if attempt.status in ENDED]
    open_ones = [name for name in payment.attempts if name not in ended][-MAX_ATTEMPTS_ASKED:]
    room = MAX_ATTEMPTS_ASKED - len(open_ones)
    return [*(ended[-room:] if room else ()), *open_ones]


async def _alone(asking: Awaitable[Observation | None]) -> ObservedPage:
    """Ask about one attempt; one that is not understood is counted, so that it hides no other."""
    try:
        seen = await asking
    except ProviderMisunderstood:
        return ObservedPage(observations=(), answers=1, is_last=True)
    found = () if seen is None else (seen,)
    return ObservedPage(observations=found, answers=len(found), is_last=True)


async def observe_attempt(
    hub: Hub, merchant: str, provider_name: str, attempt_id: str, *, cause: Cause
) -> Decided | None:
    """Ask about one attempt, known by the provider's id only; None when it is of no payment of the merchant.

    Raises `ProviderShowsNothing` when the provider does not know it, or not yet.
    """
    credential = await credential_of(hub, merchant, provider_name)
    asked_at = hub.now()
    seen = await hub.providers.remote[provider_name].observe_attempt(attempt_id, credential)
    if seen is None:
        raise ProviderShowsNothing(attempt_id)
    payment_id = await _payment_of(hub, merchant, provider_name, seen.external_reference)
    if payment_id is None:
        return None
    return await record_observations(hub, payment_id, [seen], asked_at=asked_at, by_id={attempt_id}, cause=cause)


async def observe_resource(
    hub: Hub, merchant: str, provider_name: str, kind: str, resource_id: str, *, cause: Cause
) -> Decided | None:
    """Ask about the payment that something of the provider's leads to; None when to none of the merchant's.

    Raises `ProviderShowsNothing` when the provider does not know the thing, or not yet.
    """
    credential = await credential_of(hub, merchant, provider_name)
    reference = await hub.providers.remote[provider_name].reference_of(kind, resource_id, credential)
    if reference is None:
        raise ProviderShowsNothing(resource_id, why="thing")
    payment_id = await _payment_of(hub, merchant, provider_name, reference)
    return None if payment_id is None else await refresh_payment(hub, payment_id, cause=cause)


async def _payment_of(hub: Hub, merchant: str, provider_name: str, reference: str | None) -> int | None:
    """Find the payment with that whole reference, of the merchant or of another who receives over the same account.

    A provider names the account that money came to. Where merchants share one, it cannot say whose payment it was.
    """
    payment_id = payment_id_in_reference(reference or "")
    if payment_id is None:
        return None
    try:
        loaded = await load_payment(hub, payment_id)
    except NotFound:
        return None
    intent = loaded.payment.intent
    if (intent.provider, intent.external_reference) != (provider_name, reference):
        return None
    is_ours = loaded.merchant == merchant or await _share_account(hub, provider_name, merchant, loaded.merchant)
    return payment_id if is_ours else None


async def _share_account(hub: Hub, provider_name: str, *merchants: str) -> bool:
    credentials = [await hub.vault.get(merchant, provider_name) for merchant in merchants]
    accounts = {credential.account_id if credential else None for credential in credentials}
    return len(accounts) == 1 and None not in accounts


async def record_observations(
    hub: Hub,
    payment_id: int,
    observations: Sequence[Observation],
    *,
    asked_at: datetime,
    by_id: AbstractSet[str] = frozenset(),
    cause: Cause,
) -> Decided:
    """Record what was observed, the oldest change first; what is known already leaves no event.

    `by_id` names the attempts that the provider was asked for, at `asked_at`; the others it told of in a search.
    """
    evidence = {}
    commands = []
    for seen in sorted(observations, key=lambda seen: seen.observed_at):
        proof = Evidence("provider/payment", seen.answer)
        digest = proof.digest.hex()
        evidence[digest] = proof
        commands.append(
            RecordObservation(
                attempt_id=seen.attempt_id,
                status=seen.status,
                status_detail=seen.status_detail,
                amount_centavos=seen.amount_centavos,
                currency=seen.currency,
                external_reference=seen.external_reference,
                refunded_centavos=seen.refunded_centavos,
                observed_at=seen.observed_at,
                paid_at=seen.paid_at,
                payer_email=seen.payer_email,
                evidence=digest,
                asked_at=asked_at,
                by_id=seen.attempt_id in by_id,
            )
        )
    return await change_payment(hub, payment_id, commands, cause=cause, evidence=evidence)


async def credential_for(hub: Hub, loaded: LoadedPayment) -> Credential:
    """Give the credential of the account that holds the payment's charge; raises `ProviderNotConnected`.

    Another account, connected since, knows nothing of the charge, and its ignorance would look like an answer.
    """
    credential = await credential_of(hub, loaded.merchant, loaded.payment.intent.provider)
    payment = loaded.payment
    holder = payment.charge.account_id if isinstance(payment, Charged) else None
    if holder not in {None, credential.account_id}:
        raise ProviderNotConnected(str(loaded.payment_id), why="other_account")
    return credential


async def credential_of(hub: Hub, merchant: str, provider_name: str) -> Credential:
    """Give the merchant's credential; raises `ProviderNotConnected`."""
    credential = await hub.vault.get(merchant, provider_name)
    if credential is None:
        raise ProviderNotConnected(merchant, why="no_credential", provider=provider_name)
    return credential
