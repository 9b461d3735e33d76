"""A private NATS with JetStream below the hub's home, for a machine without NATS.

It listens on 127.0.0.1 only. The password is new at every start; only the hub's user can read its file, and no command
line has it. The hub, the copies of its streams and the subscribers have separate accounts. An account can use only
those subjects of another one that the other exports.
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

from extrato.bus.copies import COPIED_STREAMS, DELIVERY, DELIVERY_CONSUMER_PREFIX, ORIGIN_API, new_delivery_consumer
from extrato.log_file import FILES, LIMIT_BYTES
from extrato.own_files import make_folder, read_own, write_own
from extrato.process import CannotStart
from services.cli.embedded.server import Server
from services.cli.supervisor.child import Program

if TYPE_CHECKING:
    from pathlib import Path

_HOST: Final = "127.0.0.1"

MAX_CONSUMERS: Final = 1000

# Subscribers receive answers and pushed messages on these subjects.
INBOXES: Final = "_INBOX.>"

# How long the server remembers the reply subject of a request for messages, counted from the last answer. Each takes
# about 700 bytes. A subscriber that waits longer needs heartbeats; otherwise it does not receive the message.
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
        self._delivery_consumer = ""

    @property
    def url(self) -> str:
        """The URL of the hub's account; known after `prepare`, and the same after a restart of the server."""
        return f"nats://extrato:{self._password}@{_HOST}:{self._port}"

    @property
    def copies_url(self) -> str:
        """The URL of the account in which `extrato/bus/copies.py` creates the streams for subscribers."""
        return f"nats://copier:{self._copier_password}@{_HOST}:{self._port}"

    @property
    def subscriber_url(self) -> str:
        """The URL for subscribers, which only read events; see `_subscriber_permissions`."""
        return f"nats://subscriber:{self._subscriber_password}@{_HOST}:{self._port}"

    @property
    def delivery_consumer(self) -> str:
        """The secret name of the delivery consumers of the copies; known after `prepare`, and stored in the home."""
        return self._delivery_consumer

    async def prepare(self) -> Program:
        """Write the configuration and return the program to run; raises `CannotStart`."""
        self._port = self._port or _free_port()
        make_folder(self._folder, 0o700)
        self._delivery_consumer = self._delivery_consumer or _stored_delivery_consumer(self._folder / "feed")
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
            "permissions": _subscriber_permissions(self._delivery_consumer),
        }
        reset_requests = [f"CONSUMER.RESET.{stream}.{self._delivery_consumer}" for stream in COPIED_STREAMS]
        flow_control = [f"$JS.FC.{stream}.{self._delivery_consumer}.>" for stream in COPIED_STREAMS]
        return {
            "HUB": {
                "jetstream": "enabled",
                "users": [{"user": "extrato", "password": self._password}],
                "exports": _exports(reset_requests, flow_control),
            },
            "SUBSCRIBERS": {
                "jetstream": {"max_streams": len(COPIED_STREAMS), "max_consumers": MAX_CONSUMERS},
                "users": [{"user": "copier", "password": self._copier_password}],
                "imports": _imports(reset_requests, flow_control),
                "exports": _readers_exports(),
            },
            # A requester chooses the reply subject, and the server may publish on any subject of this account. The
            # account therefore holds nothing that a misdirected answer could change.
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
    """Return the subjects that a subscriber may request, with the options of their exports.

    A request with one answer needs no options. With several answers the server cannot know the last one, so it
    remembers the reply subject until no answer has come for the threshold.
    """
    immediate = {"response_type": "stream", "threshold": "10s"}
    until_available = {"response_type": "stream", "threshold": f"{LONGEST_WAIT_S}s"}
    requests: dict[str, dict[str, str]] = {"$JS.API.INFO": {}, "$JS.API.STREAM.NAMES": {}}
    for stream in COPIED_STREAMS:
        requests |= {
            f"$JS.API.DIRECT.GET.{stream}": immediate,
            f"$JS.API.DIRECT.GET.{stream}.>": {},
            # The consumer's name may be in the body instead of the subject, where permissions cannot check it. A name
            # that a subscriber must not use is therefore secret.
            f"$JS.API.CONSUMER.CREATE.{stream}": {},
            f"$JS.API.CONSUMER.CREATE.{stream}.>": {},
            f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.*": {},
            f"$JS.API.CONSUMER.INFO.{stream}.*": {},
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.*": until_available,
            f"$JS.API.CONSUMER.DELETE.{stream}.*": {},
            # An acknowledgement may also request the next messages.
            f"$JS.ACK.{stream}.>": until_available,
            f"$JS.FC.{stream}.>": {},
        }
    return requests


def _subscriber_permissions(delivery_consumer: str) -> dict[str, object]:
    """Return the permissions of a subscriber.

    A subscriber creates consumers of the copies and reads from them. It cannot publish or change a stream. It cannot
    read a stream's configuration either, which names the subject where a copy receives its messages.
    """
    denied = [
        f"$JS.FC.*.{delivery_consumer}.>",
        *(
            f"$JS.API.CONSUMER.{request}"
            for request in (
                f"CREATE.*.{delivery_consumer}",
                f"CREATE.*.{delivery_consumer}.>",
                f"DURABLE.CREATE.*.{delivery_consumer}",
                f"INFO.*.{delivery_consumer}",
                f"MSG.NEXT.*.{delivery_consumer}",
                f"DELETE.*.{delivery_consumer}",
            )
        ),
    ]
    return {
        "publish": {"allow": list(_requests()), "deny": denied},
        "subscribe": [INBOXES],
    }


# What the subscribers' account can use of the copies.
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


# What the account of the copies can use of the hub's account, only to fill the copies.
def _exports(reset_requests: list[str], flow_control: list[str]) -> list[object]:
    return [
        *({"service": f"$JS.API.{request}", "accounts": ["SUBSCRIBERS"]} for request in reset_requests),
        *({"service": subject, "accounts": ["SUBSCRIBERS"]} for subject in flow_control),
        {"stream": f"{DELIVERY}.>", "accounts": ["SUBSCRIBERS"]},
    ]


def _imports(reset_requests: list[str], flow_control: list[str]) -> list[object]:
    return [
        *(
            {"service": {"account": "HUB", "subject": f"$JS.API.{request}"}, "to": f"{ORIGIN_API}.{request}"}
            for request in reset_requests
        ),
        *({"service": {"account": "HUB", "subject": subject}} for subject in flow_control),
        {"stream": {"account": "HUB", "subject": f"{DELIVERY}.>"}},
    ]


def _stored_delivery_consumer(file: Path) -> str:
    """Return the stored name of the delivery consumers; with a new name the copies are recreated."""
    with contextlib.suppress(FileNotFoundError):
        # A power cut may leave the file empty.
        kept = read_own(file).decode(errors="replace")
        if re.fullmatch(f"{DELIVERY_CONSUMER_PREFIX}-[0-9a-f]+", kept):
            return kept
    name = new_delivery_consumer()
    write_own(file, name.encode("ascii"))
    return name


def _binary() -> str:
    found = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    if found is None:
        raise CannotStart("NATS is not installed: install extrato[embedded] or set EXTRATO_NATS_URL.")
    return found


def _disk_bytes(folder: Path) -> int:
    """Return how much NATS may store: the size of the disk.

    NATS's own limit is a share of the free space at its start, which ignores what it has stored already. On a filling
    disk NATS would then refuse to restart, or to store more.
    """
    return shutil.disk_usage(folder).total


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port
