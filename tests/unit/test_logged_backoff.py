"""The pauses between retries, and their log lines."""

import asyncpg
import pytest
import structlog

from extrato.store.logged_backoff import LONGEST_PAUSE_S, LoggedBackoff


@pytest.fixture
def pauses(monkeypatch):
    """The pauses in seconds, without randomness; the test does not wait for them."""
    made = []
    monkeypatch.setattr("extrato.backoff.random.uniform", lambda _least, most: most)

    async def sleep(pause_s):
        made.append(pause_s)

    monkeypatch.setattr("extrato.backoff.asyncio.sleep", sleep)
    return made


@pytest.fixture
def facts():
    with structlog.testing.capture_logs() as facts:
        yield facts


def new():
    return LoggedBackoff(structlog.get_logger(), paused_event="waits", resumed_event="goes_on")


async def test_pauses_grow_to_a_limit_and_restart(pauses):
    one = new()
    for _ in range(8):
        await one.pause(OSError())
    assert pauses == sorted(pauses)
    assert pauses[1] > pauses[0]
    assert pauses[-1] == LONGEST_PAUSE_S
    one.reset()
    await one.pause(OSError())
    assert pauses[-1] == pauses[0]


async def test_repeated_reason_is_logged_once(pauses, facts):
    one = new()
    for error in (asyncpg.DiskFullError("full"), asyncpg.DiskFullError("full"), OSError(), OSError()):
        await one.pause(error)
    one.reset()
    one.reset()
    assert [(fact["event"], fact["log_level"]) for fact in facts] == [
        ("waits", "error"),
        ("waits", "warning"),
        ("goes_on", "info"),
    ]


async def test_reason_is_available_while_it_lasts(pauses):
    one = new()
    await one.pause(asyncpg.DiskFullError("full"))
    assert one.reason == "DiskFullError('full')"
    one.reset()
    assert one.reason is None
