"""Socket.IO with common clients: each receives its own confirmed payments once, and no others."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import socketio

from services.gateway.live.socket_limits import BOUNDS
from tests.compatibility.claim import claim
from tests.pace import until, within
from tests.ports import free_port
from tests.running_hub import ROOT

SCRIPT = Path(__file__).parent.parent / "clients" / "socket_io.js"
WAYS = {"websocket": ["websocket"], "polling": ["polling"], "polling and then websocket": ["polling", "websocket"]}


class Client:
    """A client of python-socketio, with the events that it received."""

    def __init__(self):
        self.received = asyncio.Queue()
        self.client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.2)
        self.client.on("*", lambda event, *body: self.received.put_nowait((event, *body)))

    async def next(self, within_s=10):
        async with within(within_s):
            return await self.received.get()


@contextlib.asynccontextmanager
async def listening(url, *, ways=("websocket",), **options):
    heard = Client()
    await heard.client.connect(url, transports=list(ways), wait_timeout=20, **options)
    try:
        yield heard
    finally:
        await heard.client.disconnect()


async def refusal(url, *, ways=("websocket",), **options):
    """Return the code of a rejected connection; None for an accepted one."""
    client, refused = socketio.AsyncClient(reconnection=False), []
    client.on("connect_error", refused.append)
    with contextlib.suppress(socketio.exceptions.ConnectionError):
        await client.connect(url, transports=list(ways), wait_timeout=20, **options)
    await client.disconnect()
    return refused[0]["data"]["code"] if refused else None


@contextlib.asynccontextmanager
async def node_listening(node, url, *options):
    """Start Socket.IO's npm client; yields a function that returns its next line."""
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), url, *options, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout

    async def said():
        async with within(15):
            return json.loads(await process.stdout.readline())

    try:
        yield said
        process.stdin.close()
        async with within(10):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def second_gateway(hub):
    """A second gateway on the same PostgreSQL and NATS; yields its URL."""
    async with gateway_process(hub) as (url, _):
        yield url


