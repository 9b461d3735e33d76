"""Copies a program's output from a pipe into a rotating log file."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Final

from extrato.log_file import LogFile, LossyOutput

if TYPE_CHECKING:
    from pathlib import Path

# A longer line is written in parts of this size.
_LONGEST_LINE_BYTES: Final = 64 * 1024
# A process that outlives the program keeps the pipe open; the wait for the last lines ends after this time.
_LAST_LINES_WITHIN_S: Final = 0.5


class Output:
    """One pipe and the thread that reads it.

    A thread keeps reading while the event loop is busy: a full pipe would block the program.
    """

    def __init__(self, file: Path) -> None:
        reading, self.descriptor = os.pipe()
        self._thread = threading.Thread(target=_copy, args=(reading, file), name=f"output to {file.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close this process's write end, after the program has got its copy."""
        os.close(self.descriptor)

    async def written(self) -> None:
        """Wait until the file has all output of an ended program."""
        await asyncio.to_thread(self._thread.join, _LAST_LINES_WITHIN_S)


def _copy(reading: int, file: Path) -> None:
    log = LogFile(file)
    output = LossyOutput(log.write)
    with os.fdopen(reading, "rb") as pipe:
        while line := pipe.readline(_LONGEST_LINE_BYTES):
            output.write(line.decode(errors="surrogateescape"))
    log.close()
