"""Every program's log rotates without a lost line, into two private files of a bounded size."""

from __future__ import annotations

import re
import socket
import stat
import sys
from pathlib import Path

import asyncpg
import pytest

import extrato.log_file
import services.cli.embedded.nats
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.supervisor.child import Child, Program

ROOT = Path(__file__).parents[2]
LIMIT_BYTES = 20_000

LOGGING = """
import os, structlog
from pathlib import Path
import extrato.log_file
from extrato.logs import configure_logging
extrato.log_file.LIMIT_BYTES = {limit}
configure_logging("info", file=Path(os.environ["EXTRATO_LOG_FILE"]))
for number in range({lines}):
    structlog.get_logger().info(f"fact_{{number:05}}", words="x" * 100)
"""


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(extrato.log_file, "LIMIT_BYTES", LIMIT_BYTES)
    monkeypatch.setattr(services.cli.embedded.nats, "LIMIT_BYTES", LIMIT_BYTES)


def files_of(log):
    """The files of one log, the oldest first."""
    return sorted(log.parent.glob(f"{log.name}*"), key=lambda file: (file == log, file.name))


def numbers_in(log, pattern):
    said = "".join(file.read_text() for file in files_of(log))
    return [int(number) for number in re.findall(pattern, said)]


def is_private(log):
    return all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files_of(log))


async def run_to_the_end(log, *, lines):
    program = Program(
        name="talking",
        command=(sys.executable, "-c", LOGGING.format(limit=LIMIT_BYTES, lines=lines)),
        log=log,
        environment={"EXTRATO_LOG_FILE": str(log), "PYTHONPATH": str(ROOT)},
        is_ready=never,
        writes_log=True,
    )
    await (await Child.start(program)).wait()


async def never(_pid):
    return False


async def test_service_loses_no_line_in_rotation(tmp_path):
    log = tmp_path / "logs" / "talking.log"
    await run_to_the_end(log, lines=150)
    assert len(files_of(log)) == 2
    assert numbers_in(log, r"fact_(\d+)") == list(range(150))
    assert is_private(log)


async def test_service_keeps_two_log_files_within_the_limit(tmp_path):
    log = tmp_path / "logs" / "talking.log"
    await run_to_the_end(log, lines=2000)
    assert {file.name for file in log.parent.iterdir()} == {"talking.log", "talking.log.1"}
    assert max(file.stat().st_size for file in files_of(log)) <= LIMIT_BYTES
    kept = numbers_in(log, r"fact_(\d+)")
    assert kept == list(range(kept[0], 2000))


async def test_postgresql_loses_no_line_in_rotation(home, small_limit):
    log = home / "logs" / "postgres.log"
    async with EmbeddedPostgres(home, fsync=False) as server:
        connection = await asyncpg.connect(server.url)
        await connection.execute("DO $$BEGIN FOR i IN 0..99 LOOP RAISE LOG 'line %', i; END LOOP; END$$")
        await connection.close()
    assert len(files_of(log)) == 2
    assert numbers_in(log, r"LOG:  line (\d+)") == list(range(100))
    assert is_private(log)
    assert log.read_text().endswith("database system is shut down\n")


async def test_nats_loses_no_line_in_rotation(home, small_limit):
    log = home / "logs" / "nats.log"
    async with EmbeddedNats(home) as server:
        port = int(server.url.rpartition(":")[2])
        for number in range(250):
            log_in_with_wrong_password(number, port)
    assert len(files_of(log)) == 2
    assert numbers_in(log, r'authentication error - User "u(\d+)"') == list(range(250))
    assert is_private(log)
    assert not log.with_suffix(".out").exists()


def log_in_with_wrong_password(number, port):
    """Make NATS log one rejected login that contains the number."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(b'CONNECT {"user": "u%d", "pass": "wrong", "verbose": false}\r\n' % number)
        while line.recv(4096):
            pass


async def test_nats_keeps_two_log_files(home, small_limit):
    log = home / "logs" / "nats.log"
    async with EmbeddedNats(home) as server:
        port = int(server.url.rpartition(":")[2])
        for number in range(1000):
            log_in_with_wrong_password(number, port)
    assert len(files_of(log)) == 2
    assert sum(file.stat().st_size for file in files_of(log)) <= 2 * LIMIT_BYTES + 1000
    kept = numbers_in(log, r'authentication error - User "u(\d+)"')
    assert kept == list(range(kept[0], 1000))
