"""Searches a provider's account after a restore: known payments are observed, lost ones are listed.

A reference is the external reference of a charge, which contains the id of the payment. A lost payment has a reference
that the hub made and the log does not know. Nothing about it is recorded again: the log holds only what happened in
the hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.backoff import Backoff
from extrato.domain.payment.identifiers import payment_id_in_reference
from extrato.errors import NotFound, ProviderNotConnected, ProviderUnavailable
from extrato.providers.search_pages import PROVIDER_AHEAD, SearchPage, next_page, searchable
from extrato.use_cases.payments import load_payment
from extrato.use_cases.refresh_payment import credential_of, record_observations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from contracts.envelope import Cause
    from extrato.providers.port import Observation, ObservedPage, RemoteProvider
    from extrato.store.vault import ConnectedAccount
    from extrato.use_cases.hub import Hub
    from extrato.values import Credential

# The search begins before the restored moment: the clocks of the hub and of the provider differ, and the provider's
# search lists a change with a delay.
REACH_BACK: Final = timedelta(minutes=30)
TRIES: Final = 6
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0


class LostPayment(Struct, frozen=True, kw_only=True):
    """An attempt at the provider to pay a charge that the log does not know.

    `merchants` are all merchants that use the account. Amounts are in centavos.
    """

    provider: str
    account_id: str
    merchants: tuple[str, ...]
    reference: str
    provider_payment_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    refunded_centavos: int
    currency: str
    paid_at: datetime | None
    changed_at: datetime


class AccountSearch(Struct, frozen=True, kw_only=True):
    """The result of the search of one account.

    `change_count` is the number of changes that the provider returned; `moved_count` that of the known payments for
    which the hub recorded events.
    """

    change_count: int
    moved_count: int
    lost: tuple[LostPayment, ...]


class _Recorded(Struct, frozen=True, kw_only=True):
    """What the observations of one reference led to: a known payment that moved, lost payments, or nothing."""

    moved_payment_id: int | None = None
    lost: tuple[LostPayment, ...] = ()


async def find_lost_payments(hub: Hub, account: ConnectedAccount, *, since: datetime, cause: Cause) -> AccountSearch:
    """Search an account for every change since a time: observe known payments, and return the lost ones.

    A repeated search is harmless. Raises the store's errors, `ProviderNotConnected` when the provider accepts no
    credential of the account, and the provider's other errors after several tries.
    """
    # Each merchant of the account has its own credential. The first one that the provider accepts is enough; the error
    # of the last one is raised.
    for merchant in account.merchants[:-1]:
        with contextlib.suppress(ProviderNotConnected):
            return await _find(hub, account, await credential_of(hub, merchant, account.provider), since, cause=cause)
    credential = await credential_of(hub, account.merchants[-1], account.provider)
    return await _find(hub, account, credential, since, cause=cause)


async def _find(
    hub: Hub, account: ConnectedAccount, credential: Credential, since: datetime, *, cause: Cause
) -> AccountSearch:
    now = hub.now()
    span = SearchPage(since=searchable(since - REACH_BACK, now), until=now + PROVIDER_AHEAD)
    # A change may be in two pages, so moved and lost payments are collected by id.
    change_count, moved, lost = 0, set[int](), dict[str, LostPayment]()
    provider = hub.providers.remote[account.provider]
    async for page in _changes(provider, credential, span):
        change_count += len(page)
        by_reference: dict[tuple[int, str], list[Observation]] = {}
        for observation in page:
            reference = observation.external_reference or ""
            payment_id = payment_id_in_reference(reference)
            if payment_id is not None:
                by_reference.setdefault((payment_id, reference), []).append(observation)
        recording = (
            _record(hub, account, payment_id, reference, observations, cause=cause)
            for (payment_id, reference), observations in by_reference.items()
        )
        for recorded in await asyncio.gather(*recording):
            if recorded.moved_payment_id is not None:
                moved.add(recorded.moved_payment_id)
            lost.update((payment.provider_payment_id, payment) for payment in recorded.lost)
    return AccountSearch(change_count=change_count, moved_count=len(moved), lost=tuple(lost.values()))


async def _record(
    hub: Hub,
    account: ConnectedAccount,
    payment_id: int,
    reference: str,
    observations: Sequence[Observation],
    *,
    cause: Cause,
) -> _Recorded:
    """Record observations of a known payment, or return them as lost payments."""
    try:
        loaded = await load_payment(hub, payment_id)
    except NotFound:
        return _Recorded(lost=_lost(account, reference, observations))
    intent = loaded.payment.intent
    if (intent.provider, intent.external_reference) != (account.provider, reference):
        # A payment that was created after the restore has the id of the lost one.
        return _Recorded(lost=_lost(account, reference, observations))
    if loaded.merchant not in account.merchants:
        # The merchant uses another account, so the answers of this one do not change the payment.
        return _Recorded()
    decided = await record_observations(hub, loaded.payment_id, observations, asked_at=hub.now(), cause=cause)
    return _Recorded(moved_payment_id=loaded.payment_id if decided.events else None)


def _lost(account: ConnectedAccount, reference: str, observations: Sequence[Observation]) -> tuple[LostPayment, ...]:
    return tuple(
        LostPayment(
            provider=account.provider,
            account_id=account.account_id,
            merchants=account.merchants,
            reference=reference,
            provider_payment_id=observation.attempt_id,
            status=observation.status,
            status_detail=observation.status_detail,
            amount_centavos=observation.amount_centavos,
            refunded_centavos=observation.refunded_centavos,
            currency=observation.currency,
            paid_at=observation.paid_at,
            changed_at=observation.observed_at,
        )
        for observation in observations
    )


async def _changes(
    provider: RemoteProvider, credential: Credential, asked: SearchPage
) -> AsyncIterator[tuple[Observation, ...]]:
    """Yield every change of a span, oldest first, page by page; a change may come twice."""
    while True:
        page = await _page(provider, credential, asked)
        yield page.observations
        if page.is_last:
            return
        newest = max((observation.observed_at for observation in page.observations), default=asked.since)
        asked = next_page(asked, newest=newest, answers=page.answers)


async def _page(provider: RemoteProvider, credential: Credential, asked: SearchPage) -> ObservedPage:
    """Ask for one page, several times while the provider does not answer or throttles the account."""
    backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
    ask = functools.partial(
        provider.observe_changes, since=asked.since, until=asked.until, offset=asked.offset, credential=credential
    )
    for _ in range(TRIES - 1):
        try:
            return await ask()
        except ProviderUnavailable as error:
            await asyncio.sleep(min(error.retry_after_s, LONGEST_PAUSE_S))
            await backoff.pause()
    return await ask()
