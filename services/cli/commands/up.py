"""Runs the whole hub on one machine: starts the programs in order, and prints what is ready."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from contracts.envelope import Cause
from extrato.assembly import open_hub, vault_keys
from extrato.bus.copies import open_copies
from extrato.process import open_database
from extrato.settings import FORGOTTEN_LIST, MIGRATION_DATABASE_URL, Settings
from extrato.store.migrations import migrate
from extrato.store.vault import Vault
from extrato.store.vault_keys import FixedKeys
from services.cli import preflight
from services.cli.commands.seal_log import seal_old_log
from services.cli.demo import Demo, prepare_demo, request_to_try, withdraw_demo
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.first_admin_key import prepare_admin_key
from services.cli.supervisor import programs
from services.cli.supervisor.parent import wait_for_interrupted_parent
from services.cli.supervisor.run_directory import RunDirectory
from services.cli.supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.cli.supervisor.child import Program

ADDRESSES: Final = "addresses.json"
STOP_ORDER: Final = ("gateway", "monitor", "projections", "sandbox", "nats", "postgres")


async def up(
    environment: Mapping[str, str],
    *,
    with_parent: bool = False,
    services: Callable[[Settings, Mapping[str, str]], list[Program]] = programs.services,
) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP; raises `CannotStart` or `InvalidSettings`.

    With `with_parent` the hub also ends when its parent process is killed or interrupted.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stop_requested: list[asyncio.Task[object]] = [asyncio.create_task(stop.wait())]
    if with_parent:
        stop_requested.append(asyncio.create_task(wait_for_interrupted_parent()))
    settings = Settings.from_environment(environment)
    preflight.check_archive(settings)
    if settings.secret_key:
        FixedKeys(settings.secret_key)
    preflight.prepare_home(settings)
    async with RunDirectory(settings.home / "run") as run_directory:
        # A killed hub leaves its file behind.
        run_directory.remove(ADDRESSES)
        supervisor = Supervisor(run_directory, _say)
        running = asyncio.create_task(_run(settings, environment, services, supervisor, run_directory))
        try:
            await asyncio.wait((running, *stop_requested), return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                await asyncio.wait(stop_requested, return_when=asyncio.FIRST_COMPLETED)
            _say("extrato is stopping.")
        finally:
            running.cancel()
            await asyncio.wait((running,))
            run_directory.remove(ADDRESSES)
            await supervisor.stop(STOP_ORDER)


async def _run(
    settings: Settings,
    environment: Mapping[str, str],
    services: Callable[[Settings, Mapping[str, str]], list[Program]],
    supervisor: Supervisor,
    run_directory: RunDirectory,
) -> None:
    """Start everything and report that it is ready; then, with the embedded NATS, fill the streams of subscribers."""
    with_sandbox = programs.uses_sandbox(settings, environment)
    preflight.check_ports(settings, with_sandbox=with_sandbox)
    settings, nats = await _with_servers(settings, supervisor)
    await _check_key(settings)
    await _migrate(settings)
    await seal_old_log(settings, vault_keys(settings), _say)
    demo, admin_key_file = await _prepare_keys(settings, environment, with_demo=with_sandbox)
    if demo is not None:
        environment = {**environment, programs.DEMO_SECRET: demo.webhook_secret}
    async with contextlib.AsyncExitStack() as parts:
        copies = None
        if nats is not None:
            opening = open_copies(
                origin_url=nats.url, copies_url=nats.copies_url, delivery_consumer=nats.delivery_consumer
            )
            copies = await parts.enter_async_context(opening)
        await supervisor.start(*services(settings, environment))
        addresses = _addresses(settings, nats, environment)
        run_directory.write(ADDRESSES, msgspec.json.encode(addresses))
        _welcome(settings, demo, admin_key_file)
        if copies is not None:
            await copies.run()


async def _check_key(settings: Settings) -> None:
    """Reject a database whose secrets another key encrypted, before any migration; raises `InvalidVaultKey`."""
    # In an older database the role of the services may read nothing until the migration.
    connection = await asyncpg.connect(settings.migration_database_url or settings.database_url, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('hub_secrets') IS NOT NULL"):
            await Vault(connection, vault_keys(settings, may_create=False)).check_key()
    finally:
        await connection.close()


async def _migrate(settings: Settings) -> None:
    if settings.migration_database_url:
        await migrate(settings.migration_database_url, services_url=settings.database_url)
    else:
        await migrate(settings.database_url)


async def _prepare_keys(
    settings: Settings, environment: Mapping[str, str], *, with_demo: bool
) -> tuple[Demo | None, Path | None]:
    """Return the demo merchant, which exists only with the sandbox, and the file of the first admin key."""
    cause = Cause(correlation_id="up", actor="operator")
    demo = None
    async with open_database(settings, connections=2) as pool, open_hub(settings, pool=pool, bus=None) as hub:
        if with_demo:
            given_secret = environment.get(programs.DEMO_SECRET, "")
            demo = await prepare_demo(hub, settings, given_secret=given_secret, cause=cause)
        else:
            await withdraw_demo(hub, settings, cause=cause)
        return demo, await prepare_admin_key(hub, settings, cause=cause)


async def _with_servers(settings: Settings, supervisor: Supervisor) -> tuple[Settings, EmbeddedNats | None]:
    """Check the configured servers, start embedded ones for the rest, and add the addresses; return that NATS too."""
    postgres = None if settings.database_url else EmbeddedPostgres(settings.home, archive=settings.archive)
    nats = None if settings.nats_url else EmbeddedNats(settings.home)
    if not postgres:
        await preflight.check_database(settings.database_url)
        if settings.migration_database_url:
            await preflight.check_database(settings.migration_database_url, setting=MIGRATION_DATABASE_URL)
    if not nats:
        await preflight.check_nats(settings.nats_url)
    prepared = await asyncio.gather(*(server.prepare() for server in (postgres, nats) if server))
    await supervisor.start(*prepared)
    settings = msgspec.structs.replace(
        settings,
        database_url=postgres.services_url if postgres else settings.database_url,
        migration_database_url=postgres.url if postgres else settings.migration_database_url,
        nats_url=nats.url if nats else settings.nats_url,
    )
    return settings, nats


def _addresses(settings: Settings, nats: EmbeddedNats | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses for other programs of the same user; they contain NATS's passwords."""
    return {
        "gateway_url": settings.public_url,
        **({"sandbox_url": settings.sandbox_url} if programs.uses_sandbox(settings, environment) else {}),
        "mercado_pago_url": programs.provider_url(settings, environment),
        "database_url": settings.database_url,
        "forgotten_file": str(settings.forgotten_file or settings.home / FORGOTTEN_LIST),
        "nats_url": settings.nats_url,
        **({"subscriber_nats_url": nats.subscriber_url} if nats else {}),
    }


def _welcome(settings: Settings, demo: Demo | None, admin_key_file: Path | None) -> None:
    """Print addresses and files; keys stay in their files, because others may read this output."""
    _say(f"gateway   {settings.public_url}")
    if demo is not None:
        _say(f"sandbox   {settings.sandbox_url} (simulated Mercado Pago)")
    _say(f"logs      {settings.home / 'logs'}")
    if admin_key_file is not None:
        _say(f"admin key {admin_key_file}")
    if demo is not None and demo.key_file is not None:
        _say(f"API key   {demo.key_file}")
        _say(f"try       {request_to_try(settings, demo.key_file)}")
    _say("extrato is ready")


def _say(line: str) -> None:
    # A reader at a pipe needs each line at once.
    print(line, flush=True)
