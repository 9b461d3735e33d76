"""Migrations of a database that an older version used."""

from __future__ import annotations

import asyncio
import hashlib

import asyncpg
import pytest
import structlog

from extrato.process import CannotStart, open_database
from extrato.settings import Settings
from extrato.store import migrations
from extrato.store.event_log import EventLog
from extrato.store.migrations import (
    CLASSES,
    CREATE_TABLE,
    FOLDER,
    UnfitSchema,
    migrate,
    read_migrations,
    read_schema,
)
from extrato.store.personal_data import PAYMENTS_OF
from tests.conftest import services_url
from tests.integration.store.examples import append_to


async def test_migration_drops_the_timeline_with_its_checkpoint(empty_database_url: str):
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute("""
            DELETE FROM schema_migrations WHERE name = '0006_no_payment_timeline';
            CREATE TABLE payment_timeline (position bigint PRIMARY KEY);
            INSERT INTO checkpoints VALUES ('payment_timeline', 2, 7), ('payment_details', 4, 7);
        """)

        assert await migrate(empty_database_url) == ["0006_no_payment_timeline"]

        assert await connection.fetchval("SELECT to_regclass('payment_timeline')") is None
        assert await connection.fetch("SELECT read_model, version, position FROM checkpoints") == [
            ("payment_details", 4, 7)
        ]
    finally:
        await connection.close()


async def test_migration_stores_the_cut_off_of_old_tokens(empty_database_url: str):
    await migrate(empty_database_url)
    async with asyncpg.create_pool(empty_database_url, min_size=1, max_size=1) as pool:
        assert await pool.fetch("SELECT * FROM payer_token_cut_off") == [(0,)]
        await pool.execute("""
            DELETE FROM schema_migrations WHERE name = '0010_payer_token_cut_off';
            DROP TABLE payer_token_cut_off
        """)
        log = EventLog(pool)
        written = await log.append(append_to(events=7))

        assert await migrate(empty_database_url) == ["0010_payer_token_cut_off"]

        assert await pool.fetch("SELECT * FROM payer_token_cut_off") == [(written[-1],)]
        await log.close()


async def test_keys_and_tags_of_a_version_with_two_tables_stay(empty_database_url: str):
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute(CREATE_TABLE)
        for migration in read_migrations():
            if migration.name < "0026_key_with_tag":
                await connection.execute(migration.sql)
                await connection.execute("INSERT INTO schema_migrations (name) VALUES ($1)", migration.name)
        await connection.execute("""
            UPDATE schema_migrations SET class = 'rolling';
            INSERT INTO payment_keys (payment_id, sealed) SELECT n, 'a key' FROM generate_series(1, 9) AS n;
            INSERT INTO person_tags (tag, payment_id)
            SELECT sha256(convert_to((n % 3)::text, 'UTF8')), n FROM generate_series(1, 9) AS n
        """)
        assert (await migrate(empty_database_url))[0] == "0026_key_with_tag"
        assert await connection.fetchval("SELECT count(sealed) FROM payment_keys") == 9
        rows = await connection.fetch(PAYMENTS_OF, hashlib.sha256(b"1").digest(), 100)
        assert [row[0] for row in rows] == [7, 4, 1]
    finally:
        await connection.close()


def test_every_migration_has_a_class():
    assert sorted(path.stem for path in FOLDER.glob("*.sql")) == sorted(CLASSES)
    assert list(CLASSES) == sorted(CLASSES)


@pytest.fixture
def next_migration(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """A function that adds a migration to the program."""

    def add(sql: str) -> str:
        for path in FOLDER.glob("*.sql"):
            (tmp_path / path.name).write_text(path.read_text())
        (tmp_path / "9000_next.sql").write_text(sql)
        monkeypatch.setattr(migrations, "FOLDER", tmp_path)
        monkeypatch.setitem(CLASSES, "9000_next", "rolling")
        return "9000_next"

    return add


@pytest.fixture
async def own_url(empty_database_url: str) -> str:
    """A migrated database of this test alone."""
    await migrate(empty_database_url)
    return empty_database_url


@pytest.fixture
async def connection(own_url: str):
    connection = await asyncpg.connect(own_url)
    yield connection
    await connection.close()


async def test_class_of_each_migration_is_recorded(own_url: str, connection: asyncpg.Connection):
    recorded = await connection.fetch("SELECT name, class FROM schema_migrations ORDER BY name")
    assert dict(recorded) == CLASSES
    # The columns of a version that recorded no class.
    await connection.execute("""
        DELETE FROM schema_migrations WHERE name = '0018_migration_classes';
        ALTER TABLE schema_migrations DROP COLUMN class
    """)
    assert (await read_schema(connection)).missing == ["0018_migration_classes"]
    await migrate(own_url)
    again = await connection.fetch("SELECT name, class FROM schema_migrations ORDER BY name")
    # That version knew no later migration.
    assert [row for row in again if row["name"] <= "0018_migration_classes"] == [
        row for row in recorded if row["name"] <= "0018_migration_classes"
    ]


async def open_as_role(url: str) -> None:
    settings = Settings.from_environment({"EXTRATO_DATABASE_URL": url})
    async with open_database(settings, connections=1) as pool:
        await pool.fetch("SELECT * FROM checkpoints")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (None, "The database has the migration 9001_later of a newer version: start that version, or restore"),
        ("coordinated", r"The database has the migration 9001_later \(coordinated\) of a newer version, with which"),
        ("rebuild", r"The database has the migration 9001_later \(rebuild\) of a newer version, with which"),
    ],
)
async def test_program_refuses_a_newer_schema_that_is_not_rolling(
    own_url: str, connection: asyncpg.Connection, kind, sentence
):
    await connection.execute(
        "INSERT INTO schema_migrations (name, class) VALUES ('9001_later', $1), ('9002_last', 'rolling')", kind
    )
    with pytest.raises(CannotStart, match=sentence):
        await open_as_role(own_url)
    with pytest.raises(UnfitSchema, match=sentence):
        await migrate(own_url)


