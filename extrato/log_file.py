"""A log file that rotates: a full file is renamed to `<name>.1`, replacing the earlier one, and a new file begins.

The rotation neither loses nor splits a line. Only one process at a time may write a file.
"""

from __future__ import annotations

import contextlib
import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Final

from extrato.own_files import ForeignFile, open_own

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import TextIOWrapper

LIMIT_BYTES: Final = 10 * 1024 * 1024
# The current file and the full ones, together.
FILES: Final = 2


class UnusableLogFile(Exception):
    """EXTRATO_LOG_FILE cannot be written; the message is one sentence for the operator."""


def make_log_file(path: Path) -> None:
    """Create a log file if there is none; raises `OSError`, and `ForeignFile` if it is not the hub's own."""
    os.close(open_own(path, os.O_WRONLY | os.O_CREAT))


class LogFile(RotatingFileHandler):
    """Appends texts to a file that the hub owns; the first text creates the file."""

    terminator = ""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, maxBytes=LIMIT_BYTES, backupCount=FILES - 1, encoding="utf-8", errors="surrogateescape", delay=True
        )

    def write(self, text: str) -> None:
        """Append a text, which must end with a line break; raises `OSError` and `ForeignFile`."""
        self.handle(logging.makeLogRecord({"msg": text}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name is the library's
        """Drop the unwritten text, and re-raise the error that `emit` caught."""
        # The stream would write its buffer later, although the caller counts these lines as lost.
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
        raise  # noqa: PLE0704 - the library calls this in its except clause

    def _open(self) -> TextIOWrapper:
        descriptor = open_own(Path(self.baseFilename), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors=self.errors)


class LossyOutput:
    """Writes log lines to a disk that may be full: a failed line is counted and raises no error."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._lost = 0

    def write(self, text: str) -> int:
        """Write a text; before it, write the count of lost lines, if there are any."""
        try:
            if self._lost:
                self._write(f'{{"event": "lines_lost", "count": {self._lost}, "level": "warning"}}\n')
                self._lost = 0
            self._write(text)
        except (OSError, ForeignFile):
            self._lost += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` flushes every text."""
