"""Access to the running hub for commands: its database, log and vault. No service is called."""

from __future__ import annotations

import contextlib
import getpass
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from contracts.envelope import Cause
from extrato.assembly import open_hub, vault_keys
from extrato.own_files import read_own
from extrato.process import CannotStart, open_database
from extrato.settings import FORGOTTEN_FILE, Settings
from services.cli import preflight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import asyncpg

    from extrato.store.vault_keys import VaultKeys
    from extrato.use_cases.hub import Hub

_START_ONE: Final = "start one with `extrato up`, or set EXTRATO_DATABASE_URL."


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """The parts that a command uses; `cause` names the operator."""

    settings: Settings
    pool: asyncpg.Pool
    keys: VaultKeys
    hub: Hub
    cause: Cause


@contextlib.asynccontextmanager
async def running_hub(environment: Mapping[str, str]) -> AsyncIterator[Running]:
    """Open the hub of EXTRATO_DATABASE_URL, or the one that runs in EXTRATO_HOME; raises `CannotStart`.

    A command never creates the vault's key: a new key cannot decrypt the hub's secrets, and the hub could not decrypt
    what the new key encrypts.
    """
    settings = await _settings(environment)
    keys = vault_keys(settings, may_create=False)
    cause = Cause(correlation_id=uuid4().hex, actor="operator", actor_id=_operator())
    async with (
        open_database(settings, connections=2) as pool,
        open_hub(settings, pool=pool, bus=None, keys=keys) as hub,
    ):
        yield Running(settings=settings, pool=pool, keys=keys, hub=hub, cause=cause)


async def _settings(environment: Mapping[str, str]) -> Settings:
    """Return settings with a database that accepts us; raises `CannotStart`."""
    settings = Settings.from_environment(environment)
    if settings.database_url:
        await preflight.check_database(settings.database_url)
        return settings
    settings, file = with_addresses(settings, environment), addresses_file(settings)
    try:
        await preflight.check_database(settings.database_url, setting=str(file))
    except preflight.NothingThere:
        raise CannotStart(f"No hub runs in {settings.home}, or its database is away: {_START_ONE}") from None
    return settings


def addresses_file(settings: Settings) -> Path:
    """Return the file in which a running hub writes its addresses."""
    return settings.home / "run" / "addresses.json"


def with_addresses(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """Add the addresses of the hub that runs in the home; environment variables override them.

    Raises `CannotStart` when no hub runs there.
    """
    try:
        addresses = msgspec.json.decode(read_own(addresses_file(settings)), type=dict[str, str])
        database_url, mercado_pago_url = addresses["database_url"], addresses["mercado_pago_url"]
        nats_url, gateway_url = addresses["nats_url"], addresses["gateway_url"]
    except (FileNotFoundError, KeyError, msgspec.MsgspecError):
        raise CannotStart(f"No hub runs in {settings.home}: {_START_ONE}") from None
    given = environment.get("EXTRATO_MERCADOPAGO_URL")
    listed = addresses.get("forgotten_file")
    return msgspec.structs.replace(
        settings,
        database_url=database_url,
        forgotten_file=settings.forgotten_file if environment.get(FORGOTTEN_FILE) or not listed else Path(listed),
        nats_url=settings.nats_url or nats_url,
        mercado_pago_url=settings.mercado_pago_url if given else mercado_pago_url,
        public_url=settings.public_url if environment.get("EXTRATO_PUBLIC_URL") else gateway_url,
    )


def _operator() -> str:
    """Return the name of this machine's user, or the user id when there is no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
