"""nginx with the files of deploy/proxy, before a gateway's stand-in that tells what reached it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from services.gateway.request_body import MAX_BODY_BYTES
from services.gateway.workers.logo_process import MAX_UPLOAD_BYTES
from tests.integration.deployment.conftest import DEPLOY
from tests.integration.deployment.debian import nginx
from tests.pace import until
from tests.ports import free_port

MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/main.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/upstream.conf;
    include {folder}/extrato.conf;
}}
"""


async def tell(request):
    """Answer with the headers and the address that the gateway would see."""
    if request.headers.get("Upgrade"):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{request.path} {message.data}")
        return socket
    body = await request.read()
    names = ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Host", "Connection", "Upgrade")
    told = {name: request.headers.getall(name, []) for name in names}
    return web.json_response({"headers": told, "path": request.raw_path, "bytes": len(body)})


@pytest.fixture(scope="module")
def tested(tmp_path_factory, secrets):
    """The folder of the configuration, and the ports of the proxy."""
    folder = tmp_path_factory.mktemp("proxy")
    http, https, gateway = free_port(), free_port(), free_port()
    extrato = (DEPLOY / "proxy" / "extrato.conf").read_text()
    extrato = extrato.replace("listen 80 ", f"listen 127.0.0.1:{http} ").replace(
        "listen 443 ", f"listen 127.0.0.1:{https} "
    )
    extrato = extrato.replace("/etc/nginx/tls", str(secrets)).replace("/var/log/nginx", str(folder))
    (folder / "extrato.conf").write_text(extrato)
    upstream = (DEPLOY / "proxy" / "upstream.conf").read_text()
    (folder / "upstream.conf").write_text(upstream.replace("server gateway:8000", f"server 127.0.0.1:{gateway}"))
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    return folder, http, https, gateway


@pytest.fixture
async def proxy(tested, secrets):
    """A client of the proxy that trusts its certificate."""
    folder, _, https, gateway = tested
    app = web.Application(client_max_size=1 << 20)
    app.router.add_route("*", "/{anything:.*}", tell)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", gateway).start()
    process = subprocess.Popen([nginx(), "-c", folder / "nginx.conf", "-e", folder / "main.log", "-p", folder])
    trusting = ssl.create_default_context(cafile=str(secrets / "ca.crt"))
    connector = aiohttp.TCPConnector(ssl=trusting)
    try:
        async with aiohttp.ClientSession(f"https://localhost:{https}", connector=connector) as client:
            await until(lambda: accepts(https))
            yield client
    finally:
        process.terminate()
        process.wait()
        await runner.cleanup()


def exactly(tested, path):
    """An address that the client sends as it is."""
    return URL(f"https://localhost:{tested[2]}{path}", encoded=True)


async def accepts(port):
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def test_nginx_accepts_the_configuration(tested):
    folder = tested[0]
    done = subprocess.run(
        [nginx(), "-t", "-c", folder / "nginx.conf", "-e", folder / "main.log"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


async def test_the_gateway_sees_one_hop_whatever_the_client_says(proxy):
    forged = {
        "X-Forwarded-For": "203.0.113.7, 198.51.100.9",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=203.0.113.7",
        "X-Real-IP": "203.0.113.7",
    }
    told = (await (await proxy.get("/payments/api/pending/", headers=forged)).json())["headers"]
    assert told["X-Forwarded-For"] == ["127.0.0.1"]
    assert told["X-Forwarded-Proto"] == ["https"]
    assert told["Forwarded"] == told["X-Real-IP"] == []
    assert told["Host"] == ["localhost"]


async def test_an_address_reaches_the_gateway_as_it_was_sent(tested, proxy):
    for path in ("/payments/pix/1?t=a%2Fb", "/docs/errors"):
        told = await (await proxy.get(exactly(tested, path))).json()
        assert told["path"] == path


@pytest.mark.parametrize("path", ["/ws", "/socket.io/?EIO=4&transport=websocket"])
async def test_sockets_pass(proxy, path):
    async with proxy.ws_connect(path) as socket:
        await socket.send_str("ping")
        assert (await socket.receive_str(timeout=5)).endswith(" ping")


async def test_no_other_protocol_is_upgraded_to(proxy):
    told = await (await proxy.get("/", headers={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"})).json()
    assert told["headers"]["Upgrade"] == []


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)])
async def test_a_body_has_the_limit_of_the_gateway(proxy, size, status):
    assert (await proxy.post("/payments/api/cart/", data=b"x" * size)).status == status


@pytest.mark.parametrize(("size", "status"), [(MAX_UPLOAD_BYTES, 200), (MAX_UPLOAD_BYTES + 1, 413)])
async def test_a_logo_has_a_larger_limit(proxy, size, status):
    assert (await proxy.put("/v1/merchant/logo", data=b"x" * size)).status == status


@pytest.mark.parametrize(
    "path",
    [
        "/admin/merchants",
        "//admin/merchants",
        "/%61dmin/merchants",
        "/assets/../admin",
        "/metrics",
        "/readyz",
        "/livez",
    ],
)
async def test_what_is_for_the_inside_is_not_public(tested, proxy, path):
    answer = await proxy.get(exactly(tested, path))
    assert (answer.status, answer.content_type) == (404, "text/html")


async def test_plain_http_is_sent_to_https(tested, proxy):
    async with aiohttp.ClientSession() as client:
        answer = await client.get(f"http://127.0.0.1:{tested[1]}/payments/pix/1?t=x", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (308, "https://127.0.0.1/payments/pix/1?t=x")


async def test_no_log_has_a_payers_token(tested, proxy):
    log = tested[0] / "access.log"
    await proxy.get(
        "/payments/pix/77?t=payers-token", headers={"Referer": "https://localhost/payments/pix/77?t=payers-token"}
    )
    await until(lambda: "/payments/pix/77" in log.read_text())
    assert "payers-token" not in log.read_text()
    assert "payers-token" not in (tested[0] / "error.log").read_text()
