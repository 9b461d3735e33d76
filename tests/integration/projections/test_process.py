"""The projections process: ready, stopped, killed, disconnected, and rebuilding by command."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from extrato import process as processes
from extrato.bus.connection import connect
from extrato.health import RoleHealth
from extrato.settings import InvalidSettings, Settings
from extrato.store.migrations import migrate
from services.cli.embedded.postgres import EmbeddedPostgres
from services.projections import app
from services.projections.read_models.registry import READ_MODELS
from tests.integration.projections.conftest import Hub, life_of
from tests.pace import allowed, running_s, until, within
from tests.unit.projections import history

STOPS_WITHIN_S = 2.0
ROOT = Path(__file__).parents[3]


@contextlib.asynccontextmanager
async def process(*words, **environment):
    """Run a command of `extrato`, without words the projections, and kill it at the end of the context."""
    variables = {f"EXTRATO_{name.upper()}": str(value) for name, value in environment.items()}
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli", *(words or ("projections",))),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


@pytest.fixture
def environment(hub, nats_server, tmp_path):
    """The environment of a process that belongs to the hub."""
    return {
        "database_url": hub.database_url,
        "nats_url": nats_server.url,
        "home": tmp_path,
        "ready_file": tmp_path / "projections.ready",
    }


async def ready(environment):
    async def is_ready():
        return environment["ready_file"].exists()

    await until(is_ready, "the process is ready", within_s=30)


def settings_of(environment):
    return Settings.from_environment({f"EXTRATO_{name.upper()}": str(value) for name, value in environment.items()})


async def test_process_is_ready_after_reading_the_log(hub, environment):
    await hub.append_payments(range(1, 5))
    environment["ready_file"].touch()
    async with process(**environment):
        await until(hub.is_complete)
        await ready(environment)
        await hub.append_payments(range(5, 9))
        await until(hub.is_complete)
    assert len((await hub.rows())["payment_details"]) == 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_signal_stops_a_working_process_without_an_error(hub, environment, number):
    async with process(**environment) as running:
        await ready(environment)
        await hub.append_payments(range(1, 3))
        running.send_signal(number)
        began_s = running_s()
        _, said = await running.communicate()
        assert running_s() - began_s < allowed(STOPS_WITHIN_S)
        assert running.returncode == 0
        assert b"Traceback" not in said
        assert b'"level": "error"' not in said


async def test_signal_stops_a_process_that_waits_for_nats(environment):
    async with process(**{**environment, "nats_url": "nats://127.0.0.1:1"}) as running:
        assert b"Connection refused" in await running.stderr.readline()
        running.terminate()
        async with within(STOPS_WITHIN_S):
            await running.wait()
        assert running.returncode == 0


async def test_killed_process_loses_and_repeats_no_event(hub, environment):
    async with process(**environment) as first:
        await ready(environment)
        writing = asyncio.create_task(hub.append_payments(range(1, 41)))
        await until(lambda: hub.status_of(5))
        first.kill()
        await writing
    async with process(**environment):
        await until(hub.is_complete)
    live = await hub.rows()
    assert len(live["payment_details"]) == 40
    await hub.rebuild_all()
    assert await hub.rows() == live


async def test_process_survives_outages_of_postgresql_and_nats(home, nats_server, tmp_path):
    postgres = EmbeddedPostgres(home, fsync=False)
    await postgres.start()
    await migrate(postgres.url)
    environment = {
        "database_url": postgres.url,
        "nats_url": nats_server.url,
        "home": tmp_path,
        "ready_file": tmp_path / "projections.ready",
    }
    async with process(**environment) as running:
        await ready(environment)
        await postgres.stop()
        await nats_server.stop()
        await postgres.start()
        await nats_server.start()
        bus = await connect(nats_server.url, name="test")
        async with asyncpg.create_pool(postgres.url, min_size=1) as pool:
            hub = Hub(database_url=postgres.url, pool=pool, bus=bus)
            await hub.append(*life_of(1), payment_id=1)
            await until(hub.is_complete)
            assert await hub.status_of(1) == "approved"
        await bus.close()
        assert running.returncode is None
    await postgres.stop()


async def test_unreachable_server_is_reported_in_one_sentence(environment, monkeypatch):
    monkeypatch.setattr(processes, "START_DEADLINE_S", 2.0)
    nowhere = settings_of({**environment, "database_url": "postgresql://extrato@127.0.0.1:1/extrato"})
    with pytest.raises(processes.CannotStart, match=r"PostgreSQL cannot be used after 2 s: .*Connect call failed"):
        await app.serve(nowhere, RoleHealth())
    with pytest.raises(processes.CannotStart, match=r"NATS cannot be used after 2 s: .*Connect call failed"):
        await app.serve(settings_of({**environment, "nats_url": "nats://127.0.0.1:1"}), RoleHealth())


async def test_start_waits_for_missing_migrations(environment, empty_database_url, monkeypatch):
    monkeypatch.setattr(processes, "START_DEADLINE_S", 2.0)
    with pytest.raises(processes.CannotStart, match="its migrations were not applied"):
        await app.serve(settings_of({**environment, "database_url": empty_database_url}), RoleHealth())


async def test_failed_part_ends_the_process(environment, monkeypatch):
    async def die(_):
        raise ZeroDivisionError

    monkeypatch.setattr("services.projections.app.Relay.run", die)
    with pytest.raises(processes.PartEnded, match="relay"):
        await app.serve(settings_of(environment), RoleHealth())


async def test_rebuild_command_beside_the_process_gives_the_same_rows(hub, environment):
    await hub.append_payments(range(1, 9))
    async with process(**environment):
        await ready(environment)
        await until(hub.is_complete)
        live = await hub.rows()
        async with process("rebuild", "all", **environment) as rebuilding:
            _, said = await rebuilding.communicate()
        assert rebuilding.returncode == 0, said
        assert said.count(b"rebuild_completed") == len(READ_MODELS)
        assert await hub.rows() == live
        await hub.append(history.opened(), payment_id=9)
        await until(hub.is_complete)


async def test_rebuild_command_rebuilds_only_its_read_model(hub, environment):
    async with process("rebuild", "merchants", **environment) as rebuilding:
        await rebuilding.communicate()
    assert rebuilding.returncode == 0
    assert await hub.positions() == {"merchants": 0}


async def test_unknown_read_model_is_reported_in_one_sentence(environment):
    async with process("rebuild", "paymants", **environment) as rebuilding:
        _, said = await rebuilding.communicate()
    assert rebuilding.returncode == 1
    assert said.decode() == (
        "projections: There is no read model 'paymants'; there are merchants, open_payments, "
        "open_requests, payment_details, merchant_positions, statement, and all stands for all of them.\n"
    )


async def test_wrong_setting_is_reported_in_one_sentence(environment):
    with pytest.raises(InvalidSettings):
        settings_of({**environment, "log_level": "loud"})
    async with process(**{**environment, "log_level": "loud"}) as running:
        _, said = await running.communicate()
    assert running.returncode == 1
    assert said.decode().count("\n") == 1
