"""One process that the hub starts: how it begins, is found ready and ends."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from extrato.own_files import ForeignFile, make_folder, open_own
from extrato.process import CannotStart

if TYPE_CHECKING:
    import pwd
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

READY_POLL_S: Final = 0.01
LOG_LIMIT_BYTES: Final = 10 * 1024 * 1024
_COPIED_AT_ONCE_BYTES: Final = 1 << 20
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


async def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run and how to tell that it is ready.

    `prepare` is awaited before every start, `is_ready` is asked with the process id until it says yes, and
    `user` is the system user to run as (None: the one who runs the hub). `stop_signal` is also what the
    process gets from the kernel when the supervisor is killed, where the kernel can do that (Linux). The environment
    holds secrets, so it is not shown in `repr`.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    is_ready: Callable[[int], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    prepare: Callable[[], Awaitable[None]] = _nothing
    user: pwd.struct_passwd | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    ready_within_s: float = 20.0


class Child:
    """A started program."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self.program = program
        self.pid = process.pid
        self.started_at_s = time.monotonic()
        self._process = process

    @classmethod
    async def start(cls, program: Program) -> Child:
        """Start the program in a session of its own, so that a Ctrl-C reaches the supervisor only."""
        await program.prepare()
        log = _open_log(program.log)
        try:
            process = await spawn(
                program.command,
                environment=program.environment,
                user=program.user,
                output=log,
                death_signal=program.stop_signal,
            )
        finally:
            os.close(log)
        return cls(program, process)

    @property
    def running(self) -> bool:
        """Whether its end has not been noticed."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for the end; a negative code is the signal that ended it."""
        return await self._process.wait()

    async def become_ready(self) -> None:
        """Wait until the program says that it is ready; raises `CannotStart`, but leaves it running."""
        name, deadline = self.program.name, time.monotonic() + self.program.ready_within_s
        while not await self.program.is_ready(self.pid):
            if self._process.returncode is not None:
                ending = describe_ending(self._process.returncode)
                raise CannotStart(f"{name} {ending} before it was ready: {last_line(self.program.log)}")
            if time.monotonic() > deadline:
                within = f"{self.program.ready_within_s:g} s"
                raise CannotStart(f"{name} was not ready within {within}: {last_line(self.program.log)}")
            await asyncio.sleep(READY_POLL_S)

    async def stop(self, *, grace_s: float) -> None:
        """Ask it to end, and end it after `grace_s` seconds."""
        self._signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self.wait(), grace_s)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


async def spawn(
    command: tuple[str, ...],
    *,
    environment: Mapping[str, str],
    user: pwd.struct_passwd | None,
    output: int,
    death_signal: signal.Signals = signal.SIGTERM,
    standard_input: int = asyncio.subprocess.DEVNULL,
) -> asyncio.subprocess.Process:
    """Start a command that ends when this process ends; `output` takes what it prints."""
    parent = os.getpid()
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=standard_input,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/" if user else None,
        env=dict(environment),
        start_new_session=True,
        # Runs in the child after it has become `user`: a change of user would clear the setting.
        preexec_fn=lambda: die_with_parent(parent, death_signal),
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )


def die_with_parent(parent: int, death_signal: signal.Signals) -> None:
    """Have the kernel (Linux only) send this process a signal when its parent ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), death_signal)


def describe_ending(code: int) -> str:
    """Say how a process ended, from its exit code as Python gives it."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def last_line(log: Path) -> str:
    """Give the last thing a log says, as the likely reason of a failure."""
    for file in (log, set_aside_as(log)):
        said = [line.strip() for line in _tail(file, 4096).decode(errors="replace").split("\n") if line.strip()]
        if said:
            return f"{said[-1]} (see {file})"
    return f"see {log}"


def set_aside_as(log: Path) -> Path:
    """Give the name of the one older file beside a log."""
    return log.with_suffix(".log.1")


def shorten(log: Path) -> None:
    """Set a long log aside and begin it again, so that two bounded files remain; raises `OSError`, `ForeignFile`.

    Programs hold the file and append to it, so it stays the same file: its end is copied, then it is emptied. Only what
    is written between the two system calls that find its end and empty it is lost.
    """
    try:
        descriptor = open_own(log, os.O_RDWR)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size <= LOG_LIMIT_BYTES:
            return
        file.seek(size - LOG_LIMIT_BYTES)
        with os.fdopen(open_own(set_aside_as(log), os.O_WRONLY | os.O_CREAT), "wb") as aside:
            aside.truncate(0)
            # Who writes faster than this copies is not waited for.
            while file.tell() - size < LOG_LIMIT_BYTES and (chunk := file.read(_COPIED_AT_ONCE_BYTES)):
                aside.write(chunk)
            file.truncate(0)


def _tail(file: Path, size: int) -> bytes:
    with contextlib.suppress(FileNotFoundError, ForeignFile), os.fdopen(open_own(file, os.O_RDONLY), "rb") as opened:
        opened.seek(max(0, opened.seek(0, os.SEEK_END) - size))
        return opened.read()
    return b""


def _open_log(path: Path) -> int:
    """Open a log to append to; raises `ForeignFile`."""
    make_folder(path.parent, 0o700)
    shorten(path)
    return open_own(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
