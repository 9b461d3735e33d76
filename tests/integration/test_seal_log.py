"""`extrato seal-log` on a log of an older version: everything is as before, and nothing is readable without a key."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import nats.js.errors
import pytest

from contracts.events import CancellationRefused, ChargeRefused, IdempotencyKeyUsed, PaymentOpened, RefundRefused
from contracts.subjects import DEAD_STREAM, PAYMENTS_STREAM
from extrato.bus.connection import connect, connect_without_logs
from extrato.bus.copies import COPIER_INBOX, open_copies
from extrato.bus.messages import to_message
from extrato.bus.relay import Relay
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.identifiers import stream_id
from extrato.process import CannotStart
from extrato.settings import Settings
from extrato.store.event_log import EventLog
from extrato.store.log import LogSignal
from extrato.store.log_sealing import LogRewrite, is_log_sealed
from extrato.store.migrations import migrate
from extrato.store.payers import Payers
from extrato.store.personal_data import EMAIL, PersonalData
from extrato.store.sealing import is_sealed
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys
from extrato.use_cases import seal_log
from extrato.use_cases.old_events import PLAIN_TOPICS, REFUSALS
from extrato.use_cases.seal_log import LogSealing
from extrato.values import Payer
from services.cli.commands.seal_log import seal_old_log
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild_if_stale
from tests.commands import run_command
from tests.conftest import services_url
from tests.integration.bus.running import holds_whole_log, running
from tests.old_log import CPF, DOMAIN, NAME, PHONE, REQUEST, email_of, migrate_to_older_version, write_old_log
from tests.pace import until
from tests.unit.projections.tables import every_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.cli.embedded.nats import EmbeddedNats
    from tests.old_log import OldLog

KEYS = FixedKeys("k" * 43 + "=")
BUS_EPOCH = 3
EVIDENCE = "SELECT digest, kind, body, payment_id, sealed_by FROM evidence"
DESTROY = "INSERT INTO payment_keys (payment_id, destroyed_at) VALUES ($1, now())"


class Killed(Exception):
    """The process ended here."""


class Mortal:
    """A connection that ends before its statement number `last`."""

    def __init__(self, connection: asyncpg.Connection, last: int) -> None:
        self._connection = connection
        self._left = last

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._connection, name)
        if name not in {"execute", "fetch", "fetchrow", "fetchval"}:
            return asked

        async def ask(*arguments: Any, **options: Any) -> Any:
            if not self._left:
                raise Killed
            self._left -= 1
            return await asked(*arguments, **options)

        return ask


@pytest.fixture
async def database_url(empty_database_url: str) -> str:
    await migrate_to_older_version(empty_database_url)
    return empty_database_url


@pytest.fixture
async def old(database_url: str) -> OldLog:
    """An old log whose database has this version's schema."""
    old = await write_old_log(database_url)
    await migrate(database_url, services_url=services_url(database_url))
    return old


@contextlib.asynccontextmanager
async def sealing(url: str, *, last: int = 1_000_000, report=lambda _: None) -> AsyncIterator[LogSealing]:
    """A sealing on its own connection, which ends before its statement number `last`."""
    connection = await asyncpg.connect(url)
    mortal: Any = Mortal(connection, last)
    vault = Vault(mortal, KEYS)

    async def empty_bus() -> int:
        return BUS_EPOCH

    try:
        data = PersonalData(mortal, vault)
        yield LogSealing(LogRewrite(mortal, vault), data, empty_bus=empty_bus, report=report)
    finally:
        connection.terminate()


async def seal(url: str) -> None:
    async with sealing(url) as work:
        await work.run()


