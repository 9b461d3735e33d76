"""A read model whose writes PostgreSQL rejects waits alone, loses no event, and rejoins the others."""

import asyncio
import contextlib
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from services.projections import checkpoints
from services.projections.read_models.registry import READ_MODELS
from tests.integration.projections.conftest import in_background
from tests.pace import until
from tests.unit.projections import history

NAMES = tuple(each.name for each in READ_MODELS)
REFUSE = """
    CREATE TABLE refusing (is_full boolean);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM refusing) THEN
            RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
    INSERT INTO refusing VALUES (true)
"""


@contextlib.asynccontextmanager
async def full_disk(hub, table):
    """Reject every row of a table for the time of the context."""
    await hub.pool.execute(REFUSE.format(table=table))
    yield
    await hub.pool.execute("DELETE FROM refusing")


@contextlib.asynccontextmanager
async def locked(hub, table):
    """Lock a table for the time of the context."""
    holder = await asyncpg.connect(hub.database_url)
    try:
        await holder.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        await holder.close()


async def only_these_wait(hub, *names):
    """Return whether only these read models wait, and all others have applied the whole log."""
    head = await hub.log.head()
    behind = {name for name, position in (await hub.positions()).items() if position < head}
    return set(hub.live_runner.waiting) == behind == set(names)


async def nothing_is_lost(hub):
    await until(hub.is_complete)
    await until(lambda: only_these_wait(hub))
    assert await hub.passed_over() == []
    live = await hub.rows()
    await hub.rebuild_all()
    assert await hub.rows() == live


async def test_table_on_a_full_disk_waits_alone_without_loss(live_hub):
    async with full_disk(live_hub, "payment_details"):
        await live_hub.append_payments([1])
        await until(lambda: only_these_wait(live_hub, "payment_details"))
        await live_hub.append_payments([2])
        await until(lambda: only_these_wait(live_hub, "payment_details"))
    await nothing_is_lost(live_hub)
    assert await live_hub.status_of(1) == "approved"


async def test_full_disk_for_all_read_models_loses_no_event(live_hub):
    async with full_disk(live_hub, "checkpoints"):
        await live_hub.append_payments([1, 2])
        await until(lambda: only_these_wait(live_hub, *NAMES))
    await nothing_is_lost(live_hub)


async def test_waiting_read_model_rejoins_the_others_under_load(live_hub):
    async with full_disk(live_hub, "merchant_positions"):
        await live_hub.append_payments([1])
        await until(lambda: only_these_wait(live_hub, "merchant_positions"))
        writing = asyncio.gather(*(live_hub.append_payments(range(start, start + 30)) for start in (100, 200, 300)))
    await writing
    await nothing_is_lost(live_hub)


async def test_locked_table_does_not_delay_the_others(live_hub, monkeypatch):
    monkeypatch.setattr(checkpoints, "LOCK", checkpoints.LOCK.replace("2s", "100ms"))
    async with locked(live_hub, "payment_details"):
        await live_hub.append_payments([1])
        await until(lambda: only_these_wait(live_hub, "payment_details"))
    await nothing_is_lost(live_hub)


async def test_statement_timeout_makes_one_read_model_wait(live_hub):
    database = urlsplit(live_hub.database_url).path.removeprefix("/")
    async with locked(live_hub, "payment_details"):
        await live_hub.pool.execute(f"ALTER DATABASE {database} SET statement_timeout = '300ms'")
        await live_hub.pool.expire_connections()
        await live_hub.append_payments([1])
        await until(lambda: only_these_wait(live_hub, "payment_details"))
        assert "QueryCanceled" in live_hub.live_runner.waiting["payment_details"]
        await live_hub.pool.execute(f"ALTER DATABASE {database} RESET statement_timeout")
        await live_hub.pool.expire_connections()
    await nothing_is_lost(live_hub)


async def test_dropped_table_is_rebuilt_beside_the_others(live_hub):
    await live_hub.append_payments([1])
    await until(live_hub.is_complete)
    await live_hub.pool.execute("DROP TABLE payment_details")
    await live_hub.append_payments([2, 5])
    await nothing_is_lost(live_hub)
    assert [await live_hub.status_of(number) for number in (1, 2, 5)] == ["approved", "rejected", "approved"]


async def test_read_only_database_makes_all_read_models_wait(live_hub):
    database = urlsplit(live_hub.database_url).path.removeprefix("/")
    await live_hub.append_payments([1])
    await until(live_hub.is_complete)
    writer = await asyncpg.connect(live_hub.database_url, server_settings={"default_transaction_read_only": "off"})
    nothing_attached = ", ".join(["'{}'"] * 12)
    append = await writer.prepare(f"SELECT append_events($1, $2, $3, $4, $5, {nothing_attached})")
    await writer.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    await live_hub.pool.expire_connections()
    rows = await live_hub.log.read_rows(0)
    copies = [uuid4() for _ in rows]
    versions, topics, states = [1] * len(rows), [row.topic for row in rows], [row.state for row in rows]
    await append.fetch(list(range(len(rows))), copies, versions, topics, states)
    await until(lambda: only_these_wait(live_hub, *NAMES))
    await writer.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    await writer.close()
    await live_hub.pool.expire_connections()
    await nothing_is_lost(live_hub)


async def test_missing_permission_makes_one_read_model_wait(live_hub):
    await live_hub.pool.execute("REVOKE INSERT, UPDATE ON payment_details FROM CURRENT_USER")
    await live_hub.append_payments([1, 2])
    await until(lambda: only_these_wait(live_hub, "payment_details"))
    assert "InsufficientPrivilege" in live_hub.live_runner.waiting["payment_details"]
    await live_hub.pool.execute("GRANT INSERT, UPDATE ON payment_details TO CURRENT_USER")
    await nothing_is_lost(live_hub)


async def test_runner_is_ready_after_building_missing_tables(hub, bus):
    await hub.append_payments([1, 2])
    runner = hub.runner()
    async with in_background(runner.run()):
        await runner.until_ready()
        assert await hub.is_complete()
    assert await hub.status_of(1) == "approved"


async def test_page_after_a_gap_is_not_applied(hub):
    await hub.make_tables()
    await hub.append(history.opened(), payment_id=1)
    await hub.append(history.opened(), payment_id=2)
    await hub.runner().handle(await hub.page(1))
    assert set((await hub.positions()).values()) == {0}
