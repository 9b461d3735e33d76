"""Asks the provider for the status of a payment, and records the answer.

Webhooks, sweeps, return pages and manual checks all change a payment through this module.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

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
from extrato.store.appender import NOTHING_ATTACHED, Attached
from extrato.store.personal_data import EMAIL
from extrato.store.provider_answers import ProviderAnswer
from extrato.use_cases.payments import (
    Decided,
    LoadedPayment,
    change_payment,
    load_payment,
    payment_stream,
    unchanged_by,
)
from extrato.use_cases.streams import read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from contracts.envelope import Cause
    from extrato.providers.port import Observation, RemoteProvider
    from extrato.store.sealing import PaymentKey
    from extrato.use_cases.hub import Hub
    from extrato.values import Credential

REFRESH_TIMEOUT_S: Final = 8.0
MAX_ATTEMPTS_ASKED: Final = 10


async def refresh_payment(hub: Hub, payment_id: int, *, cause: Cause) -> Decided:
    """Ask about every attempt to pay; raises `NotFound`, `ProviderNotConnected` and the provider's errors.

    Records all readable answers, and then raises `ProviderMisunderstood` if one was unreadable: an unreadable attempt
    must not count as none.
    """
    loaded = await load_payment(hub, payment_id)
    provider = hub.providers.remote.get(loaded.payment.intent.provider)
    if provider is None:
        return Decided(before=loaded, after=loaded, events=())
    credential = await credential_for(hub, loaded)
    asked_at = hub.now()
    try:
        async with asyncio.timeout(REFRESH_TIMEOUT_S):
            pages, by_request = await _observe(provider, loaded.payment, credential)
    except TimeoutError as error:
        raise ProviderUnavailable(provider.name, why="too_slow") from error
    by_id = {seen.attempt_id for page in by_request for seen in page.observations}
    seen = {seen.attempt_id: seen for page in (*pages, *by_request) for seen in page.observations}
    decided = await record_observations(
        hub, payment_id, list(seen.values()), asked_at=asked_at, by_id=by_id, cause=cause
    )
    if any(page.answers > len(page.observations) for page in (*pages, *by_request)):
        raise ProviderMisunderstood(str(payment_id), why="attempt")
    await _note_answer(hub, decided.after, asked_at=asked_at)
    return decided


async def _note_answer(hub: Hub, loaded: LoadedPayment, *, asked_at: datetime) -> None:
    """Note that the provider has answered about a payment, also where it told nothing new."""
    account = f"{loaded.merchant}.{loaded.payment.intent.provider}"
    answer = ProviderAnswer(payment_id=loaded.payment_id, account=account, asked_at=asked_at, position=loaded.position)
    await hub.answers.note(answer)


async def _observe(
    provider: RemoteProvider, payment: Opened, credential: Credential
) -> tuple[list[ObservedPage], list[ObservedPage]]:
    """Request the charge if it is itself the attempt; otherwise search, which may lag behind.

    A known attempt is requested by its id, because that answer is newer. Returns the search results, and the answers by
    id.
    """
    known = _attempts_to_request(payment)
    if isinstance(payment, Charged) and payment.charge.attempt_id is not None:
        charge = payment.charge
        others = [
            _request_one(provider.observe_attempt(name, credential)) for name in known if name != charge.attempt_id
        ]
        return [], await asyncio.gather(_request_one(provider.observe_charge(charge, credential)), *others)
    searching = provider.observe_reference(payment.intent.external_reference, credential)
    asking = (_request_one(provider.observe_attempt(name, credential)) for name in known)
    found, *by_request = await asyncio.gather(searching, *asking)
    return [found], by_request


def _attempts_to_request(payment: Opened) -> list[str]:
    """Return the attempts to request by id: the newest open ones, and as many of the newest ended ones as fit."""
    ended = [name for name, attempt in payment.attempts.items() if attempt.status in ENDED]
    open_ones = [name for name in payment.attempts if name not in ended][-MAX_ATTEMPTS_ASKED:]
    room = MAX_ATTEMPTS_ASKED - len(open_ones)
    return [*(ended[-room:] if room else ()), *open_ones]


async def _request_one(asking: Awaitable[Observation | None]) -> ObservedPage:
    """Request one attempt; an unreadable answer is counted, so that it does not hide the others."""
    try:
        seen = await asking
    except ProviderMisunderstood:
        return ObservedPage(observations=(), answers=1, is_last=True)
    found = () if seen is None else (seen,)
    return ObservedPage(observations=found, answers=len(found), is_last=True)


async def observe_attempt(
    hub: Hub, merchant: str, provider_name: str, attempt_id: str, *, cause: Cause
) -> Decided | None:
    """Request one attempt by the provider's id; None if it belongs to no payment of the merchant.

    Raises `ProviderShowsNothing` if the provider does not know the attempt, or not yet.
    """
    credential = await credential_of(hub, merchant, provider_name)
    asked_at = hub.now()
    seen = await hub.providers.remote[provider_name].observe_attempt(attempt_id, credential)
    if seen is None:
        raise ProviderShowsNothing(attempt_id)
    payment_id = await _payment_of(hub, merchant, provider_name, seen.external_reference)
    if payment_id is None:
        return None
    decided = await record_observations(hub, payment_id, [seen], asked_at=asked_at, by_id={attempt_id}, cause=cause)
    await _note_answer(hub, decided.after, asked_at=asked_at)
    return decided


async def observe_resource(
    hub: Hub, merchant: str, provider_name: str, kind: str, resource_id: str, *, cause: Cause
) -> Decided | None:
    """Refresh the payment that a provider's resource leads to; None if it belongs to no payment of the merchant.

    Raises `ProviderShowsNothing` if the provider does not know the resource, or not yet.
    """
    credential = await credential_of(hub, merchant, provider_name)
    reference = await hub.providers.remote[provider_name].reference_of(kind, resource_id, credential)
    if reference is None:
        raise ProviderShowsNothing(resource_id, why="thing")
    payment_id = await _payment_of(hub, merchant, provider_name, reference)
    return None if payment_id is None else await refresh_payment(hub, payment_id, cause=cause)


async def _payment_of(hub: Hub, merchant: str, provider_name: str, reference: str | None) -> int | None:
    """Return the payment with exactly that reference, of this merchant or of another one with the same account.

    A provider names the receiving account. If merchants share one, the provider cannot name the merchant.
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
    """Record observations, the oldest first; a known one records no event.

    Personal data of the answers is sealed; after the payer was forgotten, it is not recorded at all. `by_id` are the
    attempts that the hub requested by id at `asked_at`; the others come from a search.
    """
    observations = sorted(observations, key=lambda seen: seen.observed_at)
    commands = [_command(seen, asked_at=asked_at, by_id=seen.attempt_id in by_id) for seen in observations]
    known = await read(hub.log, payment_stream(payment_id))
    # Most answers are known. They need no key, and nothing of them is sealed: no decision depends on it.
    unchanged = unchanged_by(payment_id, known, commands)
    if unchanged is not None:
        return unchanged
    attached = NOTHING_ATTACHED
    key = await hub.personal_data.keys.get_or_make(payment_id)
    if key is not None:
        commands, attached = await _sealed(hub, key, observations, commands)
    return await change_payment(hub, payment_id, commands, cause=cause, attached=attached, known=known)