async def opened_events(pool: asyncpg.Pool, payment_id: int) -> list[Any]:
    """The events of a payment, with opened e-mail addresses, without digests and without the payer in sentences."""
    data = PersonalData(pool, Vault(pool, KEYS))
    events = []
    for envelope in await EventLog(pool).read_stream(stream_id(payment_id)):
        event: Any = envelope.event
        if hasattr(event, EMAIL):
            email = await data.open(payment_id, event.payer_email)
            event = msgspec.structs.replace(event, payer_email=email)
        if hasattr(event, "evidence"):
            event = msgspec.structs.replace(event, evidence=None)
        if isinstance(event, ChargeRefused | CancellationRefused | RefundRefused):
            event = msgspec.structs.replace(event, reason=event.reason.partition("cannot pay")[1])
        events.append(msgspec.structs.replace(envelope, event=event))
    return events


async def everything(pool: asyncpg.Pool, old: OldLog) -> dict[int, list[Any]]:
    return {payment_id: await opened_events(pool, payment_id) for payment_id in old.payments}


async def opened_read_models(pool: asyncpg.Pool, url: str) -> dict[str, list[Any]]:
    """The rows of all read models, rebuilt where they are stale, with opened e-mail addresses."""
    data, rows = PersonalData(pool, Vault(pool, KEYS)), {}
    for read_model in READ_MODELS:
        await rebuild_if_stale(read_model, database_url=url, log=EventLog(pool))
        for table, query in every_row(read_model):
            found = [dict(row) for row in await pool.fetch(query)]
            for row in found:
                if table == "payment_details":
                    # A payment without money has no ledger.
                    for name in ("document", "ledger") if row["ledger"] else ("document",):
                        row[name] = await _opened(data, row["payment_id"], json.loads(row[name]))
            rows[table] = found
    return rows


async def _opened(data: PersonalData, payment_id: int, value: Any) -> Any:
    """A document with every sealed text opened."""
    if isinstance(value, dict):
        return {name: await _opened(data, payment_id, each) for name, each in value.items()}
    if isinstance(value, list):
        return [await _opened(data, payment_id, each) for each in value]
    return await data.open(payment_id, value) if isinstance(value, str) else value


async def found_in_tables(pool: asyncpg.Pool, text: str) -> list[str]:
    """The tables with a row that has the text, or its bytes in hex."""
    tables = [row[0] for row in await pool.fetch("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")]
    pattern = [f"%{text}%", f"%{text.encode().hex()}%"]
    return [
        name
        for name in tables
        if await pool.fetchval(f"SELECT EXISTS (SELECT FROM {name} AS t WHERE t::text LIKE ANY ($1))", pattern)
    ]


async def assert_nothing_is_plain(pool: asyncpg.Pool, old: OldLog) -> None:
    for text in (DOMAIN, CPF, PHONE, NAME, REQUEST, *old.bodies, *old.lost):
        assert await found_in_tables(pool, text) == [], text


async def assert_evidence_opens(pool: asyncpg.Pool, before: dict[int, list[str]], old: OldLog) -> None:
    """Every event names evidence that opens to the bytes which it named before."""
    data = PersonalData(pool, Vault(pool, KEYS))
    stored = {row["digest"].hex(): row for row in await pool.fetch(EVIDENCE)}
    for payment_id, digests in before.items():
        key = (await data.keys.get_all([payment_id])).get(payment_id)
        after = await digests_of(pool, payment_id)
        assert len(after) == len(digests)
        for plain, keyed in zip(digests, after, strict=True):
            assert key is not None
            if plain in old.lost:
                assert keyed == key.digest(bytes.fromhex(plain)).hex()
                assert keyed not in stored
            else:
                row = stored[keyed]
                assert (row["kind"], row["payment_id"], row["sealed_by"]) == ("provider/payment", payment_id, "payment")
                assert key.open_evidence(row["digest"], row["body"]) == old.bodies[plain]


