"""Logs: one JSON object a line, an event with its fields."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Final, TextIO, cast

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from extrato.log_file import LogFile, LossyOutput, UnusableLogFile, make_log_file
from extrato.log_throttle import LogThrottle
from extrato.tracing import add_trace_ids

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
TRACEBACK_FRAMES: Final = 5


def configure_logging(level: str, *, file: Path | None = None) -> None:
    """Log events of `level` and above to a rotating file, or to standard error.

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
            LogThrottle(),
            structlog.contextvars.merge_contextvars,
            add_trace_ids,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the values of variables, which may be keys or tokens.
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", output)),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, LibraryLogHandler)]
    root.addHandler(LibraryLogHandler())


def _write_to_standard_error(text: str) -> None:
    # Looked up for each line, because a program may replace the stream.
    sys.stderr.write(text)
    sys.stderr.flush()


# asyncio warns of this where a connection that began without TLS, as to NATS, ends. It has no consequence.
HARMLESS_WARNING = "returning true from eof_received() has no effect when using ssl"


class LibraryLogHandler(logging.Handler):
    """Turns a library's log record into an event with library, error class and place, without the message.

    A library's message may contain input, such as a request's header or a task with its arguments.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Log an event for the record."""
        if record.msg == HARMLESS_WARNING:
            return
        error = record.exc_info[1] if record.exc_info else None
        frames = traceback.extract_tb(error.__traceback__)[-TRACEBACK_FRAMES:] if error is not None else []
        log = structlog.get_logger(component="library")
        (log.error if record.levelno >= logging.ERROR else log.warning)(
            "library_complained",
            library=record.name,
            said_at=f"{record.filename}:{record.lineno}",
            error=type(error).__name__ if error is not None else None,
            raised_at=[f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
        )
