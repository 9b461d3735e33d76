"""A hub that cannot start prints one sentence, exits with code 1 and leaves nothing running."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from extrato.own_files import ForeignFile
from extrato.process import CannotStart
from extrato.settings import Settings
from extrato.store.transaction_pooler import TRANSACTION_POOLER
from services.cli.commands.running import running_hub
from services.cli.commands.secret_input import read_secret
from services.cli.preflight import prepare_home
from tests.integration.store.pooler import pooling
from tests.ports import free_port
from tests.process.conftest import STUBS, processes_of


async def startup_error(start_hub, *behaviours, **environment):
    ended = await start_hub.run_to_the_end(*behaviours, **environment)
    assert ended.code == 1
    assert processes_of(start_hub.home) == []
    lines = ended.errors.strip().split("\n")
    assert len(lines) == 1, ended.errors
    return lines[0].removeprefix("extrato: ")


@pytest.mark.parametrize("name", ["EXTRATO_PORT", "EXTRATO_SANDBOX_PORT"])
async def test_taken_port_is_named(start_hub, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = await startup_error(start_hub, **{name: str(port)})
    assert sentence == f"Port {port} of 127.0.0.1 is taken by another program: set {name} to a free one."


async def test_two_services_cannot_share_a_port(start_hub):
    port = str(free_port())
    sentence = await startup_error(start_hub, EXTRATO_PORT=port, EXTRATO_SANDBOX_PORT=port)
    assert sentence == f"EXTRATO_PORT and EXTRATO_SANDBOX_PORT are both {port}."


async def test_port_must_be_a_number(start_hub):
    assert "EXTRATO_PORT must be a port number" in await startup_error(start_hub, EXTRATO_PORT="eight")


async def test_host_of_another_machine_is_rejected(start_hub):
    sentence = await startup_error(start_hub, EXTRATO_HOST="192.0.2.1")
    assert sentence == "EXTRATO_HOST=192.0.2.1 is not an address of this machine."


async def test_unknown_authentication_mode_is_rejected(start_hub):
    assert "EXTRATO_AUTH must be 'keys' or 'open'" in await startup_error(start_hub, EXTRATO_AUTH="none")


async def test_open_mode_is_rejected_on_other_addresses(start_hub):
    sentence = await startup_error(start_hub, EXTRATO_AUTH="open", EXTRATO_HOST="0.0.0.0")
    assert "EXTRATO_AUTH=open is allowed on a loopback address only" in sentence


@pytest.mark.parametrize("url", ["https://hub.example", "http://192.0.2.1:8000", "https://127.0.0.1.hub.example"])
async def test_open_mode_is_rejected_with_a_public_url(start_hub, url):
    sentence = await startup_error(start_hub, EXTRATO_AUTH="open", EXTRATO_PUBLIC_URL=url)
    assert sentence == f"EXTRATO_AUTH=open is for one machine only, and EXTRATO_PUBLIC_URL is {url!r}."


async def test_open_mode_is_rejected_behind_proxies(start_hub):
    sentence = await startup_error(start_hub, EXTRATO_AUTH="open", EXTRATO_TRUSTED_PROXIES="127.0.0.1")
    assert sentence == "EXTRATO_AUTH=open is for one machine only, and EXTRATO_TRUSTED_PROXIES lets others in."


async def test_database_url_of_another_kind_is_rejected(start_hub):
    assert "EXTRATO_DATABASE_URL must be a URL" in await startup_error(start_hub, EXTRATO_DATABASE_URL="mysql://x/y")


async def test_unreachable_database_is_named_without_password(start_hub):
    url = f"postgresql://me:hidden-word@127.0.0.1:{free_port()}/extrato"
    sentence = await startup_error(start_hub, EXTRATO_DATABASE_URL=url)
    assert sentence.startswith("EXTRATO_DATABASE_URL does not lead to a usable database:")
    assert "hidden-word" not in sentence


async def test_database_that_rejects_the_user_is_named(start_hub, postgres_url):
    url = postgres_url.replace("extrato@", "stranger@")
    sentence = await startup_error(start_hub, EXTRATO_DATABASE_URL=url)
    assert sentence.startswith("EXTRATO_DATABASE_URL does not lead to a usable database:")


async def test_unusable_migration_database_url_is_named(start_hub, servers):
    url = servers["EXTRATO_DATABASE_URL"].replace("extrato@", "stranger@")
    sentence = await startup_error(start_hub, **servers, EXTRATO_MIGRATION_DATABASE_URL=url)
    assert sentence.startswith("EXTRATO_MIGRATION_DATABASE_URL does not lead to a usable database:")


async def test_unreachable_nats_is_named(start_hub):
    sentence = await startup_error(start_hub, EXTRATO_NATS_URL=f"nats://127.0.0.1:{free_port()}")
    assert sentence.startswith("EXTRATO_NATS_URL does not lead to a NATS server:")


async def test_nats_with_wrong_password_is_named_without_it(start_hub, nats_url):
    address = nats_url.rpartition("@")[2]
    sentence = await startup_error(start_hub, EXTRATO_NATS_URL=f"nats://extrato:hidden-word@{address}")
    assert sentence == "EXTRATO_NATS_URL does not lead to a usable NATS server: authorization violation."


async def test_other_server_at_the_nats_url_is_recognised(start_hub):
    async def answer(_reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sentence = await startup_error(start_hub, EXTRATO_NATS_URL=f"nats://127.0.0.1:{port}")
    assert sentence.endswith("another kind of server answers there.")


async def test_home_that_is_a_file_is_rejected(start_hub, tmp_path):
    home = tmp_path / "home"
    home.write_text("not a folder")
    sentence = await startup_error(start_hub, EXTRATO_HOME=str(home))
    assert sentence.startswith(f"EXTRATO_HOME={home} cannot be written by user ")


NOT_OURS = {
    "link": lambda path, victim: path.symlink_to(victim),
    "writable by all": lambda path, _: (path.touch(), path.chmod(0o666)),
    "writable by a group": lambda path, _: (path.mkdir(), path.chmod(0o770)),
}


@pytest.mark.parametrize("what", NOT_OURS)
@pytest.mark.parametrize(
    "name",
    [
        *("admin-api-key", "demo-api-key", "secret.key", "secret.key.lock", ".writable", ".admin-api-key.1"),
        *("logs", "run", "nats", "postgres", "sandbox"),
        *("logs/postgres.log", "logs/gateway.log.1", "run/lock", "run/addresses.json", "run/gateway.ready"),
        *("nats/nats.conf", "nats/feed", "postgres/data", "postgres/rules", "sandbox/sandbox.sqlite3"),
    ],
)
def test_unsafe_file_in_home_is_rejected_before_any_write(tmp_path, name, what):
    victim, home = tmp_path / "victim", tmp_path / "home"
    victim.write_text("untouched")
    foreign = home / name
    foreign.parent.mkdir(parents=True, mode=0o700)
    NOT_OURS[what](foreign, victim)
    before = sorted(home.rglob("*"))
    with pytest.raises(ForeignFile, match=str(foreign)):
        prepare_home(Settings.from_environment({"EXTRATO_HOME": str(home)}))
    assert victim.read_text() == "untouched"
    assert sorted(home.rglob("*")) == before


async def test_home_that_is_a_link_is_rejected(start_hub, tmp_path):
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "home"
    elsewhere.mkdir()
    home.symlink_to(elsewhere)
    sentence = await startup_error(start_hub, EXTRATO_HOME=str(home))
    assert (
        sentence
        == f"{home} is a link, and the hub does not follow links: replace it by the file or folder it leads to."
    )
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_home_writable_by_others_is_rejected(tmp_path, mode):
    tmp_path.chmod(mode)
    with pytest.raises(ForeignFile, match=f"Other users can write to {tmp_path}"):
        prepare_home(Settings.from_environment({"EXTRATO_HOME": str(tmp_path)}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
@pytest.mark.parametrize("name", [".", "logs", "logs/gateway.log", "run/identities.json", "postgres", "sandbox"])
def test_file_of_another_user_in_home_is_rejected(tmp_path, name):
    foreign = tmp_path / name
    foreign.mkdir(parents=True, exist_ok=True)
    os.chown(foreign, 65534, 65534)
    with pytest.raises(ForeignFile, match="belongs to user nobody"):
        prepare_home(Settings.from_environment({"EXTRATO_HOME": str(tmp_path)}))


async def test_command_follows_no_link_to_addresses(tmp_path):
    elsewhere, home = tmp_path / "elsewhere.json", tmp_path / "home"
    elsewhere.write_text('{"database_url": "postgresql://stranger/", "nats_url": "", "mercado_pago_url": ""}')
    (home / "run").mkdir(parents=True)
    (home / "run" / "addresses.json").symlink_to(elsewhere)
    with pytest.raises(ForeignFile, match="is a link"):
        async with running_hub({"EXTRATO_HOME": str(home)}):
            pass


def write_addresses(home, database_url):
    """Write the addresses that a killed hub leaves in its home."""
    (home / "run").mkdir(parents=True)
    addresses = {"database_url": database_url, "nats_url": "", "mercado_pago_url": "", "gateway_url": ""}
    (home / "run" / "addresses.json").write_text(json.dumps(addresses))


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "/?host={home}/postgres"])
async def test_home_of_a_killed_hub_has_no_running_hub(tmp_path, host):
    write_addresses(tmp_path, "postgresql://extrato@" + host.format(port=free_port(), home=tmp_path))
    with pytest.raises(CannotStart) as refused:
        async with running_hub({"EXTRATO_HOME": str(tmp_path)}):
            pass
    assert str(refused.value).startswith(f"No hub runs in {tmp_path}, or its database is away: start one with")


async def test_wrong_database_of_a_home_names_its_file(tmp_path, database_url):
    write_addresses(tmp_path, urlsplit(database_url)._replace(path="/no_such_database").geturl())
    with pytest.raises(CannotStart) as refused:
        async with running_hub({"EXTRATO_HOME": str(tmp_path)}):
            pass
    assert "no_such_database" in str(refused.value)
    assert f"{tmp_path / 'run' / 'addresses.json'} does not lead to a usable database" in str(refused.value)


async def test_unreachable_configured_database_names_its_variable(tmp_path):
    given = {"EXTRATO_HOME": str(tmp_path), "EXTRATO_DATABASE_URL": f"postgresql://extrato@127.0.0.1:{free_port()}/x"}
    with pytest.raises(CannotStart, match="EXTRATO_DATABASE_URL does not lead to a usable database"):
        async with running_hub(given):
            pass


def test_secret_file_may_be_a_link_but_not_writable_by_all(tmp_path):
    # Kubernetes mounts a secret this way: a link into a folder that is a link itself.
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "..2026" / "token").write_text("APP_USR-1\n")
    given = tmp_path / "token"
    given.symlink_to("..data/token")
    given.chmod(0o660)
    assert read_secret("access token", given) == "APP_USR-1"
    given.chmod(0o646)
    with pytest.raises(CannotStart, match=f"{given} may be written by every user"):
        read_secret("access token", given)


async def test_full_disk_is_reported_before_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=63_999_999))
    elsewhere = {"EXTRATO_DATABASE_URL": "postgresql://x/y", "EXTRATO_NATS_URL": "nats://x"}
    home = {"EXTRATO_HOME": str(tmp_path)}
    for servers in ({}, {"EXTRATO_NATS_URL": "nats://x"}):
        with pytest.raises(CannotStart) as refused:
            prepare_home(Settings.from_environment(home | servers))
        assert str(refused.value) == (
            f"EXTRATO_HOME={tmp_path} is on a disk with 63 MB left; PostgreSQL and NATS need 64 MB to start."
        )
    prepare_home(Settings.from_environment(home | elsewhere))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=64_000_000))
    prepare_home(Settings.from_environment(home))


async def test_pooler_that_lends_connections_is_named(start_hub, database_url):
    async with pooling(database_url, "transaction") as url:
        assert await startup_error(start_hub, EXTRATO_DATABASE_URL=url) == TRANSACTION_POOLER


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
async def test_home_without_permission_is_rejected(start_hub, home):
    home.mkdir(mode=0o700)
    script = (
        "import os, runpy, sys; sys.argv = sys.argv[1:]; sys.path.insert(0, os.environ['PYTHONPATH']);"
        "import concurrent.futures.thread, encodings.idna, pkgutil, asyncpg, services.cli.__main__;"
        "os.setgid(65534); os.setuid(65534);"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    hub = await start_hub(script=("-c", script, str(STUBS / "hub.py")))
    code, errors = await hub.wait_for_end()
    assert code == 1
    assert errors.startswith(f"extrato: EXTRATO_HOME={home} cannot be written by user nobody")
    assert errors.count("\n") == 1


async def test_failed_service_stops_the_others_and_shows_its_last_line(start_hub, servers):
    sentence = await startup_error(start_hub, "monitor=broken", **servers)
    assert sentence.startswith("monitor ended with exit code 1 before it was ready: the stub is broken")


async def test_home_is_used_by_one_hub_at_a_time(start_hub, servers):
    first = await start_hub(**servers)
    await first.wait_for_line("extrato is ready")
    second = await start_hub()
    code, errors = await second.wait_for_end()
    assert code == 1
    assert errors.startswith("extrato: This home is in use by another hub (process ")
    assert sorted(first.pids) == ["gateway", "monitor", "projections", "sandbox"]
    assert set(first.pids.values()) < set(first.processes())
