"""Reads what `extrato status` shows from PostgreSQL, part by part, each with a time-out; nothing is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg
from msgspec import Struct

from contracts.read_models import READ_MODEL_NAMES
from extrato.assembly import vault_keys
from extrato.errors import StoreUnavailable
from extrato.process import CannotStart
from extrato.store.advisory_locks import REBUILD_CLASS
from extrato.store.log_head import recorded_at_in
from extrato.store.migrations import UnfitSchema, read_schema
from extrato.store.payment_keys import count_keys
from extrato.store.refused_accounts import REFUSED_FOR
from extrato.store.token_ends import earliest_token_end
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.store.vault import Vault as StoredSecrets
from extrato.store.vault_keys import InvalidVaultKey
from extrato.store.wal_archive import wal_not_archived
from extrato.use_cases.complete_charge import WATCH
from services.cli import preflight
from services.cli.checks import ANSWER_WITHIN_S
from services.cli.status.shape import (
    Accounts,
    Database,
    Lane,
    Log,
    Payments,
    ReadModel,
    RefusedAccounts,
    Sentence,
    SweptAccount,
    Vault,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from extrato.settings import Settings
    from services.cli.status.shape import Archive, Schema

QUERY_WITHIN_S: Final = 3.0
ALL_WITHIN_S: Final = 15.0
LOOK_AGAIN_S: Final = 1.0
NAMED: Final = 10

SERVER: Final = """
    SELECT current_setting('server_version') AS version,
        NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off' AS accepts_writes,
        pg_database_size(current_database()) AS size_bytes,
        current_setting('archive_mode') <> 'off' AS archives
"""
NEWEST_MIGRATION: Final = "SELECT coalesce(max(name), '') FROM schema_migrations"

HEAD: Final = """
    SELECT coalesce(newest.notification_id, 0) AS position, newest.state, now() AS at, epoch, began_at
    FROM (SELECT epoch, began_at FROM log_epochs ORDER BY epoch DESC LIMIT 1) AS epochs
    LEFT JOIN (SELECT notification_id, state FROM stored_events ORDER BY notification_id DESC LIMIT 1) AS newest ON true
"""
FIRST_AFTER: Final = """
    SELECT state, now() AS at FROM stored_events WHERE notification_id > $1 ORDER BY notification_id LIMIT 1
"""
# A lease ends by its time, or with the session of its holder.
LEADER: Final = """
    SELECT position, until > now() AND EXISTS (
        SELECT FROM pg_stat_activity
        WHERE pid = relay_lease.backend AND backend_start = relay_lease.backend_start
    ) AS leads
    FROM relay_lease
"""
READ_MODELS: Final = """
    SELECT wanted.name, checkpoints.position, now() AS at,
        greatest(0, head.position - coalesce(checkpoints.position, 0)) AS behind,
        (
            SELECT state FROM stored_events WHERE notification_id > coalesce(checkpoints.position, 0)
            ORDER BY notification_id LIMIT 1
        ) AS oldest,
        (SELECT count(*) FROM passed_over WHERE passed_over.read_model = wanted.name) AS passed_over,
        to_regclass(wanted.name || '_shadow') IS NOT NULL AND EXISTS (
            SELECT FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND classid = $2 AND objid::integer = hashtext(wanted.name)
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ) AS is_rebuilding
    FROM unnest($1::text[]) AS wanted (name)
    LEFT JOIN checkpoints ON checkpoints.read_model = wanted.name,
    (SELECT coalesce(max(notification_id), 0) AS position FROM stored_events) AS head
    ORDER BY wanted.name
"""
POSITIONS: Final = "SELECT read_model, position FROM checkpoints"

OPEN_PAYMENTS: Final = """
    SELECT count(*) AS open,
        count(*) FILTER (WHERE charged AND watch_until > now()) AS watched,
        count(*) FILTER (WHERE NOT charged) AS uncharged,
        count(*) FILTER (WHERE expires_at < now()) AS overdue,
        extract(epoch FROM now() - min(expires_at) FILTER (WHERE expires_at < now()))::float8 AS most_overdue_s
    FROM open_payments
