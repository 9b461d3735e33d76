"""Malformed requests in the logs: one event each, no secrets, and a bounded number."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import psutil
import pytest

from tests.pace import within

SECRET = b"padaria.k1.s3cret-of-a-merchant"
GARBLED = {
    "a control byte in a header": b"GET /payments/api/pending/ HTTP/1.1\r\nHost: x\r\n"
    b"Authorization: Bearer " + SECRET + b"\x01\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + SECRET * 1000 + b"\r\n\r\n",
    "a raw byte in an address": b"GET /ir/1/?t=" + SECRET + b"\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long address": b"GET /ir/1/?t=" + SECRET * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\n" + SECRET + b"\r\n\r\n",
    "an invalid length": b"POST /payments/pix HTTP/1.1\r\nHost: x\r\nContent-Length: " + SECRET + b"\r\n\r\n",
    "an invalid chunk": b"POST /payments/pix HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    + SECRET
    + b"\r\n",
    "another protocol": SECRET + b"\r\n\r\n",
}


async def send_raw(url, request, *, patience_s=1):
    """Send bytes, and read until the server closes or sends nothing for a while."""
    read = b""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        while True:
            async with within(patience_s):
                came = await reader.read(65536)
            read += came
            if not came:
                return read
    except (ConnectionError, TimeoutError):
        return read
    finally:
        writer.close()


@pytest.mark.parametrize("service", ["gateway", "sandbox"])
@pytest.mark.parametrize("kind", GARBLED)
async def test_malformed_request_leaves_no_secret_in_logs(hub, kind, service):
    log = hub.home / "logs" / f"{service}.log"
    before = log.stat().st_size
    await send_raw(hub.url if service == "gateway" else hub.sandbox_url, GARBLED[kind])
    said = log.read_bytes()[before:].decode()
    for line in said.splitlines():
        assert json.loads(line)["event"]
    assert SECRET.decode() not in hub.logs()
    assert "Traceback" not in said


async def test_malformed_request_is_logged_as_one_event(hub, until):
    log = hub.home / "logs" / "gateway.log"
    before = log.stat().st_size
    assert b" 400 " in await send_raw(hub.url, GARBLED["a long header"], patience_s=10)

    def complaints():
        # The hub may write other lines meanwhile, and the last one may not be complete.
        lines = [json.loads(line) for line in log.read_bytes()[before:].splitlines(keepends=True) if line[-1:] == b"\n"]
        return [line for line in lines if line["event"] == "library_complained"]

    (line,) = await until(complaints, "the request is logged")
    assert (line["library"], line["error"]) == ("aiohttp.server", "LineTooLong")


async def test_rejections_are_logged_up_to_a_bound_then_counted(hub, until):
    log = hub.home / "logs" / "gateway.log"
    before = log.stat().st_size

    async def ask():
        async with hub.session.get(f"{hub.url}/nowhere") as answer:
            assert answer.status == 404

    for _ in range(20):
        await asyncio.gather(*(ask() for _ in range(25)))

    async def is_told():
        lines = [json.loads(line) for line in log.read_bytes()[before:].splitlines()]
        counted = [line["count"] for line in lines if line["event"] == "lines_left_out"]
        refused = [line for line in lines if line["event"] == "request_refused"]
        # An earlier test may have used up the lines of this period.
        return (len(refused),) if sum(counted) + len(refused) >= 500 else None

    # Few more than a hundred, unless the test took longer than the ten seconds of the limit.
    (logged,) = await until(is_told, "the others are counted")
    assert logged <= 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/payments/marina.souto@example.com", None),
        ("GET", "/v1/payments/529.982.247-25", None),
        ("GET", "/v1/payments?marina.souto@example.com=1", None),
        ("GET", "/payments/api/check/marina.souto@example.com/", None),
        ("GET", "/marina.souto@example.com", None),
        ("POST", "/v1/payments", {"method": "pix", "payer": {"marina.souto@example.com": "x"}}),
        ("POST", "/v1/payments", {"method": "pix", "52998224725": "x"}),
    ],
)
async def test_log_of_a_refused_request_has_no_payer(hub, method, path, body):
    log = hub.home / "logs" / "gateway.log"
    before = log.stat().st_size
    async with hub.session.request(method, f"{hub.url}{path}", json=body, headers=hub.headers) as answer:
        assert answer.status in {400, 404}
    said = log.read_bytes()[before:].decode()
    for name in ("marina.souto", "529.982.247-25", "52998224725"):
        assert name not in said


def test_sandbox_process_has_no_secret_of_the_hub(hub):
    environment = psutil.Process(hub.pid("sandbox")).environ()
    assert not {"EXTRATO_SECRET_KEY", "EXTRATO_DATABASE_URL", "EXTRATO_NATS_URL"} & environment.keys()
    assert not [name for name, value in environment.items() if hub.addresses["database_url"] in value]
