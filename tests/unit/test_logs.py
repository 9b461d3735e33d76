"""Library warnings become log events without their text, and no event can fill a disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEFORE = """
import asyncio, gc, logging, structlog
from extrato.log_throttle import LogThrottle
from extrato.logs import configure_logging
configure_logging("info")
"""


def lines_of(code):
    """The log of a process with the hub's logging; every line must be JSON."""
    ran = subprocess.run(
        [sys.executable, "-c", BEFORE + code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout == ""
    return [json.loads(line) for line in ran.stderr.splitlines()], ran.stderr


def test_readings_of_evidence_are_never_dropped():
    code = """
logger = structlog.get_logger()
for number in range(300):
    logger.warning("evidence_read", number=number)
    logger.warning("another_event", number=number)
"""
    lines, _ = lines_of(code)
    assert sum(line["event"] == "evidence_read" for line in lines) == 300
    assert sum(line["event"] == "another_event" for line in lines) == 100


LOST_TASK = """
async def work(key):
    raise ValueError("no such key: " + key)

async def main():
    asyncio.create_task(work("s3cret"), name="for s3cret")
    await asyncio.sleep(0)
    gc.collect()

asyncio.run(main())
"""


def test_error_of_an_unawaited_task_is_logged_by_class_and_place():
    (line,), text = lines_of(LOST_TASK)
    assert (line["event"], line["library"], line["error"]) == ("library_complained", "asyncio", "ValueError")
    assert line["raised_at"] == ["<string>:8 work"]
    assert "s3cret" not in text


@pytest.mark.parametrize("library", ["aiohttp.server", "aiohttp.client", "nats.aio.client", "asyncpg.pool", "socketio"])
def test_library_warnings_are_logged_without_their_text(library):
    code = f"""
try:
    raise RuntimeError("s3cret")
except RuntimeError:
    logging.getLogger({library!r}).exception("Error of %s", "s3cret")
logging.getLogger({library!r}).warning("s3cret")
logging.getLogger({library!r}).info("s3cret")
"""
    lines, text = lines_of(code)
    assert [(line["level"], line["library"], line["error"]) for line in lines] == [
        ("error", library, "RuntimeError"),
        ("warning", library, None),
    ]
    assert "s3cret" not in text


TLS_AFTER_THE_FIRST_LINE = """
import socket, ssl, subprocess, tempfile, threading
from pathlib import Path

def serve(listener, context):
    connection = listener.accept()[0]
    connection.sendall(b"INFO\\n")
    context.wrap_socket(connection, server_side=True).unwrap()

async def main(folder):
    key, certificate = Path(folder, "key"), Path(folder, "certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, context), daemon=True).start()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        await reader.readline()
        # As the library of NATS does it.
        trusted = ssl.create_default_context(cafile=certificate)
        await asyncio.get_running_loop().start_tls(
            writer.transport, writer.transport.get_protocol(), trusted, server_hostname="localhost")
        assert await reader.read() == b""

with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(folder))
"""


def test_end_of_a_tls_connection_logs_nothing():
    assert lines_of(TLS_AFTER_THE_FIRST_LINE)[0] == []


def test_log_limits_each_event_and_counts_the_rest():
    code = """
structlog.configure(processors=[LogThrottle(lines=3, window_s=0.5), *structlog.get_config()["processors"][1:]])

async def main():
    for number in range(10):
        structlog.get_logger().info("refused", number=number)
    structlog.get_logger().error("refused")
    structlog.get_logger().info("another")
    await asyncio.sleep(0.8)
    structlog.get_logger().info("refused", number=10)

asyncio.run(main())
"""
    lines, _ = lines_of(code)
    assert [line.get("number") for line in lines if (line["event"], line["level"]) == ("refused", "info")] == [
        *range(3),
        10,
    ]
    assert [line["event"] for line in lines if line["level"] == "error"] == ["refused"]
    left_out = [(line["of"], line["count"]) for line in lines if line["event"] == "lines_left_out"]
    assert left_out == [("refused", 7)]
    # The count is logged when the window ends, not only with the next event.
    assert lines[-1]["event"] == "refused"


def test_next_line_counts_dropped_lines_without_an_event_loop():
    code = """
import time
structlog.configure(processors=[LogThrottle(lines=1, window_s=0.05), *structlog.get_config()["processors"][1:]])
for _ in range(5):
    structlog.get_logger().warning("refused")
time.sleep(0.1)
structlog.get_logger().warning("refused")
"""
    lines, _ = lines_of(code)
    assert [(line["event"], line.get("count")) for line in lines] == [
        ("refused", None),
        ("lines_left_out", 4),
        ("refused", None),
    ]


def test_full_disk_drops_log_lines_and_counts_them():
    lines, _ = lines_of(
        """
import sys
log, right = structlog.get_logger(), sys.stderr
sys.stderr = open("/dev/full", "w", buffering=1)
for number in range(3):
    log.info("lost", number=number)
sys.stderr = right
log.info("kept")
"""
    )
    assert [line["event"] for line in lines] == ["lines_lost", "kept"]
    assert lines[0]["count"] >= 3
