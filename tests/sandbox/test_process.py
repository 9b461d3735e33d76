"""The sandbox process: start, restart, stop and settings."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import aiohttp
import pytest

from services.sandbox.state.accounts import DEMO_ACCOUNT
from services.sandbox.state.settings import InvalidSettings, Settings
from tests.pace import within
from tests.ports import free_port

HEADERS = {"Authorization": f"Bearer {DEMO_ACCOUNT.access_token}", "X-Idempotency-Key": "k"}
PIX = {"transaction_amount": 1, "payment_method_id": "pix", "payer": {"email": "ana@example.com"}}


@pytest.fixture
async def spawn(settings):
    """Start sandbox processes with the test's port and folder, and end them after the test."""
    started = []

    async def start(**changes: str):
        environment = os.environ | {
            "EXTRATO_SANDBOX_PORT": str(settings.port),
            "EXTRATO_SANDBOX_DATA": str(settings.data),
            **changes,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.sandbox",
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_payment_survives_a_killed_process(spawn, settings):
    process = await spawn()
    await process.stdout.readline()
    async with aiohttp.ClientSession(settings.public_url, headers=HEADERS) as session:
        async with session.post("/v1/payments", json=PIX) as response:
            created = await response.json()
        process.kill()
        await process.wait()
        process = await spawn()
        await process.stdout.readline()
        async with session.get(f"/v1/payments/{created['id']}") as response:
            assert await response.json() == created
        async with session.post("/v1/payments", json=PIX) as response:
            assert (await response.json())["id"] == created["id"]
        async with session.get("/v1/payments/search") as response:
            assert (await response.json())["paging"]["total"] == 1


async def test_restart_keeps_preferences_orders_and_due_dates(start, shop):
    async with start() as sandbox:
        preference = await sandbox.preference(external_reference="PED-1")
        pix = await sandbox.pay(preference_id=preference["id"], outcome="pending")
        refunded = await sandbox.pix(metadata={"price": 0.1}, additional_info={"ip": "127.0.0.1"})
        await sandbox.pay(payment_id=refunded["id"], outcome="approved")
        await sandbox.pay(payment_id=refunded["id"], outcome="refunded", amount=0.07)
        before = [await sandbox.payment(payment["id"]) for payment in (pix, refunded)]
        other = await sandbox.pix(key="other", notification_url=f"{shop.url}?source_news=webhooks")
        await shop.wait_for_webhooks(1)
    async with start(time_factor=10**9) as sandbox:
        await shop.wait_for_webhooks(2)
        assert (await sandbox.payment(other["id"]))["status_detail"] == "expired"
    async with start() as sandbox:
        assert (await sandbox.call("GET", f"/checkout/preferences/{preference['id']}"))[1] == preference
        assert await sandbox.payment(refunded["id"]) == before[1]
        assert (await sandbox.payment(pix["id"]))["id"] == before[0]["id"]
        _, orders = await sandbox.call("GET", f"/merchant_orders/search?preference_id={preference['id']}")
        assert [each["id"] for each in orders["elements"][0]["payments"]] == [pix["id"]]
        assert (await sandbox.pix(key="new"))["id"] > other["id"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_stops_the_sandbox_within_two_seconds(spawn, settings, number):
    process = await spawn()
    await process.stdout.readline()
    async with aiohttp.ClientSession(settings.public_url, headers=HEADERS) as session:
        async with session.put("/_sandbox/faults", json={"latency_ms": 60_000}):
            pass
        call = asyncio.create_task(session.get("/users/me"))
        async with within(5):
            while True:
                async with session.get("/_sandbox/stats") as response:
                    if (await response.json())["requests"]["total"]:
                        break
        process.send_signal(number)
        async with within(2):
            assert await process.wait() == 0
        with pytest.raises(aiohttp.ClientError):
            await call
    assert await process.stderr.read() == b""


async def test_taken_port_prints_one_sentence_and_exits_with_1(spawn, settings, tmp_path):
    first = await spawn()
    await first.stdout.readline()
    second = await spawn(EXTRATO_SANDBOX_DATA=str(tmp_path / "elsewhere"))
    out, err = await second.communicate()
    assert (second.returncode, out) == (1, b"")
    assert err.decode().count("\n") == 1
    assert f"127.0.0.1:{settings.port}" in err.decode()
    assert not (tmp_path / "elsewhere").exists()


async def test_folder_in_use_prints_one_sentence_and_exits_with_1(spawn, settings, start):
    async with start():
        process = await spawn(EXTRATO_SANDBOX_PORT=str(free_port()))
        _, err = await process.communicate()
    assert process.returncode == 1
    assert err.decode().count("\n") == 1
    assert str(settings.data) in err.decode()


def test_settings_default_to_demo_merchant_on_port_8001():
    settings = Settings.from_env({})
    assert (settings.port, settings.public_url) == (8001, "http://127.0.0.1:8001")
    assert settings.accounts == (DEMO_ACCOUNT,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXTRATO_SANDBOX_PORT", "http"),
        ("EXTRATO_SANDBOX_PORT", "70000"),
        ("EXTRATO_SANDBOX_TIME_FACTOR", "0"),
        ("EXTRATO_SANDBOX_TIME_FACTOR", "nan"),
        ("EXTRATO_SANDBOX_ACCOUNTS", '[{"access_token": "t"}]'),
        (
            "EXTRATO_SANDBOX_ACCOUNTS",
            '[{"access_token": "t", "collector_id": 1, "nickname": "L", "webhook_secret": "s", "webhook_url": "here"}]',
        ),
    ],
)
def test_unusable_setting_is_named(name, value):
    with pytest.raises(InvalidSettings, match=name):
        Settings.from_env({name: value})


def test_demo_secret_is_configured():
    (demo,) = Settings.from_env({"EXTRATO_SANDBOX_DEMO_SECRET": "of-the-hub"}).accounts
    assert (demo.collector_id, demo.webhook_secret) == (DEMO_ACCOUNT.collector_id, "of-the-hub")


def test_accounts_are_read_from_json():
    text = """[{
        "access_token": "t", "collector_id": 1, "nickname": "Loja", "webhook_secret": "s",
        "webhook_url": "https://loja.example/hook", "is_test_user": true
    }]"""
    demo, account = Settings.from_env({"EXTRATO_SANDBOX_ACCOUNTS": text}).accounts
    assert demo == DEMO_ACCOUNT
    assert (account.access_token, account.collector_id, account.nickname) == ("t", 1, "Loja")
    assert (account.webhook_url, account.is_test_user) == ("https://loja.example/hook", True)