@contextlib.asynccontextmanager
async def gateway_process(hub, *before):
    """Start another gateway, with `before` in front of its command; yields its URL and process id."""
    port, ready = free_port(), hub.home / "run" / "second-gateway.ready"
    process = await asyncio.create_subprocess_exec(
        *before,
        sys.executable,
        "-m",
        "services.gateway",
        cwd=ROOT,
        env={
            **os.environ,
            "EXTRATO_PORT": str(port),
            "EXTRATO_HOME": str(hub.home),
            "EXTRATO_DATABASE_URL": hub.addresses["database_url"],
            "EXTRATO_NATS_URL": hub.addresses["nats_url"],
            "EXTRATO_MERCADOPAGO_URL": hub.sandbox_url,
            "EXTRATO_READY_FILE": str(ready),
            "EXTRATO_DRAIN_S": "0",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await until(ready.exists, "the gateway is ready", within_s=20)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        async with within(10):
            _, log = await process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in log.decode(), log.decode()


async def new_pix(hub, value=12.5):
    status, answer = await hub.post("/payments/pix", {"value": value})
    assert status == 201, answer
    return answer["payment"]


async def confirm(hub, pix):
    body = {"bank_payment_id": pix["bank_payment_id"], "value": pix["value"]}
    status, answer = await hub.post("/payments/pix/confirmation", body)
    assert status == 200, answer


def token_of(address):
    return parse_qs(urlsplit(address).query)["t"][0]


def key(hub):
    return {"auth": {"api_key": hub.api_key}}


@claim("socket-io.confirmed", "generate-link.order")
@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
async def test_merchant_client_receives_every_confirmation(hub, ways):
    async with listening(hub.url, ways=ways, headers=hub.headers) as heard:
        pix = await new_pix(hub)
        await confirm(hub, pix)
        event, payload = await heard.next()
    assert event == f"payment-confirmed-{pix['id']}"
    paid_at = payload.pop("paid_at")
    assert payload == {"payment_id": pix["id"], "status": "approved", "value": 12.5}
    assert paid_at.endswith("Z")


@claim("socket-io.connect")
async def test_npm_client_receives_by_polling_and_websocket(hub, node):
    for more in ({}, {"transports": ["websocket"]}, {"transports": ["polling"]}):
        async with node_listening(node, hub.url, json.dumps({**key(hub), **more})) as said:
            assert await said() == ["connect"]
            pix = await new_pix(hub)
            await confirm(hub, pix)
            event, payload = await said()
            assert event == f"payment-confirmed-{pix['id']}"
            assert payload["value"] == 12.5


@claim("socket-io.confirmed")
async def test_paid_link_is_confirmed(hub):
    async with listening(hub.url, **key(hub)) as heard:
        link = await hub.link()
        await hub.pay_as_a_person(link["checkout_url"])
        event, payload = await heard.next()
    assert event == f"payment-confirmed-{link['payment_id']}"
    assert (payload["status"], payload["value"]) == ("approved", link["total"])


@claim("socket-io.confirmed")
async def test_repeated_confirmation_is_sent_once(hub):
    async with listening(hub.url, **key(hub)) as heard:
        first, second = await new_pix(hub), await new_pix(hub)
        await confirm(hub, first)
        await confirm(hub, first)
        await confirm(hub, second)
        events = [(await heard.next())[0] for _ in range(2)]
    assert events == [f"payment-confirmed-{first['id']}", f"payment-confirmed-{second['id']}"]


@claim("socket-io.confirmed")
@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
async def test_late_client_receives_confirmation_at_once_and_once(hub, ways):
    pix = await new_pix(hub)
    await confirm(hub, pix)
    shown = {"payment_id": pix["id"], "t": token_of(pix["payment_url"])}
    async with listening(hub.url, ways=ways, auth=shown) as heard:
        event, payload = await heard.next()
        assert event == f"payment-confirmed-{pix['id']}"
        assert payload["status"] == "approved"
        assert heard.received.empty()


@claim("socket-io.confirmed")
async def test_client_after_refund_receives_no_confirmation(hub):
    link = await hub.link()
    await reach_outcome(hub, link, "approved")
    await reach_outcome(hub, link, "refunded")
    shown = {"payment_id": link["payment_id"], "t": token_of(link["secure_checkout_url"])}
    async with listening(hub.url, auth=shown) as heard:
        await reach_outcome(hub, link, "approved")
        async with listening(hub.url, auth=shown) as latecomer:
            event, payload = await latecomer.next()
        assert (event, payload["status"]) == (f"payment-confirmed-{link['payment_id']}", "approved")
        # A payment is confirmed once, which was before this client connected.
        assert heard.received.empty()


@claim("socket-io.confirmed")
async def test_client_in_dispute_receives_dispute_status(hub):
    link = await hub.link()
    await reach_outcome(hub, link, "approved")
    await reach_outcome(hub, link, "in_mediation")
    shown = {"payment_id": link["payment_id"], "t": token_of(link["secure_checkout_url"])}
    async with listening(hub.url, auth=shown) as heard:
        event, payload = await heard.next()
    assert (event, payload["status"]) == (f"payment-confirmed-{link['payment_id']}", "in_mediation")


async def reach_outcome(hub, link, outcome):
    """Set an outcome at the provider, and wait until the hub has recorded it."""
    await hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": outcome})
    return await hub.until_checked(link["payment_id"], status=outcome)


async def test_confirmation_reaches_each_connecting_client_once(hub):
    pix = await new_pix(hub)
    shown = {"payment_id": pix["id"], "t": token_of(pix["payment_url"])}
    async with contextlib.AsyncExitStack() as clients:
        connecting = [clients.enter_async_context(listening(hub.url, auth=shown)) for _ in range(12)]
        *opened, _ = await asyncio.gather(*connecting, confirm(hub, pix))
        for heard in opened:
            assert (await heard.next())[0] == f"payment-confirmed-{pix['id']}"
        # A further event would have arrived before the confirmation of another payment.
        other = await new_pix(hub)
        async with listening(hub.url, **key(hub)) as marker:
            await confirm(hub, other)
            await marker.next()
        assert [heard.received.qsize() for heard in opened] == [0] * 12


async def test_payer_token_opens_only_its_payment(hub):
    mine, other = await new_pix(hub), await new_pix(hub)
    token = token_of(mine["payment_url"])
    async with listening(hub.url, auth={"payment_id": str(mine["id"]), "t": token}) as heard:
        await confirm(hub, other)
        await confirm(hub, mine)
        assert (await heard.next())[0] == f"payment-confirmed-{mine['id']}"
        assert heard.received.empty()
    assert await refusal(hub.url, auth={"payment_id": other["id"], "t": token}) == "unauthenticated"
    assert await refusal(hub.url, auth={"t": token}) == "unauthenticated"


async def test_payer_token_works_in_websocket_query(hub):
    pix = await new_pix(hub)
    await confirm(hub, pix)
    url = f"{hub.url}?payment_id={pix['id']}&t={token_of(pix['payment_url'])}"
    async with listening(url) as heard:
        assert (await heard.next())[0] == f"payment-confirmed-{pix['id']}"


async def test_two_tokens_in_websocket_query_are_rejected(hub):
    pix = await new_pix(hub)
    token = token_of(pix["payment_url"])
    assert await refusal(f"{hub.url}?payment_id={pix['id']}&t={token}&t={'0' * len(token)}") == "repeated_value"


@claim("socket-io.access")
async def test_other_merchant_receives_nothing(hub, other_merchant):
    named = await new_pix(hub)
    auth = {"api_key": other_merchant.api_key}
    async with listening(hub.url, auth=auth) as heard, listening(hub.url, **key(hub)) as owner:
        await confirm(hub, named)
        assert (await owner.next())[0] == f"payment-confirmed-{named['id']}"
        headers = {"Authorization": f"Bearer {other_merchant.api_key}"}
        status, answer = await hub.post("/payments/pix", {"value": 3, "padaria_slug": other_merchant.slug}, headers)
        assert status == 201, answer
        own = answer["payment"]
        body = {"bank_payment_id": own["bank_payment_id"], "value": 3}
        assert (await hub.post("/payments/pix/confirmation", body, headers))[0] == 200
        assert (await heard.next())[0] == f"payment-confirmed-{own['id']}"
        assert heard.received.empty()
    assert await refusal(hub.url, auth={**auth, "payment_id": named["id"]}) == "payment_not_found"


@claim("socket-io.access")
@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
async def test_missing_or_invalid_credentials_are_rejected(hub, ways, other_merchant):
    pix = await new_pix(hub)
    for auth, code in (
        (None, "unauthenticated"),
        ({"payment_id": pix["id"]}, "unauthenticated"),
        ({"payment_id": pix["id"], "t": "0" * 32}, "unauthenticated"),
        ({"api_key": hub.api_key[:-1] + "_"}, "unauthenticated"),
        ({"api_key": other_merchant.write_key}, "forbidden"),
        ({"api_key": "extrato.é.1.ü"}, "invalid_auth"),
        ({"api_key": ["extrato"]}, "invalid_auth"),
        ("extrato", "invalid_auth"),
        ({"api_key": hub.api_key, "payment_id": "no number"}, "invalid_payment_id"),
        ({"api_key": hub.api_key, "payment_id": 1 << 46}, "payment_not_found"),
    ):
        assert await refusal(hub.url, ways=ways, auth=auth) == code, auth


async def test_npm_client_gets_reason_of_rejection(hub, node):
    async with node_listening(node, hub.url) as said:
        assert await said() == ["connect_error", "Chave de API ausente ou inválida", {"code": "unauthenticated"}]


async def test_revoked_key_receives_nothing_further(hub, other_merchant, node):
    auth = json.dumps({"auth": {"api_key": other_merchant.api_key}, "reconnectionDelay": 50})
    headers = {"Authorization": f"Bearer {other_merchant.api_key}"}
    url = f"{hub.url}/ws?padaria_slug={other_merchant.slug}"
    async with node_listening(node, hub.url, auth) as said, hub.session.ws_connect(url, headers=headers) as opened:
        assert await said() == ["connect"]
        assert (await opened.receive_json())["type"] == "snapshot"
        key_id = other_merchant.api_key.split(".")[2]
        path = f"/admin/merchants/{other_merchant.slug}/api-keys/{key_id}"
        assert (await hub.administer("DELETE", path))[0] == 200
        async with within(15):
            assert (await opened.receive_json())["reason"] == "key_revoked"
        assert (await said())[0] == "disconnect"
        assert (await said())[2] == {"code": "unauthenticated"}


async def test_two_gateways_serve_their_own_clients(hub):
    async with (
        second_gateway(hub) as second,
        listening(hub.url, **key(hub)) as at_first,
        listening(second, **key(hub)) as at_second,
    ):
        pix = await new_pix(hub)
        await confirm(hub, pix)
        events = [(await heard.next())[0] for heard in (at_first, at_second)]
    assert events == [f"payment-confirmed-{pix['id']}"] * 2


@claim("socket-io.disconnect")
async def test_client_reconnects_after_stop_and_gets_missed_event(hub, node):
    pix = await new_pix(hub)
    shown = {"payment_id": pix["id"], "t": token_of(pix["payment_url"])}
    quick = {"reconnectionDelay": 50, "reconnectionDelayMax": 100}
    async with contextlib.AsyncExitStack() as clients:
        saying = []
        async with second_gateway(hub) as second:
            port = second.rpartition(":")[2]
            for ways in WAYS.values():
                options = json.dumps({"auth": shown, "transports": ways, **quick})
                saying.append(await clients.enter_async_context(node_listening(node, second, options)))
                assert await saying[-1]() == ["connect"]
        await confirm(hub, pix)
        forward = await asyncio.start_server(lambda *line: forward_to(hub.url, *line), "127.0.0.1", int(port))
        async with forward:
            for said in saying:
                received = []
                while not received or received[-1][0] != f"payment-confirmed-{pix['id']}":
                    received.append(await said())
                assert received[0][0] == "disconnect"
            await clients.aclose()


async def forward_to(url, reader, writer):
    """Forward bytes to the hub, like a load balancer."""
    there, back = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))

    async def carry(source, sink):
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    await asyncio.gather(carry(reader, back), carry(there, writer))


