"""The facts about the webhooks of each account: counts of deliveries, and the changes that sweeps found first.

`webhook_deliveries` proves whether a webhook about a change arrived. Every count changes in the statement that marks
deliveries as handled, so that none is counted twice, and no restart loses one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.domain.webhook_health import (
    GRACE,
    MISSED_IN_A_ROW,
    MISSED_OF_RECENT,
    RECENT,
    JudgeWebhooks,
    MissedChange,
)
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

TIMEOUT_S: Final = 10.0
BATCH: Final = 500
KEPT: Final = timedelta(days=7)
MOST_KEPT: Final = 1_000

# How much earlier than the provider's time of a change its webhook may have arrived, by the hub's clock.
CLOCKS_DIFFER: Final = timedelta(seconds=10)

NOTE: Final = """
    INSERT INTO webhook_findings
        (merchant, provider, payment_id, changed_at, found_at, resource_ids, verified, brought)
    SELECT $1, $2, g.payment_id, g.changed_at, $3, string_to_array(g.resource_ids, ' '),
           coalesce(h.verified, 0), coalesce(h.brought, 0)
    FROM unnest($4::bigint[], $5::timestamptz[], $6::text[]) AS g (payment_id, changed_at, resource_ids)
    LEFT JOIN webhook_health h ON h.merchant = $1 AND h.provider = $2
    ON CONFLICT DO NOTHING
"""

# After the clock went back, findings of the time before lie in the future.
FORGET_OLD: Final = "DELETE FROM webhook_findings WHERE found_at < $1 OR found_at > $2"

OLDEST_WAITING: Final = """
    SELECT min(changed_at) FROM webhook_findings WHERE NOT is_missed AND found_at <= $1::timestamptz - $2::interval
"""

# The bounds of the time are parameters, so that the planner reads only the newest deliveries.
# Another merchant may receive the webhooks of a shared account. A merchant with another account cannot count for it.
JUDGE: Final = """
    WITH waiting AS (
        SELECT f.merchant, f.provider, f.payment_id, f.changed_at, f.found_at, f.resource_ids
        FROM webhook_findings f
        WHERE NOT f.is_missed AND f.found_at <= $1::timestamptz - $2::interval AND f.changed_at >= $6
        ORDER BY f.found_at LIMIT $3
        FOR UPDATE SKIP LOCKED
    ), arrivals AS (
        SELECT w.provider, w.merchant, w.resource_id, w.verdict, w.received_at, c.account_id
        FROM webhook_deliveries w
        LEFT JOIN credentials c ON c.merchant = w.merchant AND c.provider = w.provider
        WHERE w.received_at BETWEEN $6::timestamptz - $4::interval AND $1
          AND w.resource_id IN (SELECT unnest(resource_ids) FROM waiting)
    ), judged AS (
        SELECT f.merchant, f.provider, f.payment_id, f.changed_at,
               coalesce(bool_or(a.verdict = 'verified'), false) AS has_arrived,
               max(a.verdict) FILTER (WHERE a.verdict = ANY ($5::text[])) AS verdict
        FROM waiting f
        LEFT JOIN credentials c ON c.merchant = f.merchant AND c.provider = f.provider
        LEFT JOIN arrivals a ON a.provider = f.provider AND a.resource_id = ANY (f.resource_ids)
            AND (a.merchant = f.merchant OR a.account_id = c.account_id)
            AND a.received_at >= f.changed_at - $4::interval AND a.received_at <= f.found_at + $2::interval
        GROUP BY f.merchant, f.provider, f.payment_id, f.changed_at
    ), arrived AS (
        DELETE FROM webhook_findings f USING judged j
        WHERE j.has_arrived AND (f.merchant, f.provider, f.payment_id, f.changed_at)
            = (j.merchant, j.provider, j.payment_id, j.changed_at)
        RETURNING f.merchant, f.provider
    ), missed AS (
        UPDATE webhook_findings f SET is_missed = true, verdict = j.verdict
        FROM judged j
        WHERE NOT j.has_arrived AND (f.merchant, f.provider, f.payment_id, f.changed_at)
            = (j.merchant, j.provider, j.payment_id, j.changed_at)
        RETURNING 1
    ), counted AS (
        INSERT INTO webhook_health AS h (merchant, provider, brought)
        SELECT merchant, provider, count(*) FROM arrived GROUP BY merchant, provider ORDER BY merchant, provider
        ON CONFLICT (merchant, provider) DO UPDATE SET brought = h.brought + excluded.brought
    )
    SELECT (SELECT count(*) FROM missed) AS missed, (SELECT count(*) FROM judged) AS judged
