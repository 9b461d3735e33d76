"""How long a supervisor waits before it starts a program again, and in which order it stops them."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys

import pytest

from extrato.process import CannotStart
from services.cli.child import Child, Program, describe_ending
from services.cli.orphans import RunFolder
from services.cli.supervisor import Supervisor, pause_before_restart

FAILING = "import sys; sys.exit('no luck')"
WAITING = "import signal; signal.pause()"


async def always(_pid):
    return True


async def never(_pid):
    return False


def program(tmp_path, name, code, **options):
    options = {"is_ready": always} | options
    return Program(name=name, command=(sys.executable, "-c", code), log=tmp_path / f"{name}.log", **options)


def test_the_first_restart_comes_at_once_and_the_pauses_double_up_to_ten_seconds():
    pauses = [None]
    for _ in range(8):
        pauses.append(pause_before_restart(lived_s=0.1, last_pause_s=pauses[-1]))
    assert pauses[1:] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_program_that_lived_long_is_started_again_at_once():
    assert pause_before_restart(lived_s=10.0, last_pause_s=8.0) == 0.0


@pytest.mark.parametrize(
    ("code", "words"),
    [(3, "ended with exit code 3"), (-9, "was ended by SIGKILL"), (0, "ended with exit code 0")],
)
def test_an_ending_is_told_in_words(code, words):
    assert describe_ending(code) == words


async def test_a_program_that_keeps_dying_is_started_after_growing_pauses(tmp_path):
    reports = []
    async with RunFolder(tmp_path / "run") as run_folder:
        supervisor = Supervisor(run_folder, reports.append)
        dying = program(tmp_path, "dying", "import time; time.sleep(0.3)")
        await supervisor.start(dying)
        async with asyncio.timeout(10):
            while sum("ended with exit code 0" in line for line in reports) < 3:
                await asyncio.sleep(0.01)
        await supervisor.stop(["dying"])
    deaths = [line for line in reports if "ended" in line]
    assert deaths == [
        "dying ended with exit code 0; it is started again at once.",
        "dying ended with exit code 0; it is started again in 0.5 s.",
        "dying ended with exit code 0; it is started again in 1 s.",
    ]


async def test_a_program_that_cannot_be_prepared_again_is_tried_later(tmp_path):
    reports, attempts = [], itertools.count(1)

    async def prepare():
        if next(attempts) == 2:
            raise CannotStart("The disk is full.")

    async with RunFolder(tmp_path / "run") as run_folder:
        supervisor = Supervisor(run_folder, reports.append)
        await supervisor.start(program(tmp_path, "store", "import time; time.sleep(0.3)", prepare=prepare))
        async with asyncio.timeout(10):
            while "store is ready again." not in reports:
                await asyncio.sleep(0.01)
        await supervisor.stop(["store"])
    assert "store cannot be started, again in 0.5 s: The disk is full." in reports


async def test_a_program_that_is_never_ready_is_refused_in_time(tmp_path):
    child = await Child.start(program(tmp_path, "slow", WAITING, is_ready=never, ready_within_s=0.2))
    with pytest.raises(CannotStart, match=r"slow was not ready within 0\.2 s"):
        await child.become_ready()
    await child.stop(grace_s=5)


async def test_a_program_that_fails_at_once_is_refused_with_its_last_words(tmp_path):
    child = await Child.start(program(tmp_path, "failing", FAILING, is_ready=never))
    with pytest.raises(CannotStart, match="failing ended with exit code 1 before it was ready: no luck"):
        await child.become_ready()


async def test_a_program_that_does_not_listen_is_killed(tmp_path):
    deaf = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    child = await Child.start(program(tmp_path, "deaf", deaf))
    async with asyncio.timeout(5):
        while "deaf" not in (tmp_path / "deaf.log").read_text():
            await asyncio.sleep(0.01)
    await child.stop(grace_s=0.1)
    assert await child.wait() == -signal.SIGKILL


async def test_a_long_log_is_set_aside_at_a_start(tmp_path):
    log = tmp_path / "talking.log"
    log.write_bytes(b"x" * (10 * 1024 * 1024 + 1))
    child = await Child.start(program(tmp_path, "talking", "print('fresh')"))
    await child.wait()
    assert log.read_text() == "fresh\n"
    assert (tmp_path / "talking.log.1").stat().st_size > 10 * 1024 * 1024
