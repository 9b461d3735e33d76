"""A rebuilt table equals the live table, and the swap disturbs no reader."""

import asyncio
import dataclasses

import asyncpg
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from contracts.events import CancellationRequested
from extrato.store.advisory_locks import REBUILD_CLASS
from services.projections.read_models.payment_details import PAYMENT_DETAILS, Payment
from services.projections.read_models.registry import READ_MODELS
from services.projections.read_models.statement import STATEMENT
from services.projections.rebuild import LOCK
from tests.integration.projections.conftest import in_background
from tests.pace import until
from tests.unit.projections import history

INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = $1 ORDER BY 1"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE '%shadow%'"


async def test_rebuild_gives_the_same_rows_as_live_events(live_hub):
    await live_hub.append(history.REGISTERED, history.PIX_KEY, history.CONNECTED, history.KEY_ISSUED)
    await live_hub.append_payments(range(1, 41))
    await until(live_hub.is_complete)
    live = await live_hub.rows()
    await live_hub.rebuild_all()
    assert await live_hub.rows() == live
    assert await live_hub.is_complete()


async def test_rebuild_of_many_pages_gives_the_same_rows(live_hub, monkeypatch):
    monkeypatch.setattr("services.projections.rebuild.PAGE", 7)
    await live_hub.append_payments(range(1, 41))
    await until(live_hub.is_complete)
    live = await live_hub.rows()
    await live_hub.rebuild_all()
    assert await live_hub.rows() == live


async def test_events_during_a_rebuild_are_in_the_rebuilt_table(live_hub, monkeypatch):
    monkeypatch.setattr("services.projections.rebuild.PAGE", 7)
    seen = []

    async def watch():
        while True:
            seen.append(await live_hub.pool.fetchval("SELECT count(*) FROM merchant_positions"))

    await live_hub.append_payments(range(1, 21))
    writing = asyncio.gather(*(live_hub.append_payments(range(start, start + 25)) for start in (100, 200, 300)))
    rebuilds = 0
    async with in_background(watch()):
        while not writing.done():
            await live_hub.rebuild_all()
            rebuilds += 1
        await writing
        await until(live_hub.is_complete)
    live = await live_hub.rows()
    assert rebuilds > 0
    assert seen == sorted(seen), "a reader saw a table that knew less than before"
    assert len(live["payment_details"]) == 95
    await live_hub.rebuild_all()
    assert await live_hub.rows() == live


async def test_rebuilt_table_keeps_the_names_of_its_indexes(hub):
    await hub.make_tables()
    tables = [table for each in READ_MODELS for table in each.tables(each.name)]
    first = {table: await hub.pool.fetch(INDEXES, table) for table in tables}
    await hub.rebuild_all()
    await hub.rebuild_all()
    assert {table: await hub.pool.fetch(INDEXES, table) for table in tables} == first
    assert "shadow" not in str(first)
    assert await hub.pool.fetch(TABLES) == []


def with_uppercase_title(payment, envelope):
    """Another content of a row, for another version of the read model."""
    after = PAYMENT_DETAILS.evolve(payment, envelope)
    if after is None or after is payment:
        return after
    return Payment(replace(after.details, title=after.details.title.upper()), after.ledger)


async def test_changed_version_rebuilds_the_table(hub):
    await hub.make_tables()
    await hub.append(history.opened(title="Pedido 15"))
    await hub.runner().handle(await hub.page())
    another = PAYMENT_DETAILS.version + 1
    louder = dataclasses.replace(PAYMENT_DETAILS, version=another, evolve=with_uppercase_title)
    await hub.make_tables([louder])
    assert "PEDIDO 15" in await hub.pool.fetchval("SELECT document FROM payment_details")
    stored = await hub.pool.fetchval("SELECT version FROM checkpoints WHERE read_model = 'payment_details'")
    assert stored == another
    await hub.make_tables()
    assert "Pedido 15" in await hub.pool.fetchval("SELECT document FROM payment_details")


async def test_current_table_is_not_rebuilt(hub):
    await hub.make_tables()
    before = await hub.pool.fetchval("SELECT 'payment_details'::regclass::oid")
    await hub.make_tables()
    assert await hub.pool.fetchval("SELECT 'payment_details'::regclass::oid") == before


async def test_missing_table_is_rebuilt(hub):
    await hub.make_tables()
    await hub.append_payments([1])
    await hub.pool.execute("DROP TABLE payment_details")
    await hub.make_tables()
    assert await hub.status_of(1) == "approved"


@pytest.mark.parametrize("table", STATEMENT.tables("statement"))
async def test_missing_part_is_rebuilt_with_all_others(hub, table):
    await hub.append_payments(range(1, 5))
    await hub.make_tables()
    before = await hub.rows()
    await hub.pool.execute(f"DROP TABLE {table}")
    await hub.make_tables()
    assert await hub.rows() == before


async def test_page_is_added_once(hub):
    await hub.append_payments(range(1, 5))
    await hub.make_tables()
    await hub.append(history.opened(), history.observed("approved", attempt="a5"), payment_id=5)
    one, two, page = hub.runner(), hub.runner(), await hub.page()
    await asyncio.gather(one.handle(page), two.handle(page))
    await one.handle(page)
    live = await hub.rows()
    assert [row[1] for row in live["statement_lines"]] == [1, 5]
    await hub.rebuild_all()
    assert await hub.rows() == live


