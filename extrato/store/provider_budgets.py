"""The call budget of each credential, shared by all processes: a token bucket in a row of PostgreSQL.

A process takes tokens in portions, so that a busy account costs about one statement a second and not one a call. Only
PostgreSQL's clock counts, and a portion that a killed process had taken is earned again within seconds.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, Literal

import structlog
from cachetools import LRUCache
from msgspec import Struct

from extrato.errors import BudgetUsedUp
from extrato.store.unavailable import DATABASE_ERRORS, raising_unavailable
from extrato.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from extrato.values import Purpose

# The share of a full bucket that a purpose leaves to those before it. A client with the links of many payments can
# check them all the time. It must stop neither the sweeps and webhook questions, nor the checks of the shop.
RESERVE: Final[Mapping[Purpose, float]] = {"check": 0.0, "background": 0.2, "payer": 0.4}
# A purpose may also use the portions of those after it.
PORTIONS: Final[Mapping[Purpose, Sequence[Purpose]]] = {
    "check": ("check", "background", "payer"),
    "background": ("background", "payer"),
    "payer": ("payer",),
}
PORTIONS_PER_MINUTE: Final = 60
REPORT_EVERY_S: Final = 2.0
UNUSED_AFTER_S: Final = 4.0
LONGEST_WAIT_S: Final = 60.0
ASK_AGAIN_AFTER_S: Final = 0.5
TIMEOUT_S: Final = 5.0
# After a time-out, the calls that waited behind it must not wait for another one each.
ALONE_FOR_S: Final = 2.0
MAX_REMEMBERED: Final = 10_000

# Tokens at this moment. If PostgreSQL's clock goes back, the account earns nothing in that interval, and goes on.
AVAILABLE: Final = """
    least($2::float8, b.tokens + greatest(0, extract(epoch FROM clock_timestamp() - b.counted_at)) * $2::float8 / 60)
"""
MAKE: Final = """
    INSERT INTO provider_budgets (credential, provider, tokens, counted_at) VALUES ($1, $2, $3, clock_timestamp())
    ON CONFLICT DO NOTHING
"""
# $3 tokens were used without being asked for; negative: they were taken and not used. $4 are wanted beside a reserve of
# $5. A full bucket holds one minute of calls.
TAKE: Final = f"""
    UPDATE provider_budgets b SET
        (tokens, granted, minute, used, used_before) = (
            SELECT greatest(0, a.available - $3 - g.granted), g.granted, n.minute,
                   greatest(0, CASE WHEN b.minute = n.minute THEN b.used ELSE 0 END + g.granted + $3),
                   CASE b.minute WHEN n.minute THEN b.used_before WHEN n.minute - 1 THEN b.used ELSE 0 END
            FROM (SELECT {AVAILABLE} AS available) a,
                 LATERAL (SELECT greatest(0, least($4::int, floor(a.available - $3 - $5::float8)::int)) AS granted) g,
                 (SELECT floor(extract(epoch FROM clock_timestamp()) / 60)::bigint AS minute) n
        ),
        counted_at = clock_timestamp()
    WHERE b.credential = $1
    RETURNING granted, tokens
"""  # noqa: S608 - the text has no values
LEFT: Final = f"""
    SELECT b.credential, {AVAILABLE} AS available,
           CASE floor(extract(epoch FROM clock_timestamp()) / 60)::bigint
               WHEN b.minute THEN b.used + b.used_before * (1 - extract(second FROM clock_timestamp())::float8 / 60)
               WHEN b.minute + 1 THEN b.used * (1 - extract(second FROM clock_timestamp())::float8 / 60)
               ELSE 0
           END AS used
    FROM provider_budgets b WHERE b.credential = ANY ($1::text[])
"""  # noqa: S608 - the text has no values
LOWEST: Final = f"""
    SELECT b.provider, min({AVAILABLE}) / $1::float8 AS ratio FROM provider_budgets b GROUP BY b.provider
""".replace("$2", "$1")  # noqa: S608 - the text has no values


class BudgetLeft(Struct, frozen=True, kw_only=True):
    """What is left of an account's budget, and how many calls it made in the last minute, about."""

    left: int
    used_last_minute: int


class _Account:
    """What this process holds of one budget: portions for each purpose, and calls that it has not reported."""

    def __init__(self, provider: str, per_minute: int) -> None:
        self.provider = provider
        self.portions: dict[Purpose, int] = dict.fromkeys(PORTIONS, 0)
        self.debt = 0
        self.used_at_s = time.monotonic()
        self.refused_until_s: dict[Purpose, float] = dict.fromkeys(PORTIONS, 0.0)
        self.refused_for_s: dict[Purpose, float] = dict.fromkeys(PORTIONS, 0.0)
        self.lock = asyncio.Lock()
        # While PostgreSQL does not answer, the process counts alone, and asks it again after `alone_until_s`.
        self.alone = TokenBucket(per_minute)
        self.alone_until_s = 0.0

    def take(self, purpose: Purpose) -> bool:
        """Take a token from a portion that this purpose may use."""
        for kind in PORTIONS[purpose]:
            if self.portions[kind] > 0:
                self.portions[kind] -= 1
                self.used_at_s = time.monotonic()
                return True
        return False


