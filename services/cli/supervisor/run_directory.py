"""The run directory of a hub: its lock, and the list of its processes, so that the next hub can end orphans."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Final, Self

import msgspec
import psutil

from extrato.own_files import make_folder, open_own, read_own, write_own
from extrato.process import CannotStart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from services.cli.supervisor.child import Child

_STOP_WITHIN_S: Final = 6.0
_ORPHANS_STOP_WITHIN_S: Final = 3.0
# A start time counts from the boot of the machine, so a correction of the clock moves it.
_START_TOLERANCE_S: Final = 2.0


class ProcessIdentity(msgspec.Struct, frozen=True):
    """What distinguishes a process from a later one with the same pid."""

    pid: int
    started_at: float
    command: list[str]
    stop_signal: int

    def find(self) -> psutil.Process | None:
        """Return the process if it is still the recorded one; a zombie has no command line."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same_start = abs(process.create_time() - self.started_at) < _START_TOLERANCE_S
            if same_start and process.cmdline() == self.command:
                return process
        return None


class RunDirectory:
    """`EXTRATO_HOME/run`, locked by one hub at a time, with the list of its processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None

    async def __aenter__(self) -> Self:
        """Lock the directory and end the orphans of an earlier hub; raises `CannotStart` while another hub runs."""
        make_folder(self._folder, 0o700)
        lock = open_own(self._folder / "lock", os.O_RDWR | os.O_CREAT)
        deadline = time.monotonic() + _STOP_WITHIN_S
        while not _lock(lock):
            holder = os.pread(lock, 40, 0).decode()
            if "stopping" not in holder or time.monotonic() > deadline:
                os.close(lock)
                raise CannotStart(
                    f"This home is in use by another hub ({holder.strip() or 'starting'}): {self._folder}"
                )
            await asyncio.sleep(0.02)
        self._lock = lock
        self.write_state("running")
        await self._end_orphans()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write_state(self, state: str) -> None:
        """Write this hub's state for another hub that waits for the lock."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"process {os.getpid()} {state}\n".encode(), 0)

    def write_processes(self, children: Mapping[str, Child]) -> None:
        """Write the running processes by name, for operators and for the next hub."""
        pids = {name: child.pid for name, child in children.items()}
        identities = [identity for child in children.values() if (identity := _identify(child))]
        self.write("processes.json", json.dumps(pids, indent=2).encode())
        self.write("identities.json", msgspec.json.encode(identities))

    def write(self, name: str, content: bytes) -> None:
        """Write a file of this directory, whole or not at all."""
        write_own(self._folder / name, content)

    def remove(self, name: str) -> None:
        """Remove a file of this directory, if it exists."""
        (self._folder / name).unlink(missing_ok=True)

    async def _end_orphans(self) -> None:
        await asyncio.gather(*(_end(identity) for identity in self._left_over()))

    def _left_over(self) -> list[ProcessIdentity]:
        try:
            return msgspec.json.decode(read_own(self._folder / "identities.json"), type=list[ProcessIdentity])
        except FileNotFoundError:
            return []


async def _end(identity: ProcessIdentity) -> None:
    """Send the stop signal, and kill the process after three seconds."""
    number, deadline = signal.Signals(identity.stop_signal), time.monotonic() + _ORPHANS_STOP_WITHIN_S
    asked = False
    while orphan := identity.find():
        if time.monotonic() > deadline:
            number, asked = signal.SIGKILL, False
        if not asked:
            with contextlib.suppress(psutil.NoSuchProcess):
                orphan.send_signal(number)
            asked = True
        await asyncio.sleep(0.01)


def _identify(child: Child) -> ProcessIdentity | None:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(child.pid)
        return ProcessIdentity(child.pid, process.create_time(), process.cmdline(), int(child.program.stop_signal))
    return None


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
