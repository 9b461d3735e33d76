"""One sweep of an account: a search that covers all its payments, and a few attempts read by id."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from cachetools import FIFOCache

from contracts.envelope import Cause
from extrato.domain.payment.identifiers import payment_id_in_reference
from extrato.errors import NotFound, ProviderMisunderstood, ProviderRefused, ProviderShowsNothing
from extrato.providers.search_pages import SearchPage, next_page
from extrato.use_cases.payments import load_payment
from extrato.use_cases.refresh_payment import credential_of, observe_attempt, record_observations
from services.monitor import schedule
from services.monitor.metrics import SWEEP_PAGES
from services.monitor.schedule import Cursor, SweepResult
from services.monitor.webhook_health import finding_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from contracts.read_models import OpenPayment
    from extrato.providers.port import Observation
    from extrato.store.webhook_health import Finding
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import Decided
    from extrato.values import Credential
    from services.monitor.cursors import Cursors
    from services.monitor.open_payments import Account

REMEMBERED_OBSERVATIONS: Final = 100_000
REMEMBERED_SEARCHES: Final = 20_000

MemoryKey = tuple[str, str, str]


class Memory:
    """What one process remembers between sweeps; forgetting it costs requests, never a payment.

    Overlapping spans list most changes several times. A sweep skips a recorded change without reading the log.
    """

    def __init__(self) -> None:
        self._recorded: FIFOCache[bytes, None] = FIFOCache(REMEMBERED_OBSERVATIONS)
        self._resume_pages: dict[MemoryKey, SearchPage] = {}
        self._turns: dict[MemoryKey, str] = {}

    def knows(self, account: str, seen: Observation) -> bool:
        """Return True when a sweep has handled this observation before."""
        return _digest(account, seen) in self._recorded

    def remember(self, account: str, seen: Observation) -> None:
        """Remember an observation that is recorded, or that belongs to no payment of the account."""
        self._recorded[_digest(account, seen)] = None

    def resume_page(self, key: MemoryKey) -> SearchPage | None:
        """Return the page where an earlier sweep stopped."""
        return self._resume_pages.get(key)

    def set_resume_page(self, key: MemoryKey, page: SearchPage | None) -> None:
        """Remember the next page; None after the last page."""
        self._resume_pages.pop(key, None)
        if page is not None:
            self._resume_pages[key] = page
            if len(self._resume_pages) > REMEMBERED_SEARCHES:
                del self._resume_pages[next(iter(self._resume_pages))]

    def take_turns(self, key: MemoryKey, attempts: Sequence[str]) -> list[str]:
        """Return the attempts to read by id in this sweep."""
        chosen = schedule.take_turns(attempts, after=self._turns.pop(key, ""))
        if chosen:
            self._turns[key] = chosen[-1]
            if len(self._turns) > REMEMBERED_SEARCHES:
                del self._turns[next(iter(self._turns))]
        return chosen


class Sweep:
    """One sweep of `account` in `lane` at `now`.

    The sweep calls `on_decided` with each recorded decision; it returns True when the payment's status changed.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        cursors: Cursors,
        memory: Memory,
        lane: str,
        account: Account,
        now: datetime,
        on_decided: Callable[[Decided], bool],
    ) -> None:
        self._hub = hub
        self._cursors = cursors
        self._memory = memory
        self._lane = lane
        self._account = account
        self._now = now
        self._on_decided = on_decided
        self._pages_left = schedule.PAGES_PER_SWEEP
        self._count_page = SWEEP_PAGES.labels(lane)
        self._provider = hub.providers.remote[account.provider]
        self._references: dict[int, str] = {}
        self._logger = structlog.get_logger(component="sweep", account=account.name, lane=lane)
        self.cause = Cause(correlation_id=str(hub.new_uuid()), actor="sweep", actor_id=account.name)
        self.seen = 0
        self.changed = 0
        self.findings: list[Finding] = []

    async def run(
        self, load: schedule.AccountLoad, watched: Sequence[OpenPayment], attempts: Sequence[str]
    ) -> SweepResult:
        """Search, record, and move the cursor; raises the provider's and the store's errors."""
        self._references = {payment.payment_id: payment.external_reference for payment in watched}
        credential = await credential_of(self._hub, self._account.merchant, self._account.provider)
        result = await self._search(load, credential)
        chosen = self._memory.take_turns((self._account.name, self._lane, "attempts"), attempts)
        await _all(self._ask_for_attempt(attempt_id) for attempt_id in chosen)
        return result

    async def _search(self, load: schedule.AccountLoad, credential: Credential) -> SweepResult:
        cursor = await self._cursors.load(self._account.name)
        incremental = schedule.incremental_page(cursor, oldest=load.oldest_charged or self._now, now=self._now)
        backfill = schedule.backfill_page(
            self._lane, cursor, load=load, incremental_since=incremental.since, now=self._now
        )
        reached = await self._ask("incremental", incremental, credential)
        if reached is not None:
            # The search lists the oldest change first, so everything before `reached` has been seen.
            backfilled_at = cursor.backfilled_at if cursor else self._now
            await self._cursors.store(self._account.name, Cursor(high_water=reached, backfilled_at=backfilled_at))
            return SweepResult(incremental_done=False, backfill_done=False)
        backfill_done = backfill is None or await self._ask("backfill", backfill, credential) is None
        backfilled_at = self._now if cursor is None or (backfill and backfill_done) else cursor.backfilled_at
        await self._cursors.store(self._account.name, Cursor(high_water=self._now, backfilled_at=backfilled_at))
        return SweepResult(incremental_done=True, backfill_done=backfill_done)

    async def _ask(self, name: str, page: SearchPage, credential: Credential) -> datetime | None:
        """Search page by page; return None after the last page, or the time reached when no pages are left."""
        key = (self._account.name, self._lane, name)
        page = schedule.resumed(self._memory.resume_page(key), page)
        while self._pages_left:
            self._pages_left -= 1
            self._count_page.inc()
            found = await self._provider.observe_changes(
                since=page.since, until=page.until, offset=page.offset, credential=credential
            )
            await self._record_all(found.observations)
            if found.is_last:
                self._memory.set_resume_page(key, None)
                return None
            page = next_page(
                page,
                newest=max((seen.observed_at for seen in found.observations), default=page.since),
                answers=found.answers,
            )
            self._memory.set_resume_page(key, page)
        return page.since

    async def _record_all(self, observations: Sequence[Observation]) -> None:
        self.seen += len(observations)
        by_payment: dict[int, list[Observation]] = {}
        for seen in observations:
            payment_id = payment_id_in_reference(seen.external_reference or "")
            if payment_id is not None and not self._memory.knows(self._account.name, seen):
                by_payment.setdefault(payment_id, []).append(seen)
        await _all(self._record_of(payment_id, observations) for payment_id, observations in by_payment.items())

    async def _record_of(self, payment_id: int, observations: Sequence[Observation]) -> None:
        reference = self._references.get(payment_id) or await self._reference_of(payment_id)
        ours = [seen for seen in observations if seen.external_reference == reference]
        if ours:
            asked_at = self._hub.now()
            self._note(await record_observations(self._hub, payment_id, ours, asked_at=asked_at, cause=self.cause))
        for seen in observations:
            self._memory.remember(self._account.name, seen)

    async def _reference_of(self, payment_id: int) -> str | None:
        """Return the reference of an unwatched payment; None when it belongs to another account."""
        try:
            loaded = await load_payment(self._hub, payment_id)
        except NotFound:
            return None
        intent = loaded.payment.intent
        is_ours = (loaded.merchant, intent.provider) == (self._account.merchant, self._account.provider)
        return intent.external_reference if is_ours else None

    async def _ask_for_attempt(self, attempt_id: str) -> None:
        """Read one attempt by its id, because the search index may lag."""
        merchant, provider = self._account.merchant, self._account.provider
        try:
            decided = await observe_attempt(self._hub, merchant, provider, attempt_id, cause=self.cause)
        except (ProviderRefused, ProviderMisunderstood, ProviderShowsNothing) as error:
            # One unreadable attempt must not block the others; its turn comes again.
            self._logger.warning("attempt_not_observed", attempt_id=attempt_id, reason=error.code)
            return
        self.seen += 1
        if decided is not None:
            self._note(decided)

    def _note(self, decided: Decided) -> None:
        if self._on_decided(decided):
            self.changed += 1
            finding = finding_of(decided, now=self._hub.now())
            if finding is not None:
                self.findings.append(finding)


async def _all(works: Iterable[Awaitable[None]]) -> None:
    """Run all in parallel until every one has ended; then raise the first error."""
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _digest(account: str, seen: Observation) -> bytes:
    """Digest an observation without its raw answer, which may differ for the same fact."""
    facts = msgspec.json.encode((account, msgspec.structs.replace(seen, answer=b"")))
    return hashlib.blake2b(facts, digest_size=16).digest()