class ProviderBudgets:
    """The budgets of all credentials, `per_minute` calls each."""

    def __init__(self, pool: asyncpg.Pool, *, per_minute: int) -> None:
        self._pool = pool
        self.per_minute = per_minute
        self._portion = -(-per_minute // PORTIONS_PER_MINUTE)
        self._accounts: LRUCache[str, _Account] = LRUCache(MAX_REMEMBERED)
        self._logger = structlog.get_logger(component="budgets")

    async def take(self, provider: str, name: str, purpose: Purpose) -> None:
        """Count one call; raises `BudgetUsedUp` if a call for this purpose must wait. Raises no error of the store."""
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = _Account(provider, self.per_minute)
        if purpose == "payment":
            account.debt += 1
            return
        while not account.take(purpose):
            self._check_refusal(account, purpose)
            async with account.lock:
                if account.portions[purpose] == 0 and not await self._fill(account, name, purpose):
                    return

    async def run(self) -> None:
        """Report calls and return unused portions until cancelled."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            await self.report()

    async def report(self, *, unused_after_s: float = UNUSED_AFTER_S) -> None:
        """Report the calls of this process, and return the portions that it has not used for a while."""
        now_s = time.monotonic()
        for name, account in list(self._accounts.items()):
            is_idle = now_s - account.used_at_s >= unused_after_s
            returned = sum(account.portions.values()) if is_idle else 0
            if not account.debt and not returned:
                continue
            async with account.lock:
                if returned:
                    returned = sum(account.portions.values())
                    account.portions = dict.fromkeys(account.portions, 0)
                try:
                    await self._settle(account, name, returned=returned)
                except DATABASE_ERRORS as error:
                    # Unused tokens are earned again; calls are reported later.
                    self._logger.info("budget_report_waits", error=repr(error))
                    return

    async def left(self, names: Sequence[str]) -> dict[str, BudgetLeft]:
        """Return what is left by name; a full budget for a name without calls. Raises `StoreUnavailable`."""
        with raising_unavailable():
            rows = await self._pool.fetch(LEFT, list(names), float(self.per_minute), timeout=TIMEOUT_S)
        full = BudgetLeft(left=self.per_minute, used_last_minute=0)
        found = {
            row["credential"]: BudgetLeft(left=int(row["available"]), used_last_minute=round(row["used"]))
            for row in rows
        }
        return {name: found.get(name, full) for name in names}

    async def lowest_ratios(self, *, timeout_s: float) -> Mapping[str, float]:
        """Return the lowest share that is left of any budget, by provider; raises the database's errors."""
        rows = await self._pool.fetch(LOWEST, float(self.per_minute), timeout=timeout_s)
        return {row["provider"]: row["ratio"] for row in rows}

    def _check_refusal(self, account: _Account, purpose: Purpose) -> None:
        """Refuse again without a statement for a moment, so that a flood of refused calls does not reach PostgreSQL."""
        if time.monotonic() < account.refused_until_s[purpose]:
            raise BudgetUsedUp(account.provider, why="budget", retry_after_s=account.refused_for_s[purpose])

    async def _fill(self, account: _Account, name: str, purpose: Purpose) -> bool:
        """Take a portion; return False if this process allowed the call alone. Raises `BudgetUsedUp`."""
        if time.monotonic() < account.alone_until_s:
            return self._count_alone(account)
        reserve = RESERVE[purpose] * self.per_minute
        try:
            granted, tokens = await self._settle(account, name, wanted=self._portion, reserve=reserve)
        except DATABASE_ERRORS:
            account.alone_until_s = time.monotonic() + ALONE_FOR_S
            return self._count_alone(account)
        if granted == 0:
            missing = reserve + self._portion - tokens
            wait_s = min(LONGEST_WAIT_S, max(ASK_AGAIN_AFTER_S, missing * 60 / self.per_minute))
            account.refused_for_s[purpose] = wait_s
            account.refused_until_s[purpose] = time.monotonic() + min(wait_s, ASK_AGAIN_AFTER_S)
            raise BudgetUsedUp(account.provider, why="budget", retry_after_s=wait_s)
        account.portions[purpose] += granted
        account.used_at_s = time.monotonic()
        return True

    def _count_alone(self, account: _Account) -> Literal[False]:
        if not account.alone.take():
            raise BudgetUsedUp(account.provider, why="budget", retry_after_s=max(1.0, account.alone.wait_s)) from None
        account.debt += 1
        return False

    async def _settle(
        self, account: _Account, name: str, *, returned: int = 0, wanted: int = 0, reserve: float = 0.0
    ) -> tuple[int, float]:
        """Report the account's calls, and take up to `wanted` tokens; returns how many, and the tokens left."""
        debt = account.debt
        arguments = (name, float(self.per_minute), debt - returned, wanted, reserve)
        with raising_unavailable():
            row = await self._pool.fetchrow(TAKE, *arguments, timeout=TIMEOUT_S)
            if row is None:
                await self._pool.execute(MAKE, name, account.provider, float(self.per_minute), timeout=TIMEOUT_S)
                row = await self._pool.fetchrow(TAKE, *arguments, timeout=TIMEOUT_S)
        account.debt -= debt
        return row["granted"], row["tokens"]
