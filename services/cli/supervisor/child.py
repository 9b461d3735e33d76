"""One child process of the hub: its start, its readiness and its end."""

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

from extrato.log_file import make_log_file
from extrato.own_files import ForeignFile, check_own, make_folder, open_own
from extrato.process import CannotStart
from services.cli.supervisor.output import Output

if TYPE_CHECKING:
    import pwd
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

READY_POLL_S: Final = 0.01
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


async def _nothing() -> None:
    """Do nothing before the start."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command to run, and how to find out that it is ready.

    The supervisor awaits `prepare` before every start, and calls `is_ready` with the process id until it returns True.
    `user` is the system user of the process (None: the user that runs the hub). On Linux the kernel also sends
    `stop_signal` when the supervisor is killed. A program with `writes_log` writes and rotates `log` itself; otherwise
    `log` takes the program's output. `repr` omits the environment, which contains secrets.
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
    writes_log: bool = False

    @property
    def printed(self) -> Path:
        """The file for the program's output."""
        return self.log.with_suffix(".out") if self.writes_log else self.log


class Child:
    """A started program."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process, output: Output) -> None:
        self.program = program
        self.pid = process.pid
        self.started_at_s = time.monotonic()
        self._process = process
        self._output = output

    @classmethod
    async def start(cls, program: Program) -> Child:
        """Start the program in a separate session, so that a Ctrl-C reaches the supervisor only.

        Raises `OSError`, `ForeignFile` and the errors of `prepare`.
        """
        await program.prepare()
        make_folder(program.log.parent, 0o700)
        make_log_file(program.log)
        check_own(program.printed)
        output = Output(program.printed)
        try:
            process = await spawn(
                program.command,
                environment=program.environment,
                user=program.user,
                output=output.descriptor,
                death_signal=program.stop_signal,
            )
        finally:
            output.close()
        return cls(program, process, output)

    @property
    def running(self) -> bool:
        """True until the supervisor has seen the process end."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for the end and the last lines; a negative exit code is the signal that ended the process."""
        code = await self._process.wait()
        await self._output.written()
        return code

    async def become_ready(self) -> None:
        """Wait until the program is ready; raises `CannotStart`, but leaves the program running."""
        name, deadline = self.program.name, time.monotonic() + self.program.ready_within_s
        while not await self.program.is_ready(self.pid):
            if self._process.returncode is not None:
                ending = describe_ending(await self.wait())
                raise CannotStart(f"{name} {ending} before it was ready: {last_line(self.program)}")
            if time.monotonic() > deadline:
                within = f"{self.program.ready_within_s:g} s"
                raise CannotStart(f"{name} was not ready within {within}: {last_line(self.program)}")
            await asyncio.sleep(READY_POLL_S)

    async def stop(self, *, grace_s: float) -> None:
        """Send the stop signal, and kill the process after `grace_s` seconds."""
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
    """Start a command that ends when this process ends; `output` takes its output."""
    parent = os.getpid()
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=standard_input,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/" if user else None,
        env=dict(environment),
        start_new_session=True,
        # Files of a program are for its own user, unless the program sets another mode.
        umask=0o077,
        # Runs in the child after it has become `user`: a change of user would clear the setting.
        preexec_fn=lambda: die_with_parent(parent, death_signal),
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )


def die_with_parent(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel (Linux only) to send this process a signal when its parent ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), death_signal)


def describe_ending(code: int) -> str:
    """Describe how a process ended, from Python's exit code."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def last_line(program: Program) -> str:
    """Return the last line of a program's output, as the likely reason of a failure."""
    for file in _latest_first(program.log):
        said = [line.strip() for line in _tail(file, 4096).decode(errors="replace").split("\n") if line.strip()]
        if said:
            return f"{said[-1]} (see {file})"
    return f"see {program.log}"


def _latest_first(log: Path) -> list[Path]:
    """Return the files of a program's log and output, rotated ones too, the last written first."""
    written: list[tuple[int, Path]] = []
    for file in log.parent.glob(f"{log.stem}.*"):
        with contextlib.suppress(FileNotFoundError):
            written.append((file.lstat().st_mtime_ns, file))
    return [file for _, file in sorted(written, reverse=True)]


def _tail(file: Path, size: int) -> bytes:
    with contextlib.suppress(FileNotFoundError, ForeignFile), os.fdopen(open_own(file, os.O_RDONLY), "rb") as opened:
        opened.seek(max(0, opened.seek(0, os.SEEK_END) - size))
        return opened.read()
    return b""