"""
# A connected account is in its fastest lane, unless the provider refuses its credential. An account without a cursor
# was never swept, and is due since its oldest charge. A lane begins with the oldest watch, so an earlier sweep
# by a slower lane is not late. Nor is a sweep from before the credential was stored.
LANES: Final = """
    WITH load AS (
        SELECT merchant, provider, coalesce(bool_or(watch_until > now()), false) AS is_watched,
            min(opened_at) AS oldest,
            min(watch_until) FILTER (WHERE watch_until > now()) - $1::interval AS watched_since
        FROM open_payments WHERE charged GROUP BY merchant, provider
    ), swept AS (
        SELECT merchant || '.' || provider AS account,
            CASE WHEN load.is_watched THEN 'fast' WHEN load.oldest IS NOT NULL THEN 'slow' ELSE 'quiet' END AS lane,
            extract(
                epoch FROM now() - greatest(
                    coalesce(sweep_cursors.high_water, load.oldest), load.watched_since,
                    CASE WHEN coalesce(sweep_cursors.high_water, load.oldest) IS NOT NULL THEN recorded_at END
                )
            )::float8 AS age_s
        FROM credentials
        LEFT JOIN load USING (merchant, provider)
        LEFT JOIN sweep_cursors ON sweep_cursors.account = merchant || '.' || provider
        WHERE refused_at IS NULL OR refused_at <= now() - $3::interval
    )
    SELECT lane, count(*) AS accounts, max(age_s) AS oldest_s,
        (array_agg(account ORDER BY age_s DESC))[1:$2] AS named, (array_agg(age_s ORDER BY age_s DESC))[1:$2] AS ages
    FROM swept WHERE age_s IS NOT NULL GROUP BY lane ORDER BY lane
"""
REFUSED: Final = """
    WITH swept AS (
        SELECT merchant || '.' || provider AS account, coalesce(refused_at > now() - $1::interval, false) AS is_refused,
            extract(epoch FROM now() - coalesce(high_water, recorded_at))::float8 AS age_s
        FROM credentials LEFT JOIN sweep_cursors ON sweep_cursors.account = merchant || '.' || provider
        WHERE high_water IS NOT NULL OR refused_at > now() - $1::interval
    )
    SELECT count(*) FILTER (WHERE is_refused) AS refused, count(*) AS swept,
        (array_agg(account ORDER BY age_s DESC) FILTER (WHERE is_refused))[1:$2] AS named,
        (array_agg(age_s ORDER BY age_s DESC) FILTER (WHERE is_refused))[1:$2] AS ages
    FROM swept
"""
WEBHOOKS: Final = """
    SELECT count(*) AS waiting, extract(epoch FROM now() - min(received_at))::float8 AS oldest_s
    FROM webhook_deliveries WHERE handled_at IS NULL AND next_attempt_at IS NOT NULL
"""
REQUESTS: Final = """
    SELECT count(*) AS waiting, extract(epoch FROM now() - min(requested_at))::float8 AS oldest_s FROM open_requests
"""
ACCOUNTS: Final = """
    SELECT (SELECT count(*) FROM merchants) AS merchants, count(*) AS connected,
        extract(epoch FROM now() - min(recorded_at))::float8 AS oldest_credential_s
    FROM credentials
