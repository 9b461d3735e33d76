"""Webhook deliveries: stored, their bodies sealed, before the hub answers them, and kept until they are handled."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import Struct

from extrato.store.batcher import Batcher
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from extrato.store.personal_data import PersonalData

WRITE_TIMEOUT_S: Final = 10.0
LINGER_S: Final = 0.001
MAX_ATTEMPTS: Final = 12
FIRST_RETRY_S: Final = 10
MAX_RETRY_S: Final = 900

# The primary key decides which of two equal deliveries is stored, also between processes; the other leaves no trace.
# All processes insert in the same order, so that no deadlock arises.
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
        INSERT INTO evidence (digest, kind, body, sealed_by)
        SELECT DISTINCT ON (g.digest) g.digest,
               g.provider || CASE g.verdict WHEN 'verified' THEN '/webhook' ELSE '/unverified_webhook' END,
               g.body, 'hub'
        FROM given g JOIN stored s ON s.delivery_id = g.delivery_id AND s.evidence = g.digest
        ON CONFLICT (digest) DO NOTHING
    )
    SELECT delivery_id FROM stored
"""

# Counts each delivery once, in the same statement. Several deliveries about one resource brought one change. All
# processes count the accounts in the same order, so that no deadlock arises. Of a payment whose payer was forgotten, no
# body is kept.
MARK: Final = """
    WITH marked AS (
        UPDATE webhook_deliveries w
        SET handled_at = m.handled_at, outcome = m.outcome, next_attempt_at = NULL, payment_id = m.payment_id
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bigint[])
            AS m (delivery_id, handled_at, outcome, payment_id)
        WHERE w.delivery_id = m.delivery_id AND w.handled_at IS NULL
        RETURNING w.merchant, w.provider, w.resource_id, w.outcome, w.received_at, w.evidence, w.payment_id
    ), erased AS (
        DELETE FROM evidence e USING marked JOIN payment_keys k ON k.payment_id = marked.payment_id AND k.sealed IS NULL
        WHERE e.digest = marked.evidence AND e.payment_id IS NULL
    )
    INSERT INTO webhook_health AS h (merchant, provider, verified, brought, verified_at)
    SELECT merchant, provider, count(*), count(DISTINCT resource_id) FILTER (WHERE outcome = $5), max(received_at)
    FROM marked GROUP BY merchant, provider ORDER BY merchant, provider
    ON CONFLICT (merchant, provider) DO UPDATE SET
        verified = h.verified + excluded.verified,
        brought = h.brought + excluded.brought,
        verified_at = greatest(h.verified_at, excluded.verified_at)
"""
RECORDED: Final = "recorded"

# The attempt that `TAKE_DUE` has counted does not count.
POSTPONE: Final = """
    UPDATE webhook_deliveries SET attempts = greatest(0, attempts - 1), next_attempt_at = $2
    WHERE delivery_id = $1 AND handled_at IS NULL
"""

# Takes due deliveries and postpones their next attempt, so that two processes never take the same delivery.
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
    """One webhook, unchanged, with the verdict on its signature."""

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
    """A verified delivery that is not handled yet."""

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
        """Whether the hub gives up after this attempt."""
        return self.attempts >= MAX_ATTEMPTS


class WebhookInbox:
    """Stores deliveries by group commit, and returns those that are still to be handled."""

    def __init__(self, pool: asyncpg.Pool, personal_data: PersonalData) -> None:
        self._pool = pool
        self._personal_data = personal_data
        self._storing: Batcher[Delivery, bool] = Batcher(
            self._store, max_items=512, linger_s=LINGER_S, size=lambda delivery: len(delivery.raw)
        )
        self._marking: Batcher[tuple[UUID, datetime, str, int | None], None] = Batcher(
            self._mark, max_items=512, linger_s=LINGER_S
        )

    async def store(self, delivery: Delivery) -> bool:
        """Store a delivery and return whether its id is new.

        Raises `StoreUnavailable`, `Overloaded`, and `InvalidVaultKey` without the secret that seals bodies. Of a
        repeated id, the first delivery stays, and is handled unless it was already.
        """
        return await self._storing.submit(delivery)

    async def mark_handled(
        self, delivery_id: UUID, *, at: datetime, outcome: str, payment_id: int | None = None
    ) -> None:
        """Record that a delivery was handled, with the payment that it led to, if any.

        The outcome is `RECORDED` if it brought a change.
        """
        await self._marking.submit((delivery_id, at, outcome, payment_id))

    async def take_due(self, *, now: datetime, limit: int) -> list[DueDelivery]:
        """Return due verified deliveries; each becomes due again unless it is marked as handled."""
        with raising_unavailable():
            rows = await self._pool.fetch(TAKE_DUE, now, limit, FIRST_RETRY_S, MAX_RETRY_S, timeout=WRITE_TIMEOUT_S)
        return [DueDelivery(**dict(row)) for row in rows]

    async def postpone(self, delivery_id: UUID, *, until: datetime) -> None:
        """Make a taken delivery due at `until`, as if it had not been attempted."""
        with raising_unavailable():
            await self._pool.execute(POSTPONE, delivery_id, until, timeout=WRITE_TIMEOUT_S)

    async def close(self) -> None:
        """Reject further deliveries, and write the accepted ones."""
        await self._storing.close()
        await self._marking.close()

    async def _store(self, deliveries: Sequence[Delivery]) -> list[bool | Exception]:
        seal = await self._personal_data.body_seal()
        bodies = [seal.seal_body(delivery.raw) for delivery in deliveries]
        with raising_unavailable("delivery"):
            rows = await self._pool.fetch(
                STORE,
                [delivery.delivery_id for delivery in deliveries],
                [delivery.merchant for delivery in deliveries],
                [delivery.provider for delivery in deliveries],
                [delivery.kind for delivery in deliveries],
                [delivery.resource_id for delivery in deliveries],
                [delivery.verdict for delivery in deliveries],
                [body.digest for body in bodies],
                [body.sealed for body in bodies],
                [delivery.correlation_id for delivery in deliveries],
                [delivery.received_at for delivery in deliveries],
                [_first_attempt_at(delivery) for delivery in deliveries],
                timeout=WRITE_TIMEOUT_S,
            )
        new = {row[0] for row in rows}
        return [_is_first(delivery.delivery_id, new) for delivery in deliveries]

    async def _mark(self, handled: Sequence[tuple[UUID, datetime, str, int | None]]) -> list[Exception | None]:
        with raising_unavailable():
            await self._pool.execute(MARK, *map(list, zip(*handled, strict=True)), RECORDED, timeout=WRITE_TIMEOUT_S)
        return [None] * len(handled)


def _is_first(delivery_id: UUID, new: set[UUID]) -> bool:
    """Return whether the id is in `new`, and remove it: of two equal ids in one batch, the first is new."""
    if delivery_id not in new:
        return False
    new.remove(delivery_id)
    return True


def _first_attempt_at(delivery: Delivery) -> datetime | None:
    """Return a time that leaves the receiving process some seconds; None for an unverified delivery."""
    if delivery.verdict != "verified":
        return None
    return delivery.received_at + timedelta(seconds=FIRST_RETRY_S)