def _command(seen: Observation, *, asked_at: datetime, by_id: bool) -> RecordObservation:
    """Return the command that records an observation, without what is sealed."""
    return RecordObservation(
        attempt_id=seen.attempt_id,
        status=seen.status,
        status_detail=seen.status_detail,
        amount_centavos=seen.amount_centavos,
        currency=seen.currency,
        external_reference=seen.external_reference,
        refunded_centavos=seen.refunded_centavos,
        observed_at=seen.observed_at,
        paid_at=seen.paid_at,
        payer_email=None,
        evidence=None,
        asked_at=asked_at,
        by_id=by_id,
    )


async def _sealed(
    hub: Hub, key: PaymentKey, observations: Sequence[Observation], commands: Sequence[RecordObservation]
) -> tuple[list[RecordObservation], Attached]:
    """Return the commands with sealed addresses and the digests of their evidence, and what is stored beside them."""
    evidence = [key.seal_evidence("provider/payment", seen.answer) for seen in observations]
    sealed = [
        replace(command, payer_email=key.seal(seen.payer.email, EMAIL), evidence=piece.digest.hex())
        for command, seen, piece in zip(commands, observations, evidence, strict=True)
    ]
    tags = await hub.personal_data.tags_of(*(seen.payer for seen in observations))
    return sealed, Attached(payment_id=key.payment_id, evidence=evidence, tags=tags)


async def credential_for(hub: Hub, loaded: LoadedPayment) -> Credential:
    """Return the credential of the account that holds the payment's charge; raises `ProviderNotConnected`.

    An account connected later does not know the charge, and its "not found" would look like an answer.
    """
    credential = await credential_of(hub, loaded.merchant, loaded.payment.intent.provider)
    payment = loaded.payment
    holder = payment.charge.account_id if isinstance(payment, Charged) else None
    if holder not in {None, credential.account_id}:
        raise ProviderNotConnected(str(loaded.payment_id), why="other_account")
    return credential


async def credential_of(hub: Hub, merchant: str, provider_name: str) -> Credential:
    """Return the merchant's credential; raises `ProviderNotConnected`."""
    credential = await hub.vault.get(merchant, provider_name)
    if credential is None:
        raise ProviderNotConnected(merchant, why="no_credential", provider=provider_name)
    return credential
