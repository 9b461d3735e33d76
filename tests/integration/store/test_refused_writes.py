"""A PostgreSQL that rejects writes: callers get `StoreUnavailable`, and the pool leaves a demoted server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from extrato.errors import StoreUnavailable
from extrato.store import appender as appender_module
from extrato.store.appender import Appender
from extrato.store.event_log import EventLog
from extrato.store.inbox import Delivery, WebhookInbox
from extrato.store.payers import Payers
from extrato.store.payment_ids import PaymentIds
from extrato.store.personal_data import PersonalData
from extrato.store.pool import Pool
from extrato.store.recorder import AsyncpgRecorder, Member
from extrato.store.unavailable import is_database_unavailable
from extrato.store.vault import Vault
from extrato.store.vault_keys import KEY_BYTES
from extrato.values import Credential, Payer
from tests.database import demoted, full
from tests.integration.store.examples import append_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    Write = Callable[[asyncpg.Pool], Coroutine[object, object, object]]

CONNECTIONS = 4


class Keys:
    def current(self) -> tuple[bytes, ...]:
        return (bytes(KEY_BYTES),)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with Pool(database_url, connections=CONNECTIONS) as pool:
        yield pool


def vault(pool: asyncpg.Pool) -> Vault:
    return Vault(pool, Keys())


def inbox(pool: asyncpg.Pool) -> WebhookInbox:
    return WebhookInbox(pool, PersonalData(pool, vault(pool)))


def credential() -> Credential:
    return Credential(access_token="t", webhook_secret="s", account_id="1")


def delivery() -> Delivery:
    return Delivery(
        delivery_id=uuid4(),
        merchant="padaria",
        provider="mercado_pago",
        kind="payment",
        resource_id="1",
        verdict="verified",
        raw=b"{}",
        correlation_id="c",
        received_at=datetime.now(UTC),
    )


WRITES: dict[str, Write] = {
    "events": lambda pool: EventLog(pool).append(append_to()),
    "a delivery": lambda pool: inbox(pool).store(delivery()),
    "that a delivery was handled": lambda pool: inbox(pool).mark_handled(uuid4(), at=datetime.now(UTC), outcome="done"),
    "a payer": lambda pool: Payers(pool, vault(pool)).keep(1, Payer(email="a@example.com")),
    "a credential": lambda pool: vault(pool).put("padaria", "mercado_pago", credential()),
    "no credential": lambda pool: vault(pool).remove("padaria", "mercado_pago"),
    "a secret": lambda pool: vault(pool).secret("tokens"),
}


@pytest.mark.parametrize("what", WRITES)
async def test_full_disk_raises_unavailable(pool: Pool, database_url: str, what: str):
    async with full(database_url):
        with pytest.raises(StoreUnavailable):
            await WRITES[what](pool)
    await WRITES[what](pool)


@pytest.mark.parametrize(
    "sqlstate", ["25006", "53200", "53300", "57014", "57P01", "57P03", "58030", "55P03", "40P01", "28P01"]
)
async def test_rejected_append_raises_unavailable(
    pool: Pool, database_url: str, sqlstate: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(appender_module, "WRITE_ATTEMPTS", 1)
    async with full(database_url, sqlstate=sqlstate):
        with pytest.raises(StoreUnavailable):
            await EventLog(pool).append(append_to())
    assert await EventLog(pool).head() == 0


@pytest.mark.parametrize("sqlstate", ["23505", "22021", "42501", "42P01"])
async def test_rejected_value_is_not_unavailable(pool: Pool, database_url: str, sqlstate: str):
    async with full(database_url, sqlstate=sqlstate):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await EventLog(pool).append(append_to())
    assert not is_database_unavailable(refused.value)


async def test_refused_write_replaces_every_connection(pool: Pool, database_url: str):
    async with demoted(database_url):
        assert set(await on_every_connection(pool)) == {"on"}

    assert set(await on_every_connection(pool)) == {"on"}
    with pytest.raises(StoreUnavailable):
        await PaymentIds(pool).next_payment_id()
    assert set(await on_every_connection(pool)) == {"off"}


async def test_rejected_role_raises_unavailable(database_url: str):
    url = database_url.replace("//extrato@", "//renamed@")
    async with asyncpg.create_pool(url, min_size=0, max_size=1) as pool:
        with pytest.raises(StoreUnavailable):
            await vault(pool).get("padaria", "mercado_pago")
        with pytest.raises(StoreUnavailable):
            await PaymentIds(pool).next_payment_id()


async def on_every_connection(pool: Pool) -> list[str]:
    """Hold all connections at once; return each server's state."""
    every = await asyncio.gather(*(pool.acquire() for _ in range(CONNECTIONS)))
    try:
        return [await connection.fetchval("SHOW transaction_read_only") for connection in every]
    finally:
        await asyncio.gather(*(pool.release(connection) for connection in every))


async def test_demoted_server_still_serves_reads(pool: Pool, database_url: str):
    log = EventLog(pool)
    written = append_to()
    await log.append(written)
    async with demoted(database_url):
        with pytest.raises(StoreUnavailable):
            await log.append(append_to())
        assert len(await log.read_stream(written.stream_id)) == await log.head() == 1


async def test_write_is_retried_on_the_next_primary(pool: Pool, database_url: str):
    """The demoted server rejects the first try; the second one reaches the next primary."""
    async with demoted(database_url):
        assert set(await on_every_connection(pool)) == {"on"}

    assert len(await EventLog(pool).append(append_to())) == 1


class Failing(AsyncpgRecorder):
    """Raises these errors in this order instead of a write."""

    def __init__(self, pool: asyncpg.Pool, *errors: type[asyncpg.PostgresError]) -> None:
        super().__init__(pool)
        self._errors = list(errors)

    async def insert_batch(self, members: list[Member]) -> list[list[int] | None]:
        del members
        raise self._errors.pop(0)


NOT_DONE = "The database does not accept writes; nothing was written."
UNKNOWN = "The database does not answer; whether the last write happened is unknown."


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ((asyncpg.DiskFullError, asyncpg.ReadOnlySQLTransactionError), NOT_DONE),
        ((asyncpg.ConnectionDoesNotExistError, asyncpg.ReadOnlySQLTransactionError), UNKNOWN),
        ((asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError), UNKNOWN),
    ],
)
async def test_append_reports_not_done_only_after_refusals(
    pool: Pool, errors: tuple[type[asyncpg.PostgresError], ...], message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(appender_module, "WRITE_ATTEMPTS", len(errors))

    with pytest.raises(StoreUnavailable) as unavailable:
        await Appender(Failing(pool, *errors)).append(append_to())

    assert unavailable.value.message == message
