"""Killed processes, deleted streams, forged messages and outages: no event is lost, and none is forged."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import aiohttp
import psutil
import pytest

from tests.compatibility.claim import claim
from tests.e2e.seeing import is_refilled, see_approval
from tests.pace import within

pytestmark = pytest.mark.xdist_group("crashes")


@pytest.fixture
def hub(harmed_hub):
    return harmed_hub


@claim("monitor.deleted")
@pytest.mark.parametrize("victim", ["gateway", "monitor", "projections", "nats", "postgres"])
async def test_killed_process_loses_nothing(hub, until, victim):
    link = await hub.link()
    old_pid = hub.kill(victim)
    await hub.pay_as_a_person(link["checkout_url"])
    await hub.until_restarted(until, victim, old_pid)
    async with hub.socket(payment_id=link["payment_id"]) as socket:
        await see_approval(hub, until, socket, link["payment_id"], within_s=25)


async def test_order_is_charged_once_although_the_gateway_is_killed(hub, until):
    orders = [f"killed-{number}" for number in range(30)]

    async def charge(order):
        """Create until there is an answer, as a shop that does not know what happened."""
        body = {"method": "pix", "amount_centavos": 100, "reference": order, "unique_reference": True}
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                status, answer = await hub.post("/v1/payments", body)
                if status in {201, 409}:
                    return int(answer["id"] if status == 201 else answer["payment_id"])
            await asyncio.sleep(0.1)

    # Two servers of the shop charge each order.
    charging = [asyncio.create_task(charge(order)) for order in orders * 2]
    await asyncio.wait(charging, return_when=asyncio.FIRST_COMPLETED)
    old_pid = hub.kill("gateway")
    ids = await asyncio.gather(*charging)
    await hub.until_restarted(until, "gateway", old_pid)

    assert ids[: len(orders)] == ids[len(orders) :]
    opened = await hub.rows(
        """
        SELECT convert_from(state, 'utf8')::json ->> 'payment_id' FROM stored_events
        WHERE topic LIKE 'PaymentOpened.%' AND convert_from(state, 'utf8')::json #>> '{data,reference}' = ANY ($1)
        """,
        orders,
    )
    assert sorted(int(number) for (number,) in opened) == sorted(set(ids))


async def test_deleted_nats_stream_loses_nothing(hub, until):
    async with hub.jetstream() as jetstream:
        links = [await hub.link() for _ in range(3)]
        await jetstream.delete_stream("PAYMENTS")
        for link in links:
            await hub.pay_as_a_person(link["checkout_url"])
        for link in links:
            async with hub.socket(payment_id=link["payment_id"]) as socket:
                await see_approval(hub, until, socket, link["payment_id"])

        await until(lambda: is_refilled(hub, jetstream), "the stream has every event of the log again")


async def test_forged_message_is_ignored(hub, until):
    _, answer = await hub.post("/payments/pix", {"value": 3})
    payment_id = answer["payment"]["id"]
    async with hub.socket(payment_id=payment_id) as socket, hub.jetstream() as jetstream:
        await socket.receive_json()
        await until(lambda: is_refilled(hub, jetstream), "the stream is complete")
        info = await jetstream.stream_info("PAYMENTS")
        last = await jetstream.get_msg("PAYMENTS", seq=info.state.last_seq)
        head = int(last.headers["ce-position"])
        forged = {
            **last.headers,
            "ce-position": str(head + 1_000_000),
            "ce-previousposition": str(head),
            "ce-type": "br.extrato.StatusChanged.v2",
            "ce-subject": str(payment_id),
        }
        forged.pop("Nats-Expected-Last-Sequence", None)
        body = b'{"previous":"pending","status":"approved","status_detail":null,"attempt_id":null,"paid_at":null}'
        await jetstream.publish(f"payments.padaria-do-marcos.{payment_id}.StatusChanged", body, headers=forged)
        confirmation = {"bank_payment_id": answer["payment"]["bank_payment_id"], "value": 3}
        assert (await hub.post("/payments/pix/confirmation", confirmation))[0] == 200
        async with within(10):
            frames = [await socket.receive_json(), await socket.receive_json()]
    assert [frame["event"] for frame in frames] == ["ObservationRecorded", "StatusChanged"]
    assert frames[-1]["source"] == "bank"

    async def is_listed():
        _, listed = await hub.get("/payments/api/pending/?padaria_slug=padaria-do-marcos&status=approved")
        return payment_id in [payment["payment_id"] for payment in listed["payments"]]

    await until(is_listed, "the read models continue")


@claim("errors.body")
async def test_database_outage_is_answered_503_then_recovers(hub, until):
    link = await hub.link()
    old_pid = hub.pid("gateway")
    os.kill(hub.pid("postgres"), signal.SIGKILL)
    statuses = set()
    for _ in range(10):
        for method, path in (("GET", f"/payments/api/check/{link['payment_id']}/"), ("POST", "/payments/pix")):
            async with hub.session.request(
                method, hub.url + path, headers=hub.headers, json={"value": 1} if method == "POST" else None
            ) as answer:
                statuses.add(answer.status)
                assert answer.status != 503 or answer.headers["Retry-After"]
    assert statuses <= {200, 201, 503}

    await until(hub.is_served, "the database is back")
    assert (await hub.check(link["payment_id"]))["status"] == "pending"
    assert hub.pid("gateway") == old_pid


@contextlib.contextmanager
def frozen(pid):
    """Stop a process and its children for a while, like a machine that hangs."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            # A child may have ended meanwhile.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


async def readiness(hub):
    """Return the answer of `/readyz`, which must arrive within two seconds."""
    async with within(2), hub.session.get(f"{hub.url}/readyz") as answer:
        return answer.status, (await answer.json())["status"]


async def test_frozen_postgresql_makes_gateway_unavailable_in_two_seconds(hub, until):
    assert await readiness(hub) == (200, "ok")
    with frozen(hub.pid("postgres")):

        async def is_unavailable():
            return await readiness(hub) == (503, "unavailable")

        await until(is_unavailable, "the earlier probe has expired")
        assert [await readiness(hub) for _ in range(3)] == [(503, "unavailable")] * 3
        async with hub.session.get(f"{hub.url}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok", "checks": {}})

    async def is_ok():
        return await readiness(hub) == (200, "ok")

    await until(is_ok, "the gateway is ready again")


async def test_gateway_without_nats_is_degraded_and_sells(hub, until):
    with frozen(hub.pid("nats")):

        async def is_degraded():
            return await readiness(hub) == (200, "degraded")

        await until(is_degraded, "the gateway notices that NATS is gone")
        assert (await hub.post("/payments/pix", {"value": 1}))[0] == 201

    async def is_ok():
        return await readiness(hub) == (200, "ok")

    await until(is_ok, "NATS is back")