def payers_socket(hub, shown):
    return hub.session.ws_connect(f"{hub.url}/ws", params=shown)


async def test_leaked_payer_token_takes_few_slots(hub, until, node):
    pix, other = [(await hub.post("/payments/pix", {"value": 1}))[1]["payment"] for _ in range(2)]
    shown, others = [{"payment_id": str(each["id"]), "t": token_of(each["payment_url"])} for each in (pix, other)]
    options = json.dumps({"auth": shown, "transports": ["websocket"], "reconnectionDelay": 50})
    async with contextlib.AsyncExitStack() as sockets:
        opened = [await sockets.enter_async_context(payers_socket(hub, shown)) for _ in range(BOUNDS["payer"])]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await payers_socket(hub, shown)
        assert refused.value.status == 429
        assert refused.value.headers["Retry-After"] == "5"
        # Others, and the payment's merchant, still get slots.
        await sockets.enter_async_context(payers_socket(hub, others))
        await sockets.enter_async_context(hub.socket(payment_id=shown["payment_id"]))
        # Socket.IO clients count too; the client reconnects until a slot is free.
        refusals = 'extrato_requests_limited_total{what="sockets"}'
        before = await hub.metric(refusals)
        said = await sockets.enter_async_context(node_listening(node, hub.url, options))

        async def was_disconnected():
            return await hub.metric(refusals) > before

        await until(was_disconnected, "the client was disconnected")
        await opened[0].close()
        event = await said()
        while event != ["connect"]:
            assert event[0] in {"connect_error", "disconnect"}
            event = await said()