async def assert_webhooks_open(pool: asyncpg.Pool, old: OldLog) -> None:
    """Every delivery names the body that it named before; the body without a delivery is deleted."""
    seal = await PersonalData(pool, Vault(pool, KEYS)).body_seal()
    found = {
        row["digest"]: seal.open_body(row["digest"], row["body"])
        for row in await pool.fetch(f"{EVIDENCE} WHERE sealed_by = 'hub' AND kind = 'mercado_pago/webhook'")
    }
    named = await pool.fetch("SELECT delivery_id, evidence FROM webhook_deliveries")
    assert {row[0]: found.get(row[1]) for row in named} == old.webhooks
    assert set(found.values()) == set(old.webhooks.values()) - {None}
    assert await pool.fetchval("SELECT count(*) FROM evidence WHERE sealed_by IS NULL") == 0


async def digests_of(pool: asyncpg.Pool, payment_id: int) -> list[str]:
    events = await EventLog(pool).read_stream(stream_id(payment_id))
    named = [getattr(each.event, "evidence", None) for each in events]
    return [digest for digest in named if digest is not None]


async def test_sealed_log_says_the_same_and_nothing_of_it_is_plain(
    database_url: str, old: OldLog, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    """The process is killed before every statement of every batch; a batch is small."""
    monkeypatch.setattr(seal_log, "BATCH", 130)
    before = await everything(pool, old)
    rows = await pool.fetch("SELECT * FROM stored_events ORDER BY notification_id")
    shown = await opened_read_models(pool, database_url)
    digests = {payment_id: await digests_of(pool, payment_id) for payment_id in old.payments}
    assert set(await found_in_tables(pool, DOMAIN)) == {"stored_events", "evidence", "payment_details"}

    kills, last, reached = 0, 0, None
    while True:
        try:
            async with sealing(database_url, last=last) as work:
                await work.run()
                break
        except Killed:
            kills, last = kills + 1, last + 1
            place = await pool.fetchrow("SELECT step, cursor FROM log_sealing")
            if place != reached:
                # A batch was committed: the next one is killed before each of its statements too.
                reached, last = place, 0
                assert await everything(pool, old) == before
    assert kills > 100, kills

    assert await everything(pool, old) == before
    folds = {number: PAYMENT.fold(each.event for each in events) for number, events in before.items()}
    assert {number: PAYMENT.fold(each.event for each in await opened_events(pool, number)) for number in folds} == folds
    assert await opened_read_models(pool, database_url) == shown
    await assert_evidence_opens(pool, digests, old)
    await assert_webhooks_open(pool, old)
    await assert_nothing_is_plain(pool, old)
    await assert_only_the_data_changed(pool, rows)
    epochs = await pool.fetch("SELECT epoch, last_common, reason FROM log_epochs ORDER BY epoch")
    assert epochs == [(1, 0, "first"), (BUS_EPOCH + 1, len(rows), "sealed")]


async def assert_only_the_data_changed(pool: asyncpg.Pool, before: list[asyncpg.Record]) -> None:
    after = await pool.fetch("SELECT * FROM stored_events ORDER BY notification_id")
    for old_row, new_row in zip(before, after, strict=True):
        columns = ("originator_id", "originator_version", "notification_id")
        assert [old_row[each] for each in columns] == [new_row[each] for each in columns]
        for row in (old_row, new_row):
            assert json.loads(row["state"]).keys() == json.loads(old_row["state"]).keys()
        head, tail = b'"data": ', b', "cause"'
        for state in (old_row["state"], new_row["state"]):
            assert state.count(head) == 1
        assert old_row["state"].partition(head)[0] == new_row["state"].partition(head)[0]
        assert old_row["state"].rpartition(tail)[2] == new_row["state"].rpartition(tail)[2]
    topics = {row["topic"] for row in after}
    assert {"PaymentOpened.v5", "ObservationRecorded.v3", "ObservationIgnored.v1", "ObservationIgnored.v2"} <= topics
    assert not topics & set(PLAIN_TOPICS)


async def test_payers_of_an_old_log_are_found_by_every_identifier(database_url: str, old: OldLog, pool: asyncpg.Pool):
    await seal(database_url)
    data = PersonalData(pool, Vault(pool, KEYS))

    async def found(kind: Any, text: str) -> set[int]:
        tag = await data.tag(kind, text)
        return {row[0] for row in await pool.fetch("SELECT payment_id FROM person_tags WHERE tag = $1", tag)}

    observed = {number for number in old.payments if set(await digests_of(pool, number))}
    assert await found("email", email_of(1)) == set(old.payments)
    by_cpf = await found("cpf", "123.456.789-09")
    assert by_cpf == await found("phone", f"+55 (11) {PHONE}")
    assert by_cpf <= observed
    assert len(by_cpf) > 40


async def test_half_sealed_log_is_read_published_and_answered(
    database_url: str, old: OldLog, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seal_log, "BATCH", 50)
    shown = await opened_read_models(pool, database_url)

    def kill(progress: Any) -> None:
        if progress.rewritten >= 100:
            raise Killed

    async with sealing(database_url, report=kill) as work:
        with pytest.raises(Killed):
            await work.run()

    log = EventLog(pool)
    emails = [
        each.event.payer_email
        for number in old.payments
        for each in await log.read_stream(stream_id(number))
        if isinstance(each.event, PaymentOpened)
    ]
    assert {is_sealed(email) for email in emails} == {True, False}
    data = PersonalData(pool, Vault(pool, KEYS))
    assert await data.open_all(list(zip(old.payments, emails, strict=True))) == list(map(email_of, old.payments))
    identity = await log.identity.read()
    for row in await log.read_rows(0, limit=10_000):
        to_message(row, previous=0, identity=identity)
    await pool.execute("DELETE FROM checkpoints")
    assert await opened_read_models(pool, database_url) == shown


async def test_second_run_changes_nothing(database_url: str, old: OldLog, pool: asyncpg.Pool):
    await seal(database_url)
    tables = ("stored_events", "evidence", "person_tags", "payment_keys", "log_sealing", "log_epochs")
    before = [await pool.fetch(f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables]

    await seal(database_url)

    assert [await pool.fetch(f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables] == before


async def test_idempotency_keys_of_an_old_log_still_name_their_requests(
    database_url: str, old: OldLog, pool: asyncpg.Pool
):
    await seal(database_url)
    keyed = await PersonalData(pool, Vault(pool, KEYS)).request_digest(REQUEST)
    used = [each.event async for each in EventLog(pool).read_all(0, topics=["IdempotencyKeyUsed.v1"])]
    assert used == [IdempotencyKeyUsed(request_digest=keyed, opened_payment_id=number) for number in old.payments]


async def test_sentences_of_refusals_lose_the_payer(database_url: str, old: OldLog, pool: asyncpg.Pool):
    await seal(database_url)
    refused = [each async for each in EventLog(pool).read_all(0, topics=REFUSALS)]
    assert {each.event.reason for each in refused} == {"(number) cannot pay: (e-mail)", "(payer) cannot pay: (e-mail)"}


async def test_sentence_loses_a_name_that_only_the_kept_details_have(
    database_url: str, old: OldLog, pool: asyncpg.Pool
):
    (refused,) = [each async for each in EventLog(pool).read_all(0, topics=["ChargeRefused.v1"])]
    assert refused.payment_id is not None
    await Payers(pool, Vault(pool, KEYS)).keep(refused.payment_id, Payer(name="Rui Alves", phone="987650000"))
    new = b"Rui Alves, or Alves, with 987650000, cannot pay"
    rename = "UPDATE stored_events SET state = replace(state::text, $2, $3)::bytea WHERE notification_id = $1"
    await pool.execute(rename, refused.position, refused.event.reason.encode().hex(), new.hex())

    await seal(database_url)

    (refused,) = [each async for each in EventLog(pool).read_all(0, topics=["ChargeRefused.v1"])]
    assert refused.event.reason == "(payer), or (payer), with (payer), cannot pay"


async def test_payer_forgotten_before_is_sealed_away(database_url: str, old: OldLog, pool: asyncpg.Pool):
    forgotten = 2
    await pool.execute(DESTROY, forgotten)
    await seal(database_url)
    assert await digests_of(pool, forgotten) == []
    assert all(getattr(each.event, EMAIL, None) is None for each in await opened_events(pool, forgotten))
    assert await pool.fetchval("SELECT count(*) FROM person_tags WHERE payment_id = $1", forgotten) == 0
    assert await pool.fetchval("SELECT count(*) FROM evidence WHERE payment_id = $1", forgotten) == 0
    await assert_read_models_build(pool, database_url)
    await assert_nothing_is_plain(pool, old)


async def assert_read_models_build(pool: asyncpg.Pool, url: str) -> None:
    for read_model in READ_MODELS:
        await rebuild_if_stale(read_model, database_url=url, log=EventLog(pool))


async def test_tampered_evidence_is_not_sealed_as_proof(database_url: str, old: OldLog, pool: asyncpg.Pool):
    plain = (await digests_of(pool, 3))[0]
    await pool.execute("UPDATE evidence SET body = 'forged' WHERE digest = $1", bytes.fromhex(plain))
    await seal(database_url)
    named = [bytes.fromhex(digest) for digest in await digests_of(pool, 3)]
    key = (await PersonalData(pool, Vault(pool, KEYS)).keys.get_all([3]))[3]
    assert key.digest(bytes.fromhex(plain)) in named
    assert key.digest(b"forged") not in named


async def test_unreadable_event_stays_and_is_named(database_url: str, old: OldLog, pool: asyncpg.Pool):
    await pool.execute("UPDATE stored_events SET state = 'no JSON' WHERE notification_id = 1")
    async with sealing(database_url) as work:
        assert (await work.run()).unreadable == [1]
    assert await pool.fetchval("SELECT topic FROM stored_events WHERE notification_id = 1") == "PaymentOpened.v3"


async def test_older_process_cannot_append_after_the_migration(database_url: str, old: OldLog):
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await write_old_log(database_url)


# --- a full disk ----------------------------------------------------------------------------------


class FullDisk:
    """A connection whose disk has no room for VACUUM FULL."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, query: str, *arguments: Any) -> Any:
        if query.startswith("VACUUM"):
            raise asyncpg.DiskFullError("could not extend file: No space left on device")
        return await self._connection.execute(query, *arguments)


async def test_space_is_freed_by_a_later_run_when_the_disk_was_full(
    database_url: str, old: OldLog, settings: Settings, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    said: list[str] = []
    connect_to_database = asyncpg.connect

    async def connect_to_full_disk(url: str, **options: Any) -> Any:
        return FullDisk(await connect_to_database(url, **options))

    with monkeypatch.context() as patched:
        patched.setattr("services.cli.commands.seal_log.asyncpg.connect", connect_to_full_disk)
        for _ in range(2):
            assert await seal_old_log(settings, KEYS, said.append)
            assert "The disk has no room to remove the old versions of rows" in said[-2]
            assert "tries again" in said[-2]
    epochs = await pool.fetchval("SELECT count(*) FROM log_epochs")
    assert not await is_log_sealed(pool)
    size = "SELECT pg_relation_size('stored_events')"
    before = await pool.fetchval(size)

    assert await seal_old_log(settings, KEYS, said.append)

    assert await pool.fetchval(size) < before
    assert "no room" not in said[-2]
    assert await is_log_sealed(pool)
    assert await pool.fetchval("SELECT count(*) FROM log_epochs") == epochs
    assert not await seal_old_log(settings, KEYS, said.append)


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def settings(database_url: str, nats_server: EmbeddedNats, tmp_path: Any) -> Settings:
    return Settings.from_environment(
        {
            "EXTRATO_HOME": str(tmp_path),
            "EXTRATO_DATABASE_URL": services_url(database_url),
            "EXTRATO_MIGRATION_DATABASE_URL": database_url,
            "EXTRATO_NATS_URL": nats_server.url,
        }
    )


async def test_bus_and_copies_are_filled_with_the_sealed_events(
    database_url: str, old: OldLog, settings: Settings, nats_server: EmbeddedNats
):
    said: list[str] = []
    await publish_everything(database_url, nats_server)
    assert DOMAIN.encode() in await on_bus(nats_server.url)
    assert DOMAIN.encode() in await on_bus(nats_server.copies_url)

    assert await seal_old_log(settings, KEYS, said.append)

    assert not await on_bus(nats_server.url)
    await publish_everything(database_url, nats_server)
    for bodies in (await on_bus(nats_server.url), await on_bus(nats_server.copies_url)):
        assert b"payer_email" in bodies
        for text in (DOMAIN, *old.bodies, *old.lost, REQUEST):
            assert text.encode() not in bodies
    assert said[0].startswith("Personal data of older versions is sealed:")
    assert said[-1].endswith(" events were rewritten. Epoch 2 of the log begins.")
    assert not await seal_old_log(settings, KEYS, said.append)


async def publish_everything(url: str, server: EmbeddedNats) -> None:
    """Run a relay and the copies until both have the whole log; also publish a dead letter."""
    async with asyncpg.create_pool(url, min_size=1, max_size=4) as pool, LogSignal(url) as signal:
        log, bus = EventLog(pool), await connect(server.url, name="tests")
        row = (await log.read_rows(0, limit=1))[0]
        await bus.jetstream.publish("dead.relay.tests", row.state)
        relay = Relay(database_url=url, log=log, signal=signal, bus=bus)
        opening = open_copies(
            origin_url=server.url, copies_url=server.copies_url, delivery_consumer=server.delivery_consumer
        )
        async with running(relay.run()), opening as copies:
            await holds_whole_log(bus, log)
            await copies.ensure()
            newest = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state

            async def is_copied() -> bool:
                await copies.ensure()
                found = (await copies._copies.jetstream.stream_info(PAYMENTS_STREAM)).state
                return (found.first_seq, found.last_seq) == (newest.first_seq, newest.last_seq)

            await until(is_copied, "the copy has every event")
        await bus.close()


async def on_bus(url: str) -> bytes:
    """Return the bodies of all events and dead letters of a NATS."""
    bodies = []
    async with connect_without_logs(url, name="tests", inbox_prefix=COPIER_INBOX) as bus:
        for name in (PAYMENTS_STREAM, DEAD_STREAM):
            with contextlib.suppress(nats.js.errors.NotFoundError):
                state = (await bus.jetstream.stream_info(name)).state
                numbers = range(state.first_seq, state.last_seq + 1)
                bodies += [(await bus.jetstream.get_msg(name, number)).data for number in numbers]
    return b"\n".join(bodies)


async def test_sealing_is_refused_while_a_role_runs(
    database_url: str, old: OldLog, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    role = await asyncpg.connect(services_url(database_url), server_settings={"application_name": "a gateway"})
    with monkeypatch.context() as impatient:
        impatient.setattr("services.cli.commands.seal_log.SESSIONS_END_WITHIN_S", 0.2)
        with pytest.raises(CannotStart, match=r"1 sessions of extrato_services \(a gateway at this machine\)"):
            await seal_old_log(settings, KEYS, print)
    await role.close()
    assert await seal_old_log(settings, KEYS, print)


async def test_command_needs_servers_of_ones_own():
    said = await run_command(("seal-log",), lines="", environment={})
    assert (said.code, said.errors.count("`extrato up` seals the log of a home.")) == (1, 1)


async def test_two_processes_do_not_seal_at_once(database_url: str, old: OldLog, settings: Settings):
    connection = await asyncpg.connect(database_url)
    assert await LogRewrite(connection, Vault(connection, KEYS)).begin()
    with pytest.raises(CannotStart, match="Another process seals this log"):
        await seal_old_log(settings, KEYS, print)
    await connection.close()


async def test_log_of_this_version_is_sealed_from_the_start(database_url: str, settings: Settings):
    await migrate(database_url, services_url=services_url(database_url))
    assert not await seal_old_log(settings, KEYS, print)
