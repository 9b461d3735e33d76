"""Starts the simulated Mercado Pago: `python -m services.sandbox`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

from aiohttp import web

from extrato.log_file import UnusableLogFile
from extrato.logs import configure_logging
from extrato.own_files import ForeignFile
from services.sandbox.app import create_app
from services.sandbox.state.database import DataFolderBusy
from services.sandbox.state.settings import InvalidSettings, Settings

# aiohttp waits this long twice: for calls to end, and for cancelled ones to clean up.
_SHUTDOWN_S = 0.5


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = Settings.from_env(os.environ)
        configure_logging("info", file=settings.log_file)
        listener = _listen(settings)
        asyncio.run(_serve(settings, listener))
    except (InvalidSettings, DataFolderBusy, ForeignFile, UnusableLogFile) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.\n")
        return 1
    return 0


def _listen(settings: Settings) -> socket.socket:
    """Bind the port first, so that a second start fails before it opens the data."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=1_024)


async def _serve(settings: Settings, listener: socket.socket) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    runner = web.AppRunner(create_app(settings), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        sys.stdout.write(f"The simulated Mercado Pago serves {settings.public_url}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