async def test_gateway_raises_its_open_file_limit(hub):
    async with gateway_process(hub, "sh", "-c", 'ulimit -S -n 256 && exec "$@"', "sh") as (_, pid):
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    soft, hard = next(line for line in lines if line.startswith("Max open files")).split()[3:5]
    assert int(soft) == min(int(hard), 65_536)


@claim("socket-io.connect", "socket-io.disconnect")
async def test_clients_are_counted_and_forgotten(hub, until):
    async def are_both():
        return await hub.metric("extrato_socket_io_clients") == 2

    async with listening(hub.url, **key(hub)), listening(hub.url, ways=["polling"], **key(hub)):
        await until(are_both, "both are counted, and no client of an earlier test")

    async def is_forgotten():
        return await hub.metric("extrato_socket_io_clients") == 0

    await until(is_forgotten, "no client is left")


@pytest.mark.parametrize(
    "nonsense",
    ["", "x", "9", "4", "4x", "4[", "40{", "42[" * 300, "451-[{}]", "459999999-[]", "44{}", "4" * 5000, b"\x04"],
)
async def test_malformed_packets_disturb_no_other_client(hub, nonsense):
    async with listening(hub.url, **key(hub)) as heard:
        url = hub.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        async with hub.session.ws_connect(url) as socket:
            assert (await socket.receive_str()).startswith("0{")
            await socket.send_str("40" + json.dumps({"api_key": hub.api_key}))
            assert (await socket.receive_str()).startswith("40{")
            with contextlib.suppress(ConnectionError):
                await (socket.send_bytes if isinstance(nonsense, bytes) else socket.send_str)(nonsense)
                await socket.send_str('42["payment-confirmed-1", {}]')
        pix = await new_pix(hub)
        await confirm(hub, pix)
        assert (await heard.next())[0] == f"payment-confirmed-{pix['id']}"


