"""What an account at a provider holds after a restore: known payments are observed, lost ones are listed.

A lost payment has a reference of the hub's own form that the log does not know. Its event was in the lost part of the
log, and nothing about it is recorded again: the log keeps what the hub knew, not what it concludes later.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.backoff import Backoff
from extrato.domain.payment.identifiers import payment_id_in_reference
from extrato.errors import NotFound, ProviderNotConnected, ProviderUnavailable
from extrato.use_cases.payments import load_payment
from extrato.use_cases.refresh_payment import credential_of, record_observations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from contracts.envelope import Cause
    from extrato.providers.port import Observation, ObservedPage, RemoteProvider
    from extrato.store.vault import ConnectedAccount
    from extrato.use_cases.hub import Hub
    from extrato.values import Credential

# The newest event of the log and the provider's changes have different clocks. The search shows a change with a delay.
REACH_BACK: Final = timedelta(minutes=30)
PROVIDER_AHEAD: Final = timedelta(minutes=1)
# Mercado Pago's limits: a search reaches back 12 months, in spans of less than 365 days, with offsets up to 10,000.
SEARCHABLE: Final = timedelta(days=364)
MAX_OFFSET: Final = 10_000
SMALLEST_STEP: Final = timedelta(milliseconds=1)
TRIES: Final = 6
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0


class LostPayment(Struct, frozen=True, kw_only=True):
    """An attempt at the provider to pay a charge that the log does not know.

    `merchants` are those that receive over the account. Amounts are in centavos.
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


class AccountHeld(Struct, frozen=True, kw_only=True):
    """What one account told: the changes `seen`, the payments that `moved` in the log by them, and those lost."""

    seen: int
    moved: int
    lost: tuple[LostPayment, ...]


async def find_lost_payments(hub: Hub, account: ConnectedAccount, *, since: datetime, cause: Cause) -> AccountHeld:
    """Ask an account for every change since a time, record what the log knows and return what it does not know.

    Repeating it is harmless. Raises the store's errors, `ProviderNotConnected` when the provider accepts no credential
    of the account, and the provider's other errors after several tries.
    """
    for merchant in account.merchants[:-1]:
        with contextlib.suppress(ProviderNotConnected):
            return await _find(hub, account, await credential_of(hub, merchant, account.provider), since, cause=cause)
    credential = await credential_of(hub, account.merchants[-1], account.provider)
    return await _find(hub, account, credential, since, cause=cause)


async def _find(
    hub: Hub, account: ConnectedAccount, credential: Credential, since: datetime, *, cause: Cause
) -> AccountHeld:
    now = hub.now()
    since, until = max(since - REACH_BACK, now - SEARCHABLE), now + PROVIDER_AHEAD
    seen, moved, lost = 0, set[int](), dict[str, LostPayment]()
    provider = hub.providers.remote[account.provider]
    async for page in _changes(provider, credential, since=since, until=until):
        seen += len(page)
        by_reference: dict[str, list[Observation]] = {}
        for each in page:
            if payment_id_in_reference(each.external_reference or "") is not None:
                by_reference.setdefault(each.external_reference or "", []).append(each)
        recording = (_record(hub, account, reference, told, cause=cause) for reference, told in by_reference.items())
        for outcome in await asyncio.gather(*recording):
            if isinstance(outcome, int):
                moved.add(outcome)
            else:
                lost.update((payment.provider_payment_id, payment) for payment in outcome)
    return AccountHeld(seen=seen, moved=len(moved), lost=tuple(lost.values()))


async def _record(
    hub: Hub, account: ConnectedAccount, reference: str, told: Sequence[Observation], *, cause: Cause
) -> int | tuple[LostPayment, ...]:
    """Record observations of a known payment and return its number if they moved it; else return the lost payments."""
    payment_id = payment_id_in_reference(reference)
    try:
        loaded = await load_payment(hub, payment_id or 0)
    except NotFound:
        return _lost(account, reference, told)
    intent = loaded.payment.intent
    if (intent.provider, intent.external_reference) != (account.provider, reference):
        # Its number is another payment's by now.
        return _lost(account, reference, told)
    if loaded.merchant not in account.merchants:
        # The merchant has connected another account since; what this one tells is not the last word.
        return ()
    decided = await record_observations(hub, loaded.payment_id, told, asked_at=hub.now(), cause=cause)
    return loaded.payment_id if decided.events else ()


def _lost(account: ConnectedAccount, reference: str, told: Sequence[Observation]) -> tuple[LostPayment, ...]:
    return tuple(
        LostPayment(
            provider=account.provider,
            account_id=account.account_id,
            merchants=account.merchants,
            reference=reference,
            provider_payment_id=seen.attempt_id,
            status=seen.status,
            status_detail=seen.status_detail,
            amount_centavos=seen.amount_centavos,
            refunded_centavos=seen.refunded_centavos,
            currency=seen.currency,
            paid_at=seen.paid_at,
            changed_at=seen.observed_at,
        )
        for seen in told
    )


async def _changes(
    provider: RemoteProvider, credential: Credential, *, since: datetime, until: datetime
) -> AsyncIterator[tuple[Observation, ...]]:
    """Yield every change of a span, oldest first, page by page; a change may come twice."""
    offset = 0
    while True:
        page = await _page(provider, credential, since=since, until=until, offset=offset)
        yield page.observations
        if page.is_last:
            return
        newest = max((seen.observed_at for seen in page.observations), default=since)
        # A payment that changes meanwhile moves to the end, and an offset would skip another one. So the next page
        # begins at the newest change; an offset is needed only where a whole page has one time.
        if newest > since:
            since, offset = newest, 0
        elif offset + page.answers > MAX_OFFSET:
            since, offset = since + SMALLEST_STEP, 0
        else:
            offset += page.answers


async def _page(
    provider: RemoteProvider, credential: Credential, *, since: datetime, until: datetime, offset: int
) -> ObservedPage:
    """Ask for one page, several times while the provider is away or throttles the account."""
    backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
    for _ in range(TRIES - 1):
        try:
            return await provider.observe_changes(since=since, until=until, offset=offset, credential=credential)
        except ProviderUnavailable as error:
            await asyncio.sleep(min(error.retry_after_s, LONGEST_PAUSE_S))
            await backoff.pause()
    return await provider.observe_changes(since=since, until=until, offset=offset, credential=credential)
