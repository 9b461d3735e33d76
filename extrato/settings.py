"""Settings of the hub, read from the environment in this one place."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import msgspec

from extrato.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

AuthMode = Literal["keys", "open"]

MIGRATION_DATABASE_URL: Final = "EXTRATO_MIGRATION_DATABASE_URL"
POSTGRES: Final = {"postgresql", "postgres"}

MAX_COUNT: Final = 10_000_000

MERCADO_PAGO_API: Final = "https://api.mercadopago.com"

MAX_SECONDS: Final = 3600.0


class InvalidSettings(Exception):
    """A setting cannot be used; the message is one sentence for the person who starts the hub."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long the hub waits, in seconds.

    `head_s`: for the head of a request. `body_s`: for its body. `socket_s`: for a WebSocket client to take one frame.
    `fresh_s`: before a check asks the provider again about the same payment. `resume_s`: before the monitor completes a
    charge, a cancellation or a refund that another process began and did not end. `grace_s`: after the end of a charge,
    for a bank's confirmation that does not tell when the payer paid.
    """

    head_s: float = 10.0
    body_s: float = 10.0
    socket_s: float = 5.0
    fresh_s: float = 3.0
    resume_s: float = 10.0
    grace_s: float = 120.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process of the hub needs to know about the place it runs in.

    `database_url` and `nats_url` are empty when the embedded servers are to be started. `migration_database_url` leads
    to the same database as `database_url`, as the role that runs migrations; empty when one role does both. What is
    counted per minute is so for each API key and each address; `connections_per_address` are open at once.
    `trusted_proxies` are the networks whose X-Forwarded-For is believed. Keys and addresses with passwords in them are
    not shown in `repr`.
    """

    host: str
    port: int
    sandbox_port: int
    home: Path
    database_url: str
    migration_database_url: str
    nats_url: str
    auth: AuthMode
    public_url: str
    mercado_pago_url: str
    secret_key: str
    creations_per_minute: int
    checks_per_minute: int
    confirmations_per_minute: int
    lists_per_minute: int
    failures_per_minute: int
    connections_per_address: int
    trusted_proxies: tuple[str, ...]
    patience: Patience
    log_level: str
    log_file: Path | None
    ready_file: Path | None

    def __repr__(self) -> str:
        return f"Settings(home={str(self.home)!r}, host={self.host!r}, port={self.port}, auth={self.auth!r})"

    __str__ = __repr__

    @property
    def sandbox_url(self) -> str:
        """Address of the simulated provider that `make up` starts."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def secret_key_file(self) -> Path:
        """Where the key that encrypts provider credentials lives when EXTRATO_SECRET_KEY is not given."""
        return self.home / "secret.key"

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Settings:
        """Read and check every `EXTRATO_*` variable; raises `InvalidSettings`."""
        host = environment.get("EXTRATO_HOST", "127.0.0.1")
        port = _port(environment, "EXTRATO_PORT", 8000)
        public_url = _url(environment, "EXTRATO_PUBLIC_URL", {"http", "https"}).rstrip("/")
        public_url = public_url or f"http://127.0.0.1:{port}"
        trusted_proxies = _networks(environment, "EXTRATO_TRUSTED_PROXIES")
        log_file, ready_file = environment.get("EXTRATO_LOG_FILE"), environment.get("EXTRATO_READY_FILE")
        database_url = _url(environment, "EXTRATO_DATABASE_URL", POSTGRES)
        migration_database_url = _url(environment, MIGRATION_DATABASE_URL, POSTGRES)
        if migration_database_url and not database_url:
            msg = f"{MIGRATION_DATABASE_URL} needs EXTRATO_DATABASE_URL, the same database as the services' role."
            raise InvalidSettings(msg)
        return Settings(
            host=host,
            port=port,
            sandbox_port=_port(environment, "EXTRATO_SANDBOX_PORT", 8001),
            home=Path(environment.get("EXTRATO_HOME", ".extrato")).absolute(),
            database_url=database_url,
            migration_database_url=migration_database_url,
            nats_url=_url(environment, "EXTRATO_NATS_URL", {"nats", "tls", "ws", "wss"}),
            auth=_auth(environment, host=host, public_url=public_url, trusted_proxies=trusted_proxies),
            public_url=public_url,
            mercado_pago_url=_url(environment, "EXTRATO_MERCADOPAGO_URL", {"http", "https"}).rstrip("/")
            or MERCADO_PAGO_API,
            secret_key=environment.get("EXTRATO_SECRET_KEY", ""),
            creations_per_minute=_count(environment, "EXTRATO_CREATIONS_PER_MINUTE", 1200),
            checks_per_minute=_count(environment, "EXTRATO_CHECKS_PER_MINUTE", 6000),
            confirmations_per_minute=_count(environment, "EXTRATO_CONFIRMATIONS_PER_MINUTE", 6000),
            lists_per_minute=_count(environment, "EXTRATO_LISTS_PER_MINUTE", 1200),
            failures_per_minute=_count(environment, "EXTRATO_FAILURES_PER_MINUTE", 60),
            connections_per_address=_count(environment, "EXTRATO_CONNECTIONS_PER_ADDRESS", 1000),
            trusted_proxies=trusted_proxies,
            patience=_patience(environment),
            log_level=_log_level(environment),
            log_file=Path(log_file) if log_file else None,
            ready_file=Path(ready_file) if ready_file else None,
        )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        msg = f"{name} must be a port number from 1 to 65535, not {text!r}."
        raise InvalidSettings(msg)
    return int(text)


def _url(environment: Mapping[str, str], name: str, schemes: set[str]) -> str:
    text = environment.get(name, "").strip()
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        scheme = ""
    if text and scheme not in schemes:
        msg = f"{name} must be a URL that starts with {' or '.join(sorted(s + '://' for s in schemes))}."
        raise InvalidSettings(msg)
    return text


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:10]) <= MAX_COUNT:
        msg = f"{name} must be a whole number from 1 to {MAX_COUNT}, not {text[:40]!r}."
        raise InvalidSettings(msg)
    return int(text)


def _patience(environment: Mapping[str, str]) -> Patience:
    usual = Patience()
    return Patience(
        head_s=_seconds(environment, "EXTRATO_HEAD_TIMEOUT_S", usual.head_s),
        body_s=_seconds(environment, "EXTRATO_BODY_TIMEOUT_S", usual.body_s),
        socket_s=_seconds(environment, "EXTRATO_SOCKET_TIMEOUT_S", usual.socket_s),
        fresh_s=_seconds(environment, "EXTRATO_CHECK_AGAIN_AFTER_S", usual.fresh_s),
        resume_s=_seconds(environment, "EXTRATO_RESUME_AFTER_S", usual.resume_s),
        grace_s=_seconds(environment, "EXTRATO_CONFIRMATION_GRACE_S", usual.grace_s),
    )


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_SECONDS:
        msg = f"{name} must be a number of seconds above 0, at most {MAX_SECONDS:g}, not {text[:40]!r}."
        raise InvalidSettings(msg)
    return seconds


def _networks(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    listed = [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
    try:
        return tuple(str(ipaddress.ip_network(part)) for part in listed)
    except ValueError as error:
        msg = f"{name} must be addresses or networks such as 10.0.0.0/8, with commas between them: {error}."
        raise InvalidSettings(msg) from error


def _auth(environment: Mapping[str, str], *, host: str, public_url: str, trusted_proxies: tuple[str, ...]) -> AuthMode:
    """Read who is asked for a key; without keys, everybody who reaches the hub administers it."""
    text = environment.get("EXTRATO_AUTH", "keys").strip() or "keys"
    if text == "keys":
        return "keys"
    if text != "open":
        msg = f"EXTRATO_AUTH must be 'keys' or 'open', not {text!r}."
        raise InvalidSettings(msg)
    if not is_loopback(host):
        msg = f"EXTRATO_AUTH=open is allowed on a loopback address only, and EXTRATO_HOST is {host!r}."
        raise InvalidSettings(msg)
    if not is_loopback(urlsplit(public_url).hostname or ""):
        msg = f"EXTRATO_AUTH=open is for one machine only, and EXTRATO_PUBLIC_URL is {public_url!r}."
        raise InvalidSettings(msg)
    if trusted_proxies:
        msg = "EXTRATO_AUTH=open is for one machine only, and EXTRATO_TRUSTED_PROXIES lets others in."
        raise InvalidSettings(msg)
    return "open"


def _log_level(environment: Mapping[str, str]) -> str:
    level = environment.get("EXTRATO_LOG_LEVEL", "info").strip().lower()
    if level not in {"debug", "info", "warning", "error"}:
        msg = f"EXTRATO_LOG_LEVEL must be debug, info, warning or error, not {level!r}."
        raise InvalidSettings(msg)
    return level
