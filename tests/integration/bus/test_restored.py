"""`extrato restored`, on a log that went back while the bus did not."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from extrato import process
from extrato.process import CannotStart
from extrato.store.appender import StreamAppend
from extrato.store.payment_ids import PaymentIds
from services.cli.commands.restored import restored
from tests.integration.bus.running import holds_whole_log, relaying, set_log_back
from tests.integration.store.examples import append_to, new_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import asyncpg

    from extrato.bus.connection import Bus
    from extrato.store.event_log import EventLog
    from services.cli.embedded.nats import EmbeddedNats


@pytest.fixture
def environment(database_url: str, nats_server: EmbeddedNats, tmp_path: Path) -> Mapping[str, str]:
    return {
        "EXTRATO_HOME": str(tmp_path),
        "EXTRATO_DATABASE_URL": database_url,
        "EXTRATO_NATS_URL": nats_server.url,
        "EXTRATO_SECRET_KEY": "k" * 43 + "=",
    }


@pytest.fixture
async def seven_were_published(log: EventLog, bus: Bus, database_url: str) -> None:
    for number in range(1, 8):
        event = new_event(payment_id=number)
        await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[event]))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)


@pytest.mark.usefixtures("seven_were_published")
async def test_restored_log_reuses_no_position_or_payment_id(
    log: EventLog, bus: Bus, pool: asyncpg.Pool, database_url: str, environment, capsys
):
    await set_log_back(pool, to=4, is_regrown=True)
    await restored(Namespace(forgotten=[]), environment)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 2 of the log starts after position 4.",
        "The log has lost 3 events that NATS still has.",
        "The next event gets a position above 7, and the next payment an id above 7.",
    ]
    await log.append(append_to())
    assert await log.head() == 8
    assert await PaymentIds(pool).next_payment_id() > 7
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)


@pytest.mark.usefixtures("seven_were_published")
async def test_restored_refuses_the_bus_of_another_log(log: EventLog, pool: asyncpg.Pool, environment):
    await pool.execute("UPDATE log_identity SET log_id = gen_random_uuid()")
    with pytest.raises(CannotStart, match="another log"):
        await restored(Namespace(forgotten=[]), environment)
    assert (await log.identity.read()).epoch == 1


async def test_restored_reports_a_backup_without_migrations(
    pool: asyncpg.Pool, environment, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process, "START_DEADLINE_S", 0.3)
    await pool.execute("DELETE FROM schema_migrations WHERE name = '0011_log_identity'")
    await pool.execute("ALTER TABLE log_identity RENAME TO put_aside")
    try:
        with pytest.raises(CannotStart, match=r"its migrations were not applied \(run `extrato migrate`"):
            await restored(Namespace(forgotten=[]), environment)
    finally:
        await pool.execute("ALTER TABLE put_aside RENAME TO log_identity")
        await pool.execute("INSERT INTO schema_migrations (name) VALUES ('0011_log_identity')")
