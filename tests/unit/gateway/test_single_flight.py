"""Many callers share one piece of work, also when some of them are cancelled."""

import asyncio

import pytest

from services.gateway.single_flight import SingleFlight


class Work:
    def __init__(self, *, fails: bool = False):
        self.begun = 0
        self.may_end = asyncio.Event()
        self.fails = fails

    async def __call__(self) -> int:
        number = self.begun = self.begun + 1
        await self.may_end.wait()
        if self.fails:
            raise ValueError("broken")
        return number


async def begin(flight: SingleFlight, work: Work, *keys: str) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(flight.run(key, work)) for key in keys]
    await asyncio.sleep(0)
    return tasks


async def test_concurrent_calls_for_one_key_share_work():
    flight, work = SingleFlight(), Work()
    tasks = await begin(flight, work, "a", "a", "b", "a")
    assert (len(flight), "a" in flight, "c" in flight) == (2, True, False)
    work.may_end.set()
    assert await asyncio.gather(*tasks) == [1, 1, 2, 1]
    assert (work.begun, len(flight)) == (2, 0)


async def test_later_call_starts_new_work():
    flight, work = SingleFlight(), Work()
    work.may_end.set()
    assert [await flight.run("a", work), await flight.run("a", work)] == [1, 2]


async def test_cancelled_caller_does_not_cancel_work():
    flight, work = SingleFlight(), Work()
    leaving, staying = await begin(flight, work, "a", "a")
    leaving.cancel()
    work.may_end.set()
    assert await staying == 1
    assert leaving.cancelled()


async def test_error_is_raised_to_each_caller():
    flight, work = SingleFlight(), Work(fails=True)
    tasks = await begin(flight, work, "a", "a")
    work.may_end.set()
    for task in tasks:
        with pytest.raises(ValueError, match="broken"):
            await task
    assert len(flight) == 0


async def test_close_cancels_running_work():
    flight, work = SingleFlight(), Work()
    tasks = await begin(flight, work, "a", "b")
    await flight.close()
    assert [isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*tasks, return_exceptions=True)]
    assert all(task.cancelled() for task in tasks)
    assert len(flight) == 0
