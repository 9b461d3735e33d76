"""Keeps programs running: starts them, restarts them after a crash, and stops them in order."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from extrato.own_files import ForeignFile
from extrato.process import CannotStart
from services.cli.supervisor.child import Child, Program, describe_ending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.cli.supervisor.run_directory import RunDirectory

QUICK_DEATH_S: Final = 10.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0

# All programs together stop within 5 s; each of the last ones (the servers) has a reserved share.
STOP_WITHIN_S: Final = 4.5
SHARE_OF_EACH_S: Final = 0.5


def pause_before_restart(*, lived_s: float, last_pause_s: float | None) -> float:
    """Return the seconds before the next start: 0 at first, then growing while the program keeps dying quickly."""
    if last_pause_s is None or lived_s >= QUICK_DEATH_S:
        return 0.0
    return min(max(last_pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)


class Supervisor:
    """The running programs of one hub, in the order of their starts.

    `report` takes one line for each crash and each restart.
    """

    def __init__(self, run_directory: RunDirectory, report: Callable[[str], None]) -> None:
        self._run_directory = run_directory
        self._report = report
        self._children: dict[str, Child] = {}
        self._watches: list[asyncio.Task[None]] = []

    async def start(self, *programs: Program) -> None:
        """Start programs in parallel and wait until all are ready; raises `CannotStart` if one is not."""
        for program in programs:
            await self._launch(program)
        ready = [asyncio.create_task(self._children[program.name].become_ready()) for program in programs]
        try:
            await asyncio.gather(*ready)
        finally:
            for task in ready:
                task.cancel()
        self._watches += [asyncio.create_task(self._watch(program)) for program in programs]

    async def stop(self, order: Sequence[str]) -> None:
        """Stop the programs one by one: those in `order` first, in that order."""
        self._run_directory.write_state("stopping")
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        self._watches.clear()
        deadline = time.monotonic() + STOP_WITHIN_S
        names = [name for name in order if name in self._children]
        names += [name for name in reversed(self._children) if name not in order]
        for position, name in enumerate(names, start=1):
            kept_for_others_s = (len(names) - position) * SHARE_OF_EACH_S
            await self._children[name].stop(grace_s=max(deadline - time.monotonic() - kept_for_others_s, 0.1))
            self._write_processes()

    async def _watch(self, program: Program) -> None:
        child, pause_s = self._children[program.name], None
        while True:
            code = await child.wait()
            lived_s = time.monotonic() - child.started_at_s
            pause_s = pause_before_restart(lived_s=lived_s, last_pause_s=pause_s)
            when = f"in {pause_s:g} s" if pause_s else "at once"
            self._report(f"{program.name} {describe_ending(code)}; restart {when}.")
            self._write_processes()
            child, pause_s = await self._restart(program, pause_s)
            try:
                await child.become_ready()
            except CannotStart as late:
                # The end of the child is reported above. A child that is only late keeps running and may become ready.
                if child.running:
                    self._report(f"{late}.")
            else:
                self._report(f"{program.name} is ready again.")

    async def _restart(self, program: Program, pause_s: float) -> tuple[Child, float]:
        """Start a program after a pause and retry until it starts; return the child and the last pause."""
        while True:
            await asyncio.sleep(pause_s)
            try:
                return await self._launch(program), pause_s
            except (OSError, ForeignFile, CannotStart) as failure:
                pause_s = pause_before_restart(lived_s=0.0, last_pause_s=pause_s)
                self._report(f"Cannot start {program.name}, retry in {pause_s:g} s: {failure}")

    async def _launch(self, program: Program) -> Child:
        child = await Child.start(program)
        self._children[program.name] = child
        self._write_processes()
        return child

    def _write_processes(self) -> None:
        running = {name: child for name, child in self._children.items() if child.running}
        self._run_directory.write_processes(running)
