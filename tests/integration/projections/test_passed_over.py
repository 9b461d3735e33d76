"""Skipped events are recorded, and applied by code that can read them."""

import dataclasses

import asyncpg
import pytest
import structlog

from extrato.process import CannotStart
from extrato.settings import Settings
from extrato.store import codec
from services.projections import app, checkpoints
from services.projections.read_models.merchant_positions import MERCHANT_POSITIONS
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from services.projections.read_models.registry import READ_MODELS
from tests.integration.projections.conftest import in_background
from tests.pace import until
from tests.unit.projections import history

POISON = history.opened(method="text without a \0")


def in_every_read_model(*positions):
    return sorted((each.name, position) for each in READ_MODELS for position in positions)


async def test_event_refused_by_a_constraint_is_skipped_by_one_read_model(live_hub):
    await live_hub.pool.execute("ALTER TABLE merchant_positions ADD CONSTRAINT not_three CHECK (position <> 3)")
    await live_hub.append_payments([1, 2])
    await until(live_hub.is_complete)
    rows = await live_hub.rows()
    assert [row[1] for row in rows["merchant_positions"]] == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert await live_hub.passed_over() == [("merchant_positions", 3)]
    row = await live_hub.pool.fetchrow("SELECT * FROM passed_over")
    assert (row["topic"], row["unreadable"]) == ("WatchStarted.v1", False)
    assert row["reason"].startswith("CheckViolationError")
    await until(lambda: none_waits(live_hub))


async def none_waits(hub):
    return not hub.live_runner.waiting


async def test_event_that_raises_is_skipped_by_one_read_model(hub, bus):
    def evolve(document, envelope):
        if envelope.position == 2:
            raise ZeroDivisionError("an e-mail address\n\0 or \ud800 \u202e")
        return MERCHANT_POSITIONS.evolve(document, envelope)

    broken = dataclasses.replace(MERCHANT_POSITIONS, evolve=evolve)
    read_models = [PAYMENT_DETAILS, broken]
    await hub.make_tables(read_models)
    await hub.append_payments([1])
    async with in_background(hub.runner(read_models).run()):
        await until(lambda: is_at(hub, 5, read_models))
    assert await hub.passed_over() == [("merchant_positions", 2)]
    assert await hub.status_of(1) == "approved"
    assert (await hub.pool.fetchval("SELECT reason FROM passed_over")).isprintable()


async def is_at(hub, position, read_models):
    return await hub.positions() == {each.name: position for each in read_models}


async def test_skipped_event_is_recorded_with_the_checkpoint(hub):
    await hub.make_tables()
    await hub.append(history.opened(), payment_id=1)
    position = await hub.append_unreadable()
    await hub.pool.execute("ALTER TABLE passed_over ADD CONSTRAINT none CHECK (position = 0)")
    await hub.runner().handle(await hub.page())
    assert set((await hub.positions()).values()) == {0}
    await hub.pool.execute("ALTER TABLE passed_over DROP CONSTRAINT none")
    await hub.runner().handle(await hub.page())
    assert await hub.passed_over() == in_every_read_model(position)


async def test_rebuild_records_only_its_skipped_events(hub):
    await hub.append(history.opened(), payment_id=1)
    unreadable = await hub.append_unreadable()
    (poison,) = await hub.append(POISON, payment_id=2)
    await hub.make_tables()
    expected = sorted([*in_every_read_model(unreadable), ("payment_details", poison.position)])
    assert await hub.passed_over() == expected
    await hub.pool.execute("INSERT INTO passed_over VALUES ('payment_details', 1, '', false, 'mended since')")
    await hub.rebuild_all()
    assert await hub.passed_over() == expected


@pytest.fixture
def older_code(monkeypatch):
    """Code that knows no `StatusChanged` yet, until it is upgraded."""
    with monkeypatch.context() as patched:
        patched.delitem(codec._decoder_of_topic, "StatusChanged.v2")
        yield patched.undo