"""
REFUSED_VERDICTS: Final = ("missing", "malformed", "mismatched", "outdated")

# Accounts with an alarm, with enough missed changes for one, or with more of them than are kept. The counts leave out
# changes that were missed long ago, because judging an account reads the merchant's stream.
SUSPECT: Final = """
    SELECT merchant, provider FROM webhook_findings f LEFT JOIN webhook_health h USING (merchant, provider)
    WHERE f.is_missed
    GROUP BY merchant, provider
    HAVING count(*) FILTER (WHERE f.verified >= coalesce(h.verified, 0)) >= $1
        OR count(*) FILTER (WHERE f.brought >= coalesce(h.brought, 0) - $3::bigint) >= $2 OR count(*) > $4
    UNION SELECT merchant, provider FROM webhook_health WHERE failing_since IS NOT NULL
    ORDER BY merchant, provider
"""
COUNTS: Final = """
    SELECT verified, brought, verified_at, failing_since,
           (SELECT count(*) FROM webhook_findings f WHERE f.merchant = $1 AND f.provider = $2 AND f.is_missed) AS missed
    FROM (SELECT $1::text AS merchant, $2::text AS provider) AS named
    LEFT JOIN webhook_health h USING (merchant, provider)
"""
NEWEST_MISSED: Final = """
    SELECT payment_id, found_at, verified, brought, verdict FROM webhook_findings
    WHERE merchant = $1 AND provider = $2 AND is_missed ORDER BY found_at DESC, payment_id DESC LIMIT $3
"""
TRIM: Final = """
    DELETE FROM webhook_findings WHERE merchant = $1 AND provider = $2 AND is_missed AND found_at < (
        SELECT found_at FROM webhook_findings WHERE merchant = $1 AND provider = $2 AND is_missed
        ORDER BY found_at DESC OFFSET $3 LIMIT 1
    )
"""
SET_FAILING: Final = """
    INSERT INTO webhook_health (merchant, provider, failing_since) VALUES ($1, $2, $3)
    ON CONFLICT (merchant, provider) DO UPDATE SET failing_since = excluded.failing_since
"""
FORGET: Final = """
    DELETE FROM webhook_findings
    WHERE merchant = $1 AND provider = $2 AND ($3::timestamptz IS NULL OR found_at <= $3)
"""
# An account without a verified webhook of late proves nothing about the others.
COUNT_ACCOUNTS: Final = """
    SELECT provider, count(failing_since) AS failing, count(*) AS judged FROM webhook_health
    WHERE failing_since IS NOT NULL OR verified_at > $1 GROUP BY provider
