"""`extrato up` as a process: it starts, stops in order, keeps what it holds and brings back what dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
import time

import asyncpg
import psutil
import pytest

from tests.conftest import services_url
from tests.homes import put_database_in
from tests.pace import allowed, until
from tests.process.conftest import STUBS, processes_of

SERVICES = ["gateway", "monitor", "projections", "sandbox"]
ALL = [*SERVICES, "nats", "postgres"]


@pytest.fixture
async def start_hub(start_first_hub, home):
    """Start hubs in a home that has a database; creating one takes longest."""
    await asyncio.to_thread(put_database_in, home)
    return start_first_hub


async def test_a_first_start_is_ready_within_six_seconds(start_first_hub, home):
    assert not home.exists()
    started = time.monotonic()
    hub = await start_first_hub()
    await hub.says("extrato is ready")
    assert time.monotonic() - started < allowed(6)


async def test_a_ready_hub_names_its_addresses_a_key_and_a_request_to_try(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.says("extrato is ready")
    said = "\n".join(hub.lines)
    key = (hub.home / "demo-api-key").read_text().strip()
    assert hub.addresses["gateway_url"] in said
    assert hub.addresses["sandbox_url"] in said
    assert f"API key   {hub.home / 'demo-api-key'}" in said
    assert any("curl" in line and f"$(cat {hub.home / 'demo-api-key'})" in line for line in hub.lines)
    # What is said may be kept by others, so that it holds no key.
    assert key.rpartition(".")[2] not in said
    assert (hub.home / "admin-api-key").read_text().strip().rpartition(".")[2] not in said
    assert hub.lines[-1] == "extrato is ready"


async def test_with_another_provider_neither_sandbox_nor_demo_start(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.says("extrato is ready")
    hub.process.terminate()
    await hub.ended()

    again = await start_hub(**servers, EXTRATO_MERCADOPAGO_URL="https://mercadopago.example")
    await again.says("extrato is ready")
    assert sorted(again.pids) == [name for name in SERVICES if name != "sandbox"]
    assert not (hub.home / "demo-api-key").exists()
    assert "sandbox_url" not in again.addresses
    assert again.addresses["mercado_pago_url"] == "https://mercadopago.example"
    said = "\n".join(again.lines)
    assert f"admin key {hub.home / 'admin-api-key'}" in said
    assert not any(word in said for word in ("sandbox", "API key", "try "))


async def test_the_list_of_processes_names_every_child(start_hub):
    hub = await start_hub()
    await hub.says("extrato is ready")
    assert sorted(hub.pids) == sorted(ALL)
    assert all(psutil.Process(pid).ppid() == hub.process.pid for pid in hub.pids.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_signal_stops_everything_within_five_seconds(start_hub, number):
    hub = await start_hub()
    await hub.says("extrato is ready")
    asked = time.monotonic()
    hub.process.send_signal(number)
    assert await hub.ended() == (0, "")
    assert time.monotonic() - asked < allowed(5)
    assert hub.living() == []
    # A command is told that no hub runs, and not to look where one was.
    assert not (hub.home / "run" / "addresses.json").exists()


async def test_services_stop_one_after_another(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.says("extrato is ready")
    hub.process.send_signal(signal.SIGHUP)
    await hub.ended()
    endings = [float((hub.home / "run" / f"{name}.ended").read_text()) for name in SERVICES]
    assert endings == sorted(endings)


async def test_a_second_signal_while_stopping_does_no_harm(start_hub, servers):
    hub = await start_hub("monitor=deaf", **servers)
    await hub.says("extrato is ready")
    hub.process.terminate()
    await hub.says("extrato is stopping")
    hub.process.send_signal(signal.SIGINT)
    assert await hub.ended() == (0, "")
    assert hub.living() == []


async def test_services_that_do_not_listen_cannot_hold_up_the_stop(start_hub):
    hub = await start_hub(*(f"{name}=deaf" for name in SERVICES))
    await hub.says("extrato is ready")
    asked = time.monotonic()
    hub.process.terminate()
    assert await hub.ended() == (0, "")
    assert time.monotonic() - asked < allowed(5)
    assert hub.living() == []


async def test_a_signal_while_starting_leaves_nothing_running(start_first_hub):
    hub = await start_first_hub()
    await until((hub.home / "logs" / "postgres.log").exists)
    hub.process.terminate()
    code, errors = await hub.ended()
    assert (code, errors) == (0, "")
    assert hub.living() == []


async def test_the_first_start_makes_a_key_of_the_hub_that_only_its_owner_reads(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.says("extrato is ready")
    file = hub.home / "admin-api-key"
    key = file.read_text().strip()
    assert key.startswith("extrato.extrato.")
    assert f"admin key {file}" in hub.lines
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    hub.process.terminate()
    await hub.ended()

    # A key that was put away stays away, and no other is made.
    file.unlink()
    again = await start_hub(**servers)
    await again.says("extrato is ready")
    assert not file.exists()
    assert not any("admin key" in line for line in again.lines)


async def test_a_second_start_finds_the_data_and_the_key(start_hub):
    hub = await start_hub()
    await hub.says("extrato is ready")
    key = (hub.home / "demo-api-key").read_text().strip()
    await _keep_a_note(hub)
    hub.process.terminate()
    await hub.ended()

    started = time.monotonic()
    again = await start_hub()
    await again.says("extrato is ready")
    assert time.monotonic() - started < allowed(4)
    assert await _notes(again) == ["kept"]
    assert (hub.home / "demo-api-key").read_text().strip() == key


async def test_every_child_that_dies_is_reported_and_started_again_with_the_same_address(start_hub):
    hub = await start_hub()
    await hub.says("extrato is ready")
    await _keep_a_note(hub)
    for name in ALL:
        before = hub.pids
        os.kill(before[name], signal.SIGKILL)
        await hub.says(f"{name} was ended by SIGKILL; restart at once.")
        await hub.says(f"{name} is ready again.")
        assert [other for other in ALL if hub.pids[other] != before[other]] == [name]
    assert await _notes(hub) == ["kept"]


async def test_what_a_killed_hub_leaves_behind_is_ended_by_the_kernel(start_hub):
    hub = await start_hub()
    await hub.says("extrato is ready")
    hub.process.kill()
    await until(lambda: not hub.living())


async def test_a_new_hub_takes_over_from_a_killed_one_at_once(start_hub):
    hub = await start_hub("gateway=deaf")
    await hub.says("extrato is ready")
    await _keep_a_note(hub)
    orphans = hub.pids
    hub.process.kill()
    await hub.process.wait()
    assert (hub.home / "run" / "addresses.json").exists()

    again = await start_hub()
    await again.says("extrato is ready")
    assert await _notes(again) == ["kept"]
    assert not set(orphans.values()) & set(hub.living())


async def test_a_process_that_took_over_the_number_of_an_orphan_is_left_alone(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.says("extrato is ready")
    hub.process.terminate()
    await hub.ended()
    ours = psutil.Process()
    later = {"pid": ours.pid, "started_at": ours.create_time(), "command": ["another"], "stop_signal": 9}
    (hub.home / "run" / "identities.json").write_text(json.dumps([later]))
    again = await start_hub(**servers)
    await again.says("extrato is ready")


async def test_a_hub_ends_with_the_process_that_started_it(start_hub, servers, home):
    script = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
    hub = await start_hub(script=("-c", script, str(STUBS / "hub.py")), **servers)
    await hub.says("extrato is ready")
    hub.process.kill()
    await until(lambda: not processes_of(home))


async def test_make_passes_on_an_interrupt_that_only_make_got(start_hub, servers, tmp_path):
    # Whoever runs the tests in the background may have them ignore interrupts, and make would inherit that.
    heed = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    script = f"{heed} os.execvp('make', ['make', '--silent', '-f', sys.argv[1]])"
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"up:\n\t@exec {sys.executable} {STUBS / 'hub.py'}\n")
    hub = await start_hub(script=("-c", script, str(makefile)), **servers)
    await hub.says("extrato is ready")
    hub.process.send_signal(signal.SIGINT)
    await hub.ended()
    assert hub.living() == []


async def test_given_servers_are_used_instead_of_embedded_ones(start_hub, database_url, nats_url):
    hub = await start_hub(EXTRATO_DATABASE_URL=database_url, EXTRATO_NATS_URL=nats_url)
    await hub.says("extrato is ready")
    assert sorted(hub.pids) == SERVICES
    assert hub.addresses["database_url"] == database_url
    assert hub.addresses["nats_url"] == nats_url


async def test_two_given_urls_are_used_each_for_its_own(start_hub, database_url, nats_url):
    roles = {"EXTRATO_DATABASE_URL": services_url(database_url), "EXTRATO_MIGRATION_DATABASE_URL": database_url}
    hub = await start_hub(EXTRATO_NATS_URL=nats_url, **roles)
    await hub.says("extrato is ready")
    assert hub.addresses["database_url"] == services_url(database_url)
    assert database_url not in (hub.home / "run" / "addresses.json").read_text()
    for pid in hub.pids.values():
        assert "EXTRATO_MIGRATION_DATABASE_URL" not in psutil.Process(pid).environ()
    await _services_cannot_rewrite_the_log(hub)


async def test_the_services_of_an_embedded_database_cannot_rewrite_the_log(start_hub, nats_url):
    hub = await start_hub(EXTRATO_NATS_URL=nats_url)
    await hub.says("extrato is ready")
    await _services_cannot_rewrite_the_log(hub)


async def _services_cannot_rewrite_the_log(hub):
    connection = await asyncpg.connect(hub.addresses["database_url"])
    assert await connection.fetchval("SELECT count(*) FROM stored_events") > 0
    for sql in ("DELETE FROM stored_events", "DROP TABLE stored_events", "UPDATE stored_events SET state = ''"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)
    await connection.close()


async def _keep_a_note(hub):
    connection = await asyncpg.connect(hub.addresses["database_url"])
    await connection.execute("CREATE TABLE notes (words text); INSERT INTO notes VALUES ('kept')")
    await connection.close()


async def _notes(hub):
    connection = await asyncpg.connect(hub.addresses["database_url"])
    try:
        return [row[0] for row in await connection.fetch("SELECT words FROM notes")]
    finally:
        await connection.close()
