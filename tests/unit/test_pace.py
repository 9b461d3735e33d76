"""The clock of the tests' time limits: a machine that stops also stops it, a process that computes does not."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.pace import running_s, seconds_until_midnight, until, within

ROOT = Path(__file__).parents[2]

STOPS_ITSELF = """
import asyncio, os, signal, time
from tests.pace import running_s, within

async def rest():
    began_s, seen_s = time.monotonic(), running_s()
    async with within(0.9):
        os.kill(os.getpid(), signal.SIGSTOP)
        await asyncio.sleep(0.1)
    print(time.monotonic() - began_s, running_s() - seen_s)

asyncio.run(rest())
"""


async def test_the_time_of_a_stop_does_not_count():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STOPS_ITSELF, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )

    def is_stopped() -> bool:
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    await until(is_stopped)
    await asyncio.sleep(1)
    process.send_signal(signal.SIGCONT)
    said, _ = await process.communicate()
    assert process.returncode == 0
    took_s, counted_s = map(float, said.split())
    assert took_s >= 1
    assert counted_s < took_s - 0.7


def test_the_time_of_a_long_computation_counts():
    began_s, computed_s = running_s(), time.process_time()
    assert not re.match(r"(a+)+$", "a" * 22 + "b")
    assert running_s() - began_s > 0.9 * (time.process_time() - computed_s)


async def test_a_body_that_takes_too_long_is_ended():
    with pytest.raises(TimeoutError):
        async with within(0.05):
            await asyncio.Event().wait()


async def test_a_condition_that_does_not_come_true_is_named():
    with pytest.raises(AssertionError, match=r"not within 0.05 s: the answer"):
        await until(lambda: False, "the answer", within_s=0.05)


@pytest.mark.parametrize(
    ("now", "left_s"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=ZoneInfo("America/Sao_Paulo")), 1),
        (datetime(2028, 2, 29, tzinfo=ZoneInfo("UTC")), 24 * 3600),
        # The clocks went forward during this night.
        (datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin")), 23 * 3600),
    ],
)
def test_day_ends_at_the_midnight_of_its_zone(now: datetime, left_s: float):
    assert seconds_until_midnight(now) == left_s
