"""WebSockets: a snapshot or what was missed, then everything as it happens, without a hole."""

from __future__ import annotations

import asyncio

import aiohttp

MERCHANT = "padaria-do-marcos"


async def read(socket, count, *, within_s=10):
    async with asyncio.timeout(within_s):
        return [await socket.receive_json() for _ in range(count)]


async def test_a_merchants_socket_that_resumes_gets_every_event_once_and_in_order(hub):
    async with hub.socket(padaria_slug=MERCHANT) as socket:
        start = (await socket.receive_json())["position"]
        ids = [(await hub.post("/payments/pix", {"value": 1}))[1]["payment"]["id"] for _ in range(10)]
        live = []
        while len({frame["payment_id"] for frame in live} & set(ids)) < 10:
            live += await read(socket, 1)
    async with hub.socket(padaria_slug=MERCHANT, after=str(start)) as socket:
        resumed, *frames = await read(socket, 1 + len(live))
    assert resumed == {"type": "resumed", "position": start}
    assert frames == live
    positions = [frame["position"] for frame in frames]
    assert positions == sorted(set(positions))


async def test_resuming_while_payments_are_made_leaves_no_hole(hub):
    async with hub.socket(padaria_slug=MERCHANT) as socket:
        start = (await socket.receive_json())["position"]
    making = asyncio.create_task(make_payments(hub, 40))
    seen: list[int] = []
    position = start
    while len(seen) < 40:
        async with hub.socket(padaria_slug=MERCHANT, after=str(position)) as socket:
            await socket.receive_json()
            for _ in range(7):
                (frame,) = await read(socket, 1)
                position = frame["position"]
                if frame["event"] == "PaymentOpened":
                    seen.append(frame["payment_id"])
                if len(seen) == 40:
                    break
    assert sorted(seen) == sorted(await making)


async def make_payments(hub, count):
    return [(await hub.post("/payments/pix", {"value": 1}))[1]["payment"]["id"] for _ in range(count)]


async def test_a_payments_socket_tells_of_that_payment_only(hub):
    ids = await make_payments(hub, 2)
    async with hub.socket(payment_id=str(ids[0]), after="0") as socket:
        frames = await read(socket, 3)
        assert [frame["type"] for frame in frames] == ["resumed", "event", "event"]
        await make_payments(hub, 1)
        try:
            async with asyncio.timeout(0.3):
                raise AssertionError(await socket.receive_json())
        except TimeoutError:
            pass


async def test_when_the_gateway_stops_a_socket_is_told_where_to_resume(hub, until):
    ids = await make_payments(hub, 1)
    async with hub.socket(payment_id=str(ids[0])) as socket:
        position = (await socket.receive_json())["position"]
        old_pid = hub.stop("gateway")
        closing = (await read(socket, 1))[0]
        assert closing == {"type": "closing", "position": position, "reason": "going_away"}
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    await hub.until_restarted(until, "gateway", old_pid)
