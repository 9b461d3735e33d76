"""Settings of the hub, read from the environment in this one place.

Each field of a Struct names its variable, its default, its bounds and what it is for. A test compares the names and
defaults with docs/reference/settings.md.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, field

from extrato.loopback import is_loopback
from extrato.secret_files import UnusableSecretFile, secrets_from_files

if TYPE_CHECKING:
    from collections.abc import Mapping

MIGRATION_DATABASE_URL: Final = "EXTRATO_MIGRATION_DATABASE_URL"
COPIES_NATS_URL: Final = "EXTRATO_COPIES_NATS_URL"
COPIES_CONSUMER: Final = "EXTRATO_COPIES_CONSUMER"
FORGOTTEN_FILE: Final = "EXTRATO_FORGOTTEN_FILE"
FORGOTTEN_LIST: Final = "forgotten.jsonl"
MERCADO_PAGO_API: Final = "https://api.mercadopago.com"

_ECHOED_LETTERS: Final = 40

# A title is what an error says that the value must be.
Port = Annotated[int, Meta(ge=1, le=65535, title="a port number from 1 to 65535")]
Count = Annotated[int, Meta(ge=1, le=10_000_000, title="a whole number from 1 to 10000000")]
Seconds = Annotated[float, Meta(gt=0, le=3600, title="a number of seconds above 0, at most 3600")]
Delay = Annotated[float, Meta(ge=0, le=600, title="a number of seconds from 0 to 600")]
# A refund is possible for 180 days, and a dispute may take 180 more until the provider decides it.
EvidenceDays = Annotated[int, Meta(ge=365, le=4400, title="a whole number of days from 365 to 4400")]
# A provider repeats a webhook for some days.
DeliveryDays = Annotated[int, Meta(ge=7, le=4400, title="a whole number of days from 7 to 4400")]
# Any stranger can send one.
UnverifiedDays = Annotated[int, Meta(ge=1, le=30, title="a whole number of days from 1 to 30")]
# The monitor completes a charge within a day.
PayerDays = Annotated[int, Meta(ge=1, le=30, title="a whole number of days from 1 to 30")]
PortOrNone = Annotated[int, Meta(ge=0, le=65535, title="a port number from 1 to 65535, or 0 for none")]
AuthMode = Annotated[Literal["keys", "open"], Meta(title="'keys' or 'open'")]
Traces = Annotated[Literal["off", "otlp"], Meta(title="'off' or 'otlp'")]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], Meta(title="debug, info, warning or error")]
WebUrl = Annotated[str, Meta(pattern="(?i)^https?:", title="a URL that starts with http:// or https://")]
PostgresUrl = Annotated[
    str, Meta(pattern="(?i)^postgres(ql)?:", title="a URL that starts with postgres:// or postgresql://")
]
NatsUrl = Annotated[
    str, Meta(pattern="(?i)^(nats|tls|wss?):", title="a URL that starts with nats:// or tls:// or ws:// or wss://")
]
DeliveryConsumer = Annotated[
    str, Meta(pattern="^subscribers-copy-[0-9A-Za-z]+$", title="a name that starts with subscribers-copy-")
]


class InvalidSettings(Exception):
    """A setting cannot be used; the message is one sentence for the operator."""


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Time-outs and waiting times, in seconds."""

    head_s: Annotated[Seconds, Meta(description="for the head of a request")] = field(
        default=10.0, name="EXTRATO_HEAD_TIMEOUT_S"
    )
    body_s: Annotated[Seconds, Meta(description="for the body of a request")] = field(
        default=10.0, name="EXTRATO_BODY_TIMEOUT_S"
    )
    socket_s: Annotated[Seconds, Meta(description="for a WebSocket client to read one frame")] = field(
        default=5.0, name="EXTRATO_SOCKET_TIMEOUT_S"
    )
    fresh_s: Annotated[Seconds, Meta(description="before a check asks the provider again about a payment")] = field(
        default=3.0, name="EXTRATO_CHECK_AGAIN_AFTER_S"
    )
    resume_s: Annotated[Seconds, Meta(description="before the monitor completes another process's work")] = field(
        default=10.0, name="EXTRATO_RESUME_AFTER_S"
    )
    grace_s: Annotated[Seconds, Meta(description="for a bank's confirmation without a time, after a Pix ends")] = field(
        default=120.0, name="EXTRATO_CONFIRMATION_GRACE_S"
    )
    drain_s: Annotated[Delay, Meta(description="from a stop signal until the gateway stops listening")] = field(
        default=5.0, name="EXTRATO_DRAIN_S"
    )
    finish_s: Annotated[Seconds, Meta(description="for requests in progress, after the gateway stopped listening")] = (
        field(default=20.0, name="EXTRATO_FINISH_TIMEOUT_S")
    )


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days the monitor keeps what is not the log; docs/reference/settings.md has the reasons."""

    evidence_days: Annotated[EvidenceDays, Meta(description="answers of providers and confirmations of banks")] = field(
        default=400, name="EXTRATO_KEEP_EVIDENCE_DAYS"
    )
    deliveries_days: Annotated[DeliveryDays, Meta(description="verified webhooks, with their bodies")] = field(
        default=90, name="EXTRATO_KEEP_DELIVERIES_DAYS"
    )
    unverified_days: Annotated[UnverifiedDays, Meta(description="webhooks without a valid signature")] = field(
        default=7, name="EXTRATO_KEEP_UNVERIFIED_DAYS"
    )
    payer_days: Annotated[PayerDays, Meta(description="payers' details of a payment without a charge")] = field(
        default=1, name="EXTRATO_KEEP_PAYER_DAYS"
    )


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a process of the hub.

    Limits per minute hold for each API key and each address. `repr` shows no key and no URL that may hold a password.
    """

    host: Annotated[str, Meta(description="the address the gateway listens on")] = field(
        default="127.0.0.1", name="EXTRATO_HOST"
    )
    port: Annotated[Port, Meta(description="the port of the gateway")] = field(default=8000, name="EXTRATO_PORT")
    sandbox_port: Annotated[Port, Meta(description="the port of the simulated Mercado Pago")] = field(
        default=8001, name="EXTRATO_SANDBOX_PORT"
    )
    home: Annotated[Path, Meta(description="the folder of data, logs and keys")] = field(
        default=Path(".extrato"), name="EXTRATO_HOME"
    )
    archive: Annotated[Path | None, Meta(description="where the embedded PostgreSQL archives its WAL")] = field(
        default=None, name="EXTRATO_ARCHIVE"
    )
    forgotten_file: Annotated[Path | None, Meta(description="the list of forgotten payments, on a disk that stays")] = (
        field(default=None, name=FORGOTTEN_FILE)
    )
    database_url: Annotated[PostgresUrl, Meta(description="empty asks for the embedded PostgreSQL")] = field(
        default="", name="EXTRATO_DATABASE_URL"
    )
    migration_database_url: Annotated[
        PostgresUrl, Meta(description="the same database as the migrations' role; empty where one role does both")
    ] = field(default="", name=MIGRATION_DATABASE_URL)
    nats_url: Annotated[NatsUrl, Meta(description="empty asks for the embedded NATS")] = field(
        default="", name="EXTRATO_NATS_URL"
    )
    copies_nats_url: Annotated[NatsUrl, Meta(description="your NATS as the user that copies for subscribers")] = field(
        default="", name=COPIES_NATS_URL
    )
    copies_consumer: Annotated[
        DeliveryConsumer, Meta(description="the secret name of the consumers that deliver to the copies")
    ] = field(default="", name=COPIES_CONSUMER)
    auth: Annotated[AuthMode, Meta(description="`open` asks no caller for a key")] = field(
        default="keys", name="EXTRATO_AUTH"
    )
    public_url: Annotated[WebUrl, Meta(description="the address for payers and providers")] = field(
        default="", name="EXTRATO_PUBLIC_URL"
    )
    mercado_pago_url: Annotated[WebUrl, Meta(description="the address of the Mercado Pago API")] = field(
        default=MERCADO_PAGO_API, name="EXTRATO_MERCADOPAGO_URL"
    )
    secret_key: Annotated[str, Meta(description="the key for credentials; empty asks for the file in the home")] = (
        field(default="", name="EXTRATO_SECRET_KEY")
    )
    creations_per_minute: Annotated[Count, Meta(description="calls that create, refund, cancel or administer")] = field(
        default=1200, name="EXTRATO_CREATIONS_PER_MINUTE"
    )
    checks_per_minute: Annotated[Count, Meta(description="calls that show or check a payment")] = field(
        default=6000, name="EXTRATO_CHECKS_PER_MINUTE"
    )
    confirmations_per_minute: Annotated[Count, Meta(description="calls that confirm a Pix from a bank")] = field(
        default=6000, name="EXTRATO_CONFIRMATIONS_PER_MINUTE"
    )
    lists_per_minute: Annotated[Count, Meta(description="calls that read lists, timelines or metrics")] = field(
        default=1200, name="EXTRATO_LISTS_PER_MINUTE"
    )
    failures_per_minute: Annotated[Count, Meta(description="wrong keys, tokens and references, per address")] = field(
        default=60, name="EXTRATO_FAILURES_PER_MINUTE"
    )
    provider_requests_per_minute: Annotated[Count, Meta(description="calls to a provider with one credential")] = field(
        default=6000, name="EXTRATO_PROVIDER_REQUESTS_PER_MINUTE"
    )
    connections_per_address: Annotated[Count, Meta(description="connections of one address at once")] = field(
        default=1000, name="EXTRATO_CONNECTIONS_PER_ADDRESS"
    )
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="networks whose X-Forwarded-For names the caller's address")
    ] = field(default=(), name="EXTRATO_TRUSTED_PROXIES")
    timeouts: Timeouts = field(default_factory=Timeouts)
    keep: Keep = field(default_factory=Keep)
    log_level: Annotated[LogLevel, Meta(description="the lowest level that is logged")] = field(
        default="info", name="EXTRATO_LOG_LEVEL"
    )
    log_file: Annotated[Path | None, Meta(description="the log, in place of standard error")] = field(
        default=None, name="EXTRATO_LOG_FILE"
    )
    traces: Annotated[Traces, Meta(description="`otlp` exports traces, as the variables OTEL_… say")] = field(
        default="off", name="EXTRATO_TRACES"
    )
    ready_file: Annotated[Path | None, Meta(description="exists while a service is ready")] = field(
        default=None, name="EXTRATO_READY_FILE"
    )
    health_host: Annotated[str, Meta(description="the address of the health port")] = field(
        default="127.0.0.1", name="EXTRATO_HEALTH_HOST"
    )
    health_port: Annotated[PortOrNone, Meta(description="answers /livez, /readyz and /metrics; 0 for none")] = field(
        default=0, name="EXTRATO_HEALTH_PORT"
    )

    def __repr__(self) -> str:
        return f"Settings(home={str(self.home)!r}, host={self.host!r}, port={self.port}, auth={self.auth!r})"

    __str__ = __repr__

    @property
    def sandbox_url(self) -> str:
        """The address of the simulated Mercado Pago that `make up` starts."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def secret_key_file(self) -> Path:
        """The file of the vault's key, used when EXTRATO_SECRET_KEY is empty."""
        return self.home / "secret.key"

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Settings:
        """Read and check every variable of `VARIABLES`, and the files of secrets; raises `InvalidSettings`."""
        try:
            given = _given({**environment, **secrets_from_files(environment)})
        except UnusableSecretFile as error:
            raise InvalidSettings(str(error)) from None
        try:
            settings = msgspec.convert(
                given | {"timeouts": given, "keep": given}, Settings, strict=False, dec_hook=_path
            )
        except msgspec.ValidationError as fault:
            raise InvalidSettings(_sentence(fault, given)) from None
        # With an own PostgreSQL the home may be temporary, and the list must not be.
        in_home = None if settings.database_url else settings.home / FORGOTTEN_LIST
        forgotten_file = settings.forgotten_file or in_home
        settings = msgspec.structs.replace(
            settings,
            home=settings.home.absolute(),
            archive=settings.archive and settings.archive.absolute(),
            forgotten_file=forgotten_file and forgotten_file.absolute(),
            public_url=settings.public_url.rstrip("/") or f"http://127.0.0.1:{settings.port}",
            mercado_pago_url=settings.mercado_pago_url.rstrip("/"),
        )
        _check_together(settings)
        return settings


