"""The projections process, and the rebuilding of a read model by hand."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import structlog
import uvloop

from extrato.settings import InvalidSettings, Settings
from extrato.telemetry import configure_logging
from services.projections.app import CannotStart, rebuild_by_name, serve

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Run until stopped by a signal, or rebuild and end; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.projections", description="Keep the read models."
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    rebuilding = commands.add_parser(
        "rebuild", help="build a read model anew from the log, while it is in use"
    )
    rebuilding.add_argument("name", help="name of the read model, or all")
    arguments = parser.parse_args(words)
    try:
        settings = Settings.from_environment(os.environ)
        configure_logging(settings.log_level)
        work = (
            rebuild_by_name(settings, arguments.name) if arguments.command == "rebuild" else serve(settings)
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_until_signal(work))
    except (CannotStart, InvalidSettings) as error:
        sys.stderr.write(f"projections: {error}\n")
        return 1
    except Exception:  # noqa: BLE001 - whatever it was is logged, and the process must not go on
        structlog.get_logger().exception("projections_died")
        return 1


async def _until_signal(work: Coroutine[object, object, None]) -> int:
    """Do the work; SIGTERM and SIGINT end it, and that is no failure."""
    working = asyncio.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    await asyncio.wait((working,))
    if not working.cancelled():
        working.result()
    return 0


if __name__ == "__main__":
    sys.exit(main())
