"""The settings of the simulated Mercado Pago; only this module of the service reads the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from extrato.loopback import host_named_by
from services.sandbox.state.accounts import DEMO_ACCOUNT, Account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Number = TypeVar("Number", int, float)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8001
DEFAULT_DATA = ".extrato/sandbox"
WEBHOOK_TIMEOUT_S = 22.0


class InvalidSettings(ValueError):
    """A setting is wrong; the message is one sentence that names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of the sandbox.

    `time_factor` divides the pauses between webhook retries and the time until an expiry or until a test order is
    paid: with 60, a Pix that expires in 24 hours expires after 24 minutes. It does not divide `webhook_timeout_s`,
    because the receiver's work is real. `control_hosts` are the host names, besides this machine's, from which the
    control routes accept requests.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    data: Path = Path(DEFAULT_DATA)
    public_url: str = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
    accounts: tuple[Account, ...] = (DEMO_ACCOUNT,)
    time_factor: float = 1.0
    webhook_timeout_s: float = WEBHOOK_TIMEOUT_S
    control_hosts: frozenset[str] = frozenset()
    log_file: Path | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Read `EXTRATO_SANDBOX_*` and `EXTRATO_LOG_FILE`; raises `InvalidSettings`."""
        port = _number(env, "EXTRATO_SANDBOX_PORT", DEFAULT_PORT, read=int)
        if port > 65_535:
            raise InvalidSettings("EXTRATO_SANDBOX_PORT must be at most 65535.")
        public_url = env.get("EXTRATO_SANDBOX_PUBLIC_URL") or f"http://127.0.0.1:{port}"
        return cls(
            host=env.get("EXTRATO_SANDBOX_HOST") or DEFAULT_HOST,
            port=port,
            data=Path(env.get("EXTRATO_SANDBOX_DATA") or DEFAULT_DATA),
            public_url=public_url.rstrip("/"),
            accounts=_accounts(
                env.get("EXTRATO_SANDBOX_ACCOUNTS"),
                webhook_url=env.get("EXTRATO_SANDBOX_WEBHOOK_URL"),
                demo_secret=env.get("EXTRATO_SANDBOX_DEMO_SECRET"),
            ),
            time_factor=_number(env, "EXTRATO_SANDBOX_TIME_FACTOR", 1.0, read=float),
            webhook_timeout_s=_number(env, "EXTRATO_SANDBOX_WEBHOOK_TIMEOUT_S", WEBHOOK_TIMEOUT_S, read=float),
            control_hosts=_hosts(env, "EXTRATO_SANDBOX_CONTROL_HOSTS"),
            log_file=Path(env["EXTRATO_LOG_FILE"]) if env.get("EXTRATO_LOG_FILE") else None,
        )


def _number(env: Mapping[str, str], name: str, default: Number, *, read: Callable[[str], Number]) -> Number:
    text = env.get(name)
    if not text:
        return default
    try:
        value = read(text)
    except ValueError:
        value = read("0")
    if not 0 < value < float("inf"):
        raise InvalidSettings(f"{name} must be a number above zero.")
    return value


def _hosts(env: Mapping[str, str], name: str) -> frozenset[str]:
    listed = [part.strip() for part in env.get(name, "").split(",") if part.strip()]
    hosts = [host_named_by(f"[{part}]" if part.count(":") > 1 else part) for part in listed]
    if any(host is None or host != part.lower() for host, part in zip(hosts, listed, strict=True)):
        raise InvalidSettings(f"{name} must be comma-separated host names without ports.")
    return frozenset(host for host in hosts if host is not None)


def _accounts(text: str | None, *, webhook_url: str | None, demo_secret: str | None) -> tuple[Account, ...]:
    """Read the accounts; the demo account is added, and `webhook_url` is the default address of every panel.

    `demo_secret` signs the webhooks of the demo account. An account with the same collector id replaces it.
    """
    try:
        others = msgspec.json.decode(text, type=tuple[Account, ...]) if text else ()
    except msgspec.DecodeError as error:
        raise InvalidSettings(f"EXTRATO_SANDBOX_ACCOUNTS is not a list of accounts: {error}.") from error
    is_replaced = any(account.collector_id == DEMO_ACCOUNT.collector_id for account in others)
    demo = msgspec.structs.replace(DEMO_ACCOUNT, webhook_secret=demo_secret or DEMO_ACCOUNT.webhook_secret)
    accounts = others if is_replaced else (demo, *others)
    if len({account.access_token for account in accounts}) < len(accounts):
        raise InvalidSettings("EXTRATO_SANDBOX_ACCOUNTS names the same access token twice.")
    if len({account.collector_id for account in accounts}) < len(accounts):
        raise InvalidSettings("EXTRATO_SANDBOX_ACCOUNTS names the same collector twice.")
    return tuple(
        msgspec.structs.replace(account, webhook_url=account.webhook_url or webhook_url or None) for account in accounts
    )
