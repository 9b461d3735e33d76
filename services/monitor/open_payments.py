"""Queries to the read models `open_payments` and `open_requests`, which the projections keep."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec
from msgspec import Struct

from contracts.read_models import OpenPayment, OpenRequest
from extrato.errors import StoreUnavailable
from extrato.store.unavailable import raising_unavailable
from services.monitor.schedule import AccountLoad

if TYPE_CHECKING:
    from collections.abc import Sequence

WATCHED_LIMIT: Final = 5_000
ATTEMPTS_LIMIT: Final = 5_000

ACCOUNT_LOAD: Final = """
    SELECT count(*) FILTER (WHERE watch_until > $3) AS watched,
           count(*) AS charged,
           min(opened_at) FILTER (WHERE watch_until > $3) AS oldest_watched,
           min(opened_at) AS oldest_charged
    FROM open_payments
    WHERE merchant = $1 AND provider = $2 AND charged
"""

WATCHED: Final = """
    SELECT document FROM open_payments
    WHERE merchant = $1 AND provider = $2 AND charged AND watch_until > $3
    ORDER BY watch_until DESC
    LIMIT $4
"""

UNSETTLED_ATTEMPTS: Final = """
    SELECT json_array_elements_text(document -> 'unsettled_attempts') FROM open_payments
    WHERE merchant = $1 AND provider = $2 AND charged
    LIMIT $3
"""

WATCHED_ACCOUNTS: Final = """
    SELECT merchant, provider, max(watch_until) AS newest FROM open_payments
    WHERE charged AND watch_until > $1 AND provider = ANY ($2::text[])
    GROUP BY merchant, provider
"""

UNWATCHED_ACCOUNTS: Final = """
    SELECT merchant, provider, max(opened_at) AS newest FROM open_payments
    WHERE charged AND (watch_until IS NULL OR watch_until <= $1) AND provider = ANY ($2::text[])
    GROUP BY merchant, provider
"""

OVERDUE: Final = """
    SELECT payment_id, merchant, provider, charged, expires_at FROM open_payments
    WHERE expires_at <= $1 AND payment_id <> ALL ($2::bigint[]) AND provider = ANY ($4::text[])
    ORDER BY expires_at
    LIMIT $3
"""

UNCHARGED: Final = """
    SELECT payment_id, merchant, provider FROM open_payments
    WHERE NOT charged AND opened_at <= $1 AND (expires_at IS NULL OR expires_at > $2)
      AND payment_id <> ALL ($3::bigint[])
    ORDER BY opened_at
    LIMIT $4
"""

REQUESTS: Final = """
    SELECT document FROM open_requests
    WHERE requested_at <= $1 AND payment_id <> ALL ($2::bigint[])
    ORDER BY requested_at
    LIMIT $3
"""

_decode = msgspec.json.Decoder(OpenPayment).decode
_decode_request = msgspec.json.Decoder(OpenRequest).decode


class Account(Struct, frozen=True):
    """A merchant at a provider; a sweep covers one account."""

    merchant: str
    provider: str

    @property
    def name(self) -> str:
        """The name in subjects, cursors and logs; a slug contains no dot."""
        return f"{self.merchant}.{self.provider}"

    @staticmethod
    def named(name: str) -> Account:
        """Parse an account's name."""
        merchant, _, provider = name.partition(".")
        return Account(merchant, provider)


class OverduePayment(Struct, frozen=True, kw_only=True):
    """A payment past its deadline; `charged` is true when its provider holds a charge."""

    payment_id: int
    account: Account
    charged: bool
    expires_at: datetime


class UnchargedPayment(Struct, frozen=True, kw_only=True):
    """A payment for which its provider holds no charge yet."""

    payment_id: int
    account: Account


class OpenPayments:
    """Each query raises `StoreUnavailable` when the database is unreachable or the read model is not built."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def account_load(self, account: Account, now: datetime) -> AccountLoad:
        """Count an account's open payments, and find the oldest ones."""
        (row,) = await self._fetch(ACCOUNT_LOAD, account.merchant, account.provider, now)
        return AccountLoad(**dict(row))

    async def watched(self, account: Account, now: datetime) -> list[OpenPayment]:
        """Return the watched payments, at most 5,000, the newest watch first."""
        rows = await self._fetch(WATCHED, account.merchant, account.provider, now, WATCHED_LIMIT)
        return [_decode(row[0]) for row in rows]

    async def unsettled_attempts(self, account: Account) -> list[str]:
        """Return the ids of attempts that are neither paid nor refused, at most 5,000."""
        rows = await self._fetch(UNSETTLED_ATTEMPTS, account.merchant, account.provider, ATTEMPTS_LIMIT)
        return [row[0] for row in rows]

    async def watched_accounts(self, providers: Sequence[str], now: datetime) -> dict[Account, datetime]:
        """Return the accounts with a watch, each with the end of its newest watch."""
        return _by_account(await self._fetch(WATCHED_ACCOUNTS, now, providers))

    async def unwatched_accounts(self, providers: Sequence[str], now: datetime) -> dict[Account, datetime]:
        """Return the accounts with an unwatched charge, each with the time of its newest payment."""
        return _by_account(await self._fetch(UNWATCHED_ACCOUNTS, now, providers))

    async def overdue(
        self, now: datetime, *, providers: Sequence[str], excluding: Sequence[int], limit: int
    ) -> list[OverduePayment]:
        """Return payments of these providers past their deadline, the most overdue first."""
        rows = await self._fetch(OVERDUE, now, excluding, limit, providers)
        return [
            OverduePayment(payment_id=row[0], account=Account(row[1], row[2]), charged=row[3], expires_at=row[4])
            for row in rows
        ]

    async def uncharged(
        self, *, opened_before: datetime, now: datetime, excluding: Sequence[int], limit: int
    ) -> list[UnchargedPayment]:
        """Return payments without a charge before their deadline, the oldest first."""
        rows = await self._fetch(UNCHARGED, opened_before, now, excluding, limit)
        return [UnchargedPayment(payment_id=row[0], account=Account(row[1], row[2])) for row in rows]

    async def requests(self, *, before: datetime, excluding: Sequence[int], limit: int) -> list[OpenRequest]:
        """Return the cancellations and refunds without an answer of the provider, the oldest first."""
        return [_decode_request(row[0]) for row in await self._fetch(REQUESTS, before, excluding, limit)]

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            with raising_unavailable():
                found: list[asyncpg.Record] = await self._pool.fetch(query, *arguments)
        except asyncpg.UndefinedTableError as error:
            raise StoreUnavailable(why="not_built") from error
        return found


def _by_account(rows: Sequence[asyncpg.Record]) -> dict[Account, datetime]:
    return {Account(row["merchant"], row["provider"]): row["newest"] for row in rows}
