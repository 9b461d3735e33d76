"""One suite for three recorders: two of the library, and the hub's own on the table of one of them.

A recorder may refuse more than the library requires (a gap between versions), but never less.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import pytest
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from extrato.store.recorder import AsyncpgRecorder
from tests.integration.store.library import library_recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence


class Recorder(Protocol):
    """The library's ApplicationRecorder as coroutines."""

    async def insert_events(self, stored_events: Sequence[StoredEvent]) -> Sequence[int] | None: ...

    async def select_events(self, originator_id: UUID, **bounds: Any) -> Sequence[StoredEvent]: ...

    async def select_notifications(
        self, start: int | None, limit: int, stop: int | None = None, topics: Sequence[str] = (), **rest: bool
    ) -> Sequence[Notification]: ...

    async def max_notification_id(self) -> int | None: ...


class InThread:
    """A recorder of the library, called in threads."""

    def __init__(self, recorder: ApplicationRecorder) -> None:
        self._recorder = recorder

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._recorder, name)

        async def call(*positional: Any, **named: Any) -> Any:
            return await asyncio.to_thread(method, *positional, **named)

        return call


@pytest.fixture
def theirs(database_url: str) -> Iterator[ApplicationRecorder]:
    with library_recorder(database_url) as recorder:
        yield recorder


@pytest.fixture
async def ours(database_url: str) -> AsyncIterator[AsyncpgRecorder]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=3) as pool:
        yield AsyncpgRecorder(pool)


@pytest.fixture(params=["library_popo", "library_postgres", "ours"])
def recorder(request: pytest.FixtureRequest) -> Recorder:
    if request.param == "library_popo":
        return InThread(POPOApplicationRecorder())
    if request.param == "library_postgres":
        return InThread(request.getfixturevalue("theirs"))
    return request.getfixturevalue("ours")


def event(stream: UUID, version: int, topic: str = "Topic.v1") -> StoredEvent:
    return StoredEvent(
        originator_id=stream, originator_version=version, topic=topic, state=f"{stream} {version}".encode()
    )


def events(stream: UUID, *versions: int) -> list[StoredEvent]:
    return [event(stream, version) for version in versions]


def facts(stored: Sequence[StoredEvent]) -> list[tuple[object, ...]]:
    return [(e.originator_id, e.originator_version, e.topic, e.state) for e in stored]


async def test_empty_recorder_has_nothing(recorder: Recorder):
    assert list(await recorder.select_events(uuid4())) == []
    assert list(await recorder.select_notifications(None, 10)) == []
    assert await recorder.max_notification_id() is None
    assert not await recorder.insert_events([])


async def test_inserted_events_are_selected_unchanged(recorder: Recorder):
    stream, other = uuid4(), uuid4()
    first, second = events(stream, 1, 2), events(other, 1)

    await recorder.insert_events(first)
    await recorder.insert_events(second)

    assert facts(await recorder.select_events(stream)) == facts(first)
    assert facts(await recorder.select_events(other)) == facts(second)
    assert all(isinstance(found.state, bytes) for found in await recorder.select_events(stream))


@pytest.mark.parametrize(
    ("bounds", "versions"),
    [
        ({"gt": 2}, [3, 4]),
        ({"lte": 2}, [1, 2]),
        ({"gt": 1, "lte": 3}, [2, 3]),
        ({"desc": True}, [4, 3, 2, 1]),
        ({"limit": 3}, [1, 2, 3]),
        ({"desc": True, "limit": 1}, [4]),
        ({"desc": True, "lte": 3, "limit": 2}, [3, 2]),
        ({"gt": 4}, []),
    ],
)
async def test_stream_is_selected_within_bounds(recorder: Recorder, bounds: dict[str, Any], versions: list[int]):
    stream = uuid4()
    await recorder.insert_events(events(stream, 1, 2, 3, 4))
    await recorder.insert_events(events(uuid4(), 1, 2, 3))

    found = await recorder.select_events(stream, **bounds)

    assert [stored.originator_version for stored in found] == versions


async def test_insert_returns_the_positions_in_order(recorder: Recorder):
    stream = uuid4()

    assert list(await recorder.insert_events(events(stream, 1, 2, 3)) or ()) == [1, 2, 3]
    assert list(await recorder.insert_events(events(uuid4(), 1) + events(stream, 4)) or ()) == [4, 5]
    assert await recorder.max_notification_id() == 5


@pytest.mark.parametrize("versions", [(1,), (1, 2), (2, 2), (2, 1)])
async def test_taken_version_is_refused_and_writes_nothing(recorder: Recorder, versions: tuple[int, ...]):
    stream, bystander = uuid4(), uuid4()
    await recorder.insert_events(events(stream, 1))

    with pytest.raises(IntegrityError):
        await recorder.insert_events([event(bystander, 1), *events(stream, *versions)])

    assert facts(await recorder.select_events(stream)) == facts(events(stream, 1))
    assert list(await recorder.select_events(bystander)) == []
    assert len(await recorder.select_notifications(None, 10)) == 1


async def test_stream_goes_on_after_a_refusal(recorder: Recorder):
    stream = uuid4()
    await recorder.insert_events(events(stream, 1))
    with pytest.raises(IntegrityError):
        await recorder.insert_events(events(stream, 1))

    await recorder.insert_events(events(stream, 2))

    assert [e.originator_version for e in await recorder.select_notifications(None, 10)] == [1, 2]