@pytest.mark.parametrize(("topic", "level"), [("TimeTravelled.v1", "error"), ("PaymentOpened.v1", None)])
async def test_start_names_the_events_of_a_newer_version(
    own_url: str, connection: asyncpg.Connection, topic: str, level: str | None
):
    await migrate(own_url)
    await connection.execute("INSERT INTO stored_events VALUES (gen_random_uuid(), 1, $1, '{}')", topic)
    settings = Settings.from_environment({"EXTRATO_DATABASE_URL": own_url})
    with structlog.testing.capture_logs() as lines:
        async with open_database(settings, connections=1):
            pass
    expected = {"event": "unknown_events", "component": "process", "topics": [topic], "log_level": level}
    assert lines == ([expected] if level else [])


async def test_program_works_with_a_newer_schema_that_is_rolling(own_url: str, connection: asyncpg.Connection):
    await connection.execute("INSERT INTO schema_migrations (name, class) VALUES ('9001_later', 'rolling')")
    with structlog.testing.capture_logs() as lines:
        await open_as_role(own_url)
    assert lines == [
        {
            "component": "process",
            "event": "newer_schema",
            "log_level": "warning",
            "migrations": ["9001_later"],
        }
    ]
    assert await migrate(own_url) == []


async def test_older_version_leaves_the_rights_of_a_newer_one(own_url: str, connection: asyncpg.Connection):
    services = services_url(own_url)
    await migrate(own_url, services_url=services)
    await connection.execute("GRANT UPDATE ON evidence TO extrato_services")
    await connection.execute("INSERT INTO schema_migrations (name, class) VALUES ('9001_later', 'rolling')")
    await migrate(own_url, services_url=services)
    assert await connection.fetchval("SELECT has_table_privilege('extrato_services', 'evidence', 'UPDATE')")


async def test_role_waits_until_the_schema_is_migrated(own_url: str, connection: asyncpg.Connection, next_migration):
    name = next_migration("CREATE TABLE next (id bigint)")
    assert (await read_schema(connection)).missing == [name]

    async def open_and_read() -> None:
        settings = Settings.from_environment({"EXTRATO_DATABASE_URL": own_url})
        async with open_database(settings, connections=1) as pool:
            await pool.fetch("SELECT * FROM next")

    opening = asyncio.create_task(open_and_read())
    await asyncio.sleep(0)
    assert await migrate(own_url) == [name]
    await opening
    assert (await read_schema(connection)).missing == []


async def test_migration_that_gets_no_lock_is_tried_three_times_and_changes_nothing(
    own_url: str, connection: asyncpg.Connection, next_migration, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_S", 0.02)
    monkeypatch.setattr(migrations, "FIRST_PAUSE_S", 0.01)
    name = next_migration("CREATE TABLE next (id bigint); ALTER TABLE payers ADD COLUMN next text")
    async with connection.transaction():
        await connection.execute("LOCK TABLE payers IN ACCESS SHARE MODE")
        with pytest.raises(UnfitSchema, match=r"9000_next did not get its locks in 3 tries of 0\.02 s"):
            await migrate(own_url)
    assert await connection.fetchval("SELECT to_regclass('next')") is None
    assert await migrate(own_url) == [name]


async def test_migration_runs_after_the_lock_is_free(
    own_url: str, connection: asyncpg.Connection, next_migration, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_S", 0.02)
    monkeypatch.setattr(migrations, "FIRST_PAUSE_S", 0.2)
    name = next_migration("ALTER TABLE payers ADD COLUMN next text")
    async with connection.transaction():
        await connection.execute("LOCK TABLE payers IN ACCESS SHARE MODE")
        migrating = asyncio.create_task(migrate(own_url))
        await asyncio.sleep(0.1)  # The first try has timed out; there is no event for that.
    assert await migrating == [name]


async def test_marked_migration_runs_outside_a_transaction(
    own_url: str, connection: asyncpg.Connection, next_migration
):
    name = next_migration(
        "-- Why.\n-- extrato: no transaction\n"
        "DROP INDEX CONCURRENTLY IF EXISTS next_index;\nCREATE INDEX CONCURRENTLY next_index ON payers (recorded_at);\n"
    )
    assert await migrate(own_url) == [name]
    assert await connection.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'next_index'::regclass")
    assert (await read_schema(connection)).missing == []
