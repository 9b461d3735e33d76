"""Redraws uploaded logos, each in a process that has no key of the hub, and ends that process after a time."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Final

from extrato.domain.errors import Refused
from extrato.errors import Overloaded
from extrato.store.logos import Logo
from services.gateway.workers.logo_process import MAX_PIXELS, Exit

PROGRAM: Final = Path(__file__).with_name("logo_process.py")
# Isolated: neither variables nor the working folder change what the program imports. It writes no bytecode.
ISOLATED: Final = ("-I", "-B")
# The program's own limit of processor time is shorter: only a busy machine needs longer.
WITHIN_S: Final = 10.0
MAX_WAITING: Final = 8


class LogoDrawings:
    """Draws one logo after the other."""

    def __init__(self, *, program: Path = PROGRAM, within_s: float = WITHIN_S) -> None:
        self._program = program
        self._within_s = within_s
        self._one_at_a_time = asyncio.Semaphore(1)
        self._waiting = 0

    async def draw(self, upload: bytes) -> Logo:
        """Return an upload as the hub serves it; raises `Refused` for what is no picture, and `Overloaded`."""
        if self._waiting >= MAX_WAITING:
            raise Overloaded(why="pictures")
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                status, output = await self._run(upload)
        finally:
            self._waiting -= 1
        match status:
            case Exit.DRAWN:
                head, _, body = output.partition(b"\n")
                media_type, width, height = head.decode().split(" ")
                digest = hashlib.sha256(body).digest()
                return Logo(digest=digest, media_type=media_type, width=int(width), height=int(height), body=body)
            case Exit.TOO_MANY_PIXELS:
                raise Refused("invalid_logo", why="pixels", maximum=MAX_PIXELS)
            case _:
                raise Refused("invalid_logo")

    async def _run(self, upload: bytes) -> tuple[int, bytes]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *ISOLATED, str(self._program), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}
        )
        try:
            async with asyncio.timeout(self._within_s):
                output, _ = await process.communicate(upload)
        except TimeoutError:
            raise Overloaded(why="pictures") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output
