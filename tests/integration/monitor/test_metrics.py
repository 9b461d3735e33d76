"""The monitor's metrics: sweeps by lane and outcome, the age of searches, and the cycles of jobs and loops."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from extrato.domain.sweep_lanes import FAST, QUIET, SLOW
from extrato.settings import Keep
from services.monitor.app import Monitor
from services.monitor.metrics import CYCLE_TIMESTAMP_S
from services.monitor.schedule import CLOCK
from services.monitor.sweep_ages import measure_refused_accounts, measure_sweep_ages

if TYPE_CHECKING:
    from extrato.bus.connection import Bus
    from tests.integration.monitor.conftest import World

PADARIA = "padaria.mercado_pago"


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the NATS server that all tests share is enough."""
    return SimpleNamespace(url=nats_url)


def shown(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"extrato_{name}", labels) or 0.0


def monitor_of(world: World) -> Monitor:
    return Monitor(hub=world.hub, pool=world.pool, bus=cast("Bus", None), resume_after=timedelta(), keep=Keep())


async def ages(world: World, *, later: timedelta = timedelta()) -> dict[str, float | None]:
    await measure_sweep_ages(world.pool, providers=["mercado_pago"], now=lambda: world.hub.now() + later).measure()
    return {
        lane: REGISTRY.get_sample_value("extrato_sweep_age_seconds", {"lane": lane}) for lane in (FAST, SLOW, QUIET)
    }


async def test_sweep_is_counted_with_its_pages_and_outcome(world: World):
    await world.open()

    def counted() -> tuple[float, ...]:
        return (
            shown("sweeps_total", lane=FAST, outcome="completed"),
            shown("sweep_pages_total", lane=FAST),
            shown("sweep_duration_seconds_count", lane=FAST),
        )

    before = counted()
    await world.sweeps().run_once(FAST, PADARIA)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 1]


async def test_failed_sweep_is_counted_by_its_reason(world: World):
    await world.open()
    await world.hub.vault.remove("padaria", "mercado_pago")
    before = shown("sweeps_total", lane=FAST, outcome="provider_not_connected")
    await world.sweeps().run_once(FAST, PADARIA)
    assert shown("sweeps_total", lane=FAST, outcome="provider_not_connected") == before + 1


async def test_age_of_a_lane_is_that_of_its_longest_unsearched_account(world: World):
    assert await ages(world) == {FAST: 0, SLOW: 0, QUIET: 0}
    await world.open()
    never_searched = await ages(world, later=timedelta(seconds=60))
    assert 60 <= (never_searched[FAST] or 0) < 90
    await world.sweeps().run_once(FAST, PADARIA)
    searched = await ages(world, later=timedelta(seconds=60))
    assert all(60 <= (searched[lane] or 0) < 90 for lane in (FAST, QUIET))
    # After the watch, the payment is in the slow lane.
    unwatched = await ages(world, later=timedelta(hours=1))
    assert (unwatched[FAST], unwatched[SLOW]) == (0, unwatched[QUIET])
    await world.hub.vault.remove("padaria", "mercado_pago")
    assert await ages(world, later=timedelta(hours=1)) == {FAST: 0, SLOW: 0, QUIET: 0}


async def refuse(world: World, slug: str) -> None:
    """Store a token that the provider rejects."""
    await world.hub.vault.change(slug, "mercado_pago", lambda held: replace(held, access_token="APP_USR-revoked"))


async def refused(world: World, *, later: timedelta = timedelta()) -> tuple[float | None, float | None]:
    await measure_refused_accounts(
        world.pool, providers=["mercado_pago"], now=lambda: world.hub.now() + later
    ).measure()
    labels = {"provider": "mercado_pago"}
    return (
        REGISTRY.get_sample_value("extrato_accounts_refused", labels),
        REGISTRY.get_sample_value("extrato_accounts_swept", labels),
    )


async def test_refused_account_is_counted_apart_and_hides_no_other_account(world: World):
    await world.open()
    await world.open(slug="mercado")
    sweeps = world.sweeps()
    await sweeps.run_once(FAST, "mercado.mercado_pago")
    await refuse(world, "padaria")
    await sweeps.run_once(FAST, PADARIA)
    assert await refused(world) == (1, 2)
    await world.pool.execute("UPDATE credentials SET recorded_at = now() - interval '1 hour'")
    await world.pool.execute(
        "UPDATE open_payments SET opened_at = opened_at - interval '1 hour' WHERE merchant = 'padaria'"
    )
    # Only the age of the other account is shown.
    assert 60 <= (await ages(world, later=timedelta(seconds=60)))[FAST] < 90
    # The hub does not ask again: that is its fault.
    later = timedelta(minutes=46)
    await world.pool.execute("UPDATE open_payments SET watch_until = watch_until + interval '2 hours'")
    assert (await ages(world, later=later))[FAST] >= 3600
    assert await refused(world, later=later) == (0, 1)


@pytest.mark.parametrize("lane", [FAST, QUIET])
async def test_accepted_credential_ends_the_refusal(world: World, lane: str):
    await world.open()
    held = await world.hub.vault.get("padaria", "mercado_pago")
    await refuse(world, "padaria")
    await world.sweeps().run_once(lane, PADARIA)
    assert await refused(world) == (1, 1)
    # The provider accepts the stored token again.
    refused_at = await world.pool.fetchval("SELECT refused_at FROM credentials WHERE merchant = 'padaria'")
    await world.hub.vault.change("padaria", "mercado_pago", lambda _: held)
    assert await refused(world) == (0, 0)
    await world.pool.execute("UPDATE credentials SET refused_at = $1 WHERE merchant = 'padaria'", refused_at)
    await world.sweeps().run_once(lane, PADARIA)
    assert await refused(world) == (0, 1)


async def test_age_of_an_account_begins_with_its_newest_credential(world: World):
    await world.open()
    await world.sweeps().run_once(FAST, PADARIA)
    await world.pool.execute("UPDATE sweep_cursors SET high_water = now() - interval '30 days'")
    assert (await ages(world))[QUIET] < 60
    await world.pool.execute("UPDATE credentials SET recorded_at = now() - interval '2 hours'")
    assert (await ages(world))[QUIET] >= 7200


async def test_age_is_not_shown_without_the_read_model(world: World):
    await world.pool.execute("DROP TABLE open_payments")
    assert await ages(world) == {FAST: None, SLOW: None, QUIET: None}


async def test_job_completes_a_cycle_when_it_has_nothing_to_do(world: World):
    monitor = monitor_of(world)
    CYCLE_TIMESTAMP_S.labels("expiry").set(0)
    await monitor.dispatcher._work[CLOCK]("expiry")
    assert shown("monitor_cycle_timestamp_seconds", job="expiry") > 0


async def test_failed_job_completes_no_cycle_and_unknown_jobs_have_none(world: World):
    monitor = monitor_of(world)
    await world.pool.execute("DROP TABLE open_payments")
    CYCLE_TIMESTAMP_S.labels("expiry").set(0)
    with pytest.raises(Exception, match="not built"):
        await monitor.dispatcher._work[CLOCK]("expiry")
    await monitor.dispatcher._work[CLOCK]("hostile")
    assert shown("monitor_cycle_timestamp_seconds", job="expiry") == 0
    assert REGISTRY.get_sample_value("extrato_monitor_cycle_timestamp_seconds", {"job": "hostile"}) is None
