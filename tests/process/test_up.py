"""`extrato up` as a process: it starts, stops in order, keeps its data and restarts crashed programs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys

import asyncpg
import psutil
import pytest

from tests.conftest import services_url
from tests.homes import put_database_in
from tests.pace import allowed, running_s, until
from tests.process.conftest import STUBS, processes_of

SERVICES = ["gateway", "monitor", "projections", "sandbox"]
ALL = [*SERVICES, "nats", "postgres"]


@pytest.fixture
async def start_hub(start_first_hub, home):
    """Start hubs in a home with a database, because creating one takes longest."""
    await asyncio.to_thread(put_database_in, home)
    return start_first_hub


async def test_first_start_is_ready_within_six_seconds(start_first_hub, home):
    assert not home.exists()
    started = running_s()
    hub = await start_first_hub()
    await hub.wait_for_line("extrato is ready")
    assert running_s() - started < allowed(6)


async def test_ready_hub_prints_addresses_key_file_and_example(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.wait_for_line("extrato is ready")
    said = "\n".join(hub.lines)
    key = (hub.home / "demo-api-key").read_text().strip()
    assert hub.addresses["gateway_url"] in said
    assert hub.addresses["sandbox_url"] in said
    assert f"API key   {hub.home / 'demo-api-key'}" in said
    assert any("curl" in line and f"$(cat {hub.home / 'demo-api-key'})" in line for line in hub.lines)
    # Others may read or keep the output, so it contains no key.
    assert key.rpartition(".")[2] not in said
    assert (hub.home / "admin-api-key").read_text().strip().rpartition(".")[2] not in said
    assert hub.lines[-1] == "extrato is ready"


async def test_other_provider_disables_sandbox_and_demo(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.wait_for_line("extrato is ready")
    hub.process.terminate()
    await hub.wait_for_end()

    again = await start_hub(**servers, EXTRATO_MERCADOPAGO_URL="https://mercadopago.example")
    await again.wait_for_line("extrato is ready")
    assert sorted(again.pids) == [name for name in SERVICES if name != "sandbox"]
    assert not (hub.home / "demo-api-key").exists()
    assert "sandbox_url" not in again.addresses
    assert again.addresses["mercado_pago_url"] == "https://mercadopago.example"
    said = "\n".join(again.lines)
    assert f"admin key {hub.home / 'admin-api-key'}" in said
    assert not any(word in said for word in ("sandbox", "API key", "try "))


async def test_process_list_names_every_child(start_hub):
    hub = await start_hub()
    await hub.wait_for_line("extrato is ready")
    assert sorted(hub.pids) == sorted(ALL)
    assert all(psutil.Process(pid).ppid() == hub.process.pid for pid in hub.pids.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_signal_stops_everything_within_five_seconds(start_hub, number):
    hub = await start_hub()
    await hub.wait_for_line("extrato is ready")
    asked = running_s()
    hub.process.send_signal(number)
    assert await hub.wait_for_end() == (0, "")
    assert running_s() - asked < allowed(5)
    assert hub.processes() == []
    # A later command reports that no hub runs, and does not connect to the old addresses.
    assert not (hub.home / "run" / "addresses.json").exists()


async def test_services_stop_in_order(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.wait_for_line("extrato is ready")
    hub.process.send_signal(signal.SIGHUP)
    await hub.wait_for_end()
    endings = [float((hub.home / "run" / f"{name}.ended").read_text()) for name in SERVICES]
    assert endings == sorted(endings)


async def test_second_signal_while_stopping_is_harmless(start_hub, servers):
    hub = await start_hub("monitor=deaf", **servers)
    await hub.wait_for_line("extrato is ready")
    hub.process.terminate()
    await hub.wait_for_line("extrato is stopping")
    hub.process.send_signal(signal.SIGINT)
    assert await hub.wait_for_end() == (0, "")
    assert hub.processes() == []


async def test_deaf_services_do_not_delay_the_stop(start_hub):
    hub = await start_hub(*(f"{name}=deaf" for name in SERVICES))
    await hub.wait_for_line("extrato is ready")
    asked = running_s()
    hub.process.terminate()
    assert await hub.wait_for_end() == (0, "")
    assert running_s() - asked < allowed(5)
    assert hub.processes() == []


async def test_signal_while_starting_leaves_nothing_running(start_first_hub):
    hub = await start_first_hub()
    await until((hub.home / "logs" / "postgres.log").exists)
    hub.process.terminate()
    code, errors = await hub.wait_for_end()
    assert (code, errors) == (0, "")
    assert hub.processes() == []


async def test_first_start_issues_a_private_admin_key(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.wait_for_line("extrato is ready")
    file = hub.home / "admin-api-key"
    key = file.read_text().strip()
    assert key.startswith("extrato.extrato.")
    assert f"admin key {file}" in hub.lines
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    hub.process.terminate()
    await hub.wait_for_end()

    # A removed key file is not recreated, and no other key is issued.
    file.unlink()
    again = await start_hub(**servers)
    await again.wait_for_line("extrato is ready")
    assert not file.exists()
    assert not any("admin key" in line for line in again.lines)


async def test_second_start_keeps_data_and_key(start_hub):
    hub = await start_hub()
    await hub.wait_for_line("extrato is ready")
    key = (hub.home / "demo-api-key").read_text().strip()
    await _write_note(hub)
    hub.process.terminate()
    await hub.wait_for_end()

    started = running_s()
    again = await start_hub()
    await again.wait_for_line("extrato is ready")
    assert running_s() - started < allowed(4)
    assert await _notes(again) == ["kept"]
    assert (hub.home / "demo-api-key").read_text().strip() == key


async def test_crashed_child_is_reported_and_restarted(start_hub):
    hub = await start_hub()
    await hub.wait_for_line("extrato is ready")
    await _write_note(hub)
    for name in ALL:
        before = hub.pids
        os.kill(before[name], signal.SIGKILL)
        await hub.wait_for_line(f"{name} was ended by SIGKILL; restart at once.")
        await hub.wait_for_line(f"{name} is ready again.")
        assert [other for other in ALL if hub.pids[other] != before[other]] == [name]
    assert await _notes(hub) == ["kept"]


async def test_kernel_ends_children_of_a_killed_hub(start_hub):
    hub = await start_hub()
    await hub.wait_for_line("extrato is ready")
    hub.process.kill()
    await until(lambda: not hub.processes())


async def test_new_hub_takes_over_from_a_killed_one(start_hub):
    hub = await start_hub("gateway=deaf")
    await hub.wait_for_line("extrato is ready")
    await _write_note(hub)
    orphans = hub.pids
    hub.process.kill()
    await hub.process.wait()
    assert (hub.home / "run" / "addresses.json").exists()

    again = await start_hub()
    await again.wait_for_line("extrato is ready")
    assert await _notes(again) == ["kept"]
    assert not set(orphans.values()) & set(hub.processes())


async def test_process_with_the_pid_of_an_orphan_is_not_ended(start_hub, servers):
    hub = await start_hub(**servers)
    await hub.wait_for_line("extrato is ready")
    hub.process.terminate()
    await hub.wait_for_end()
    ours = psutil.Process()
    later = {"pid": ours.pid, "started_at": ours.create_time(), "command": ["another"], "stop_signal": 9}
    (hub.home / "run" / "identities.json").write_text(json.dumps([later]))
    again = await start_hub(**servers)
    await again.wait_for_line("extrato is ready")


async def test_hub_ends_with_its_parent(start_hub, servers, home):
    script = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
    hub = await start_hub(script=("-c", script, str(STUBS / "hub.py")), **servers)
    await hub.wait_for_line("extrato is ready")
    hub.process.kill()
    await until(lambda: not processes_of(home))


async def test_interrupt_of_make_stops_the_hub(start_hub, servers, tmp_path):
    # Tests in the background may ignore interrupts, and make would inherit that.
    accept_interrupts = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    script = f"{accept_interrupts} os.execvp('make', ['make', '--silent', '-f', sys.argv[1]])"
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"up:\n\t@exec {sys.executable} {STUBS / 'hub.py'}\n")
    hub = await start_hub(script=("-c", script, str(makefile)), **servers)
    await hub.wait_for_line("extrato is ready")
    hub.process.send_signal(signal.SIGINT)
    await hub.wait_for_end()
    assert hub.processes() == []


async def test_configured_servers_replace_embedded_ones(start_hub, database_url, nats_url):
    hub = await start_hub(EXTRATO_DATABASE_URL=database_url, EXTRATO_NATS_URL=nats_url)
    await hub.wait_for_line("extrato is ready")
    assert sorted(hub.pids) == SERVICES
    assert hub.addresses["database_url"] == database_url
    assert hub.addresses["nats_url"] == nats_url


async def test_services_never_get_the_migration_url(start_hub, database_url, nats_url):
    roles = {"EXTRATO_DATABASE_URL": services_url(database_url), "EXTRATO_MIGRATION_DATABASE_URL": database_url}
    hub = await start_hub(EXTRATO_NATS_URL=nats_url, **roles)
    await hub.wait_for_line("extrato is ready")
    assert hub.addresses["database_url"] == services_url(database_url)
    assert database_url not in (hub.home / "run" / "addresses.json").read_text()
    for pid in hub.pids.values():
        assert "EXTRATO_MIGRATION_DATABASE_URL" not in psutil.Process(pid).environ()
    await _services_cannot_rewrite_the_log(hub)


async def test_embedded_database_archives_its_wal(start_hub, home, nats_url):
    hub = await start_hub(EXTRATO_NATS_URL=nats_url, EXTRATO_ARCHIVE=str(home.parent / "archive"))
    await hub.wait_for_line("extrato is ready")
    connection = await asyncpg.connect(hub.addresses["database_url"])
    assert await connection.fetchval("SHOW archive_mode") == "on"
    await connection.close()


async def test_services_cannot_rewrite_the_log_of_embedded_database(start_hub, nats_url):
    hub = await start_hub(EXTRATO_NATS_URL=nats_url)
    await hub.wait_for_line("extrato is ready")
    await _services_cannot_rewrite_the_log(hub)


async def _services_cannot_rewrite_the_log(hub):
    connection = await asyncpg.connect(hub.addresses["database_url"])
    assert await connection.fetchval("SELECT count(*) FROM stored_events") > 0
    for sql in ("DELETE FROM stored_events", "DROP TABLE stored_events", "UPDATE stored_events SET state = ''"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)
    await connection.close()


async def _write_note(hub):
    connection = await asyncpg.connect(hub.addresses["database_url"])
    await connection.execute("CREATE TABLE notes (words text); INSERT INTO notes VALUES ('kept')")
    await connection.close()


async def _notes(hub):
    connection = await asyncpg.connect(hub.addresses["database_url"])
    try:
        return [row[0] for row in await connection.fetch("SELECT words FROM notes")]
    finally:
        await connection.close()
