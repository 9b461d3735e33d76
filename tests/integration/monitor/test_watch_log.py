"""Log lines of a watch that several processes see."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from contracts.events import StatusChanged
from extrato.domain.sweep_lanes import FAST
from extrato.use_cases.refresh_payment import refresh_payment
from tests.compatibility.claim import claim
from tests.integration.monitor.conftest import CAUSE, World

PADARIA = "padaria.mercado_pago"
LINES = ("watch_started", "watch_taken_over", "watch_check", "status_changed", "watch_stops", "watch_finished")


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the session's server is enough."""
    return SimpleNamespace(url=nats_url)


@claim("log-lines.started")
async def test_payment_ended_before_first_sweep_has_no_log_lines(world: World, logged):
    payment = await world.open()
    await world.sandbox.pay(payment)
    await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)
    await world.wait_until_projected(payment.payment_id)
    await world.sweeps().run_once(FAST, PADARIA)
    assert logged(*LINES) == []


@claim("log-lines.started")
async def test_watch_of_another_process_is_logged_as_taken_over(world: World, clock, logged):
    payment = await world.open()
    await world.sweeps().run_once(FAST, PADARIA)
    clock.ahead = timedelta(seconds=5)
    await world.sweeps().run_once(FAST, PADARIA)
    begun = [(fact["event"], fact["payment_id"], fact["number"]) for fact in logged(*LINES[:2])]
    assert begun == [("watch_started", payment.payment_id, 1), ("watch_taken_over", payment.payment_id, 2)]


@claim("log-lines.changed")
async def test_change_found_elsewhere_is_in_timeline_not_in_log(world: World, logged):
    payment = await world.open()
    sweeps = world.sweeps()
    await sweeps.run_once(FAST, PADARIA)
    await world.sandbox.pay(payment)
    await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)
    await world.wait_until_projected(payment.payment_id)
    await sweeps.run_once(FAST, PADARIA)
    assert logged("status_changed") == []
    [change] = await world.events(payment, StatusChanged)
    assert change.cause.actor == CAUSE.actor
    assert [fact["event"] for fact in logged("watch_stops", "watch_finished")] == ["watch_stops", "watch_finished"]