async def test_any_origin_connects_with_key_and_without_cookie(hub):
    url = f"{hub.url}/socket.io/?EIO=4&transport=polling"
    async with hub.session.get(url, headers={"Origin": "https://loja.example"}) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "https://loja.example"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    asked = {"Origin": "https://loja.example", "Access-Control-Request-Headers": "authorization"}
    async with hub.session.options(url, headers=asked) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Headers"] == "authorization"


@claim("socket-io.access")
@pytest.mark.xdist_group("open mode")
async def test_open_mode_serves_local_pages_and_rejects_foreign_ones(keyless_hub, node):
    hub = keyless_hub
    pix = await new_pix(hub)
    async with (
        node_listening(node, hub.url) as said,
        listening(hub.url, auth={"payment_id": pix["id"]}) as one,
        listening(hub.url, headers={"Origin": "http://localhost:3000"}) as local,
    ):
        assert await said() == ["connect"]
        other = await new_pix(hub)
        await confirm(hub, other)
        await confirm(hub, pix)
        assert [(await said())[0] for _ in range(2)] == [f"payment-confirmed-{id_['id']}" for id_ in (other, pix)]
        assert (await one.next())[0] == f"payment-confirmed-{pix['id']}"
        assert (await local.next())[0] == f"payment-confirmed-{other['id']}"
    polling, websocket = (f"{hub.url}/socket.io/?EIO=4&transport={way}" for way in ("polling", "websocket"))
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        async with hub.session.get(polling, headers=headers) as answer:
            assert answer.status == 403, headers
            assert "Access-Control-Allow-Origin" not in answer.headers
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await hub.session.ws_connect(websocket, headers=headers)
        assert refused.value.status == 403
    async with hub.session.get(polling) as answer:
        session = (await answer.text()).partition('"sid":"')[2].partition('"')[0]
    for script in (f"{polling}&j=0", f"{polling}&j=", f"{polling}&sid={session}&j=0"):
        async with hub.session.get(script) as answer:
            assert (answer.status, "io[" in await answer.text()) == (403, False), script