async def test_table_ahead_of_a_restored_log_is_rebuilt(hub):
    await hub.append_payments(range(1, 5))
    await hub.make_tables()
    await hub.pool.execute("DELETE FROM stored_events WHERE notification_id > 5")
    await hub.make_tables()
    assert await hub.is_complete()
    assert [row[0] for row in (await hub.rows())["payment_details"]] == [1]


async def test_remains_of_an_interrupted_rebuild_are_dropped(hub):
    await hub.append_payments([1])
    await hub.pool.execute("CREATE TABLE payment_details_shadow (left_over int)")
    await hub.make_tables()
    assert await hub.status_of(1) == "approved"
    assert await hub.pool.fetch(TABLES) == []


async def test_interrupted_rebuild_keeps_the_live_table(hub, monkeypatch):
    await hub.append_payments(range(1, 5))
    await hub.make_tables()
    live = await hub.rows()
    reached = asyncio.Event()

    async def stuck(*_):
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr("services.projections.rebuild.checkpoints.put", stuck)
        async with in_background(hub.rebuild(PAYMENT_DETAILS)):
            await reached.wait()
    assert await hub.rows() == live
    await hub.rebuild(PAYMENT_DETAILS)
    assert await hub.rows() == live


async def test_rebuilds_of_one_read_model_exclude_each_other(hub):
    await hub.append_payments(range(1, 5))
    await asyncio.gather(*(hub.rebuild(PAYMENT_DETAILS) for _ in range(3)))
    assert len(await hub.pool.fetch("SELECT * FROM payment_details")) == 4
    assert await hub.pool.fetch(TABLES) == []


async def test_waiting_rebuild_logs_the_session_of_the_lock(hub, monkeypatch):
    monkeypatch.setattr("services.projections.rebuild.LOCK_TIMEOUT", "SET lock_timeout = '20ms'")
    await hub.append_payments([1])
    other = await asyncpg.connect(hub.database_url)
    await other.execute(LOCK, REBUILD_CLASS, PAYMENT_DETAILS.name)

    async def waits():
        return any(entry["event"] == "rebuild_waits_for_another" for entry in logged)

    with capture_logs() as logged:
        async with in_background(hub.rebuild(PAYMENT_DETAILS)) as (rebuilding,):
            await until(waits)
            waited = next(entry for entry in logged if entry["event"] == "rebuild_waits_for_another")
            assert waited["read_model"] == PAYMENT_DETAILS.name
            assert waited["database_session"] == await other.fetchval("SELECT pg_backend_pid()")
            await other.close()
            await rebuilding
    assert await hub.status_of(1) == "approved"


async def test_frozen_rebuild_delays_the_next_one_for_a_limited_time(hub, monkeypatch):
    await hub.append_payments([1])
    reached = asyncio.Event()

    async def frozen(*_, **__):
        reached.set()
        await asyncio.Event().wait()

    async def freeze():
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await hub.rebuild(PAYMENT_DETAILS)

    with monkeypatch.context() as patched:
        patched.setattr("services.projections.rebuild.IDLE_LIMIT", "200ms")
        patched.setattr("services.projections.rebuild.apply_or_skip", frozen)
        async with in_background(freeze()) as (freezing,):
            await asyncio.wait_for(reached.wait(), timeout=10)
            patched.undo()
            await asyncio.wait_for(hub.rebuild(PAYMENT_DETAILS), timeout=10)
            assert not freezing.done()
    assert await hub.status_of(1) == "approved"


async def test_processes_that_start_together_build_each_table_once(hub, monkeypatch):
    built = []
    put = "services.projections.rebuild.checkpoints.put"

    async def counted(connection, name, checkpoint):
        built.append(name)
        await original(connection, name, checkpoint)

    from services.projections.rebuild import checkpoints

    original = checkpoints.put
    monkeypatch.setattr(put, counted)
    await asyncio.gather(hub.make_tables(), hub.make_tables())
    assert sorted(built) == sorted(each.name for each in READ_MODELS)


async def test_swap_waits_for_a_reader_without_blocking_the_live_table(live_hub, monkeypatch):
    monkeypatch.setattr("services.projections.rebuild.SWAP_LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    await live_hub.append_payments(range(1, 5))
    reader = await asyncpg.connect(live_hub.database_url)
    reading = reader.transaction()
    await reading.start()
    await reader.fetch("SELECT * FROM payment_details")
    async with in_background(live_hub.rebuild(PAYMENT_DETAILS)) as (rebuilding,):
        await live_hub.append(history.opened(), payment_id=9)
        await until(live_hub.is_complete)
        assert not rebuilding.done()
        await reading.rollback()
        await reader.close()
        await rebuilding
    assert await live_hub.status_of(9) == "pending"


@pytest.mark.parametrize("read_model", READ_MODELS, ids=lambda read_model: read_model.name)
async def test_rebuild_skips_unreadable_events(hub, read_model):
    await hub.append(history.REGISTERED)
    await hub.append(history.opened(), payment_id=1)
    await hub.append(CancellationRequested(), payment_id=1)
    position = await hub.append_unreadable()
    await hub.rebuild(read_model)
    assert await hub.positions() == {read_model.name: position}
    of_each_event = 2 if read_model.load is None else 1
    assert await hub.pool.fetchval(f"SELECT count(*) FROM {read_model.name}") == of_each_event


async def test_rebuild_skips_events_that_its_table_refuses(hub):
    await hub.append(history.opened(), payment_id=1)
    await hub.append(history.opened(method="text without a \0"), payment_id=2)
    await hub.append(history.opened(), payment_id=3)
    await hub.make_tables()
    assert [row[0] for row in (await hub.rows())["payment_details_filters"]] == [1, 3]
