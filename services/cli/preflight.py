"""Checks before the start; each failure is one sentence."""

from __future__ import annotations

import asyncio
import errno
import getpass
import json
import os
import shutil
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import asyncpg

from extrato.own_files import check_own, make_folder
from extrato.process import CannotStart
from extrato.store.transaction_pooler import TRANSACTION_POOLER, is_transaction_pooler
from services.cli.embedded.postgres_paths import system_user_ids

if TYPE_CHECKING:
    from pathlib import Path

    from extrato.settings import Settings

_ANSWER_WITHIN_S: Final = 5.0

_NOTHING_THERE: Final = (ConnectionRefusedError, FileNotFoundError)

_FOLDERS: Final = ("logs", "nats", "postgres", "run", "sandbox")

# PostgreSQL creates a database of 40 MB at the first start; with less space than this it may stop halfway.
_LEAST_FREE_MB: Final = 64


class NothingThere(CannotStart):
    """No server listens at this address."""


def prepare_home(settings: Settings) -> None:
    """Create the home and check that it can be written; for root, PostgreSQL's own user may pass through it.

    With an embedded server the disk needs free space. Raises `ForeignFile` before any write when a file in the home
    belongs to another user or is writable by others, and `CannotStart`.
    """
    home = settings.home
    try:
        _check_own_home(home)
        make_folder(home, 0o711 if os.geteuid() == 0 and not settings.database_url else 0o700)
        _try_to_write(home)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise CannotStart(f"EXTRATO_HOME={home} cannot be written by user {getpass.getuser()}: {reason}.") from None
    free_mb = shutil.disk_usage(home).free // 1_000_000
    if free_mb < _LEAST_FREE_MB and not (settings.database_url and settings.nats_url):
        needed = f"PostgreSQL and NATS need {_LEAST_FREE_MB} MB to start"
        raise CannotStart(f"EXTRATO_HOME={home} is on a disk with {free_mb} MB left; {needed}.")


def _check_own_home(home: Path) -> None:
    """Check that the home, its folders and their entries are ours; programs open no other files.

    PostgreSQL's own user may own entries of `postgres` only.
    """
    if not check_own(home) or not home.is_dir():
        return
    for path in home.iterdir():
        check_own(path)
    for name in _FOLDERS:
        for path in (home / name).iterdir() if (home / name).is_dir() else ():
            check_own(path, owners=system_user_ids() if name == "postgres" else ())


def check_archive(settings: Settings) -> None:
    """See that the archive is of the embedded PostgreSQL, and outlives its home."""
    if settings.archive is None:
        return
    if settings.database_url:
        raise CannotStart("EXTRATO_ARCHIVE is for the embedded PostgreSQL, and EXTRATO_DATABASE_URL names another.")
    if settings.archive.is_relative_to(settings.home):
        raise CannotStart(f"EXTRATO_ARCHIVE={settings.archive} is inside EXTRATO_HOME: both would be lost together.")


def check_ports(settings: Settings, *, with_sandbox: bool) -> None:
    """Check that the ports of the services are free; raises `CannotStart`."""
    if with_sandbox and settings.port == settings.sandbox_port:
        raise CannotStart(f"EXTRATO_PORT and EXTRATO_SANDBOX_PORT are both {settings.port}.")
    _check_port(settings.host, settings.port, "EXTRATO_PORT")
    if with_sandbox:
        _check_port("127.0.0.1", settings.sandbox_port, "EXTRATO_SANDBOX_PORT")


async def check_database(url: str, *, setting: str = "EXTRATO_DATABASE_URL") -> None:
    """Check that PostgreSQL accepts us, and that no pooler lends its connections; `setting` is where the URL is set.

    Raises `CannotStart`, or its subclass `NothingThere`.
    """
    try:
        is_pooler = await is_transaction_pooler(url, timeout_s=_ANSWER_WITHIN_S)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        refusal = NothingThere if isinstance(error, _NOTHING_THERE) else CannotStart
        raise refusal(f"{setting} does not lead to a usable database: {_reason(error)}.") from None
    if is_pooler:
        raise CannotStart(TRANSACTION_POOLER)


async def check_nats(url: str) -> None:
    """Check that NATS accepts us and has JetStream; raises `CannotStart`.

    With TLS, a token or a key this reads only the greeting.
    """
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            answer = await _greet_nats(url)
    except (OSError, TimeoutError, ValueError) as error:
        raise CannotStart(f"EXTRATO_NATS_URL does not lead to a NATS server: {_reason(error)}.") from None
    if answer:
        raise CannotStart(f"EXTRATO_NATS_URL does not lead to a usable NATS server: {answer}.")


async def _greet_nats(url: str) -> str:
    """Return why the server is not usable, or an empty text.

    The protocol is lines of text: https://docs.nats.io/reference/reference-protocols/nats-protocol
    """
    parts = urlsplit(url)
    if parts.scheme not in {"nats", "tls"}:
        return ""
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222)
    try:
        greeting = await reader.readline()
        if not greeting.startswith(b"INFO "):
            return "another kind of server answers there"
        server = json.loads(greeting[5:])
        if not server.get("jetstream"):
            return "it runs without JetStream"
        if parts.scheme == "tls" or server.get("tls_required") or (parts.username and not parts.password):
            return ""
        options: dict[str, object] = {"verbose": False, "pedantic": False, "lang": "python", "version": "0"}
        if parts.username and parts.password:
            options |= {"user": unquote(parts.username), "pass": unquote(parts.password)}
        writer.write(b"CONNECT " + json.dumps(options).encode() + b"\r\nPING\r\n")
        answer = await reader.readline()
        return "" if answer.startswith(b"PONG") else answer.decode(errors="replace").strip("-ER'\r\n ").lower()
    finally:
        writer.close()


def _try_to_write(home: Path) -> None:
    probe = home / ".writable"
    probe.touch()
    probe.unlink()


def _check_port(host: str, port: int, name: str) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise CannotStart(f"EXTRATO_HOST={host} is not an address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {port} of {host} is taken by another program: set {name} to a free one."
        elif error.errno == errno.EACCES:
            reason = f"Port {port} is reserved for the system: set {name} to one above 1023."
        else:
            reason = f"EXTRATO_HOST={host} is not an address of this machine."
        raise CannotStart(reason) from None


def _reason(error: Exception) -> str:
    """Return an error's text in one line without a full stop, or its class name when it has no text."""
    if isinstance(error, TimeoutError):
        return f"no answer within {_ANSWER_WITHIN_S:g} s"
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
