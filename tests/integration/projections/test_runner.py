"""Every event has its effect on every read model, and has it once."""

import asyncio
import dataclasses

from contracts.subjects import DEAD_STREAM, PAYMENTS_STREAM
from services.projections.read_models.registry import READ_MODELS
from services.projections.runner import DURABLE
from tests.integration.projections.conftest import in_background, life_of
from tests.pace import until
from tests.unit.projections import history


async def dead_letters(hub):
    """Return the subjects that this runner dead-lettered."""
    info = await hub.bus.jetstream.stream_info(DEAD_STREAM, subjects_filter=f"dead.{DURABLE}.>")
    return set(info.state.subjects or ())


async def test_appended_events_reach_every_read_model(live_hub):
    await live_hub.append(history.REGISTERED, history.PIX_KEY, history.PRICED)
    await live_hub.append_payments(range(1, 9))
    await until(live_hub.is_complete)
    rows = await live_hub.rows()
    assert [row[0] for row in rows["merchants"]] == [history.MERCHANT]
    statuses = ["approved", "rejected", "cancelled", "pending"]
    assert [row[2] for row in rows["payment_details"]] == statuses * 2
    assert [row[0] for row in rows["open_payments"]] == [2, 4, 6, 8]
    assert len(rows["merchant_positions"]) == sum(len(life_of(number)) for number in range(1, 9))


async def test_repeated_batch_has_no_effect(hub):
    await hub.make_tables()
    await hub.append_payments(range(1, 5))
    page = await hub.page()
    await hub.runner().handle(page)
    once = await hub.rows()
    await hub.runner().handle(page)
    await hub.runner().handle(await hub.page(0, 7))
    assert await hub.rows() == once
    assert await hub.is_complete()


async def test_partly_known_batch_applies_its_new_events(hub):
    await hub.make_tables()
    await hub.append_payments(range(1, 5))
    await hub.runner().handle(await hub.page(0, 9))
    await hub.runner().handle(await hub.page(4))
    live = await hub.rows()
    await hub.rebuild_all()
    assert await hub.rows() == live


async def test_crash_before_the_acknowledgement_repeats_no_event(hub, bus):
    await hub.make_tables()
    committed = asyncio.Event()
    crashing = hub.runner()

    async def commit_and_hang(page):
        await crashing.handle(page)
        committed.set()
        await asyncio.Event().wait()

    crashing.consumer._handle = commit_and_hang
    async with hub.relaying():
        async with in_background(crashing.run()):
            await crashing.consumer.subscribed.wait()
            await hub.append(*life_of(1), payment_id=1)
            await committed.wait()
        before = await hub.rows()
        # The server delivers again after 30 s; a recreated durable consumer delivers all at once.
        await hub.bus.jetstream.delete_consumer(PAYMENTS_STREAM, DURABLE)
        async with in_background(hub.runner().run()):
            await until(lambda: everything_is_acknowledged(hub))
            after = await hub.rows()
    known = len(before["merchant_positions"])
    assert known > 0
    assert after["merchant_positions"][:known] == before["merchant_positions"]
    assert [row[1] for row in after["merchant_positions"]] == [1, 2, 3, 4, 5]
    await hub.rebuild_all()
    assert await hub.rows() == after


async def everything_is_acknowledged(hub):
    info = await hub.bus.jetstream.consumers_info(PAYMENTS_STREAM)
    return [(each.num_pending, each.num_ack_pending) for each in info] == [(0, 0)]


async def test_failure_inside_a_batch_is_rolled_back(hub):
    await hub.make_tables()
    await hub.append_payments(range(1, 3))
    await hub.pool.execute("ALTER TABLE merchant_positions ADD CHECK (position < 5)")
    await hub.runner().handle(await hub.page())
    rows, positions = await hub.rows(), await hub.positions()
    assert (rows.pop("merchant_positions"), positions.pop("merchant_positions")) == ([], 0)
    assert len(rows["payment_details"]) == 2
    assert set(positions.values()) == {await hub.log.head()}


async def test_two_runners_apply_no_event_twice(hub, bus):
    await hub.make_tables()
    first, second = hub.runner(), hub.runner()
    async with hub.relaying(), in_background(first.run(), second.run()):
        await asyncio.gather(*(hub.append_payments(range(start, start + 20)) for start in (1, 101, 201, 301)))
        await until(hub.is_complete)
    live = await hub.rows()
    assert len(live["payment_details"]) == 80
    await hub.rebuild_all()
    assert await hub.rows() == live


async def test_same_batch_in_two_runners_is_applied_once(hub):
    await hub.make_tables()
    await hub.append_payments(range(1, 5))
    page = await hub.page()
    await asyncio.gather(*(hub.runner().handle(page) for _ in range(4)))
    assert len((await hub.rows())["merchant_positions"]) == len(page.envelopes)


async def test_unreadable_event_is_dead_lettered_and_the_rest_applied(live_hub):
    await live_hub.append(history.opened(), payment_id=1)
    position = await live_hub.append_unreadable()
    await live_hub.append(history.opened(), payment_id=2)
    await until(live_hub.is_complete)
    assert await live_hub.status_of(2) == "pending"
    await until(lambda: dead_letters(live_hub))
    assert live_hub.live_runner.consumer.refused == 1
    assert await live_hub.passed_over() == sorted((each.name, position) for each in READ_MODELS)
    (subject,) = await dead_letters(live_hub)
    assert subject.endswith((f".log.{position}", ".PaymentTeleported"))


