"""The guide's subscriber, unchanged, misses no event and handles none twice."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import re
import sys
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from contracts.events import StatusChanged
from contracts.subjects import PAYMENTS_STREAM
from extrato.bus.copies import open_copies
from extrato.store.appender import StreamAppend
from tests.documents import SUBSCRIBER, program
from tests.integration.bus.running import relaying, running
from tests.integration.store.examples import new_event
from tests.pace import until, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from extrato.bus.connection import Bus
    from extrato.store.event_log import EventLog
    from services.cli.embedded.nats import EmbeddedNats

# A test waits for several of the library's time-outs, so they are shorter here.
SHORT_TIMEOUTS = """
import functools
from nats.aio.client import Client
from nats.js.client import JetStreamContext
Client.connect = functools.partialmethod(Client.connect, reconnect_time_wait=0.1)
JetStreamContext.PullSubscription.fetch.__defaults__ = (1, 0.2, None)
"""


BEGINS = (
    "ConsumerConfig(max_ack_pending=1, ack_wait=5, deliver_policy='by_start_time',"
    " opt_start_time=__import__('datetime').datetime.fromisoformat('{}'))"
)


class Subscriber:
    """The guide's program in a process, in a folder with the file of the address."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._code = program(SUBSCRIBER, "python", "import asyncio, json, pathlib\n")
        self.printed: list[str] = []
        run = folder / ".extrato" / "run"
        run.mkdir(parents=True)
        (run / "addresses.json").write_text(json.dumps({"subscriber_nats_url": address}))

    @property
    def positions(self) -> list[int]:
        return [int(line.split()[0]) for line in self.printed if line[0].isdigit()]

    @property
    def place(self) -> int:
        file = self._folder / "webshop-orders.position"
        return int(file.read_text()) if file.exists() else 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SHORT_TIMEOUTS + self._code, cwd=self._folder, stdout=asyncio.subprocess.PIPE
        )
        reading = asyncio.create_task(self._read(process))
        try:
            yield
            assert process.returncode is None
        finally:
            process.kill()
            await process.wait()
            await reading

    def changed(self, **changes: str) -> Subscriber:
        """Return the same program in the same folder, with another NAME, SUBJECT or CONFIG."""
        other = copy.copy(self)
        other.printed = []
        for name, value in changes.items():
            other._code, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", other._code, flags=re.MULTILINE)
            assert count == 1
        return other

    async def refusal(self) -> str:
        """Wait until the program ends with exit code 1; return its error. Before, it printed no event."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SHORT_TIMEOUTS + self._code), cwd=self._folder, stdout=PIPE, stderr=PIPE
        )
        try:
            async with within(30):
                out, errors = await process.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        assert (process.returncode, out.decode()) == (1, ""), errors
        return errors.decode()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.printed.append(line.decode())


async def change_status(log: EventLog) -> int:
    """Append an event of another subject, then one of the subscriber's; return the position of the second."""
    changed = StatusChanged(previous="pending", status="approved", status_detail=None, attempt_id=None, paid_at=None)
    events = [new_event(), new_event(changed)]
    return (await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=events)))[-1]


@pytest.fixture
def subscriber(tmp_path: Path, nats_server: EmbeddedNats) -> Subscriber:
    return Subscriber(tmp_path, nats_server.subscriber_url)


async def test_documented_subscriber_handles_each_event_once(
    log: EventLog,
    bus: Bus,
    database_url: str,
    nats_server: EmbeddedNats,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("extrato.bus.copies.CHECK_INTERVAL_S", 0.1)
    changed = []

    async def prints_new_events() -> None:
        changed.append(await change_status(log))
        await until(lambda: subscriber.positions == changed, what=f"{changed} in {subscriber.printed}")
        # Killed before it has saved its position, it may handle the last event again.
        await until(lambda: subscriber.place == changed[-1])

    async with (
        relaying(log, bus, database_url),
        open_copies(
            origin_url=nats_server.url,
            copies_url=nats_server.copies_url,
            delivery_consumer=nats_server.delivery_consumer,
        ) as copies,
        running(copies.run()),
    ):
        async with subscriber.running():
            await prints_new_events()
            # Two of its time-outs, which it does not print.
            await asyncio.sleep(0.5)
            await prints_new_events()

            await nats_server.stop()
            changed.append(await change_status(log))
            await nats_server.start()
            await prints_new_events()

            await bus.jetstream.delete_stream(PAYMENTS_STREAM)
            await prints_new_events()
            assert any(line.startswith("waiting") for line in subscriber.printed)

        changed.append(await change_status(log))
        await bus.jetstream.delete_stream(PAYMENTS_STREAM)
        async with subscriber.running():
            await prints_new_events()


@pytest.mark.parametrize(
    ("own", "others"),
    [
        (
            {},
            [
                {"SUBJECT": "'payments.padaria.*.StatusChanged'"},
                {"SUBJECT": "'>'"},
                {"CONFIG": "ConsumerConfig(max_ack_pending=1, ack_wait=5, deliver_policy='new')"},
                {"CONFIG": BEGINS.format("2026-01-31T00:00:00+00:00")},
            ],
        ),
        (
            {"SUBJECT": "'>'", "CONFIG": BEGINS.format("2026-01-31T12:30:00.125+00:00")},
            [{"CONFIG": BEGINS.format("2026-01-31T12:30:00.126+00:00")}, {"SUBJECT": "'payments.>'"}],
        ),
    ],
    ids=["unchanged", "everything from a time"],
)
async def test_changed_configuration_of_a_consumer_is_refused(
    log: EventLog,
    bus: Bus,
    database_url: str,
    nats_server: EmbeddedNats,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
    own: dict[str, str],
    others: list[dict[str, str]],
):
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
        first = subscriber.changed(**own)
        heard = await change_status(log)
        async with first.running():
            await until(lambda: first.place == heard, what=f"{heard} in {first.printed}")
        # A program that continues with the old consumer prints this event.
        heard = await change_status(log)
        refusals = await asyncio.gather(*(first.changed(**change).refusal() for change in others))
        sentence = "The durable consumer 'webshop-orders' has another subject or start: choose another NAME.\n"
        assert refusals == [sentence] * len(others)
        async with first.running():
            await until(lambda: first.place == heard, what=f"{heard} in {first.printed}")


async def test_refused_consumer_is_not_retried(
    log: EventLog,
    bus: Bus,
    database_url: str,
    nats_server: EmbeddedNats,
    subscriber: Subscriber,
):
    async with (
        relaying(log, bus, database_url),
        open_copies(
            origin_url=nats_server.url,
            copies_url=nats_server.copies_url,
            delivery_consumer=nats_server.delivery_consumer,
        ) as copies,
        running(copies.run()),
    ):
        await change_status(log)
        without_a_time = {"CONFIG": "ConsumerConfig(max_ack_pending=1, deliver_policy='by_start_time')"}
        said = await subscriber.changed(**without_a_time).refusal()
        assert said.startswith("NATS refuses the consumer: ")
        assert said.count("\n") == 1
