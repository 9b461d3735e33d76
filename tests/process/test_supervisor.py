"""The supervisor: pauses before restarts, readiness, stopping, and the logs of programs."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import stat
import sys
import time

import pytest

from extrato.log_file import LIMIT_BYTES
from extrato.own_files import ForeignFile
from extrato.process import CannotStart
from services.cli.supervisor.child import Child, Program, describe_ending, last_line
from services.cli.supervisor.run_directory import RunDirectory
from services.cli.supervisor.supervisor import Supervisor, pause_before_restart
from tests.pace import until, within

FAILING = "import sys; sys.exit('no luck')"
WAITING = "import signal; signal.pause()"


async def always(_pid):
    return True


async def never(_pid):
    return False


def program(tmp_path, name, code, **options):
    options = {"is_ready": always} | options
    return Program(name=name, command=(sys.executable, "-c", code), log=tmp_path / f"{name}.log", **options)


def test_restart_pauses_start_at_zero_and_double_to_ten_seconds():
    pauses = [None]
    for _ in range(8):
        pauses.append(pause_before_restart(lived_s=0.1, last_pause_s=pauses[-1]))
    assert pauses[1:] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_long_lived_program_restarts_at_once():
    assert pause_before_restart(lived_s=10.0, last_pause_s=8.0) == 0.0


@pytest.mark.parametrize(
    ("code", "words"),
    [(3, "ended with exit code 3"), (-9, "was ended by SIGKILL"), (0, "ended with exit code 0")],
)
def test_ending_is_described(code, words):
    assert describe_ending(code) == words


async def test_dying_program_restarts_with_growing_pauses(tmp_path):
    reports = []
    async with RunDirectory(tmp_path / "run") as run_directory:
        supervisor = Supervisor(run_directory, reports.append)
        dying = program(tmp_path, "dying", "import time; time.sleep(0.3)")
        await supervisor.start(dying)
        await until(lambda: sum("ended with exit code 0" in line for line in reports) >= 3)
        await supervisor.stop(["dying"])
    deaths = [line for line in reports if "ended" in line]
    assert deaths[:3] == [
        "dying ended with exit code 0; restart at once.",
        "dying ended with exit code 0; restart in 0.5 s.",
        "dying ended with exit code 0; restart in 1 s.",
    ]


async def test_failed_preparation_is_retried(tmp_path):
    reports, attempts = [], itertools.count(1)

    async def prepare():
        if next(attempts) == 2:
            raise CannotStart("The disk is full.")

    async with RunDirectory(tmp_path / "run") as run_directory:
        supervisor = Supervisor(run_directory, reports.append)
        await supervisor.start(program(tmp_path, "store", "import time; time.sleep(0.3)", prepare=prepare))
        await until(lambda: "store is ready again." in reports)
        await supervisor.stop(["store"])
    assert "Cannot start store, retry in 0.5 s: The disk is full." in reports


async def test_program_that_is_never_ready_times_out(tmp_path):
    child = await Child.start(program(tmp_path, "slow", WAITING, is_ready=never, ready_within_s=0.2))
    with pytest.raises(CannotStart, match=r"slow was not ready within 0\.2 s"):
        await child.become_ready()
    await child.stop(grace_s=5)


async def test_failed_program_is_reported_with_its_last_line(tmp_path):
    child = await Child.start(program(tmp_path, "failing", FAILING, is_ready=never))
    with pytest.raises(CannotStart, match="failing ended with exit code 1 before it was ready: no luck"):
        await child.become_ready()


async def test_program_that_ignores_its_stop_signal_is_killed(tmp_path):
    deaf = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    child = await Child.start(program(tmp_path, "deaf", deaf))
    await until(lambda: "deaf" in (tmp_path / "deaf.log").read_text())
    await child.stop(grace_s=0.1)
    assert await child.wait() == -signal.SIGKILL


async def test_full_log_is_renamed_at_start(tmp_path):
    log = tmp_path / "talking.log"
    log.write_bytes(b"x" * LIMIT_BYTES + b"the end\n")
    child = await Child.start(program(tmp_path, "talking", "print('fresh')"))
    await child.wait()
    assert log.read_text() == "fresh\n"
    assert (tmp_path / "talking.log.1").read_bytes() == b"x" * LIMIT_BYTES + b"the end\n"


ENDLESS = """
import itertools, time
for number in itertools.count():
    print(f"{number:09} {'x' * 1000}", flush=True)
    if number % 100 == 0:
        time.sleep(0.01)
    if number == 40_000:
        raise SystemExit("the reason")
"""


async def test_endless_output_fills_two_bounded_files(tmp_path):
    reports = []
    log, aside = tmp_path / "talking.log", tmp_path / "talking.log.1"
    async with RunDirectory(tmp_path / "run") as run_directory:
        supervisor = Supervisor(run_directory, reports.append)
        await supervisor.start(program(tmp_path, "talking", ENDLESS))
        sizes = []
        async with within(60):
            while not reports:
                sizes.append(sum(file.stat().st_size for file in tmp_path.glob("talking*")))
                await asyncio.sleep(0.01)
        await supervisor.stop(["talking"])
    assert reports[0].startswith("talking ended with exit code 1")
    assert sorted(tmp_path.glob("talking*")) == [log, aside]
    assert stat.S_IMODE(log.stat().st_mode) == stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert LIMIT_BYTES - 2000 < aside.stat().st_size <= LIMIT_BYTES
    assert max(sizes) <= 2 * LIMIT_BYTES
    # The program printed 40 MB. The files hold the end of it, without a gap between them.
    lines = [*aside.read_bytes().splitlines(), *log.read_bytes().splitlines()]
    end = lines.index(b"the reason")
    assert lines[end - 1].startswith(b"000040000 ")
    assert are_consecutive(lines[:end])


def are_consecutive(lines):
    numbers = [int(line[:9]) for line in lines]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("name", ["program.log", "program.out"])
@pytest.mark.parametrize("writes_log", [True, False])
async def test_log_that_is_a_link_is_rejected(tmp_path, name, writes_log):
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    (logs / name).symlink_to(victim)
    printing = program(logs, "program", "print('words')", writes_log=writes_log)
    if writes_log or name == "program.log":
        with pytest.raises(ForeignFile, match="is a link"):
            await Child.start(printing)
        assert last_line(printing) == f"see {printing.log}"
    else:
        await (await Child.start(printing)).wait()
        assert printing.log.read_text() == "words\n"
    assert victim.read_bytes() == b"untouched"


async def test_last_line_is_found_in_the_newest_file(tmp_path):
    failing = program(tmp_path, "failing", FAILING, writes_log=True)
    failing.log.with_name("failing.log.1").write_text("an earlier fact\n")
    assert last_line(failing) == f"an earlier fact (see {tmp_path / 'failing.log.1'})"
    failing.log.write_text("a fact\n")
    await (await Child.start(failing)).wait()
    assert last_line(failing) == f"no luck (see {tmp_path / 'failing.out'})"
    # File times move in steps of some milliseconds: two writes may have the same.
    later = time.time() + 1
    os.utime(failing.log, (later, later))
    assert last_line(failing) == f"a fact (see {failing.log})"


async def test_last_line_without_newline_is_kept(tmp_path):
    child = await Child.start(program(tmp_path, "cut", "print('cut short', end='')"))
    await child.wait()
    assert child.program.log.read_text() == "cut short"