"""
LAST_VERIFIED: Final = "SELECT provider, verified_at FROM webhook_health WHERE merchant = $1"


class Finding(Struct, frozen=True, kw_only=True):
    """A change that a sweep found first; `resource_ids` are the ids under which a webhook may name it."""

    payment_id: int
    changed_at: datetime
    resource_ids: tuple[str, ...]


class Judged(Struct, frozen=True, kw_only=True):
    """How many changes were judged, and how many of them no webhook brought."""

    missed: int
    judged: int


class WebhookHealth:
    """The tables `webhook_health` and `webhook_findings`; every method raises `StoreUnavailable`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def note(self, merchant: str, provider: str, findings: Sequence[Finding], *, at: datetime) -> None:
        """Note the changes that one sweep found at `at`; it ignores a repetition."""
        with raising_unavailable():
            await self._pool.execute(
                NOTE,
                merchant,
                provider,
                at,
                [finding.payment_id for finding in findings],
                [finding.changed_at for finding in findings],
                [" ".join(finding.resource_ids) for finding in findings],
                timeout=TIMEOUT_S,
            )

    async def judge(self, now: datetime) -> Judged:
        """Judge the changes whose webhooks had time to arrive, at most `BATCH`."""
        with raising_unavailable():
            await self._pool.execute(FORGET_OLD, now - KEPT, now + GRACE, timeout=TIMEOUT_S)
            oldest = await self._pool.fetchval(OLDEST_WAITING, now, GRACE, timeout=TIMEOUT_S)
            if oldest is None:
                return Judged(missed=0, judged=0)
            row = await self._pool.fetchrow(
                JUDGE, now, GRACE, BATCH, CLOCKS_DIFFER, list(REFUSED_VERDICTS), oldest, timeout=TIMEOUT_S
            )
        return Judged(**dict(row))

    async def suspects(self) -> list[tuple[str, str]]:
        """Return the merchant and provider of each account that `JudgeWebhooks` may concern."""
        with raising_unavailable():
            bounds = MISSED_IN_A_ROW, MISSED_OF_RECENT, RECENT - MISSED_OF_RECENT, MOST_KEPT
            rows = await self._pool.fetch(SUSPECT, *bounds, timeout=TIMEOUT_S)
        return [(row[0], row[1]) for row in rows]

    async def evidence(self, merchant: str, provider: str, *, now: datetime) -> tuple[JudgeWebhooks, datetime | None]:
        """Return the command about an account, and since when the table says that its webhooks fail.

        Of the missed changes, the newest `MOST_KEPT` stay.
        """
        with raising_unavailable():
            await self._pool.execute(TRIM, merchant, provider, MOST_KEPT - 1, timeout=TIMEOUT_S)
            counts = await self._pool.fetchrow(COUNTS, merchant, provider, timeout=TIMEOUT_S)
            rows = await self._pool.fetch(NEWEST_MISSED, merchant, provider, MISSED_OF_RECENT, timeout=TIMEOUT_S)
        command = JudgeWebhooks(
            provider=provider,
            at=now,
            missed=tuple(MissedChange(**dict(row)) for row in rows),
            missed_count=counts["missed"],
            verified=counts["verified"] or 0,
            brought=counts["brought"] or 0,
            verified_at=counts["verified_at"],
        )
        return command, counts["failing_since"]

    async def set_failing(self, merchant: str, provider: str, since: datetime | None) -> None:
        """Repeat in the table what the merchant's stream says."""
        with raising_unavailable():
            await self._pool.execute(SET_FAILING, merchant, provider, since, timeout=TIMEOUT_S)

    async def forget(self, merchant: str, provider: str, *, until: datetime | None) -> None:
        """Delete what sweeps found of an account until a time, or all."""
        with raising_unavailable():
            await self._pool.execute(FORGET, merchant, provider, until, timeout=TIMEOUT_S)

    async def last_verified(self, merchant: str) -> dict[str, datetime]:
        """Return when the last verified delivery of each provider arrived."""
        with raising_unavailable():
            rows = await self._pool.fetch(LAST_VERIFIED, merchant, timeout=TIMEOUT_S)
        return {row[0]: row[1] for row in rows if row[1] is not None}


class FailingShare(Struct, frozen=True, kw_only=True):
    """How many accounts have failing webhooks, of all that have these or had a verified webhook within `KEPT`."""

    failing: int
    judged: int


async def count_failing(pool: asyncpg.Pool, *, now: datetime, timeout_s: float) -> dict[str, FailingShare]:
    """Return the share by provider, without those that have no such account; raises the database's errors."""
    rows = await pool.fetch(COUNT_ACCOUNTS, now - KEPT, timeout=timeout_s)
    return {row["provider"]: FailingShare(failing=row["failing"], judged=row["judged"]) for row in rows}