async def test_event_that_one_table_refuses_is_in_all_others(live_hub):
    (refused,) = await live_hub.append(history.opened(method="text without a \0"), payment_id=1)
    await live_hub.append(history.opened(), payment_id=2)
    await until(live_hub.is_complete)
    rows = await live_hub.rows()
    assert [row[0] for row in rows["payment_details"]] == [2]
    assert [row[0] for row in rows["open_payments"]] == [1, 2]
    assert await live_hub.passed_over() == [("payment_details", refused.position)]
    await until(lambda: is_dead_lettered(live_hub, refused.position))


async def is_dead_lettered(hub, position):
    return f"dead.{DURABLE}.log.{position}" in await dead_letters(hub)


async def test_escaped_text_is_stored_unchanged(live_hub):
    title = 'nul \0, quote ", backslash \\, emoji 🥐, line\u2028separator'
    await live_hub.append(history.opened(title=title))
    await until(live_hub.is_complete)
    read_model = next(each for each in READ_MODELS if each.name == "payment_details")
    row = await live_hub.pool.fetchrow("SELECT * FROM payment_details")
    assert read_model.read(row)[1].details.title == title


async def test_deleted_stream_leaves_every_read_model_complete(live_hub):
    await live_hub.append_payments(range(1, 9))
    await live_hub.bus.jetstream.delete_stream(PAYMENTS_STREAM)
    await live_hub.append_payments(range(9, 17))
    await until(live_hub.is_complete)
    await live_hub.append_payments(range(17, 19))
    await until(live_hub.is_complete)
    live = await live_hub.rows()
    assert len(live["payment_details"]) == 18
    await live_hub.rebuild_all()
    assert await live_hub.rows() == live


async def test_read_model_set_back_is_fed_from_there(live_hub):
    await live_hub.append_payments(range(1, 5))
    await until(live_hub.is_complete)
    before = await live_hub.rows()
    async with live_hub.pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE checkpoints SET position = 0 WHERE read_model = 'merchant_positions'")
        await connection.execute("TRUNCATE merchant_positions")
    await live_hub.append(history.opened(), payment_id=5)
    await until(live_hub.is_complete)
    after = await live_hub.rows()
    assert after["merchant_positions"][:-1] == before["merchant_positions"]
    assert after["payment_details"][:-1] == before["payment_details"]


async def test_read_models_restored_with_the_log_are_fed_on(live_hub):
    await live_hub.append_payments(range(1, 5))
    await until(live_hub.is_complete)
    # A restore of the database, while the bus and this process run.
    async with live_hub.pool.acquire() as connection, connection.transaction():
        tables = ", ".join(read_model.name for read_model in READ_MODELS)
        await connection.execute(f"TRUNCATE stored_events, {tables} RESTART IDENTITY")
        await connection.execute("UPDATE checkpoints SET position = 0, event_id = NULL")
        # The backup has an older version of this read model.
        await connection.execute("UPDATE checkpoints SET version = version - 1 WHERE read_model = 'open_payments'")
    live_hub._versions.clear()
    await live_hub.append_payments([9])
    await until(live_hub.is_complete)
    assert [row[0] for row in (await live_hub.rows())["payment_details"]] == [9]


async def test_read_model_without_a_checkpoint_is_left_alone(hub):
    await hub.make_tables()
    await hub.pool.execute("DELETE FROM checkpoints WHERE read_model = 'merchant_positions'")
    await hub.pool.execute("DROP TABLE merchant_positions")
    await hub.append(history.opened())
    await hub.runner().handle(await hub.page())
    assert set((await hub.positions()).values()) == {1}
    assert await hub.status_of(history.PAYMENT_ID) == "pending"


async def test_checkpoint_deleted_during_the_start_causes_a_rebuild(hub, bus):
    await hub.make_tables()
    await hub.append_payments([1])
    runner = hub.runner()
    check = runner._check

    async def check_and_lose_a_checkpoint(reasons):
        await check(reasons)
        runner._check = check
        await hub.pool.execute("DELETE FROM checkpoints WHERE read_model = 'payment_details'")

    runner._check = check_and_lose_a_checkpoint
    async with in_background(runner.run()):
        await until(hub.is_complete)
    assert await hub.status_of(1) == "approved"


async def test_read_model_of_another_version_is_left_to_that_version(hub):
    await hub.make_tables()
    await hub.append(history.opened())
    newer = [dataclasses.replace(each, version=each.version + 1) for each in READ_MODELS]
    await hub.make_tables(newer[:1])
    await hub.runner().handle(await hub.page())
    await hub.append(history.REGISTERED)
    page = await hub.page()
    await hub.runner().handle(page)
    assert (await hub.positions())[newer[0].name] == 1
    await hub.runner(newer).handle(page)
    assert (await hub.positions())[newer[0].name] == page.position
    assert len((await hub.rows())["merchants"]) == 1