async def test_event_skipped_by_older_code_is_applied_by_newer_code(hub, bus, older_code):
    async with in_background(hub.runner().run()):
        await until(hub.is_complete)
        await hub.append_payments([1, 2])
        await until(hub.is_complete)
    assert len(await hub.passed_over()) == 2 * len(READ_MODELS)
    older_code()
    async with in_background((runner := hub.runner()).run()):
        await runner.until_ready()
        assert await hub.passed_over() == []
        live = await hub.rows()
    assert [row[1] for row in live["merchant_positions"]] == list(range(1, 11))
    await hub.rebuild_all()
    assert await hub.rows() == live


async def test_event_skipped_by_older_code_beside_a_runner_is_applied(hub, bus):
    await hub.append_payments([1])
    async with in_background((runner := hub.runner()).run()):
        await runner.until_ready()
        await hub.append_payments([2])
        await until(hub.is_complete)
        # As older code does it: without the effect, but with a row in `passed_over`.
        async with hub.pool.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM merchant_positions WHERE position = 7")
            await connection.execute(
                "INSERT INTO passed_over VALUES ('merchant_positions', 7, '', true, 'no such event')"
            )
        await runner.check()
        await until(lambda: no_event_is_skipped(hub))
    assert [row[1] for row in (await hub.rows())["merchant_positions"]] == list(range(1, 11))


async def no_event_is_skipped(hub):
    return await hub.passed_over() == []


async def test_event_still_unreadable_causes_no_rebuild(hub):
    await hub.append(POISON)
    await hub.append_unreadable()
    await hub.make_tables()
    before = await hub.passed_over()
    with structlog.testing.capture_logs() as facts:
        await hub.make_tables()
    assert await hub.passed_over() == before
    assert [fact for fact in facts if fact["event"] == "rebuild_started"] == []


# --- checkpoints --------------------------------------------------------------------------------


async def is_rebuilt_after(hub, statement, *arguments):
    """Change the database by hand; return the read models that the next start rebuilds."""
    await hub.pool.execute(statement, *arguments)
    with structlog.testing.capture_logs() as facts:
        await hub.make_tables()
    loud = {fact["read_model"] for fact in facts if fact["log_level"] == "error"}
    built = {fact["read_model"] for fact in facts if fact["event"] == "rebuild_completed"}
    assert loud == built
    return built


async def test_checkpoint_names_its_event(hub):
    await hub.append_payments([1])
    await hub.make_tables()
    await hub.append_payments([2])
    last = [each async for each in hub.log.read_all(0)][-1]
    ids = "SELECT DISTINCT event_id FROM checkpoints"
    assert await hub.pool.fetch(ids) != [(last.event_id,)]
    await hub.runner().handle(await hub.page())
    assert await hub.pool.fetch(ids) == [(last.event_id,)]
    await hub.rebuild(PAYMENT_DETAILS)
    assert await hub.pool.fetch(ids) == [(last.event_id,)]
    assert await is_rebuilt_after(hub, "SELECT 1") == set()


@pytest.mark.parametrize("position", [0, 3, 7, 999])
async def test_checkpoint_changed_by_hand_causes_a_rebuild(hub, position):
    await hub.append_payments([1])
    await hub.make_tables()
    await hub.append_payments([2])
    move = "UPDATE checkpoints SET position = $1 WHERE read_model = 'payment_details'"
    assert await is_rebuilt_after(hub, move, position) == {"payment_details"}
    assert await hub.status_of(1) == "approved"


async def test_checkpoint_without_an_event_is_accepted(hub):
    await hub.append_payments([1])
    await hub.make_tables()
    assert await is_rebuilt_after(hub, "UPDATE checkpoints SET event_id = NULL") == set()


async def test_restored_log_that_grew_causes_a_rebuild(hub):
    await hub.append_payments([1])
    await hub.make_tables()
    await hub.pool.execute("TRUNCATE stored_events RESTART IDENTITY")
    hub._versions.clear()
    await hub.append_payments([2, 3])
    await hub.make_tables()
    assert await hub.is_complete()
    assert [row[0] for row in (await hub.rows())["payment_details"]] == [2, 3]


async def test_checkpoint_moved_ahead_of_the_log_causes_a_rebuild(live_hub):
    await live_hub.append_payments([1])
    await until(live_hub.is_complete)
    await live_hub.pool.execute("UPDATE checkpoints SET position = position + 2 WHERE read_model = 'payment_details'")
    await live_hub.append_payments([2, 3])
    await until(live_hub.is_complete)
    await until(lambda: none_is_separate(live_hub))
    live = await live_hub.rows()
    await live_hub.rebuild_all()
    assert await live_hub.rows() == live


