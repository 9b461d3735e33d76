"""Deletes old evidence, webhook deliveries and payer details; events stay forever, and held payments keep theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from services.monitor.schedule import Again, Decision

if TYPE_CHECKING:
    import asyncpg

    from extrato.settings import Keep
    from extrato.values import Clock

# The pages about personal data say days: a row is at most this late.
INTERVAL_S: Final = 3600.0
NEXT_BATCH_S: Final = 1.0
BATCH: Final = 1_000
BUDGETS_KEPT: Final = timedelta(days=1)
ANSWERS_KEPT: Final = timedelta(days=1)

# A webhook's body goes with its delivery: without it, a forgetting of the payment would not find the body.
DELETE: Final = {
    "evidence": """
        DELETE FROM evidence WHERE digest IN (
            SELECT digest FROM evidence e WHERE first_seen_at < $1
              AND NOT EXISTS (
                SELECT FROM holds h WHERE h.payment_id = e.payment_id AND (h.until IS NULL OR h.until > now())
              ) AND digest NOT IN (
                SELECT w.evidence FROM webhook_deliveries w JOIN holds h ON h.payment_id = w.payment_id
                WHERE h.until IS NULL OR h.until > now()
              )
            ORDER BY first_seen_at LIMIT $2
        )
    """,
    "unverified_deliveries": """
        WITH old AS (
            SELECT delivery_id, evidence FROM webhook_deliveries
            WHERE verdict <> 'verified' AND received_at < $1 ORDER BY received_at LIMIT $2
        ), proof AS (
            DELETE FROM evidence e USING old
            WHERE e.digest = old.evidence AND right(e.kind, 19) = '/unverified_webhook'
        )
        DELETE FROM webhook_deliveries WHERE delivery_id IN (SELECT delivery_id FROM old)
    """,
    "webhook_deliveries": """
        WITH old AS (
            SELECT delivery_id, evidence FROM webhook_deliveries w WHERE received_at < $1 AND NOT EXISTS (
                SELECT FROM holds h WHERE h.payment_id = w.payment_id AND (h.until IS NULL OR h.until > now())
            ) ORDER BY received_at LIMIT $2
        ), proof AS (
            DELETE FROM evidence e USING old WHERE e.digest = old.evidence
        )
        DELETE FROM webhook_deliveries WHERE delivery_id IN (SELECT delivery_id FROM old)
    """,
    "payers": """
        DELETE FROM payers WHERE payment_id IN (
            SELECT payment_id FROM payers WHERE recorded_at < $1 ORDER BY recorded_at LIMIT $2
        )
    """,
    # A later search of the whole account has the payment too.
    "provider_answers": """
        DELETE FROM provider_answers WHERE payment_id IN (
            SELECT payment_id FROM provider_answers JOIN sweep_cursors USING (account)
            WHERE answered_at < $1 AND answered_at < earlier_high_water LIMIT $2
        )
    """,
    # Without calls for a minute a budget is full, like that of an account without a row.
    "provider_budgets": """
        DELETE FROM provider_budgets WHERE credential IN (
            SELECT credential FROM provider_budgets WHERE counted_at < $1 LIMIT $2
        )
    """,
}


class Retention:
    """A job of the lane `clock`."""

    def __init__(self, *, pool: asyncpg.Pool, now: Clock, keep: Keep) -> None:
        self._pool = pool
        self._now = now
        self._kept = {
            "evidence": timedelta(days=keep.evidence_days),
            "unverified_deliveries": timedelta(days=keep.unverified_days),
            "webhook_deliveries": timedelta(days=keep.deliveries_days),
            "payers": timedelta(days=keep.payer_days),
            "provider_answers": ANSWERS_KEPT,
            "provider_budgets": BUDGETS_KEPT,
        }
        self._logger = structlog.get_logger(component="retention")

    async def run_once(self) -> Decision:
        """Delete one batch of each table; the next run follows in a second while rows are left, or else in an hour."""
        is_more = False
        for table, query in DELETE.items():
            deleted = int((await self._pool.execute(query, self._now() - self._kept[table], BATCH)).split()[-1])
            is_more = is_more or deleted == BATCH
            if deleted:
                self._logger.info("old_rows_deleted", table=table, rows=deleted)
        return Again(NEXT_BATCH_S if is_more else INTERVAL_S)
