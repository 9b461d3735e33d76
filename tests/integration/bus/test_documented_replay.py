"""The guide's programs that replay, or that connect from Node, behave as the guide describes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import nats
import pytest
from msgspec.structs import replace
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from contracts.subjects import PAYMENTS_STREAM
from extrato.bus.copies import open_copies
from extrato.store.appender import StreamAppend
from tests.conftest import CLIENTS
from tests.documents import SUBSCRIBER, program
from tests.integration.bus.running import relaying, running
from tests.integration.bus.test_documented_subscriber import change_status
from tests.integration.store.examples import NOON, new_event, registered
from tests.pace import until, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from extrato.bus.connection import Bus
    from extrato.store.event_log import EventLog
    from services.cli.embedded.nats import EmbeddedNats

    Copied = Callable[[int], Awaitable[None]]

MERCHANT = "padaria-do-marcos"
NAMED = f'SUBJECT = "payments.{MERCHANT}.>"'
SINCE = "SINCE = datetime(2026, 1, 31, tzinfo=UTC)"


REPLAY = program(SUBSCRIBER, "python", "import asyncio, json\nfrom datetime import UTC, datetime\n")
NODE = program(SUBSCRIBER, "js", 'import { readFileSync } from "node:fs";\n')


@pytest.fixture
def folder(tmp_path: Path, nats_server: EmbeddedNats) -> Path:
    """A folder with the file that holds the bus's address."""
    run = tmp_path / ".extrato" / "run"
    run.mkdir(parents=True)
    (run / "addresses.json").write_text(json.dumps({"subscriber_nats_url": nats_server.subscriber_url}))
    return tmp_path


@pytest.fixture
async def filled(
    log: EventLog, bus: Bus, database_url: str, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A relay and the copies that subscribers read."""
    monkeypatch.setattr("extrato.bus.copies.CHECK_INTERVAL_S", 0.1)
    async with (
        relaying(log, bus, database_url),
        open_copies(
            origin_url=nats_server.url,
            copies_url=nats_server.copies_url,
            delivery_consumer=nats_server.delivery_consumer,
        ) as copies,
        running(copies.run()),
    ):
        yield


async def replayed(folder: Path, subject: str, since: datetime | None = None) -> list[int]:
    """Run the program with another subject and start; return the positions that it prints."""
    assert NAMED in REPLAY
    assert SINCE in REPLAY
    code = REPLAY.replace(NAMED, f"SUBJECT = {subject!r}")
    code = code.replace(SINCE, f"SINCE = {since and f'datetime.fromisoformat({since.isoformat()!r})'}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    return [int(line.split()[0]) for line in out.decode().splitlines()]


async def append(log: EventLog, *, merchant: str = MERCHANT, payment_id: int = 15, recorded_at: datetime = NOON) -> int:
    event = replace(new_event(merchant=merchant, payment_id=payment_id), recorded_at=recorded_at)
    return (await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[event])))[-1]


@pytest.fixture
async def copied(nats_server: EmbeddedNats) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Returns a function that waits until the copy has so many messages."""
    async with await nats.connect(nats_server.copies_url) as client:

        async def have_come(count: int) -> bool:
            with contextlib.suppress(NotFoundError):
                return (await client.jetstream().stream_info(PAYMENTS_STREAM)).state.messages == count
            return False

        async def wait_for(count: int) -> None:
            await until(lambda: have_come(count), what=f"{count} messages in the copy")

        yield wait_for


@pytest.mark.usefixtures("filled")
async def test_replay_reads_everything_one_merchant_or_one_payment(log: EventLog, folder: Path, copied: Copied):
    first = await append(log)
    other = await append(log, merchant="padaria-da-ana", payment_id=16)
    own = new_event(registered(), merchant=MERCHANT, payment_id=None)
    (settings,) = await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[own]))
    last = await append(log)
    await copied(4)
    found = {
        ">": [first, other, settings, last],
        f"payments.{MERCHANT}.>": [first, last],
        "payments.*.16.>": [other],
        f"merchants.{MERCHANT}.>": [settings],
        "payments.nobody.>": [],
    }
    assert await asyncio.gather(*(replayed(folder, subject) for subject in found)) == list(found.values())


