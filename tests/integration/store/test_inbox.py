"""Each webhook delivery is stored once among all processes; a repeat leaves no trace."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from extrato.store.inbox import FIRST_RETRY_S, Delivery, WebhookInbox
from extrato.store.pool import Pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def delivery(raw: bytes = b"{}", *, delivery_id: UUID | None = None, verdict: str = "verified") -> Delivery:
    return Delivery(
        delivery_id=delivery_id or uuid4(),
        merchant="padaria",
        provider="mercado_pago",
        kind="payment",
        resource_id="12",
        verdict=verdict,
        raw=raw,
        correlation_id="test",
        received_at=NOW,
    )


@pytest.fixture
async def pool(emptied_database_url: str) -> AsyncIterator[Pool]:
    async with Pool(emptied_database_url, connections=4) as pool:
        yield pool


async def stored(pool: Pool) -> tuple[int, list[bytes]]:
    bodies = [row[0] for row in await pool.fetch("SELECT body FROM evidence ORDER BY body")]
    return await pool.fetchval("SELECT count(*) FROM webhook_deliveries"), bodies


async def test_repeated_delivery_is_not_stored(pool: Pool):
    inbox, first = WebhookInbox(pool), delivery(b"first")
    assert await inbox.store(first) is True
    repeats = [replace(first, raw=b"repeat %d" % number) for number in range(3)]
    assert [await inbox.store(repeat) for repeat in repeats] == [False] * 3
    assert await stored(pool) == (1, [b"first"])


async def test_concurrent_repeats_are_stored_once(pool: Pool):
    inbox, first, other = WebhookInbox(pool), delivery(b"first"), delivery(b"other")
    is_new = await asyncio.gather(*(inbox.store(each) for each in (first, first, other, first, other)))
    assert (is_new.count(True), is_new.count(False)) == (2, 3)
    assert await stored(pool) == (2, [b"first", b"other"])


async def test_processes_store_a_delivery_once_without_deadlock(pool: Pool):
    several = [delivery(b"%d" % number) for number in range(40)]
    inboxes = [WebhookInbox(pool) for _ in range(4)]
    # Each process writes them in another order.
    is_new = await asyncio.gather(
        *(inbox.store(each) for turn, inbox in enumerate(inboxes) for each in several[turn * 7 :] + several[: turn * 7])
    )
    assert (is_new.count(True), is_new.count(False)) == (40, 120)
    assert (await stored(pool))[0] == 40


async def test_repeat_of_an_unhandled_delivery_stays_due(pool: Pool):
    inbox, first = WebhookInbox(pool), delivery()
    await inbox.store(first)
    assert await inbox.store(replace(first, received_at=NOW + timedelta(minutes=5))) is False
    due = await inbox.take_due(now=NOW + timedelta(seconds=FIRST_RETRY_S), limit=10)
    assert [each.delivery_id for each in due] == [first.delivery_id]
    await inbox.mark_handled(first.delivery_id, at=NOW, outcome="recorded")
    assert await inbox.store(first) is False
    assert await inbox.take_due(now=NOW + timedelta(days=1), limit=10) == []


async def test_unverified_delivery_is_never_due(pool: Pool):
    inbox = WebhookInbox(pool)
    for verdict in ("verified", "mismatched", "unverifiable"):
        await inbox.store(delivery(verdict.encode(), verdict=verdict))
    kinds = await pool.fetch("SELECT body, kind FROM evidence ORDER BY body")
    assert [tuple(row) for row in kinds] == [
        (b"mismatched", "mercado_pago/unverified_webhook"),
        (b"unverifiable", "mercado_pago/unverified_webhook"),
        (b"verified", "mercado_pago/webhook"),
    ]
    assert len(await inbox.take_due(now=NOW + timedelta(days=1), limit=10)) == 1
