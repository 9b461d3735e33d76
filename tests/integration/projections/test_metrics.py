"""The metrics of read models show a stopped loop and a standing read model, also while the head stands."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from services.projections.metrics import CYCLE_TIMESTAMP_S, measure_read_models
from services.projections.read_models.registry import READ_MODELS
from tests.integration.projections.conftest import in_background, life_of
from tests.integration.projections.test_refusals import full_disk
from tests.pace import until
from tests.unit.projections import history

NAMES = [read_model.name for read_model in READ_MODELS]


def shown(name, read_model="merchants"):
    return REGISTRY.get_sample_value(f"extrato_read_model_{name}", {"read_model": read_model})


async def measure_at(hub, recorded_at):
    """Measure a minute after an event was recorded."""
    await measure_read_models(hub.pool, NAMES, now_s=lambda: recorded_at.timestamp() + 60).measure()


def cycles():
    return {name: shown("cycle_timestamp_seconds", name) for name in NAMES}


def forget_cycles():
    for name in NAMES:
        CYCLE_TIMESTAMP_S.labels(name).set(0)


async def test_read_model_without_a_checkpoint_is_fully_behind(hub):
    await hub.append(*life_of(1), payment_id=1)
    await measure_at(hub, history.recorded_at(0))
    assert {(shown("position", name), shown("behind", name), shown("lag_seconds", name)) for name in NAMES} == {
        (0, 5, 60)
    }


async def test_lag_and_events_are_those_of_each_read_model(hub):
    await hub.make_tables()
    await hub.append(*life_of(1), payment_id=1)
    events = shown("events_total") or 0
    await hub.runner().handle(await hub.page(0, 4))
    await hub.runner(READ_MODELS[1:]).handle(await hub.page(4))
    await measure_at(hub, history.recorded_at(4))
    assert (shown("position"), shown("behind"), shown("lag_seconds")) == (4, 1, 60)
    assert [shown(name, NAMES[1]) for name in ("position", "behind", "lag_seconds")] == [5, 0, 0]
    assert shown("events_total") == events + 4


async def test_repeated_page_counts_no_event(hub):
    await hub.make_tables()
    await hub.append(*life_of(1), payment_id=1)
    await hub.runner().handle(await hub.page(0, 3))
    events = shown("events_total")
    await hub.runner().handle(await hub.page())
    await hub.runner().handle(await hub.page())
    assert shown("events_total") == events + 2


async def test_outdated_lag_is_not_shown_while_postgresql_is_away(hub):
    measurement = measure_read_models(hub.pool, NAMES)
    await measurement.measure()
    assert shown("behind") == 0
    await hub.pool.close()
    await measurement.measure()
    assert {shown(name) for name in ("position", "behind", "lag_seconds")} == {None}


async def test_loop_completes_cycles_without_events_and_none_after_its_end(hub, bus, monkeypatch):
    monkeypatch.setattr("extrato.bus.consumer.READ_LOG_EVERY_S", 0.05)
    await hub.make_tables()
    runner = hub.runner()
    async with in_background(runner.run()):
        await runner.until_ready()
        forget_cycles()
        await until(lambda: all(cycles().values()), "a cycle of each read model")
    forget_cycles()
    # The head stands, the lag is 0, and nothing but the time of the last cycle tells that the loop has ended.
    await measure_read_models(hub.pool, NAMES).measure()
    assert {shown("behind", name) for name in NAMES} == {0}
    assert set(cycles().values()) == {0}


async def test_read_model_that_waits_completes_no_cycle(hub, bus, monkeypatch):
    monkeypatch.setattr("extrato.bus.consumer.READ_LOG_EVERY_S", 0.05)
    await hub.make_tables()
    runner = hub.runner()
    async with in_background(runner.run()):
        await runner.until_ready()
        async with full_disk(hub, "merchants"):
            await hub.append(history.REGISTERED)
            await until(lambda: "merchants" in runner.waiting, "merchants waits")
            forget_cycles()
            await until(lambda: cycles()["open_payments"], "a cycle of another read model")
            assert shown("cycle_timestamp_seconds") == 0


@pytest.mark.parametrize("read_model", READ_MODELS[:1], ids=lambda each: each.name)
async def test_rebuild_is_shown_while_it_lasts(hub, read_model):
    await hub.append(history.REGISTERED)
    before = shown("events_total") or 0
    during = []

    class WatchedLog(type(hub.log)):
        async def read_rows(self, *arguments, **options):
            during.append(shown("rebuilding"))
            return await super().read_rows(*arguments, **options)

    hub.log = WatchedLog(hub.pool)
    forget_cycles()
    await hub.rebuild(read_model)
    assert set(during) == {1}
    assert shown("rebuilding") == 0
    assert shown("events_total") == before + 1
    assert shown("cycle_timestamp_seconds") > 0