@pytest.mark.usefixtures("filled")
async def test_replay_from_a_time_survives_a_refilled_stream(log: EventLog, bus: Bus, folder: Path, copied: Copied):
    now = datetime.now(UTC)
    older, newer = await append(log, recorded_at=now - timedelta(days=2)), await append(log, recorded_at=now)
    await copied(2)
    await bus.jetstream.delete_stream(PAYMENTS_STREAM)
    newest = await append(log, recorded_at=now)
    await copied(3)
    found = {
        now - timedelta(days=3): [older, newer, newest],
        now: [newer, newest],
        now + timedelta(days=1): [],
    }
    assert await asyncio.gather(*(replayed(folder, "payments.>", since) for since in found)) == list(found.values())


@pytest.mark.usefixtures("filled")
async def test_node_reader_misses_no_event_in_an_outage(
    log: EventLog, bus: Bus, folder: Path, nats_server: EmbeddedNats, node: str, copied: Copied
):
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    (folder / "follow.mjs").write_text(NODE)
    changed, printed = [await change_status(log)], []
    await copied(2)

    def all_are_printed() -> bool:
        found = (re.match(r"(\d+) payments\.padaria\.1\.StatusChanged", line) for line in printed)
        # Messages that were not acknowledged before an outage may arrive again.
        return sorted({int(each[1]) for each in found if each}) == changed

    process = await asyncio.create_subprocess_exec(
        node, "follow.mjs", cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            printed.append(line.decode())  # noqa: PERF401 - each is looked for as it comes

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        try:
            await until(all_are_printed, within_s=20)
            assert "status: 'approved'" in "".join(printed)
            changed.append(await change_status(log))
            await until(all_are_printed)
            await nats_server.stop()
            changed.append(await change_status(log))
            await nats_server.start()
            await until(all_are_printed, within_s=20)
            await bus.jetstream.delete_stream(PAYMENTS_STREAM)
            changed.append(await change_status(log))
            await until(all_are_printed, within_s=20)
            assert process.returncode is None, printed
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("line", "other", "reason"),
    [
        (
            'filter_subject: "payments.*.*.StatusChanged"',
            'filter_subject: "payments.padaria-do-marcos.>"',
            "consumer already exists",
        ),
        (
            'deliver_policy: "all"',
            'deliver_policy: "by_start_time", opt_start_time: "2026-01-31T00:00:00Z"',
            "consumer already exists",
        ),
        (
            'deliver_policy: "all"',
            'deliver_policy: "by_start_time"',
            "consumer delivery policy is deliver by start time",
        ),
    ],
    ids=["subject", "start", "no start"],
)
async def test_node_reader_ends_with_a_sentence_for_a_refused_consumer(
    log: EventLog,
    folder: Path,
    node: str,
    nats_server: EmbeddedNats,
    copied: Copied,
    line: str,
    other: str,
    reason: str,
):
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    assert line in NODE
    (folder / "follow.mjs").write_text(NODE.replace(line, other))
    await change_status(log)
    await copied(2)
    existing = ConsumerConfig(max_ack_pending=1, ack_wait=5)
    async with await nats.connect(nats_server.subscriber_url) as client:
        await client.jetstream().pull_subscribe(
            "payments.*.*.StatusChanged", durable="node-orders", stream=PAYMENTS_STREAM, config=existing
        )
    process = await asyncio.create_subprocess_exec(
        node, "follow.mjs", cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with within(20):
            out, errors = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    assert (process.returncode, out.decode(), errors.decode().count("\n")) == (1, "", 1), (out, errors)
    assert errors.decode().startswith(f'NATS refuses the consumer "node-orders": {reason}')
    assert errors.decode().endswith("Another subject or start needs another NAME.\n")
