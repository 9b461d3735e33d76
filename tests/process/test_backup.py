"""The archive of the embedded PostgreSQL, and base backups in it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import resource
import subprocess
from argparse import Namespace
from pathlib import Path

import asyncpg
import pytest
import structlog

from extrato.own_files import ForeignFile
from extrato.process import CannotStart
from extrato.store.vault_keys import InvalidVaultKey
from extrato.store.wal_archive import wal_not_archived
from services.cli.commands.backup import backup
from services.cli.commands.restore import restore
from services.cli.commands.up import up
from services.cli.embedded import archive as archives
from services.cli.embedded.archive import base_name, find_archive, make_archive
from services.cli.embedded.base_backup import remove_old
from services.cli.embedded.manifest import verify_files
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.embedded.postgres_paths import make_paths
from services.monitor.wal_archive import WalArchive
from tests.homes import put_database_in
from tests.pace import until

SCRIPT = Path(archives.__file__).with_name("archive.sh")
WAL_FILE_BYTES = 16 * 1024 * 1024


def archive(source: Path, folder: Path, **limits) -> int:
    """Run the script as PostgreSQL does, and return its exit code."""
    return subprocess.run(
        ("sh", SCRIPT, source, source.name, folder), check=False, capture_output=True, **limits
    ).returncode


# --- the script that archives -------------------------------------------------------------------


def test_archived_file_keeps_its_content_when_archived_twice(tmp_path):
    source, folder = tmp_path / "000000010000000000000001", tmp_path / "it's 100% wal"
    source.write_bytes(b"records")
    folder.mkdir()
    assert archive(source, folder) == 0
    assert archive(source, folder) == 0
    assert [file.name for file in folder.iterdir()] == [f"{source.name}.gz"]
    assert gzip.decompress((folder / f"{source.name}.gz").read_bytes()) == b"records"


def test_different_file_never_replaces_an_archived_one(tmp_path):
    source, folder = tmp_path / "000000010000000000000001", tmp_path / "wal"
    source.write_bytes(b"records")
    folder.mkdir()
    assert archive(source, folder) == 0
    source.write_bytes(b"records of another server")
    assert archive(source, folder) == 1
    assert gzip.decompress((folder / f"{source.name}.gz").read_bytes()) == b"records"


def test_full_disk_fails_the_archiving_and_leaves_no_part(tmp_path):
    source, folder = tmp_path / "000000010000000000000001", tmp_path / "wal"
    source.write_bytes(os.urandom(100_000))
    folder.mkdir()

    def may_write_little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    assert archive(source, folder, preexec_fn=may_write_little) == 1
    assert list(folder.iterdir()) == []
    assert archive(source, folder) == 0


# --- the server that archives -------------------------------------------------------------------


async def test_server_keeps_its_wal_while_the_archive_is_away(home, monkeypatch):
    monkeypatch.setattr(archives, "ARCHIVE_TIMEOUT_S", 1)
    await asyncio.to_thread(put_database_in, home)
    folder = home.parent / "archive, 100%"
    async with EmbeddedPostgres(home, archive=folder) as server, asyncpg.create_pool(server.url, min_size=1) as pool:
        assert oct((folder / "wal").stat().st_mode & 0o777) == "0o700"
        job = WalArchive(pool=pool)
        await pool.execute("CREATE TABLE notes (words text)")
        wal, away = folder / "wal", folder / "away"
        wal.rename(away)
        await pool.execute("INSERT INTO notes VALUES ('written')")

        async def is_failing():
            return await wal_not_archived(pool)

        failing = await until(is_failing, "archiving fails")
        with structlog.testing.capture_logs() as logged:
            await job.run_once()
        assert [(line["event"], line["log_level"], line["file"]) for line in logged] == [
            ("wal_not_archived", "error", failing.file)
        ]
        await pool.execute("INSERT INTO notes VALUES ('written meanwhile')")
        away.rename(wal)

        async def is_archived():
            # PostgreSQL tries again when the next file of the WAL is full.
            await pool.execute("INSERT INTO notes VALUES ('more')")
            return await wal_not_archived(pool) is None

        await until(is_archived, "archiving goes on")
        with structlog.testing.capture_logs() as logged:
            await job.run_once()
        assert [line["event"] for line in logged] == ["wal_archived_again"]
        assert len(gzip.decompress((wal / f"{failing.file}.gz").read_bytes())) == WAL_FILE_BYTES


async def test_server_without_an_archive_reports_no_failure(database_url):
    async with asyncpg.create_pool(database_url, min_size=1) as pool:
        assert await wal_not_archived(pool) is None


# --- base backups -------------------------------------------------------------------------------


async def test_two_newest_base_backups_and_their_wal_are_kept(home):
    paths = make_paths(home)
    archived = make_archive(home.parent / "archive", paths)
    for hour in (1, 2, 3):
        folder = archived.base / base_name(datetime_of(hour))
        folder.mkdir()
        file = f"00000001000000000000000{hour * 2}"
        (folder / "backup_label").write_text(f"START WAL LOCATION: 0/{hour * 2}000028 (file {file})\n")
    for number in range(1, 8):
        (archived.wal / f"00000001000000000000000{number}.gz").touch()
    (archived.wal / "00000002.history.gz").touch()
    await remove_old(archived, paths)
    assert [backup.ended_at for backup in archived.base_backups()] == [datetime_of(2), datetime_of(3)]
    assert sorted(file.name for file in archived.wal.iterdir()) == [
        *(f"00000001000000000000000{number}.gz" for number in (4, 5, 6, 7)),
        "00000002.history.gz",
    ]


def datetime_of(hour):
    return archives.datetime(2026, 11, 29, hour, tzinfo=archives.UTC)


@pytest.fixture
def small_backup(tmp_path):
    """A folder with a manifest in the form of PostgreSQL 18."""
    (tmp_path / "PG_VERSION").write_bytes(b"18\n")
    digest = hashlib.sha256(b"18\n").hexdigest()
    file = {"Path": "PG_VERSION", "Size": 3, "Checksum-Algorithm": "SHA256", "Checksum": digest}
    wal_range = {"Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000120"}
    text = (
        json.dumps({"PostgreSQL-Backup-Manifest-Version": 2, "Files": [file], "WAL-Ranges": [wal_range]})[:-1] + ",\n"
    )
    checksum = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "backup_manifest").write_text(f'{text}"Manifest-Checksum": "{checksum}"}}\n')
    return tmp_path


def test_intact_base_backup_is_verified(small_backup):
    assert [needed.end for needed in verify_files(small_backup)] == ["0/2000120"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "PG_VERSION").write_bytes(b"19\n"), "PG_VERSION is damaged"),
        (lambda folder: (folder / "PG_VERSION").unlink(), "PG_VERSION is missing"),
        (lambda folder: (folder / "backup_manifest").unlink(), "no base backup"),
        (
            lambda folder: (folder / "backup_manifest").write_bytes(
                (folder / "backup_manifest").read_bytes().replace(b"0/2000120", b"0/2000121")
            ),
            "backup_manifest is damaged",
        ),
    ],
    ids=["changed", "missing", "no manifest", "changed manifest"],
)
def test_damaged_base_backup_is_rejected(small_backup, damage, said):
    damage(small_backup)
    with pytest.raises(CannotStart, match=said):
        verify_files(small_backup)


# --- refusals -----------------------------------------------------------------------------------


async def test_archive_in_the_home_or_of_another_postgresql_is_rejected(home):
    inside = {"EXTRATO_HOME": str(home), "EXTRATO_ARCHIVE": str(home / "archive")}
    with pytest.raises(CannotStart, match="is inside EXTRATO_HOME"):
        await up(inside)
    of_another = {**inside, "EXTRATO_ARCHIVE": str(home.parent), "EXTRATO_DATABASE_URL": "postgresql://host/extrato"}
    with pytest.raises(CannotStart, match="for the embedded PostgreSQL"):
        await up(of_another)


async def test_backup_needs_an_archive_and_a_running_hub(home):
    environment = {"EXTRATO_HOME": str(home)}
    with pytest.raises(CannotStart, match="EXTRATO_ARCHIVE must name"):
        await backup(Namespace(), environment)
    with pytest.raises(CannotStart, match="No hub runs"):
        await backup(Namespace(), {**environment, "EXTRATO_ARCHIVE": str(home.parent / "archive")})
    with pytest.raises(CannotStart, match="Your own PostgreSQL"):
        await backup(Namespace(), {**environment, "EXTRATO_DATABASE_URL": "postgresql://host/extrato"})


async def test_restore_needs_the_vault_key_and_a_base_backup(home):
    environment, arguments = {"EXTRATO_HOME": str(home)}, Namespace(archive=home.parent / "archive", until=None)
    with pytest.raises(InvalidVaultKey, match="does not exist"):
        await restore(arguments, environment)
    environment["EXTRATO_SECRET_KEY"] = "k" * 43 + "="
    with pytest.raises(CannotStart, match="is no archive"):
        await restore(arguments, environment)
    make_archive(arguments.archive, make_paths(home))
    with pytest.raises(CannotStart, match="has no base backup"):
        await restore(arguments, environment)


def test_folder_that_others_may_write_is_no_archive(home):
    paths = make_paths(home)
    folder = home.parent / "archive"
    make_archive(folder, paths)
    (folder / "wal").chmod(0o777)
    with pytest.raises(ForeignFile, match="wal"):
        find_archive(folder, paths)
