"""`extrato seal-log`: seals the personal data that older versions stored in plain text, while the hub is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

import asyncpg

from extrato.assembly import vault_keys
from extrato.bus.connection import NATS_ERRORS, connect_without_logs
from extrato.bus.stream_inspector import ForeignStream, StreamInspector
from extrato.process import CannotStart
from extrato.settings import MIGRATION_DATABASE_URL, Settings
from extrato.store.log import LogReader
from extrato.store.log_sealing import LogRewrite
from extrato.store.migrations import read_schema
from extrato.store.personal_data import PersonalData
from extrato.store.unavailable import DATABASE_ERRORS
from extrato.store.vault import Vault
from extrato.use_cases.seal_log import LogSealing
from services.cli import preflight

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import AsyncIterator, Callable, Mapping

    from extrato.store.log_sealing import Progress
    from extrato.store.vault_keys import VaultKeys
    from extrato.use_cases.seal_log import SealedLog

# PostgreSQL lists a session for a moment after its end.
SESSIONS_END_WITHIN_S: Final = 3.0
ASK_AGAIN_S: Final = 0.1
SAY_EACH_S: Final = 2.0

DOES: Final = {
    "refusals": "Sentences of refusals lose the payer's data.",
    "deliveries": "The bodies of webhooks are sealed.",
    "evidence": "The plain evidence is deleted.",
    "space": "The old versions of the rows are removed from the files.",
    "bus": "NATS is emptied; the relay fills it again.",
}


async def seal_log(_arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Seal the log; raises `CannotStart` while a role runs, and `InvalidVaultKey`."""
    settings = Settings.from_environment(environment)
    if not settings.database_url:
        raise CannotStart(
            "EXTRATO_DATABASE_URL must be the address of PostgreSQL; `extrato up` seals the log of a home."
        )
    if not settings.nats_url:
        raise CannotStart("EXTRATO_NATS_URL must name the NATS server of this log.")
    await preflight.check_database(settings.database_url)
    if settings.migration_database_url:
        await preflight.check_database(settings.migration_database_url, setting=MIGRATION_DATABASE_URL)
    keys = vault_keys(settings, may_create=False)
    if not await seal_old_log(settings, keys, lambda line: print(line, flush=True)):
        print("Every event is sealed already.")


async def seal_old_log(settings: Settings, keys: VaultKeys, say: Callable[[str], None]) -> bool:
    """Seal the log of these servers as the role that owns it; return False when it is sealed already.

    `say` gets the progress in lines. Raises `CannotStart` and `InvalidVaultKey`.
    """
    try:
        async with _as_owner(settings) as connection:
            if (await read_schema(connection)).missing:
                raise CannotStart("The database lacks migrations: run `extrato migrate`.")
            vault = Vault(connection, keys)
            rewrite = LogRewrite(connection, vault)
            progress = await rewrite.progress()
            if progress.is_finished and not progress.has_old_rows:
                return False
            await vault.check_key()
            await _exclude_others(rewrite, settings)
            sealing = LogSealing(
                rewrite,
                PersonalData(connection, vault),
                empty_bus=lambda: _empty_bus(settings, rewrite, connection),
                report=_Said(say, progress, await rewrite.head()),
            )
            _say_result(await sealing.run(), say)
    except DATABASE_ERRORS as error:
        raise CannotStart(f"PostgreSQL: {error}. The next start of `extrato seal-log` continues.") from error
    return True


@contextlib.asynccontextmanager
async def _as_owner(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.migration_database_url or settings.database_url, timeout=10)
    try:
        yield connection
    finally:
        connection.terminate()


async def _exclude_others(rewrite: LogRewrite, settings: Settings) -> None:
    if not await rewrite.begin():
        raise CannotStart("Another process seals this log.")
    await _check_roles_are_stopped(rewrite, settings)


async def _check_roles_are_stopped(rewrite: LogRewrite, settings: Settings) -> None:
    """Check that no other session uses the services' role; raises `CannotStart`."""
    services = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        role: str = await services.fetchval("SELECT current_user")
    finally:
        await services.close()
    deadline_s = time.monotonic() + SESSIONS_END_WITHIN_S
    while sessions := await rewrite.other_sessions(role):
        if time.monotonic() > deadline_s:
            named = ", ".join(sorted(set(sessions)))
            raise CannotStart(
                f"The log is in use: {len(sessions)} sessions of {role} ({named}). Stop every role first."
            )
        await asyncio.sleep(ASK_AGAIN_S)


async def _empty_bus(settings: Settings, rewrite: LogRewrite, connection: asyncpg.Connection) -> int:
    """Empty NATS and return its newest epoch; raises `CannotStart` also when a role was started meanwhile."""
    await _check_roles_are_stopped(rewrite, settings)
    try:
        async with connect_without_logs(settings.nats_url, name="seal-log") as bus:
            return await StreamInspector(bus, LogReader(connection)).empty_streams()
    except ForeignStream as error:
        raise CannotStart(str(error)) from error
    except NATS_ERRORS as error:
        raise CannotStart(f"NATS: {error}. The next start of `extrato seal-log` continues.") from error


class _Said:
    """Says the progress: each step, and in the long one a line every few seconds."""

    def __init__(self, say: Callable[[str], None], progress: Progress, head: int) -> None:
        self._say = say
        self._head = head
        self._step = "events"
        self._said_at_s = time.monotonic()
        if progress.is_finished:
            say(DOES["space"])
        else:
            say(f"Personal data of older versions is sealed: {head} events are read.")

    def __call__(self, progress: Progress) -> None:
        now_s = time.monotonic()
        if progress.step != self._step:
            self._step = progress.step
            if progress.step in DOES:
                self._say(DOES[progress.step])
        elif progress.step == "events" and now_s - self._said_at_s >= SAY_EACH_S:
            self._said_at_s = now_s
            self._say(f"Position {progress.cursor} of {self._head}: {progress.rewritten} events are sealed.")


def _say_result(sealed: SealedLog, say: Callable[[str], None]) -> None:
    if sealed.unreadable:
        named = ", ".join(map(str, sealed.unreadable[:20]))
        say(f"{len(sealed.unreadable)} events are unreadable and stay as they are: positions {named}.")
    if sealed.progress.has_old_rows:
        say(
            "The disk has no room to remove the old versions of rows: the files of PostgreSQL still have plain "
            "personal data. Make room for a second copy of the largest table. The next "
            "`extrato seal-log`, or the next start of `extrato up`, tries again."
        )
    epoch = sealed.progress.epoch
    began = "" if epoch is None else f" Epoch {epoch} of the log begins."
    say(f"The log is sealed: {sealed.progress.rewritten} events were rewritten.{began}")