"""

Part = TypeVar("Part")


class Leader(Struct, frozen=True, kw_only=True):
    """The lease of the relay, and the position that its holder saved: it publishes at least so far."""

    leads: bool
    saved: int


class Found:
    """The parts that were read; a part that was not read is None."""

    database: Database | None = None
    log: Log | None = None
    leader: Leader | None = None
    read_models: list[ReadModel] | None = None
    payments: Payments | None = None
    sweeps: list[Lane] | None = None
    refused: RefusedAccounts | None = None
    webhooks: Waiting | None = None
    requests: Waiting | None = None
    accounts: Accounts | None = None
    vault: Vault | None = None


class DatabaseReader:
    """Reads the parts of one hub; `unread` has the reason for each missing part."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._deadline_s = 0.0
        self.found = Found()
        self.unread: list[Sentence] = []

    async def read(self) -> asyncpg.Connection | None:
        """Read every part; return the open connection, or None when PostgreSQL cannot be used."""
        self._deadline_s = asyncio.get_running_loop().time() + ALL_WITHIN_S
        try:
            await preflight.check_database(self._settings.database_url)
            self._connection = await asyncpg.connect(
                self._settings.database_url, timeout=ANSWER_WITHIN_S, command_timeout=QUERY_WITHIN_S
            )
        except CannotStart as error:
            self.unread.append(Sentence(part="database", sentence=str(error)))
            return None
        except (asyncpg.PostgresError, *DATABASE_UNAVAILABLE) as error:
            self.unread.append(Sentence(part="database", sentence=_reason(error)))
            return None
        self.found.database = await self.part("database", self._database)
        if self.found.database is None:
            return self._connection
        if self.found.database.schema not in {"current", "newer"}:
            why = "This program cannot work with the schema."
            self.unread.append(Sentence(part="everything else in PostgreSQL", sentence=why))
            return self._connection
        await self._read_hub()
        return self._connection

    async def _read_hub(self) -> None:
        found = self.found
        found.log = await self.part("log", self._log)
        found.leader = await self.part("relay", self._leader)
        found.read_models = await self.part("read models", self._read_models)
        found.payments = await self.part("payments", self._payments)
        found.sweeps = await self.part("sweeps", self._sweeps)
        found.refused = await self.part("refused", self._refused)
        found.webhooks = await self.part("webhooks", lambda: self._waiting(WEBHOOKS))
        found.requests = await self.part("requests", lambda: self._waiting(REQUESTS))
        found.accounts = await self.part("accounts", self._accounts)
        found.vault = await self.part("vault", self._vault)

    async def part(self, name: str, read: Callable[[], Awaitable[Part]]) -> Part | None:
        """Return a part, or None after noting why it could not be read."""
        try:
            async with asyncio.timeout_at(self._deadline_s):
                return await read()
        except (asyncpg.PostgresError, InvalidVaultKey, StoreUnavailable, *DATABASE_UNAVAILABLE) as error:
            self.unread.append(Sentence(part=name, sentence=_reason(error)))
            return None

    async def oldest_after(self, position: int) -> float | None:
        """Return the age of the first event after a position, in seconds; None without one."""
        row = await self._connection.fetchrow(FIRST_AFTER, position)
        return None if row is None else _age_s(row["state"], row["at"])

    async def _database(self) -> Database:
        row = await self._row(SERVER)
        schema, newest = await self._schema()
        failing = await wal_not_archived(self._connection) if row["archives"] else None
        archive: Archive = "failing" if failing else "working" if row["archives"] else "off"
        return Database(
            version=row["version"].partition(" ")[0],
            accepts_writes=row["accepts_writes"],
            schema=schema,
            newest_migration=newest,
            size_bytes=row["size_bytes"],
            archive=archive,
            not_archived_s=failing.for_time.total_seconds() if failing else None,
        )

    async def _schema(self) -> tuple[Schema, str]:
        """Return the schema compared with this version, and its newest migration; a new database has none."""
        try:
            schema = await read_schema(self._connection)
        except UnfitSchema:
            return "unfit", await self._connection.fetchval(NEWEST_MIGRATION)
        try:
            newest = await self._connection.fetchval(NEWEST_MIGRATION)
        except asyncpg.UndefinedTableError:
            newest = ""
        return "behind" if schema.missing else "newer" if schema.newer else "current", newest

    async def _log(self) -> Log:
        row = await self._row(HEAD)
        recorded_at = None if row["state"] is None else recorded_at_in(row["state"])
        return Log(
            position=row["position"],
            recorded_at=recorded_at,
            age_s=None if recorded_at is None else (row["at"] - recorded_at).total_seconds(),
            epoch=row["epoch"],
            epoch_began_at=row["began_at"],
        )

    async def _leader(self) -> Leader:
        row = await self._connection.fetchrow(LEADER)
        return Leader(leads=bool(row and row["leads"]), saved=(row and row["position"]) or 0)

    async def _read_models(self) -> list[ReadModel]:
        rows = await self._connection.fetch(READ_MODELS, list(READ_MODEL_NAMES), REBUILD_CLASS)
        moved: set[str] = set()
        if any(row["behind"] for row in rows):
            await asyncio.sleep(LOOK_AGAIN_S)
            before = {row["name"]: row["position"] for row in rows}
            later = await self._connection.fetch(POSITIONS)
            moved = {row["read_model"] for row in later if row["position"] != before.get(row["read_model"])}
        return [
            ReadModel(
                name=row["name"],
                position=row["position"],
                behind=row["behind"],
                behind_s=_age_s(row["oldest"], row["at"]) if row["oldest"] is not None else None,
                is_moving=row["name"] in moved if row["behind"] else None,
                passed_over=row["passed_over"],
                is_rebuilding=row["is_rebuilding"],
            )
            for row in rows
        ]

    async def _payments(self) -> Payments:
        return Payments(**dict(await self._row(OPEN_PAYMENTS)))

    async def _sweeps(self) -> list[Lane]:
        rows = await self._connection.fetch(LANES, WATCH, NAMED, REFUSED_FOR)
        return [
            Lane(
                lane=row["lane"],
                accounts=row["accounts"],
                oldest_s=row["oldest_s"],
                oldest=_swept(row),
            )
            for row in rows
        ]

    async def _refused(self) -> RefusedAccounts:
        row = await self._connection.fetchrow(REFUSED, REFUSED_FOR, NAMED)
        return RefusedAccounts(refused=row["refused"], swept=row["swept"], oldest=_swept(row))

    async def _waiting(self, query: str) -> Waiting:
        return Waiting(**dict(await self._row(query)))

    async def _accounts(self) -> Accounts:
        counts = dict(await self._row(ACCOUNTS))
        return Accounts(**counts, earliest_token_end=await earliest_token_end(self._connection))

    async def _vault(self) -> Vault:
        keys = vault_keys(self._settings, may_create=False)
        decrypts, count = True, len(keys.current())
        try:
            await StoredSecrets(self._connection, keys).check_key()
        except InvalidVaultKey:
            decrypts = False
        found = await count_keys(self._connection)
        return Vault(keys=count, decrypts=decrypts, payment_keys=found.usable, destroyed_keys=found.destroyed)

    async def _row(self, query: str) -> Any:
        """Return the only row."""
        return await self._connection.fetchrow(query)


def _swept(row: asyncpg.Record) -> list[SweptAccount]:
    return [
        SweptAccount(account=account, age_s=age_s)
        for account, age_s in zip(row["named"] or (), row["ages"] or (), strict=True)
    ]


def _age_s(state: bytes, now: datetime) -> float | None:
    recorded_at = recorded_at_in(state)
    return None if recorded_at is None else (now - recorded_at).total_seconds()


def _reason(error: Exception) -> str:
    """Return a sentence without the words of PostgreSQL, which may quote values."""
    if isinstance(error, (InvalidVaultKey, StoreUnavailable)):
        return error.message
    if isinstance(error, asyncpg.UndefinedTableError):
        return "The table does not exist: the projections have not built it."
    if isinstance(error, TimeoutError):
        return f"No answer within {QUERY_WITHIN_S:g} s."
    if isinstance(error, asyncpg.PostgresError):
        return f"PostgreSQL refuses the query (SQLSTATE {error.sqlstate})."
    return f"PostgreSQL does not answer ({type(error).__name__})."
