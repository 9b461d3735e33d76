"""The programs of the hub's services: command, environment and readiness."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from extrato.secret_files import CREDENTIALS, CREDENTIALS_DIRECTORY, file_variable, secret_file
from extrato.settings import COPIES_CONSUMER, COPIES_NATS_URL, FORGOTTEN_FILE, FORGOTTEN_LIST, MIGRATION_DATABASE_URL
from services.cli.supervisor.child import Program
from services.cli.supervisor.readiness import answers, has_written

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from extrato.settings import Settings

# The webhook secret of the sandbox's demo account, which the demo merchant has connected.
DEMO_SECRET: Final = "EXTRATO_SANDBOX_DEMO_SECRET"  # noqa: S105 - what it is called

# Services get the servers' addresses and the file of the key as separate variables, and each secret only once.
_NOT_FOR_SERVICES: Final = {
    MIGRATION_DATABASE_URL,
    COPIES_NATS_URL,
    COPIES_CONSUMER,
    CREDENTIALS_DIRECTORY,
    *map(file_variable, CREDENTIALS),
}

CODE: Final = Path(__file__).parents[3]
_SANDBOX_PREFIXES: Final = ("EXTRATO_SANDBOX_", "PYTHON", "LC_")
_GENERAL_VARIABLES: Final = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"})


def services(settings: Settings, environment: Mapping[str, str]) -> list[Program]:
    """Return the programs; `settings` has the servers' addresses, and the hub's services get `environment` too.

    The sandbox is one of them unless another provider URL is configured.
    """
    gateway = answers(settings.host, settings.port, "/readyz")
    sandbox = answers("127.0.0.1", settings.sandbox_port, "/_sandbox/health")
    shared = shared_environment(settings, environment)
    copies = (
        {COPIES_NATS_URL: settings.copies_nats_url, COPIES_CONSUMER: settings.copies_consumer}
        if settings.copies_nats_url
        else {}
    )
    programs = [
        service("gateway", ("-m", "services.gateway"), settings, shared, is_ready=gateway),
        service("monitor", ("-m", "services.monitor"), settings, shared),
        service("projections", ("-m", "services.projections"), settings, {**shared, **copies}),
    ]
    if uses_sandbox(settings, environment):
        sandbox_only = sandbox_environment(settings, environment)
        programs.append(service("sandbox", ("-m", "services.sandbox"), settings, sandbox_only, is_ready=sandbox))
    return programs


def service(
    name: str,
    arguments: tuple[str, ...],
    settings: Settings,
    environment: Mapping[str, str],
    *,
    is_ready: Callable[[int], Awaitable[bool]] | None = None,
) -> Program:
    """Return a Python program, which writes EXTRATO_LOG_FILE.

    A program without a port reports that it is ready by writing EXTRATO_READY_FILE.
    """
    ready_file = settings.home / "run" / f"{name}.ready"
    log = settings.home / "logs" / f"{name}.log"

    async def delete_ready_file() -> None:
        ready_file.unlink(missing_ok=True)

    return Program(
        name=name,
        command=(sys.executable, *arguments),
        log=log,
        writes_log=True,
        environment={**environment, "EXTRATO_READY_FILE": str(ready_file), "EXTRATO_LOG_FILE": str(log)},
        prepare=delete_ready_file,
        is_ready=is_ready or has_written(ready_file),
    )


def provider_url(settings: Settings, environment: Mapping[str, str]) -> str:
    """Return the configured address of Mercado Pago, or the sandbox's."""
    return environment.get("EXTRATO_MERCADOPAGO_URL") or settings.sandbox_url


def uses_sandbox(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Return True when the address of Mercado Pago is the sandbox that this hub starts."""
    here = {f"http://{host}:{settings.sandbox_port}" for host in ("127.0.0.1", "localhost")}
    return provider_url(settings, environment).strip().rstrip("/") in here


def sandbox_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the sandbox's settings and general variables; like any provider, it gets none of the hub's keys."""
    given = shared_environment(settings, environment)
    return {
        name: value for name, value in given.items() if name in _GENERAL_VARIABLES or name.startswith(_SANDBOX_PREFIXES)
    }


def shared_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of every service: the operator's variables, and the addresses of servers and provider.

    No service gets the URL of the migrations' role, which can rewrite the log. The services end quickly: the supervisor
    stops all programs within seconds, and nothing routes requests to another gateway meanwhile.
    """
    key_file = secret_file(environment, "EXTRATO_SECRET_KEY")
    return {
        "EXTRATO_DRAIN_S": "0",
        "EXTRATO_FINISH_TIMEOUT_S": "1",
        "EXTRATO_SANDBOX_PUBLIC_URL": settings.sandbox_url,
        "EXTRATO_SANDBOX_WEBHOOK_URL": f"{settings.public_url}/webhooks/mercadopago/",
        **{name: value for name, value in environment.items() if value and name not in _NOT_FOR_SERVICES},
        **({file_variable("EXTRATO_SECRET_KEY"): str(key_file.absolute())} if key_file is not None else {}),
        "EXTRATO_MERCADOPAGO_URL": provider_url(settings, environment),
        "EXTRATO_DATABASE_URL": settings.database_url,
        "EXTRATO_NATS_URL": settings.nats_url,
        "EXTRATO_HEALTH_PORT": "0",
        "EXTRATO_HOME": str(settings.home),
        FORGOTTEN_FILE: str(settings.forgotten_file or settings.home / FORGOTTEN_LIST),
        "EXTRATO_SANDBOX_DATA": str(settings.home / "sandbox"),
        "EXTRATO_SANDBOX_PORT": str(settings.sandbox_port),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(CODE), environment.get("PYTHONPATH")))),
    }
