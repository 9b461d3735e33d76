"""Rewrites events and evidence of older versions, as the role that owns the log; `extrato seal-log` says how.

No other code changes an event. A later reason to forbid it, such as a signed checkpoint of the log, belongs into
`LogRewrite.begin`.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from extrato.store import advisory_locks
from extrato.store.codec import LogRow
from extrato.store.identity import SEALED, LogIdentity
from extrato.store.payers import bound_to_payer
from extrato.store.payment_keys import bound_to_payment_key, new_payment_key
from extrato.store.sealing import PaymentKey
from extrato.values import Payer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Sequence

    from extrato.store.vault import Vault

TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
# The lock of `append_events`: nothing is appended while a batch is rewritten.
EXCLUDE_APPENDS: Final = f"SELECT pg_advisory_xact_lock({advisory_locks.APPEND})"

# A session that has just been closed is listed for some milliseconds.
OTHER_SESSIONS: Final = """
    SELECT coalesce(nullif(application_name, ''), 'a program') || ' at ' || coalesce(host(client_addr), 'this machine')
    FROM pg_stat_activity
    WHERE datname = current_database() AND usename = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

PROGRESS: Final = "SELECT step, cursor, up_to, rewritten, epoch, finished_at IS NOT NULL, has_old_rows FROM log_sealing"
IS_SEALED: Final = "SELECT finished_at IS NOT NULL AND NOT has_old_rows FROM log_sealing"
SAVE: Final = "UPDATE log_sealing SET step = $1, cursor = $2, rewritten = rewritten + $3"
NOTE_OLD_ROWS: Final = "UPDATE log_sealing SET has_old_rows = $1"
PLAN_EPOCH: Final = "UPDATE log_sealing SET epoch = $1"
FINISH: Final = "UPDATE log_sealing SET finished_at = now()"

READ_EVENTS: Final = """
    SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events
    WHERE notification_id > $1 AND (topic = ANY ($2) OR (notification_id <= $3 AND topic = ANY ($4)))
    ORDER BY notification_id LIMIT $5
"""
WRITE_EVENTS: Final = """
    UPDATE stored_events s SET topic = new.topic, state = new.state
    FROM unnest($1::bigint[], $2::text[], $3::bytea[]) AS new (position, topic, state)
    WHERE s.notification_id = new.position
"""
MAKE_KEYS: Final = """
    INSERT INTO payment_keys (payment_id, sealed) SELECT * FROM unnest($1::bigint[], $2::bytea[])
    ON CONFLICT (payment_id) DO NOTHING
"""
# The lock lets a destruction of a key wait for the end of the batch, so that it sees the batch's tags.
LOCK_KEYS: Final = "SELECT payment_id, sealed FROM payment_keys WHERE payment_id = ANY ($1) FOR SHARE"
WRITE_TAGS: Final = """
    INSERT INTO person_tags (tag, payment_id) SELECT * FROM unnest($1::bytea[], $2::bigint[])
    ON CONFLICT (tag, payment_id) DO NOTHING
"""

PLAIN_EVIDENCE: Final = """
    SELECT digest, kind, body, first_seen_at FROM evidence WHERE digest = ANY ($1) AND sealed_by IS NULL
"""
WRITE_EVIDENCE: Final = """
    INSERT INTO evidence (digest, kind, body, first_seen_at, payment_id, sealed_by)
    SELECT *, CASE WHEN payment_id IS NULL THEN 'hub' ELSE 'payment' END
    FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::timestamptz[], $5::bigint[])
        AS new (digest, kind, body, first_seen_at, payment_id)
    ON CONFLICT (digest) DO NOTHING
"""
EVIDENCE_OF: Final = "SELECT payment_id, digest, body FROM evidence WHERE payment_id = ANY ($1)"
PAYERS_OF: Final = "SELECT payment_id, sealed FROM payers WHERE payment_id = ANY ($1)"
# A delivery whose evidence is gone has no kind here.
DELIVERIES: Final = """
    SELECT d.delivery_id, d.evidence, e.kind, e.body, e.first_seen_at
    FROM webhook_deliveries d LEFT JOIN evidence e ON e.digest = d.evidence
    WHERE d.delivery_id > $1 AND e.sealed_by IS NULL ORDER BY d.delivery_id LIMIT $2
"""
CHANGE_DELIVERIES: Final = """
    UPDATE webhook_deliveries d SET evidence = new.digest
    FROM unnest($1::uuid[], $2::bytea[]) AS new (delivery_id, digest) WHERE d.delivery_id = new.delivery_id
"""
DELETE_PLAIN_EVIDENCE: Final = """
    DELETE FROM evidence WHERE digest IN (SELECT digest FROM evidence WHERE sealed_by IS NULL LIMIT $1)
"""

