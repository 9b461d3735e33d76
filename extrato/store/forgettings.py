"""Requests to forget payers, and holds: one row each, from the request to its end.

One advisory lock orders holds and the begin of forgettings, so that a payment is never both.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import Struct

from extrato.domain.errors import Refused
from extrato.store.advisory_locks import HOLD_OR_FORGET
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    import asyncpg

    from extrato.store.forgotten_list import Listed

TIMEOUT_S: Final = 10.0

_COLUMNS: Final = "payment_id, reason, requested_by, requested_at, begun_at, destroyed_at, completed_at, with_text"
REQUEST: Final = """
    INSERT INTO forgettings (payment_id, reason, requested_by, requested_at, with_text, next_attempt_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (payment_id) DO UPDATE SET
        with_text = true, completed_at = NULL, next_attempt_at = excluded.next_attempt_at
    WHERE excluded.with_text AND NOT forgettings.with_text
"""
READ: Final = f"SELECT {_COLUMNS} FROM forgettings WHERE payment_id = ANY ($1::bigint[])"  # noqa: S608 - constants
SINCE: Final = f"""
    SELECT {_COLUMNS} FROM forgettings WHERE completed_at >= $1 ORDER BY completed_at, payment_id
"""  # noqa: S608
BEGUN: Final = f"SELECT {_COLUMNS} FROM forgettings WHERE begun_at IS NOT NULL ORDER BY payment_id"  # noqa: S608
DUE: Final = f"""
    SELECT {_COLUMNS} FROM forgettings WHERE completed_at IS NULL AND next_attempt_at <= $1
    ORDER BY next_attempt_at LIMIT $2
"""  # noqa: S608
PUT_OFF: Final = "UPDATE forgettings SET next_attempt_at = $2 WHERE payment_id = $1"
BEGIN: Final = "UPDATE forgettings SET begun_at = coalesce(begun_at, clock_timestamp()) WHERE payment_id = $1"
COMPLETE: Final = (
    "UPDATE forgettings SET completed_at = coalesce(completed_at, clock_timestamp()) WHERE payment_id = $1"
)
IS_HELD: Final = "SELECT true FROM holds WHERE payment_id = $1 AND (until IS NULL OR until > clock_timestamp())"
HAS_BEGUN: Final = "SELECT begun_at IS NOT NULL FROM forgettings WHERE payment_id = $1"

# A payment of an older version may have no key yet: the row without one keeps it from getting one.
DESTROY_KEYS: Final = """
    INSERT INTO payment_keys (payment_id, sealed, destroyed_at) SELECT unnest($1::bigint[]), NULL, clock_timestamp()
    ON CONFLICT (payment_id) DO UPDATE SET sealed = NULL, tag = NULL, destroyed_at = excluded.destroyed_at
    WHERE payment_keys.sealed IS NOT NULL
"""
DELETE_TAGS: Final = "DELETE FROM person_tags WHERE payment_id = ANY ($1::bigint[])"
DELETE_PAYERS: Final = "DELETE FROM payers WHERE payment_id = ANY ($1::bigint[])"
DESTROYED: Final = """
    UPDATE forgettings f SET destroyed_at = coalesce(f.destroyed_at, k.destroyed_at)
    FROM payment_keys k WHERE k.payment_id = f.payment_id AND f.payment_id = ANY ($1::bigint[])
"""
DELETE_BODIES: Final = """
    WITH ours AS (
        UPDATE webhook_deliveries SET payment_id = $1
        WHERE payment_id = $1 OR (payment_id IS NULL AND resource_id = ANY ($3::text[]) AND merchant = $2)
        RETURNING evidence
    )
    DELETE FROM evidence e USING ours WHERE e.digest = ours.evidence AND e.payment_id IS NULL
"""
LIST: Final = """
    INSERT INTO forgettings (payment_id, reason, requested_by, requested_at, next_attempt_at, begun_at, with_text)
    SELECT payment_id, $4, $5, at, now(), at, with_text
    FROM unnest($1::bigint[], $2::timestamptz[], $3::boolean[]) AS listed (payment_id, at, with_text)
    ON CONFLICT (payment_id) DO UPDATE SET
        begun_at = coalesce(forgettings.begun_at, excluded.begun_at),
        next_attempt_at = excluded.next_attempt_at,
        with_text = forgettings.with_text OR excluded.with_text,
        completed_at = CASE WHEN forgettings.with_text OR NOT excluded.with_text THEN forgettings.completed_at END
"""
APPLIED: Final = """
    SELECT k.payment_id, coalesce(f.with_text, false) FROM payment_keys k LEFT JOIN forgettings f USING (payment_id)
    WHERE k.payment_id = ANY ($1::bigint[]) AND k.sealed IS NULL
"""

HOLD: Final = """
    INSERT INTO holds (payment_id, reason, until, held_by, held_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (payment_id) DO UPDATE SET
        reason = excluded.reason, until = excluded.until, held_by = excluded.held_by, held_at = excluded.held_at
"""
HOLDS: Final = """
    SELECT payment_id, reason, until, held_by, held_at FROM holds
    WHERE payment_id = ANY ($1::bigint[]) AND (until IS NULL OR until > clock_timestamp())
"""
RELEASE: Final = "DELETE FROM holds WHERE payment_id = $1"

HELD_DATA: Final = """
    SELECT
        (SELECT count(*) FROM evidence WHERE payment_id = $1) AS evidence,
        (SELECT count(*) FROM person_tags WHERE payment_id = $1)
            + (SELECT count(tag) FROM payment_keys WHERE payment_id = $1) AS tags,
        (SELECT count(*) FROM payers WHERE payment_id = $1) AS payer_details,
        (SELECT count(*) FROM webhook_deliveries w JOIN evidence e ON e.digest = w.evidence
         WHERE w.payment_id = $1 OR (w.payment_id IS NULL AND w.resource_id = ANY ($3::text[]) AND w.merchant = $2)
        ) AS webhook_bodies,
        EXISTS (SELECT FROM evidence WHERE digest = ANY ($4::bytea[]) AND sealed_by IS NULL) AS has_plain_evidence
"""


EVIDENCE: Final = """
    SELECT digest, kind, first_seen_at, body FROM evidence WHERE payment_id = $1 ORDER BY first_seen_at, digest
"""
WITHOUT_BODY: Final = """
    SELECT delivery_id FROM webhook_deliveries w WHERE payment_id = $1
      AND NOT EXISTS (SELECT FROM evidence e WHERE e.digest = w.evidence)
    ORDER BY received_at, delivery_id
"""
COUNT_DELIVERIES: Final = "SELECT count(*) FROM webhook_deliveries WHERE payment_id = $1"


class Forgetting(Struct, frozen=True, kw_only=True):
    """A request to forget the payer of a payment; each time is None until that step is done.

    `with_text`: also to hide the merchant's text. `completed_at` is None again when that was requested later.
    """

    payment_id: int
    reason: str
    requested_by: str
    requested_at: datetime
    begun_at: datetime | None = None
    destroyed_at: datetime | None = None
    completed_at: datetime | None = None
    with_text: bool = False


class Hold(Struct, frozen=True, kw_only=True):
    """A hold on a payment; without `until` it has no end."""

    payment_id: int
    reason: str
    until: datetime | None
    held_by: str
    held_at: datetime


class EvidenceRow(Struct, frozen=True, kw_only=True):
    """A piece of evidence as it is stored, its body sealed with the payment's key."""

    digest: bytes
    kind: str
    first_seen_at: datetime
    body: bytes


class HeldData(Struct, frozen=True, kw_only=True):
    """How many rows with data of a payment's payer there are outside the log.

    `has_plain_evidence`: a piece of evidence is of a version that did not encrypt.
    """

    evidence: int
    tags: int
    payer_details: int
    webhook_bodies: int
    has_plain_evidence: bool


class Forgettings:
    """Each coroutine raises `StoreUnavailable`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def request(self, wanted: Forgetting, *, next_attempt_at: datetime) -> None:
        """Record a request, unless the payment is held or has one; a later one may add the text to it.

        A hold that comes after the request only puts it off.
        """
        who = (wanted.payment_id, wanted.reason, wanted.requested_by, wanted.requested_at)
        async with self._locked() as connection:
            if not await connection.fetchval(IS_HELD, wanted.payment_id):
                await connection.execute(REQUEST, *who, wanted.with_text, next_attempt_at)

    async def read(self, payment_ids: Collection[int]) -> dict[int, Forgetting]:
        """Return the requests of these payments."""
        return {each.payment_id: each for each in await self._fetch(READ, list(payment_ids))}

    async def since(self, at: datetime) -> list[Forgetting]:
        """Return the requests that were completed since a time, in order."""
        return await self._fetch(SINCE, at)

    async def begun(self) -> list[Forgetting]:
        """Return every request that no hold can stop."""
        return await self._fetch(BEGUN)

    async def due(self, now: datetime, *, limit: int) -> list[Forgetting]:
        """Return requests that are due."""
        return await self._fetch(DUE, now, limit)

    async def put_off(self, payment_id: int, *, until: datetime) -> None:
        """Leave a request to the monitor from a time on."""
        await self._execute(PUT_OFF, payment_id, until)

    async def begin(self, payment_id: int) -> bool:
        """Begin to forget, unless the payment is held; no later hold can stop it."""
        async with self._locked() as connection:
            if await connection.fetchval(IS_HELD, payment_id):
                return False
            await connection.execute(BEGIN, payment_id)
            return True

    async def destroy(self, payment_ids: Sequence[int]) -> None:
        """Destroy the keys of payments, with the tags and the payers' details."""
        with raising_unavailable():
            async with self._pool.acquire(timeout=TIMEOUT_S) as connection, connection.transaction():
                for query in (DESTROY_KEYS, DELETE_TAGS, DELETE_PAYERS, DESTROYED):
                    await connection.execute(query, payment_ids, timeout=TIMEOUT_S)

    async def delete_bodies(self, payment_id: int, *, merchant: str, resources: Collection[str]) -> None:
        """Delete the bodies of the payment's webhooks; the deliveries stay, without them."""
        await self._execute(DELETE_BODIES, payment_id, merchant, list(resources))

    async def complete(self, payment_id: int) -> None:
        """Record that the event is in the log."""
        await self._execute(COMPLETE, payment_id)

    async def destroyed(self, payment_ids: Collection[int]) -> dict[int, bool]:
        """Return those of these payments whose key is destroyed, and whether their text is also to be hidden."""
        with raising_unavailable():
            rows = await self._pool.fetch(APPLIED, list(payment_ids), timeout=TIMEOUT_S)
        return {row[0]: row[1] for row in rows}

    async def repeat(self, listed: Sequence[Listed], *, reason: str, requested_by: str) -> None:
        """Record and begin forgettings that the database has lost, and destroy the keys, held or not."""
        payment_ids = [each.payment_id for each in listed]
        at, with_text = [each.at for each in listed], [each.text for each in listed]
        await self._execute(LIST, payment_ids, at, with_text, reason, requested_by)
        await self.destroy(payment_ids)

    async def held_data(
        self, payment_id: int, *, merchant: str, resources: Collection[str], digests: Collection[bytes]
    ) -> HeldData:
        """Count the rows with data of a payment's payer."""
        with raising_unavailable():
            row = await self._pool.fetchrow(
                HELD_DATA, payment_id, merchant, list(resources), list(digests), timeout=TIMEOUT_S
            )
        return HeldData(**dict(row))

    async def evidence(self, payment_id: int) -> list[EvidenceRow]:
        """Return the evidence that the payment's key sealed, the oldest first."""
        with raising_unavailable():
            rows = await self._pool.fetch(EVIDENCE, payment_id, timeout=TIMEOUT_S)
        return [EvidenceRow(**dict(row)) for row in rows]

    async def deliveries_without_body(self, payment_id: int) -> list[UUID]:
        """Return the webhooks of a payment whose body was deleted."""
        with raising_unavailable():
            rows = await self._pool.fetch(WITHOUT_BODY, payment_id, timeout=TIMEOUT_S)
        return [UUID(str(row[0])) for row in rows]

    async def count_deliveries(self, payment_id: int) -> int:
        """Return how many webhooks of a payment are stored."""
        with raising_unavailable():
            count: int = await self._pool.fetchval(COUNT_DELIVERIES, payment_id, timeout=TIMEOUT_S)
        return count

    async def hold(self, hold: Hold) -> None:
        """Hold a payment; raises `Refused` when its payer is forgotten, or the forgetting has begun."""
        async with self._locked() as connection:
            if await connection.fetchval(HAS_BEGUN, hold.payment_id):
                raise Refused("payer_forgotten", str(hold.payment_id))
            await connection.execute(HOLD, hold.payment_id, hold.reason, hold.until, hold.held_by, hold.held_at)

    async def holds(self, payment_ids: Collection[int]) -> dict[int, Hold]:
        """Return the holds of these payments that have not ended."""
        with raising_unavailable():
            rows = await self._pool.fetch(HOLDS, list(payment_ids), timeout=TIMEOUT_S)
        return {row["payment_id"]: Hold(**dict(row)) for row in rows}

    async def release(self, payment_id: int) -> None:
        """End a hold."""
        await self._execute(RELEASE, payment_id)

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[asyncpg.Connection]:
        with raising_unavailable():
            async with self._pool.acquire(timeout=TIMEOUT_S) as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", HOLD_OR_FORGET, timeout=TIMEOUT_S)
                yield connection

    async def _execute(self, query: str, *arguments: object) -> None:
        with raising_unavailable():
            await self._pool.execute(query, *arguments, timeout=TIMEOUT_S)

    async def _fetch(self, query: str, *arguments: object) -> list[Forgetting]:
        with raising_unavailable():
            rows = await self._pool.fetch(query, *arguments, timeout=TIMEOUT_S)
        return [Forgetting(**dict(row)) for row in rows]
