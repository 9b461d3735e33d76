from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extrato.errors import Overloaded
from extrato.store.batcher import Batcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Writer:
    """A write that takes as long as the test wants, and gives back what it was given."""

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
    """Items are texts: their size is their length, their weight what follows `*`, their keys what follows `@`."""
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


async def under_way(batches: Batcher[str, str], write: Writer, item: str = "first") -> asyncio.Task[str]:
    """Begin a write that does not end yet, so that what follows has to wait."""
    write.may_go_on.clear()
    task = asyncio.create_task(batches.submit(item))
    while not write.batches:
        await asyncio.sleep(0)
    return task


async def test_what_waits_during_a_write_is_written_together():
    write = Writer()
    batches = batcher(write)
    first = await under_way(batches, write)
    rest = await submit_all(batches, "a", "b", "c")
    assert batches.waiting == 3

    write.may_go_on.set()

    assert await asyncio.gather(first, *rest) == ["FIRST", "A", "B", "C"]
    assert write.batches == [["first"], ["a", "b", "c"]]
    assert batches.waiting == 0


async def test_one_who_is_alone_does_not_wait_for_others():
    write = Writer()
    assert await batcher(write).submit("a") == "A"
    assert write.batches == [["a"]]


async def test_a_batch_is_bounded_in_items():
    write = Writer()
    tasks = await submit_all(batcher(write, max_items=2), "a", "b", "c", "d", "e")

    await asyncio.gather(*tasks)

    assert write.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_an_item_counts_as_much_as_it_weighs():
    write = Writer()
    tasks = await submit_all(batcher(write, max_items=4), "a*3", "b*1", "c*2", "d*9", "e")

    await asyncio.gather(*tasks)

    assert write.batches == [["a*3", "b*1"], ["c*2"], ["d*9"], ["e"]]


async def test_a_batch_is_bounded_in_bytes():
    write = Writer()
    tasks = await submit_all(batcher(write, max_bytes=5), "aaa", "bb", "c", "dddddddd", "e")

    await asyncio.gather(*tasks)

    assert write.batches == [["aaa", "bb"], ["c"], ["dddddddd"], ["e"]]


async def test_who_comes_when_too_many_wait_is_refused_and_the_others_are_not():
    write = Writer()
    batches = batcher(write, max_waiting=2)
    first = await under_way(batches, write)
    waiting = await submit_all(batches, "a", "b")

    with pytest.raises(Overloaded):
        await batches.submit("c")

    write.may_go_on.set()
    assert await asyncio.gather(first, *waiting) == ["FIRST", "A", "B"]
    assert await batches.submit("d") == "D"


async def test_items_that_share_a_key_never_share_a_batch_and_keep_their_order():
    write = Writer()
    tasks = await submit_all(batcher(write), "1@x", "2@x", "3@y", "4@xz", "5@z", "6@y", "7@q")

    await asyncio.gather(*tasks)

    assert write.batches == [["1@x", "3@y", "7@q"], ["2@x", "6@y"], ["4@xz"], ["5@z"]]


async def test_one_that_fails_does_not_fail_the_others():
    write = Writer()
    write.answer = lambda item: ValueError(item) if item == "b" else item
    tasks = await submit_all(batcher(write), "a", "b", "c")

    a, b, c = await asyncio.gather(*tasks, return_exceptions=True)

    assert (a, c) == ("a", "c")
    assert isinstance(b, ValueError)


async def test_a_write_that_fails_fails_its_batch_only():
    write = Writer()
    write.error = OSError("disk full")
    tasks = await submit_all(batcher(write, max_items=2), "a", "b", "c")

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [OSError, OSError, str]


async def test_a_write_that_answers_for_too_few_fails_its_batch_only():
    async def forgetful(items: Sequence[str]) -> list[str]:
        return list(items[:1])

    batches: Batcher[str, str] = Batcher(forgetful, max_items=2)
    tasks = [asyncio.create_task(batches.submit(item)) for item in "abc"]

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in results] == [ValueError, ValueError, str]


async def test_closing_writes_what_was_accepted_and_refuses_the_rest():
    write = Writer()
    batches = batcher(write, max_items=1)
    first = await under_way(batches, write)
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


async def test_closing_what_was_never_used_is_nothing():
    await batcher(Writer()).close()


async def test_a_caller_who_leaves_does_not_break_the_others():
    write = Writer()
    batches = batcher(write)
    first = await under_way(batches, write)
    a, b, c = await submit_all(batches, "a", "b", "c")
    b.cancel()
    first.cancel()
    write.may_go_on.set()

    results = await asyncio.gather(first, a, b, c, return_exceptions=True)

    assert [results[1], results[3]] == ["A", "C"]
    assert isinstance(results[0], asyncio.CancelledError)
    assert isinstance(results[2], asyncio.CancelledError)