async def none_is_separate(hub):
    return not any(state.is_separate.is_set() for state in hub.live_runner._states)


async def test_moved_checkpoint_is_found_at_a_subscription(live_hub):
    await live_hub.append_payments([1])
    await until(live_hub.is_complete)
    await live_hub.pool.execute("UPDATE checkpoints SET position = 999 WHERE read_model = 'payment_details'")
    await live_hub.live_runner.consumer._before()
    await until(live_hub.is_complete)
    assert await live_hub.status_of(1) == "approved"


async def test_log_restored_under_a_runner_causes_a_rebuild(hub, bus, monkeypatch):
    monkeypatch.setattr("services.projections.runner.CHECK_INTERVAL_S", 0.05)
    await hub.append_payments([1])
    runner = hub.runner()
    async with in_background(runner.run()):
        await runner.until_ready()
        await hub.pool.execute("TRUNCATE stored_events RESTART IDENTITY")
        hub._versions.clear()
        await hub.append_payments([2])
        await until(lambda: knows(hub, 2))


async def knows(hub, *payments):
    return [row[0] for row in (await hub.rows())["payment_details"]] == list(payments)


# --- rebuilds -----------------------------------------------------------------------------------


async def test_rebuild_on_a_full_disk_keeps_the_live_table(hub, monkeypatch, tmp_path):
    await hub.append_payments([1, 2])
    await hub.make_tables()
    live = await hub.rows()

    async def full(*_, **__):
        raise asyncpg.DiskFullError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("services.projections.apply._write", full)
        with pytest.raises(CannotStart, match="rejects the rebuild of payment_details, which is unchanged: no space"):
            await app.rebuild_by_name(settings_of(hub, tmp_path), "payment_details")
    assert await hub.rows() == live
    assert await hub.passed_over() == []
    assert await hub.pool.fetchval("SELECT to_regclass('payment_details_shadow')") is None


def settings_of(hub, home):
    return Settings.from_environment({"EXTRATO_DATABASE_URL": hub.database_url, "EXTRATO_HOME": str(home)})


async def test_events_during_a_failed_swap_are_in_the_rebuilt_table(hub, monkeypatch):
    """The swap's transaction applies the events since the last page, and a failed one rolls them back."""
    monkeypatch.setattr("services.projections.rebuild.SWAP_LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    monkeypatch.setattr("services.projections.rebuild.SWAP_PAUSE_S", 0.01)
    await hub.append_payments([1])
    await hub.make_tables()
    reader = await asyncpg.connect(hub.database_url)
    await reader.execute("BEGIN; SELECT * FROM payment_details")
    lock, tries = checkpoints.lock, []

    async def lock_late(connection, names):
        if not tries:
            await hub.append(history.opened(), payment_id=9)
            await hub.pool.execute("UPDATE checkpoints SET position = 6, event_id = NULL")
        else:
            await reader.close()
        tries.append(names)
        return await lock(connection, names)

    monkeypatch.setattr("services.projections.rebuild.checkpoints.lock", lock_late)
    await hub.rebuild(PAYMENT_DETAILS)
    # The server may still hold the closed reader's lock at the second try.
    assert len(tries) >= 2
    assert await hub.status_of(9) == "pending"


async def test_skipped_events_are_listed(hub, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(app, "LISTED_AT_ONCE", 2)
    await hub.append(history.opened(), payment_id=1)
    unreadable = await hub.append_unreadable()
    (poison,) = await hub.append(POISON, payment_id=2)
    await hub.make_tables()
    capsys.readouterr()
    await app.list_passed_over(settings_of(hub, tmp_path))
    # Here, log lines are written to the same output.
    said = [line.split("\t") for line in capsys.readouterr().out.splitlines() if "\t" in line]
    assert [(words[0], int(words[1])) for words in said] == sorted(
        [*in_every_read_model(unreadable), ("payment_details", poison.position)]
    )
    assert {(words[2], words[4]) for words in said} == {
        ("PaymentTeleported.v1", "unreadable"),
        ("PaymentOpened.v5", "refused"),
    }
