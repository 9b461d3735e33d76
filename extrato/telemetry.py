"""Logs: facts with fields, one JSON object a line, and of each fact a bounded number."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, cast

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from extrato.log_file import LogFile, LossyOutput, UnusableLogFile, make_log_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict, WrappedLogger

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
PLACES: Final = 5

# Whoever may make the hub log something could fill its disk otherwise, and hide all else in its logs.
LINES_OF_A_FACT: Final = 100
WINDOW_S: Final = 10.0


def configure_logging(level: str, *, file: Path | None = None) -> None:
    """Log facts of `level` and above to a file that rotates, or to standard error.

    `level` is debug, info, warning or error. Raises `UnusableLogFile` and `ForeignFile`.
    """
    try:
        if file is not None:
            make_log_file(file)
    except OSError as error:
        raise UnusableLogFile(f"EXTRATO_LOG_FILE={file} cannot be written: {error.strerror}.") from None
    output = LossyOutput(_write_to_standard_error if file is None else LogFile(file).write)
    structlog.configure(
        processors=[
            Rations(),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Never the values of variables: a key or a token may be among them.
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", output)),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, FromLibraries)]
    root.addHandler(FromLibraries())


def _write_to_standard_error(text: str) -> None:
    # Looked up at each line: the stream may be exchanged.
    sys.stderr.write(text)
    sys.stderr.flush()


class FromLibraries(logging.Handler):
    """Turns what a library logs into a fact: which library, what kind of error, and where; none of its words.

    Libraries put into their words what they were given: a request's header, a task with its arguments.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Log that it was said."""
        error = record.exc_info[1] if record.exc_info else None
        frames = traceback.extract_tb(error.__traceback__)[-PLACES:] if error is not None else []
        log = structlog.get_logger(component="library")
        (log.error if record.levelno >= logging.ERROR else log.warning)(
            "library_complained",
            library=record.name,
            said_at=f"{record.filename}:{record.lineno}",
            error=type(error).__name__ if error is not None else None,
            raised_at=[f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
        )


class Ration:
    """So many in a window; `report` is told how many were left out, at the window's end."""

    def __init__(self, *, lines: int, window_s: float, report: Callable[[int], None]) -> None:
        self._lines = lines
        self._window_s = window_s
        self._report = report
        self._ends_at_s = 0.0
        self._taken = 0
        self._left_out = 0

    def take(self) -> bool:
        """Take one of the ration, if one is left."""
        if time.monotonic() >= self._ends_at_s:
            self._begin_again()
        self._taken += 1
        if self._taken <= self._lines:
            return True
        self._left_out += 1
        if self._left_out == 1:
            self._begin_again_in_time()
        return False

    def _begin_again(self) -> None:
        left_out, self._left_out, self._taken = self._left_out, 0, 0
        self._ends_at_s = time.monotonic() + self._window_s
        if left_out:
            self._report(left_out)

    def _begin_again_in_time(self) -> None:
        """Let the report not wait for the next line; outside an event loop it does."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_later(self._ends_at_s - time.monotonic(), self._report_what_is_left)

    def _report_what_is_left(self) -> None:
        if self._left_out:
            self._begin_again()


class Rations:
    """A processor of structlog that gives every fact, at each level, a ration of its own."""

    def __init__(self, *, lines: int = LINES_OF_A_FACT, window_s: float = WINDOW_S) -> None:
        self._lines = lines
        self._window_s = window_s
        self._rations: dict[tuple[str, str], Ration] = {}

    def __call__(self, _logger: WrappedLogger, level: str, fact: EventDict) -> EventDict:
        """Let a line through, or raise `DropEvent`."""
        key = (level, str(fact["event"]))
        ration = self._rations.get(key)
        if ration is None:
            # Facts have names, so there are as many rations as there are lines of code that log.
            ration = self._rations[key] = Ration(
                lines=self._lines, window_s=self._window_s, report=lambda count: _tell(*key, count)
            )
        if not ration.take():
            raise structlog.DropEvent
        return fact


def _tell(level: str, name: str, count: int) -> None:
    log = structlog.get_logger(component="logging")
    getattr(log, level)("lines_left_out", of=name, count=count)
