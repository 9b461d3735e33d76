"""WebSockets: a snapshot or the missed events, then live events without a gap."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from contracts.events import Item
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.values import Payer
from services.gateway.live.socket_limits import BOUNDS
from tests.pace import within
from tests.running_hub import CAUSE

MERCHANT = "padaria-do-marcos"
# Its events have about twenty kilobytes.
LARGE = NewPayment(
    provider="pix",
    method="pix",
    amount_centavos=10_000,
    title="Encomenda",
    description="Encomenda",
    items=(Item(name="Pão " * 50, quantity=1, unit_price_centavos=100),) * 100,
    payer=Payer(),
    lifetime=timedelta(minutes=30),
)


def token_of(address):
    return parse_qs(urlsplit(address).query)["t"][0]


async def read(opened, count, *, within_s=10):
    async with within(within_s):
        return [await opened.receive_json() for _ in range(count)]


async def test_resumed_merchant_socket_gets_each_event_once_in_order(hub):
    async with hub.socket(padaria_slug=MERCHANT) as opened:
        start = (await opened.receive_json())["position"]
        ids = [(await hub.post("/payments/pix", {"value": 1}))[1]["payment"]["id"] for _ in range(10)]
        live = []
        while len({frame["payment_id"] for frame in live} & set(ids)) < 10:
            live += await read(opened, 1)
    async with hub.socket(padaria_slug=MERCHANT, after=str(start)) as opened:
        resumed, *frames = await read(opened, 1 + len(live))
    assert resumed == {"type": "resumed", "position": start, "epoch": 1}
    assert frames == live
    positions = [frame["position"] for frame in frames]
    assert positions == sorted(set(positions))


async def test_resuming_during_payments_misses_no_event(hub):
    async with hub.socket(padaria_slug=MERCHANT) as opened:
        start = (await opened.receive_json())["position"]
    making = asyncio.create_task(make_payments(hub, 40))
    seen: list[int] = []
    made: set[int] = set()
    position = start
    # The snapshot may be older than payments of the test before, so that their events arrive too.
    while not made or made - set(seen):
        async with hub.socket(padaria_slug=MERCHANT, after=str(position)) as opened:
            await opened.receive_json()
            for _ in range(7):
                (frame,) = await read(opened, 1)
                position = frame["position"]
                if frame["event"] == "PaymentOpened":
                    seen.append(frame["payment_id"])
                if len(seen) >= 40:
                    made = set(await making)
                if made and made <= set(seen):
                    break
    assert len(seen) == len(set(seen))


async def make_payments(hub, count):
    return [(await hub.post("/payments/pix", {"value": 1}))[1]["payment"]["id"] for _ in range(count)]


async def test_payment_socket_receives_only_its_payment(hub):
    ids = await make_payments(hub, 2)
    async with hub.socket(payment_id=str(ids[0]), after="0") as opened:
        resumed, event = await read(opened, 2)
        assert (resumed["type"], event["event"]) == ("resumed", "PaymentOpened")
        assert event["data"]["charge"]["pix_payload"].startswith("000201")
        await make_payments(hub, 1)
        try:
            async with asyncio.timeout(0.3):
                raise AssertionError(await opened.receive_json())
        except TimeoutError:
            pass


def socket_of(hub, **query):
    """Open a socket without a key."""
    return hub.session.ws_connect(f"{hub.url}/ws", params=query)


async def test_payer_socket_receives_only_status_changes(hub):
    link = await hub.link(payer_email="cliente@email.com")
    shown = {"payment_id": str(link["payment_id"]), "t": token_of(link["secure_checkout_url"])}
    async with socket_of(hub, **shown) as opened:
        (snapshot,) = await read(opened, 1)
        await hub.pay_as_a_person(link["checkout_url"])
        (live,) = await read(opened, 1)
    async with socket_of(hub, **shown, after="0") as opened:
        resumed, earlier = await read(opened, 2)
    assert [state["status"] for state in snapshot["payments"]] == ["pending"]
    assert resumed["type"] == "resumed"
    assert earlier == live
    assert live["event"] == "StatusChanged"
    assert live["data"].keys() == {"previous", "status", "status_detail", "paid_at"}
    assert live["data"]["status"] == "approved"
    assert live["version"] > snapshot["version"]
    assert "@" not in json.dumps([snapshot, live])


async def test_payer_token_opens_only_its_payments_socket(hub):
    mine, other = [await hub.link() for _ in range(2)]
    token, number = token_of(mine["secure_checkout_url"]), str(mine["payment_id"])
    for query, status in (
        ({"payment_id": str(other["payment_id"]), "t": token}, 401),
        ({"padaria_slug": MERCHANT, "t": token}, 401),
        ({"padaria_slug": MERCHANT, "payment_id": number, "t": token}, 400),
        ({"payment_id": number, "t": "0" * 32}, 401),
        ({"payment_id": number}, 401),
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await socket_of(hub, **query)
        assert refused.value.status == status, query


async def test_payer_socket_carries_version_and_no_position(hub):
    link = await hub.link()
    shown = {"payment_id": str(link["payment_id"]), "t": token_of(link["secure_checkout_url"])}
    version = len(await hub.events(link["payment_id"]))
    async with socket_of(hub, **shown) as opened:
        (snapshot,) = await read(opened, 1)
    assert snapshot["version"] == version
    async with socket_of(hub, **shown, after=str(version)) as opened:
        assert await read(opened, 1) == [{"type": "resumed", "version": version, "epoch": 1}]
        await hub.pay_as_a_person(link["checkout_url"])
        (change,) = await read(opened, 1)
    events = await hub.events(link["payment_id"])
    assert events[change["version"] - 1]["type"] == "StatusChanged"
    async with socket_of(hub, **shown, after=str(change["version"] - 1)) as opened:
        assert (await read(opened, 2))[1] == change
    assert not {"position"} & (snapshot.keys() | change.keys())
    # A position of the log is not accepted as a version.
    for after in (len(events) + 1, events[-1]["position"]):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await socket_of(hub, **shown, after=str(after))
        assert refused.value.status == 400


async def test_address_limit_leaves_slots_for_others(hub, other_merchant, until):
    headers = {"Authorization": f"Bearer {other_merchant.api_key}"}

    async def is_free():
        return await hub.metric("extrato_websockets") == 0

    await until(is_free, "no other test has a slot")
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        url = f"{hub.url}/ws?padaria_slug={other_merchant.slug}"
        opened = []
        for _ in range(0, BOUNDS["address"], 50):
            opened += await asyncio.gather(*(session.ws_connect(url) for _ in range(50)))
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(url)
        assert refused.value.status == 429
        assert len(opened) == BOUNDS["address"]
    await until(is_free, "the slots are free")


@pytest.mark.xdist_group("crashes")
async def test_stopping_gateway_sends_position_to_resume(harmed_hub, until):
    hub = harmed_hub
    ids = await make_payments(hub, 1)
    async with hub.socket(payment_id=str(ids[0])) as opened:
        position = (await opened.receive_json())["position"]
        old_pid = hub.stop("gateway")
        closing = (await read(opened, 1))[0]
        assert closing == {"type": "closing", "position": position, "reason": "going_away"}
        close = await opened.receive()
        assert (close.type, close.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.SERVICE_RESTART)
    await hub.until_restarted(until, "gateway", old_pid)


async def test_slow_socket_is_closed_and_can_resume(hub, other_merchant):
    """A client with a tiny receive window does not read while more arrives than the connection buffers."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect(("127.0.0.1", int(hub.url.rsplit(":", 1)[1])))
    with slow:
        slow.sendall(
            f"GET /ws?padaria_slug={other_merchant.slug} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Authorization: Bearer {other_merchant.api_key}\r\n\r\n".encode()
        )
        dropped = await hub.metric("extrato_websockets_dropped_total")
        async with within(60), hub.inside() as inside:
            merchant = await MerchantDirectory(inside.log).get(other_merchant.slug)
            while await hub.metric("extrato_websockets_dropped_total") == dropped:
                await asyncio.gather(
                    *(create_payment(inside, merchant, LARGE, idempotency_key=None, cause=CAUSE) for _ in range(20))
                )
        # Other clients are served meanwhile.
        ids = await make_payments(hub, 1)
        assert (await hub.check(ids[0]))["status"] == "pending"
