"""Each webhook delivery is stored once among all processes; a repeat leaves no trace."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from extrato.store.inbox import FIRST_RETRY_S, Delivery, WebhookInbox
from extrato.store.personal_data import PersonalData
from extrato.store.pool import Pool
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

VAULT_KEY = base64.b64encode(bytes(32)).decode()
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


def personal_data(pool: Pool) -> PersonalData:
    return PersonalData(pool, Vault(pool, FixedKeys(VAULT_KEY)))


def an_inbox(pool: Pool) -> WebhookInbox:
    """The inbox of another process."""
    return WebhookInbox(pool, personal_data(pool))


async def opened(pool: Pool) -> list[tuple[bytes, str]]:
    """The bodies in `evidence`, opened by another process, and their kinds."""
    seal = await personal_data(pool).body_seal()
    rows = await pool.fetch("SELECT digest, kind, body FROM evidence WHERE sealed_by = 'hub'")
    return sorted((seal.open_body(row["digest"], row["body"]), row["kind"]) for row in rows)


async def stored(pool: Pool) -> tuple[int, list[bytes]]:
    bodies = [body for body, _ in await opened(pool)]
    return await pool.fetchval("SELECT count(*) FROM webhook_deliveries"), bodies


async def test_repeated_delivery_is_not_stored(pool: Pool):
    inbox, first = an_inbox(pool), delivery(b"first")
    assert await inbox.store(first) is True
    repeats = [replace(first, raw=b"repeat %d" % number) for number in range(3)]
    assert [await inbox.store(repeat) for repeat in repeats] == [False] * 3
    assert await stored(pool) == (1, [b"first"])


async def test_concurrent_repeats_are_stored_once(pool: Pool):
    inbox, first, other = an_inbox(pool), delivery(b"first"), delivery(b"other")
    is_new = await asyncio.gather(*(inbox.store(each) for each in (first, first, other, first, other)))
    assert (is_new.count(True), is_new.count(False)) == (2, 3)
    assert await stored(pool) == (2, [b"first", b"other"])


async def test_processes_store_a_delivery_once_without_deadlock(pool: Pool):
    several = [delivery(b"%d" % number) for number in range(40)]
    inboxes = [an_inbox(pool) for _ in range(4)]
    # Each process writes them in another order.
    is_new = await asyncio.gather(
        *(inbox.store(each) for turn, inbox in enumerate(inboxes) for each in several[turn * 7 :] + several[: turn * 7])
    )
    assert (is_new.count(True), is_new.count(False)) == (40, 120)
    assert (await stored(pool))[0] == 40


async def test_repeat_of_an_unhandled_delivery_stays_due(pool: Pool):
    inbox, first = an_inbox(pool), delivery()
    await inbox.store(first)
    assert await inbox.store(replace(first, received_at=NOW + timedelta(minutes=5))) is False
    due = await inbox.take_due(now=NOW + timedelta(seconds=FIRST_RETRY_S), limit=10)
    assert [each.delivery_id for each in due] == [first.delivery_id]
    await inbox.mark_handled(first.delivery_id, at=NOW, outcome="recorded")
    assert await inbox.store(first) is False
    assert await inbox.take_due(now=NOW + timedelta(days=1), limit=10) == []


async def test_unverified_delivery_is_never_due(pool: Pool):
    inbox = an_inbox(pool)
    for verdict in ("verified", "mismatched", "unverifiable"):
        await inbox.store(delivery(verdict.encode(), verdict=verdict))
    assert await opened(pool) == [
        (b"mismatched", "mercado_pago/unverified_webhook"),
        (b"unverifiable", "mercado_pago/unverified_webhook"),
        (b"verified", "mercado_pago/webhook"),
    ]
    assert len(await inbox.take_due(now=NOW + timedelta(days=1), limit=10)) == 1


async def test_body_is_neither_stored_plain_nor_named_by_its_plain_hash(pool: Pool):
    raw = b'{"body":"ana@example.com"}'
    await an_inbox(pool).store(delivery(raw))

    (row,) = await pool.fetch("SELECT e.* FROM evidence e JOIN webhook_deliveries w ON w.evidence = e.digest")
    salt = (await personal_data(pool).body_seal()).salt
    assert (row["sealed_by"], row["payment_id"]) == ("hub", None)
    assert raw[:8] not in row["body"]
    assert row["digest"] == hashlib.sha256(salt + raw).digest() != hashlib.sha256(raw).digest()


async def test_second_batch_of_bodies_reads_no_secret(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    inbox = an_inbox(pool)
    await inbox.store(delivery(b"first"))
    monkeypatch.delattr(Vault, "secret")

    assert await inbox.store(delivery(b"second")) is True