VARIABLES: Final = {
    variable.encode_name: variable
    for struct in (Settings, Timeouts, Keep)
    for variable in msgspec.structs.fields(struct)
    if variable.name not in {"timeouts", "keep"}
}


def _given(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the variables that are not blank, as texts for `msgspec.convert`."""
    given: dict[str, object] = {
        name: text.strip() for name in VARIABLES if (text := environment.get(name, "")) and not text.isspace()
    }
    # A blank key is an error of the key's reader: the hub must not use the key file instead.
    if key := environment.get("EXTRATO_SECRET_KEY"):
        given["EXTRATO_SECRET_KEY"] = key
    if level := given.get("EXTRATO_LOG_LEVEL"):
        given["EXTRATO_LOG_LEVEL"] = str(level).lower()
    if networks := given.get("EXTRATO_TRUSTED_PROXIES"):
        given["EXTRATO_TRUSTED_PROXIES"] = _networks(str(networks))
    for name, url in given.items():
        if _bounds(name).pattern:
            _check_url(name, str(url))
    return given


def _bounds(name: str) -> Meta:
    bounds: Meta = VARIABLES[name].type.__metadata__[0]
    return bounds


def _path(_type: type, text: str) -> Path:
    """Convert the one type that msgspec does not know."""
    return Path(text)


def _sentence(fault: msgspec.ValidationError, given: Mapping[str, object]) -> str:
    """Return a sentence with the wrong variable and its rule; the value is left out where it may hold a password."""
    name = str(fault).rpartition(".")[2].strip("`")
    bounds = _bounds(name)
    return f"{name} must be {bounds.title}" + (
        "." if bounds.pattern else f", not {str(given[name])[:_ECHOED_LETTERS]!r}."
    )


def _check_url(name: str, text: str) -> None:
    """Check that a URL can be parsed; its pattern checks the scheme."""
    try:
        urlsplit(text)
    except ValueError:
        raise InvalidSettings(f"{name} must be {_bounds(name).title}.") from None


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in text.split(",") if part.strip())
    except ValueError as error:
        must_be = "addresses or networks such as 10.0.0.0/8, with commas between them"
        raise InvalidSettings(f"EXTRATO_TRUSTED_PROXIES must be {must_be}: {error}.") from error


def _check_together(settings: Settings) -> None:
    """Check variables against each other. Without keys, every client that reaches the hub may administer it."""
    if settings.migration_database_url and not settings.database_url:
        needed = "needs EXTRATO_DATABASE_URL, the same database as the services' role"
        raise InvalidSettings(f"{MIGRATION_DATABASE_URL} {needed}.")
    if bool(settings.copies_nats_url) != bool(settings.copies_consumer):
        raise InvalidSettings(f"{COPIES_NATS_URL} and {COPIES_CONSUMER} need each other: set both, or neither.")
    if settings.copies_nats_url and not settings.nats_url:
        raise InvalidSettings(f"{COPIES_NATS_URL} needs EXTRATO_NATS_URL: the embedded NATS has its own copies.")
    if settings.auth == "keys":
        return
    if not is_loopback(settings.host):
        allowed = "is allowed on a loopback address only"
        raise InvalidSettings(f"EXTRATO_AUTH=open {allowed}, and EXTRATO_HOST is {settings.host!r}.")
    if not is_loopback(urlsplit(settings.public_url).hostname or ""):
        only = "is for one machine only"
        raise InvalidSettings(f"EXTRATO_AUTH=open {only}, and EXTRATO_PUBLIC_URL is {settings.public_url!r}.")
    if settings.trusted_proxies:
        raise InvalidSettings("EXTRATO_AUTH=open is for one machine only, and EXTRATO_TRUSTED_PROXIES lets others in.")