# The projections rebuild a read model without a checkpoint when they start.
DROP_CHECKPOINT: Final = "DELETE FROM checkpoints WHERE read_model = 'payment_details'"
# Rewritten rows leave their old versions behind, and the log is vacuumed very rarely.
VACUUM: Final = "VACUUM (FULL, ANALYZE) stored_events, evidence, webhook_deliveries"


class Progress(Struct, frozen=True):
    """How far the log is sealed: the step, and where in it the next batch begins.

    Events up to `up_to` are of older versions. `rewritten` counts events. `epoch` is the epoch that begins at the end.
    `has_old_rows`: the disk had no room to remove the old versions of rows from the files.
    """

    step: str
    cursor: str
    up_to: int
    rewritten: int
    epoch: int | None
    is_finished: bool
    has_old_rows: bool


class PlainEvidence(Struct, frozen=True):
    """A row of `evidence` that an older version stored, under its plain SHA-256."""

    digest: bytes
    kind: str
    body: bytes
    first_seen_at: datetime


class SealedEvidence(NamedTuple):
    """A row of `evidence`, sealed by the payment's key, or by a secret of the hub where `payment_id` is None."""

    digest: bytes
    kind: str
    body: bytes
    first_seen_at: datetime
    payment_id: int | None


class LogRewrite:
    """The statements of the rewriting, on one connection of the owner's role."""

    def __init__(self, connection: asyncpg.Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self.identity = LogIdentity(connection)

    async def begin(self) -> bool:
        """Exclude other processes that seal this log, until the connection closes; return False if there is one."""
        return bool(await self._connection.fetchval(TRY_LOCK, advisory_locks.SEAL_LOG))

    async def other_sessions(self, role: str) -> list[str]:
        """Describe each session of a role in this database, except this one."""
        return [row[0] for row in await self._connection.fetch(OTHER_SESSIONS, role)]

    async def progress(self) -> Progress:
        """Return the progress."""
        return Progress(*await self._connection.fetchrow(PROGRESS))

    async def head(self) -> int:
        """Return the newest position of the log."""
        return await self._connection.fetchval("SELECT coalesce(max(notification_id), 0) FROM stored_events") or 0

    @contextlib.asynccontextmanager
    async def batch(self) -> AsyncIterator[None]:
        """Open a transaction beside which no process appends."""
        async with self._connection.transaction():
            await self._connection.execute(EXCLUDE_APPENDS)
            yield

    async def save(self, step: str, cursor: str = "", *, rewritten: int = 0) -> None:
        """Save where the next batch begins, in the transaction of the batch before it."""
        await self._connection.execute(SAVE, step, cursor, rewritten)

    # --- events -----------------------------------------------------------------------------------

    async def read_events(
        self, after: int, *, topics: Sequence[str], up_to: int, older_topics: Sequence[str], limit: int
    ) -> list[LogRow]:
        """Return the next events of `topics`, and those of `older_topics` up to `up_to`."""
        rows = await self._connection.fetch(READ_EVENTS, after, topics, up_to, older_topics, limit)
        return [
            LogRow(id=row[0], originator_id=row[1], originator_version=row[2], topic=row[3], state=row[4])
            for row in rows
        ]

    async def write_events(self, events: Iterable[tuple[int, str, bytes]]) -> None:
        """Replace topic and state of events by position; everything else stays."""
        positions, topics, states = _columns(events, 3)
        await self._connection.execute(WRITE_EVENTS, positions, topics, states)

    async def keys(self, payment_ids: Collection[int]) -> dict[int, PaymentKey]:
        """Return the payments' keys, made where there was none; a destroyed key is left out."""
        found = dict(await self._connection.fetch(LOCK_KEYS, payment_ids))
        if missing := [payment_id for payment_id in payment_ids if payment_id not in found]:
            sealed = [new_payment_key(self._vault, each).seal() for each in missing]
            await self._connection.execute(MAKE_KEYS, missing, sealed)
            found |= dict(await self._connection.fetch(LOCK_KEYS, missing))
        return {
            payment_id: PaymentKey(payment_id, self._vault.unseal(sealed, bound_to_payment_key(payment_id)))
            for payment_id, sealed in found.items()
            if sealed is not None
        }

    async def write_tags(self, tags: Iterable[tuple[bytes, int]]) -> None:
        """Store tags of payments whose keys this transaction has locked."""
        await self._connection.execute(WRITE_TAGS, *_columns(tags, 2))

    # --- evidence ---------------------------------------------------------------------------------

    async def plain_evidence(self, digests: Collection[bytes]) -> dict[bytes, PlainEvidence]:
        """Return the evidence of older versions under these digests."""
        return {row[0]: PlainEvidence(*row) for row in await self._connection.fetch(PLAIN_EVIDENCE, digests)}

    async def write_evidence(self, sealed: Iterable[SealedEvidence]) -> None:
        """Store sealed evidence beside the plain one, which later events may name too."""
        await self._connection.execute(WRITE_EVIDENCE, *_columns(sealed, 5))

    async def sealed_evidence(self, payment_ids: Collection[int]) -> list[tuple[int, bytes, bytes]]:
        """Return the evidence that the keys of these payments sealed: payment, digest and body."""
        return [tuple(row) for row in await self._connection.fetch(EVIDENCE_OF, payment_ids)]

    async def payers(self, payment_ids: Collection[int]) -> dict[int, Payer]:
        """Return the details of payers whose payments have no charge; they are kept for a short time."""
        return {
            row[0]: msgspec.json.decode(self._vault.unseal(row[1], bound_to_payer(row[0])), type=Payer)
            for row in await self._connection.fetch(PAYERS_OF, payment_ids)
        }

    async def delete_plain_evidence(self, *, limit: int) -> int:
        """Delete rows of older versions; return how many."""
        return int((await self._connection.execute(DELETE_PLAIN_EVIDENCE, limit)).split()[-1])

    async def deliveries(self, after: UUID, *, limit: int) -> list[tuple[UUID, bytes, PlainEvidence | None]]:
        """Return the next webhook deliveries with a plain digest, and their evidence."""
        rows = await self._connection.fetch(DELIVERIES, after, limit)
        return [
            (UUID(str(row[0])), row[1], None if row[2] is None else PlainEvidence(row[1], *row[2:5])) for row in rows
        ]

    async def change_deliveries(self, digests: Iterable[tuple[UUID, bytes]]) -> None:
        """Change the digests of webhook deliveries."""
        await self._connection.execute(CHANGE_DELIVERIES, *_columns(digests, 2))

    # --- the end ----------------------------------------------------------------------------------

    async def request_rebuild(self) -> None:
        """Make the projections rebuild the read model that has e-mail addresses, when they start."""
        await self._connection.execute(DROP_CHECKPOINT)

    async def free_space(self) -> bool:
        """Remove the old versions of rows from the files; return False when the disk has no room for that.

        The progress keeps the failure, so that a later process tries again.
        """
        try:
            await self._connection.execute(VACUUM)
        except asyncpg.DiskFullError:
            await self._connection.execute(NOTE_OLD_ROWS, True)
            return False
        await self._connection.execute(NOTE_OLD_ROWS, False)
        return True

    async def plan_epoch(self, after: int) -> None:
        """Save that the epoch after `after` begins at the end, so that a repetition begins no other."""
        await self._connection.execute(PLAN_EPOCH, after + 1)

    async def begin_epoch(self, epoch: int) -> None:
        """Begin an epoch whose events are those of the epoch before."""
        await self.identity.begin_epoch(epoch - 1, last_common=await self.head(), reason=SEALED)

    async def finish(self) -> None:
        """Save that the log is sealed."""
        await self._connection.execute(FINISH)


async def is_log_sealed(database: asyncpg.Connection | asyncpg.Pool) -> bool:
    """Return whether no event of an older version, and no old row in the files, has personal data in plain text."""
    is_sealed: bool = await database.fetchval(IS_SEALED)
    return is_sealed


def _columns(rows: Iterable[tuple[object, ...]], number: int) -> list[list[object]]:
    """Return the columns of rows, as `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(number)]
