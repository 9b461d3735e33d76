"""Webhook deliveries: stored raw before they are answered, kept until they are looked into."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import Struct

from extrato.store.batcher import Batcher
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

WRITE_TIMEOUT_S: Final = 10.0
LINGER_S: Final = 0.001
MAX_ATTEMPTS: Final = 12
FIRST_RETRY_S: Final = 10
MAX_RETRY_S: Final = 900

# The primary key decides which of two that are the same is stored, also between processes, and nothing is kept of the
# other. All write in one order, so that no two batches wait for each other.
STORE: Final = """
    WITH given AS (
        SELECT * FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::bytea[], $8::bytea[], $9::text[], $10::timestamptz[], $11::timestamptz[]
        ) AS g (delivery_id, merchant, provider, kind, resource_id, verdict,
                digest, body, correlation_id, received_at, next_attempt_at)
    ), stored AS (
        INSERT INTO webhook_deliveries (delivery_id, merchant, provider, kind, resource_id, verdict,
                                        evidence, correlation_id, received_at, next_attempt_at)
        SELECT delivery_id, merchant, provider, kind, resource_id, verdict,
               digest, correlation_id, received_at, next_attempt_at
        FROM given ORDER BY delivery_id
        ON CONFLICT (delivery_id) DO NOTHING
        RETURNING delivery_id, evidence
    ), proof AS (
        INSERT INTO evidence (digest, kind, body)
        SELECT DISTINCT ON (g.digest) g.digest,
               g.provider || CASE g.verdict WHEN 'verified' THEN '/webhook' ELSE '/unverified_webhook' END, g.body
        FROM given g JOIN stored s ON s.delivery_id = g.delivery_id AND s.evidence = g.digest
        ON CONFLICT (digest) DO NOTHING
    )
    SELECT delivery_id FROM stored
"""

MARK: Final = """
    UPDATE webhook_deliveries w SET handled_at = m.handled_at, outcome = m.outcome, next_attempt_at = NULL
    FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS m (delivery_id, handled_at, outcome)
    WHERE w.delivery_id = m.delivery_id AND w.handled_at IS NULL
"""

# Takes what is due and puts its next attempt off, so that two who look at once do not get the same.
TAKE_DUE: Final = """
    UPDATE webhook_deliveries w
    SET attempts = w.attempts + 1,
        next_attempt_at = $1 + least($3 * power(2, w.attempts), $4) * interval '1 second'
    FROM (
        SELECT delivery_id FROM webhook_deliveries
        WHERE handled_at IS NULL AND next_attempt_at <= $1
        ORDER BY next_attempt_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) due
    WHERE w.delivery_id = due.delivery_id
    RETURNING w.delivery_id, w.merchant, w.provider, w.kind, w.resource_id, w.correlation_id,
              w.received_at, w.attempts
"""


class Delivery(Struct, frozen=True, kw_only=True):
    """One webhook as it came in, and how its signature was judged."""

    delivery_id: UUID
    merchant: str
    provider: str
    kind: str
    resource_id: str
    verdict: str
    raw: bytes
    correlation_id: str
    received_at: datetime


class DueDelivery(Struct, frozen=True, kw_only=True):
    """A verified delivery that nobody finished looking into."""

    delivery_id: UUID
    merchant: str
    provider: str
    kind: str
    resource_id: str
    correlation_id: str
    received_at: datetime
    attempts: int

    @property
    def is_last_attempt(self) -> bool:
        """Say whether nobody will try again after this."""
        return self.attempts >= MAX_ATTEMPTS


class WebhookInbox:
    """Stores deliveries by group commit, and says which are still to be looked into."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._storing: Batcher[Delivery, bool] = Batcher(
            self._store, max_items=512, linger_s=LINGER_S, size=lambda delivery: len(delivery.raw)
        )
        self._marking: Batcher[tuple[UUID, datetime, str], None] = Batcher(self._mark, max_items=512, linger_s=LINGER_S)

    async def store(self, delivery: Delivery) -> bool:
        """Make a delivery durable, and say whether it was new; raises `StoreUnavailable` and `Overloaded`.

        One whose id is stored already is a repeat: the first stands, and is looked into unless that was done.
        """
        return await self._storing.submit(delivery)

    async def mark_handled(self, delivery_id: UUID, *, at: datetime, outcome: str) -> None:
        """Say that a delivery was looked into, and what came of it."""
        await self._marking.submit((delivery_id, at, outcome))

    async def take_due(self, *, now: datetime, limit: int) -> list[DueDelivery]:
        """Take verified deliveries whose time has come; each comes again later unless it is marked."""
        with raising_unavailable():
            rows = await self._pool.fetch(TAKE_DUE, now, limit, FIRST_RETRY_S, MAX_RETRY_S, timeout=WRITE_TIMEOUT_S)
        return [DueDelivery(**dict(row)) for row in rows]

    async def close(self) -> None:
        """Write what was accepted, and accept no more."""
        await self._storing.close()
        await self._marking.close()

    async def _store(self, deliveries: Sequence[Delivery]) -> list[bool | Exception]:
        with raising_unavailable("delivery"):
            rows = await self._pool.fetch(
                STORE,
                [delivery.delivery_id for delivery in deliveries],
                [delivery.merchant for delivery in deliveries],
                [delivery.provider for delivery in deliveries],
                [delivery.kind for delivery in deliveries],
                [delivery.resource_id for delivery in deliveries],
                [delivery.verdict for delivery in deliveries],
                [hashlib.sha256(delivery.raw).digest() for delivery in deliveries],
                [delivery.raw for delivery in deliveries],
                [delivery.correlation_id for delivery in deliveries],
                [delivery.received_at for delivery in deliveries],
                [_first_attempt_at(delivery) for delivery in deliveries],
                timeout=WRITE_TIMEOUT_S,
            )
        new = {row[0] for row in rows}
        return [_is_first(delivery.delivery_id, new) for delivery in deliveries]

    async def _mark(self, handled: Sequence[tuple[UUID, datetime, str]]) -> list[Exception | None]:
        with raising_unavailable():
            await self._pool.execute(MARK, *map(list, zip(*handled, strict=True)), timeout=WRITE_TIMEOUT_S)
        return [None] * len(handled)


def _is_first(delivery_id: UUID, new: set[UUID]) -> bool:
    """Say whether it is among the new ones, and take it out: of two in one batch the first was stored."""
    if delivery_id not in new:
        return False
    new.remove(delivery_id)
    return True


def _first_attempt_at(delivery: Delivery) -> datetime | None:
    """Leave the receiving process some seconds to look into it; what is not verified is never looked into."""
    if delivery.verdict != "verified":
        return None
    return delivery.received_at + timedelta(seconds=FIRST_RETRY_S)
