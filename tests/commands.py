"""Runs commands in separate processes that have already imported the hub's modules.

A command mostly computes its imports. So each command is a fork of a process that only imported them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["services.cli.__main__", "services.cli.commands.up"])


class CommandResult(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    errors: str


async def run_command(words: tuple[str, ...], *, lines: str, environment: Mapping[str, str]) -> CommandResult:
    """Run `extrato …` and wait for its end."""
    return await run_program(_extrato, words, lines=lines, environment=environment)


async def run_program(
    program: Callable[[tuple[str, ...]], int],
    words: tuple[str, ...],
    *,
    lines: str = "",
    environment: Mapping[str, str],
) -> CommandResult:
    """Run a function of a module, which takes the words of a command line and returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").write_text(lines)
        process = _FORKS.Process(target=_run, args=(program, words, dict(environment), folder))
        process.start()
        await asyncio.to_thread(process.join)
        code = process.exitcode
        process.close()
        return CommandResult(code or 0, (folder / "out").read_text(), (folder / "errors").read_text())


def _run(
    program: Callable[[tuple[str, ...]], int], words: tuple[str, ...], environment: Mapping[str, str], folder: Path
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, name, flags in ((0, "in", os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "errors", os.O_WRONLY)):
        os.dup2(os.open(folder / name, flags | os.O_CREAT | os.O_TRUNC * (number > 0), 0o600), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it stays open while this process lives
    sys.exit(program(words))


def _extrato(words: tuple[str, ...]) -> int:
    from services.cli.__main__ import main

    return main(words)
