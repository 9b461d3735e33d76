"""Only the user that runs the hub can use its servers, and the hub changes no folder outside its home."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
import pytest_asyncio

from extrato.own_files import ForeignFile
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from tests.homes import new_home
from tests.process.conftest import ROOT, STUBS

pytestmark = [
    pytest.mark.root,
    pytest.mark.xdist_group("root"),
    pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user"),
]


async def as_nobody(target, address):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(STUBS / "as_nobody.py"), target, str(address)), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode().strip()


def socket_folder(url):
    return Path(url.partition("?host=")[2])


def modes_above(path):
    return {str(folder): oct(folder.stat().st_mode) for folder in path.parents}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres():
    with new_home() as home:
        async with EmbeddedPostgres(home) as server:
            yield server


async def test_other_user_cannot_reach_the_socket(postgres):
    refusal = await as_nobody("socket", socket_folder(postgres.url) / ".s.PGSQL.5432")
    assert refusal.startswith("PermissionError")


async def test_other_user_at_the_socket_fails_authentication(postgres):
    folder = socket_folder(postgres.url)
    folder.chmod(0o711)
    (folder / ".s.PGSQL.5432").chmod(0o777)
    refusal = await as_nobody("database", postgres.url)
    (folder / ".s.PGSQL.5432").chmod(0o700)
    folder.chmod(0o700)
    assert refusal == 'InvalidAuthorizationSpecificationError: Peer authentication failed for user "extrato"'


async def test_no_superuser_can_connect(postgres):
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(postgres.url.replace("extrato@", "postgres@"))
    connection = await asyncpg.connect(postgres.url)
    assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    await connection.close()


async def test_postgres_has_no_network_address(postgres):
    family = [psutil.Process(postgres.pid), *psutil.Process(postgres.pid).children(recursive=True)]
    listening = []
    for process in family:
        # A worker of PostgreSQL may have ended meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess):
            listening += process.net_connections("inet")
    assert listening == []


async def test_postgres_runs_as_its_own_user_in_private_folders(postgres):
    assert psutil.Process(postgres.pid).username() == "extrato-postgres"
    socket = socket_folder(postgres.url)
    for folder in (socket, socket.with_name("data")):
        assert (folder.owner(), oct(folder.stat().st_mode & 0o777)) == ("extrato-postgres", "0o700")
    assert oct(socket.parents[1].stat().st_mode & 0o777) == "0o711"


async def test_postgres_writes_with_fsync(postgres):
    connection = await asyncpg.connect(postgres.url)
    assert await connection.fetchval("SHOW fsync") == "on"
    await connection.close()


async def test_nats_rejects_a_wrong_password(nats_server):
    refusal = await as_nobody("nats", urlsplit(nats_server.url).port)
    assert "Authorization Violation" in refusal


async def test_nats_password_is_only_in_a_private_file(home, nats_server):
    configuration = home / "nats" / "nats.conf"
    password = urlsplit(nats_server.url).password
    assert password in configuration.read_text()
    assert oct(configuration.stat().st_mode & 0o777) == "0o600"
    assert (await as_nobody("file", configuration)).startswith("PermissionError")
    assert password not in " ".join(psutil.Process(nats_server.pid).cmdline())


async def test_nats_listens_on_one_loopback_address(nats_server):
    listening = [found.laddr for found in psutil.Process(nats_server.pid).net_connections("inet")]
    assert {tuple(address) for address in listening} == {("127.0.0.1", urlsplit(nats_server.url).port)}


async def test_start_changes_no_folder_above_the_home(home):
    before = modes_above(home)
    async with EmbeddedPostgres(home, fsync=False), EmbeddedNats(home):
        pass
    assert modes_above(home) == before


async def test_private_parent_folder_moves_data_to_var_lib(tmp_path):
    tmp_path.chmod(0o700)
    home = tmp_path / "home"
    before = modes_above(home)
    async with EmbeddedPostgres(home, fsync=False) as postgres:
        data = Path(psutil.Process(postgres.pid).cmdline()[2])
    try:
        assert data.parents[1] == Path("/var/lib/extrato")
        assert oct(data.stat().st_mode & 0o777) == "0o700"
        assert modes_above(home) == before
        again = EmbeddedPostgres(home, fsync=False)
        await again.start()
        assert psutil.Process(again.pid).cmdline()[2] == str(data)
        await again.stop()
    finally:
        subprocess.run(("rm", "-rf", str(data.parent)), check=True)


async def test_ordinary_user_runs_both_servers_and_root_rejects_the_home(home):
    home.parent.chmod(0o777)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(STUBS / "servers.py"), str(home)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    output, _ = await process.communicate()
    assert json.loads(output) == {"role": "extrato", "server_user": 65534, "home_mode": "0o700"}

    with pytest.raises(ForeignFile, match="belongs to user nobody"):
        await EmbeddedPostgres(home).start()
