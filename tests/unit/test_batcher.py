from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extrato.errors import Overloaded
from extrato.store.batcher import Batcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Writer:
    """A write that takes as long as the test wants, and returns its items."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.answer: Callable[[str], str | Exception] = str.upper
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[str]) -> list[str | Exception]:
        self.batches.append(list(items))
        await self.may_go_on.wait()
        if self.error:
            error, self.error = self.error, None
            raise error
        return [self.answer(item) for item in items]


def batcher(write: Writer, **bounds: int) -> Batcher[str, str]:
    """Items are texts: their size is their length, their weight follows `*`, their keys follow `@`."""
    return Batcher(
        write,
        **({"max_items": 100} | bounds),
        size=len,
        weight=lambda item: int(item.partition("*")[2] or 1),
        keys=lambda item: item.partition("@")[2],
    )


async def submit_all(batches: Batcher[str, str], *items: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(batches.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def start_write(batches: Batcher[str, str], write: Writer, item: str = "first") -> asyncio.Task[str]:
    """Start a write that does not end yet, so that later items wait."""
    write.may_go_on.clear()
    task = asyncio.create_task(batches.submit(item))
    while not write.batches:
        await asyncio.sleep(0)
    return task


async def test_items_that_wait_during_a_write_share_one_batch():
    write = Writer()
    batches = batcher(write)
    first = await start_write(batches, write)
    rest = await submit_all(batches, "a", "b", "c")
    assert batches.waiting == 3

    write.may_go_on.set()

    assert await asyncio.gather(first, *rest) == ["FIRST", "A", "B", "C"]
    assert write.batches == [["first"], ["a", "b", "c"]]
    assert batches.waiting == 0


async def test_single_item_is_written_at_once():
    write = Writer()
    assert await batcher(write).submit("a") == "A"
    assert write.batches == [["a"]]


async def test_batch_has_a_limit_of_items():
    write = Writer()
    tasks = await submit_all(batcher(write, max_items=2), "a", "b", "c", "d", "e")

    await asyncio.gather(*tasks)

    assert write.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_item_weight_counts_towards_the_batch_limit():
    write = Writer()
    tasks = await submit_all(batcher(write, max_items=4), "a*3", "b*1", "c*2", "d*9", "e")

    await asyncio.gather(*tasks)

    assert write.batches == [["a*3", "b*1"], ["c*2"], ["d*9"], ["e"]]


async def test_batch_has_a_limit_of_bytes():
    write = Writer()
    tasks = await submit_all(batcher(write, max_bytes=5), "aaa", "bb", "c", "dddddddd", "e")

    await asyncio.gather(*tasks)

    assert write.batches == [["aaa", "bb"], ["c"], ["dddddddd"], ["e"]]


async def test_full_queue_refuses_new_items_only():
    write = Writer()
    batches = batcher(write, max_waiting=2)
    first = await start_write(batches, write)
    waiting = await submit_all(batches, "a", "b")

    with pytest.raises(Overloaded):
        await batches.submit("c")

    write.may_go_on.set()
    assert await asyncio.gather(first, *waiting) == ["FIRST", "A", "B"]
    assert await batches.submit("d") == "D"


async def test_items_with_one_key_go_to_separate_batches_in_order():
    write = Writer()
    tasks = await submit_all(batcher(write), "1@x", "2@x", "3@y", "4@xz", "5@z", "6@y", "7@q")

    await asyncio.gather(*tasks)

    assert write.batches == [["1@x", "3@y", "7@q"], ["2@x", "6@y"], ["4@xz"], ["5@z"]]


async def test_failed_item_does_not_fail_the_others():
    write = Writer()
    write.answer = lambda item: ValueError(item) if item == "b" else item
    tasks = await submit_all(batcher(write), "a", "b", "c")

    a, b, c = await asyncio.gather(*tasks, return_exceptions=True)

    assert (a, c) == ("a", "c")
    assert isinstance(b, ValueError)


async def test_failed_write_fails_its_batch_only():
    write = Writer()
    write.error = OSError("disk full")
    tasks = await submit_all(batcher(write, max_items=2), "a", "b", "c")

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [OSError, OSError, str]


async def test_write_with_too_few_results_fails_its_batch_only():
    async def short_write(items: Sequence[str]) -> list[str]:
        return list(items[:1])

    batches: Batcher[str, str] = Batcher(short_write, max_items=2)
    tasks = [asyncio.create_task(batches.submit(item)) for item in "abc"]

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [ValueError, ValueError, str]


async def test_closing_writes_accepted_items_and_refuses_new_ones():
    write = Writer()
    batches = batcher(write, max_items=1)
    first = await start_write(batches, write)
    waiting = await submit_all(batches, "a", "b")
    closing = asyncio.create_task(batches.close())
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await batches.submit("c")
    assert not closing.done()
    write.may_go_on.set()
    await closing

    assert [task.result() for task in (first, *waiting)] == ["FIRST", "A", "B"]
    await batches.close()


async def test_closing_an_unused_batcher_does_nothing():
    await batcher(Writer()).close()


async def test_cancelled_caller_does_not_affect_the_others():
    write = Writer()
    batches = batcher(write)
    first = await start_write(batches, write)
    a, b, c = await submit_all(batches, "a", "b", "c")
    b.cancel()
    first.cancel()
    write.may_go_on.set()

    results = await asyncio.gather(first, a, b, c, return_exceptions=True)

    assert [results[1], results[3]] == ["A", "C"]
    assert isinstance(results[0], asyncio.CancelledError)
    assert isinstance(results[2], asyncio.CancelledError)