async def test_whole_log_is_selected_in_order(recorder: Recorder):
    stream, other = uuid4(), uuid4()
    everything = [*events(stream, 1, 2), *events(other, 1), *events(stream, 3)]
    await recorder.insert_events(everything[:2])
    await recorder.insert_events(everything[2:])

    found = await recorder.select_notifications(None, 10)

    assert facts(found) == facts(everything)
    assert [notification.id for notification in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "positions"),
    [
        ({"start": None, "limit": 3}, [1, 2, 3]),
        ({"start": 1, "limit": 3}, [1, 2, 3]),
        ({"start": 0, "limit": 2}, [1, 2]),
        ({"start": 4, "limit": 10}, [4, 5, 6]),
        ({"start": 4, "limit": 10, "inclusive_of_start": False}, [5, 6]),
        ({"start": 0, "limit": 2, "inclusive_of_start": False}, [1, 2]),
        ({"start": None, "limit": 10, "stop": 2}, [1, 2]),
        ({"start": 2, "limit": 10, "stop": 4}, [2, 3, 4]),
        ({"start": 2, "limit": 10, "stop": 4, "inclusive_of_start": False}, [3, 4]),
        ({"start": 2, "limit": 2, "stop": 5}, [2, 3]),
        ({"start": 7, "limit": 10}, []),
        ({"start": 5, "limit": 10, "stop": 4}, []),
        ({"start": None, "limit": 10, "topics": ["Odd.v1"]}, [1, 3, 5]),
        ({"start": None, "limit": 10, "topics": ("Odd.v1", "Even.v1")}, [1, 2, 3, 4, 5, 6]),
        ({"start": 2, "limit": 1, "topics": ["Odd.v1"]}, [3]),
        ({"start": 3, "limit": 9, "topics": ["Odd.v1"], "inclusive_of_start": False}, [5]),
        ({"start": None, "limit": 10, "stop": 4, "topics": ["Even.v1"]}, [2, 4]),
        ({"start": None, "limit": 10, "topics": ["Never.v1"]}, []),
    ],
)
async def test_log_is_selected_within_bounds(recorder: Recorder, arguments: dict[str, Any], positions: list[int]):
    stream = uuid4()
    await recorder.insert_events(
        [event(stream, version, "Odd.v1" if version % 2 else "Even.v1") for version in range(1, 7)]
    )

    assert [found.id for found in await recorder.select_notifications(**arguments)] == positions


async def test_events_of_one_call_are_adjacent(recorder: Recorder):
    streams = [uuid4() for _ in range(20)]

    await asyncio.gather(*(recorder.insert_events(events(stream, 1, 2, 3)) for stream in streams))

    found = await recorder.select_notifications(None, 100)
    assert [n.id for n in found] == list(range(1, 61))
    groups = [found[start : start + 3] for start in range(0, 60, 3)]
    assert {group[0].originator_id for group in groups} == set(streams)
    for group in groups:
        assert len({n.originator_id for n in group}) == 1
        assert [n.originator_version for n in group] == [1, 2, 3]


async def test_one_of_two_racing_writers_wins(recorder: Recorder):
    stream = uuid4()

    results = await asyncio.gather(
        *(recorder.insert_events(events(stream, 1, 2)) for _ in range(8)), return_exceptions=True
    )

    assert sum(isinstance(result, IntegrityError) for result in results) == 7
    assert len(await recorder.select_notifications(None, 100)) == 2


async def test_library_and_hub_read_each_others_events(ours: AsyncpgRecorder, theirs: ApplicationRecorder):
    library, stream = InThread(theirs), uuid4()
    all_events = events(stream, 1, 2, 3, 4)

    await ours.insert_events(all_events[:1])
    await library.insert_events(all_events[1:3])
    await ours.insert_events(all_events[3:])

    for reader in (ours, library):
        assert facts(await reader.select_events(stream)) == facts(all_events)
        assert facts(await reader.select_notifications(None, 10)) == facts(all_events)
        assert await reader.max_notification_id() == 4
    with pytest.raises(IntegrityError):
        await library.insert_events(all_events[3:])
    with pytest.raises(IntegrityError):
        await ours.insert_events(all_events[2:3])


async def test_library_subscription_wakes_on_our_append(ours: AsyncpgRecorder, theirs: ApplicationRecorder):
    stream = uuid4()
    await ours.insert_events(events(stream, 1))

    with theirs.subscribe(gt=0) as subscription:

        async def next_version() -> int:
            notification = await asyncio.wait_for(asyncio.to_thread(next, subscription), 20)
            return notification.originator_version

        assert await next_version() == 1
        waiting = asyncio.create_task(next_version())
        await ours.insert_events(events(stream, 2))
        assert await waiting == 2
        await ours.insert_events(events(stream, 3, 4))
        assert [await next_version(), await next_version()] == [3, 4]


async def test_library_creates_its_tables_beside_ours(ours: AsyncpgRecorder, theirs: Any):
    await asyncio.to_thread(theirs.create_table)

    await ours.insert_events(events(uuid4(), 1))

    assert theirs.max_notification_id() == 1
