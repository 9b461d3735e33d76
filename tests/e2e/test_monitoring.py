"""Watches, synchronisation and checks: all open payments are covered, and concurrent checks share one call."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from datetime import datetime, timedelta

import pytest

from tests.compatibility.claim import claim

MERCHANT = "padaria-do-marcos"
# How long an answer of the provider is used again, by the setting of these hubs.
USED_AGAIN = timedelta(seconds=1.9)


async def _pay(hub, link):
    await hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": "approved"})


async def _projected(hub, until, payment_ids):
    """Wait until the read models have these payments."""

    async def are_listed():
        _, listed = await hub.get(f"/payments/api/pending/?padaria_slug={hub.merchant}&status=all&limit=1000")
        return set(payment_ids) <= {payment["payment_id"] for payment in listed["payments"]}

    await until(are_listed, "the payments are listed")


@claim("sync-pending.asks", "sync-pending.updated")
@pytest.mark.usefixtures("only_when_asked")
async def test_synchronisation_covers_over_a_hundred_payments(others_hub, until):
    hub = others_hub
    links = await asyncio.gather(*(hub.link() for _ in range(130)))

    async def are_listed():
        _, listed = await hub.get(f"/payments/api/pending/?padaria_slug={hub.merchant}&limit=1000")
        return listed["count"] == len(links)

    await until(are_listed, "the payments are listed")
    paid = links[3::10]
    for link in paid:
        await _pay(hub, link)
    status, answer = await hub.post("/payments/api/sync-pending/", {"padaria_slug": hub.merchant})
    assert status == 200
    assert (answer["success"], answer["padaria"]) == (True, "Padaria da Ana")
    assert (answer["total_pending"], answer["synced_count"], answer["approved_count"]) == (130, 130, len(paid))
    assert answer["updated_payments"] == [
        {
            "payment_id": link["payment_id"],
            "old_status": "pending",
            "new_status": "approved",
            "amount": 7.5,
            "description": "10x Pão Francês",
        }
        for link in sorted(paid, key=lambda link: link["payment_id"])
    ]
    _, again = await hub.post("/payments/api/sync-pending/", {"padaria_slug": hub.merchant})
    assert again["updated_payments"] == []

    # The monitor then finds no further change.
    os.kill(hub.pid("monitor"), signal.SIGCONT)
    asked = await _searches(hub)

    async def is_swept():
        return await _searches(hub) > asked

    await until(is_swept, "the account is swept")
    assert await hub.status_changes(paid[0]["payment_id"]) == [("pending", "approved")]


@claim("sync-pending.counts")
async def test_provider_outage_leaves_payments_unsynced(hub, until):
    link = await hub.link()
    await _projected(hub, until, [link["payment_id"]])
    await hub.faults(error_rate=1.0)
    status, answer = await hub.post("/payments/api/sync-pending/", {"padaria_slug": MERCHANT})
    assert status == 200
    assert answer["synced_count"] < answer["total_pending"]
    assert link["payment_id"] not in [moved["payment_id"] for moved in answer["updated_payments"]]


@claim("check.asks")
@pytest.mark.usefixtures("only_when_asked")
async def test_hundred_concurrent_checks_share_one_call(hub):
    link = await hub.link()
    await hub.faults(latency_ms=150)
    before = await _searches(hub)
    answers = await asyncio.gather(*(hub.check(link["payment_id"]) for _ in range(100)))
    assert {answer["synced"] for answer in answers} == {True}
    moments = sorted({datetime.fromisoformat(answer["synced_at"]) for answer in answers})
    assert await _searches(hub) - before == len(moments)
    # One, unless the hundred answers took longer than an answer is used again.
    assert all(later - earlier >= USED_AGAIN for earlier, later in itertools.pairwise(moments))


async def _searches(hub) -> int:
    asked = (await hub.sandbox("GET", "/_sandbox/stats"))["requests"]["by_route"]
    return sum(count for route, count in asked.items() if "/v1/payments/search" in route)


@pytest.mark.usefixtures("only_when_asked")
async def test_recent_check_is_reused_without_provider_call(hub, until):
    link = await hub.link()
    before = await _searches(hub)
    first = await hub.check(link["payment_id"])
    second = await hub.check(link["payment_id"])
    first_at, second_at = (datetime.fromisoformat(answer["synced_at"]) for answer in (first, second))
    assert await _searches(hub) - before == len({first_at, second_at})
    # The first answer, unless the second question came that late.
    assert second_at == first_at or second_at - first_at >= USED_AGAIN
    assert (second["synced"], second["status_changed"]) == (True, False)

    async def is_asked_again():
        return (await hub.check(link["payment_id"]))["synced_at"] != first["synced_at"]

    await until(is_asked_again, "the last check has expired", within_s=8)


@claim("check.asks")
async def test_webhook_result_shows_within_a_recent_check(hub):
    """A webhook may take longer than a check stays valid; not every time."""
    for _ in range(5):
        link = await hub.link()
        first = await hub.check(link["payment_id"])
        await _pay(hub, link)
        checked = await hub.until_checked(link["payment_id"], status="approved")
        if checked["synced_at"] == first["synced_at"]:
            return
    raise AssertionError("each check called the provider")


@claim("start-monitor.answer", "list-monitors.answer")
async def test_second_watch_start_answers_normally(hub, until):
    link = await hub.link()
    number = link["payment_id"]
    status, answer = await hub.post(f"/payments/api/monitor/{number}/start/", {})
    assert status == 200
    assert answer == {
        "success": True,
        "payment_id": number,
        "status": "pending",
        "message": "Monitoramento já estava ativo",
        "monitoring": True,
    }

    async def is_listed():
        _, monitors = await hub.get("/payments/api/monitors/")
        assert monitors["active_count"] == len(monitors["payment_ids"])
        return number in monitors["payment_ids"]

    await until(is_listed, "the watch is listed")
    _, named = await hub.get(f"/payments/api/monitors/?padaria_slug={MERCHANT}")
    assert number in named["payment_ids"]


@claim("start-monitor.answer", "monitor.final")
async def test_paid_payment_is_not_watched(hub, until):
    link = await hub.link()
    await _pay(hub, link)
    await hub.until_checked(link["payment_id"], status="approved")
    status, answer = await hub.post(f"/payments/api/monitor/{link['payment_id']}/start/", {})
    assert status == 200
    assert (answer["monitoring"], answer["status"]) == (False, "approved")

    async def is_gone():
        _, monitors = await hub.get("/payments/api/monitors/")
        return link["payment_id"] not in monitors["payment_ids"]

    await until(is_gone, "the watch is over")


@claim("start-all.answer")
async def test_active_watches_are_not_restarted(others_hub, until):
    hub = others_hub
    link = await hub.link()
    await _projected(hub, until, [link["payment_id"]])
    status, answer = await hub.post("/payments/api/monitors/start-all/", {"padaria_slug": hub.merchant})
    assert status == 200
    assert answer == {"success": True, "padaria_slug": hub.merchant, "monitors_started": 0}


@claim("sync-pending.body", "start-all.starts", "errors.payment", "errors.padaria")
async def test_missing_things_have_reference_messages(hub):
    status, answer = await hub.post("/payments/api/monitor/999999/start/", {})
    assert (status, answer["error"]) == (404, "Pagamento 999999 não encontrado")
    for path in ("sync-pending", "monitors/start-all"):
        status, answer = await hub.post(f"/payments/api/{path}/", {"padaria_slug": "slug-invalido"})
        assert (status, answer["success"]) == (400, False)
        assert answer["error"] == "Padaria 'slug-invalido' não encontrada"
        status, answer = await hub.post(f"/payments/api/{path}/", {})
        assert (status, answer["code"]) == (400, "missing_padaria_slug")
