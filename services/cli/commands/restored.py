"""`extrato restored`: starts a new epoch after a restore from a backup, and lists the lost payments."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from extrato.bus.connection import connect_without_logs
from extrato.bus.stream_inspector import ForeignStream, StreamInspector
from extrato.errors import ProviderMisunderstood, ProviderNotConnected, ProviderRefused, ProviderUnavailable
from extrato.process import CannotStart
from extrato.providers.search_pages import SEARCHABLE
from extrato.store.forgotten_list import read_list
from extrato.use_cases.forget_payer import apply_forgotten_list
from extrato.use_cases.lost_payments import AccountSearch, find_lost_payments
from services.cli.commands.running import Running, running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence

    from extrato.store.forgotten_list import Listed
    from extrato.store.vault import ConnectedAccount

# More events and payments than a hub creates in a lost time span. When NATS was lost too, their count is unknown.
UNSEEN: Final = 1_000_000
# A report covers every restore within this time.
RECENT: Final = timedelta(days=30)


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """A new epoch; NATS still has `lost` events of the one before."""

    number: int
    last_common: int
    lost: int
    position: int
    payment_id: int
    forgotten: int


def restored_options(parser: ArgumentParser) -> None:
    """Add the options of the report."""
    parser.add_argument("--report", action="store_true", help="start no epoch; print the lost payments as JSON lines")
    forgotten_option(parser)
    parser.add_argument("--since", type=a_time, metavar="TIME", help="with --report: search from another time on")


def forgotten_option(parser: ArgumentParser) -> None:
    """Add the lists of forgotten payments of other hosts."""
    parser.add_argument(
        "--forgotten",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="a list of forgotten payments of another host or home; repeat for several",
    )


def a_time(text: str) -> datetime:
    """Read a time with its zone; raises `ValueError`, as the parser of options expects."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(text)
    return time


async def restored(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Start a new epoch of the log, move positions and payment ids above every published one, and find lost payments.

    The relay of a running hub starts an epoch when it finds newer events on NATS. This command does it before the first
    sale, and also when NATS was restored together with the database. Raises `CannotStart`.
    """
    tell_epoch(await begin_epoch(environment, forgotten=arguments.forgotten))
    async with running_hub(environment) as running:
        for account in await _accounts(running):
            search = await _search(running, account, since=None)
            if search is not None and search.lost:
                print(
                    f"{_named(account)} holds {len(search.lost)} lost payments: `extrato restored --report` lists them."
                )


async def report(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print every lost payment as a JSON line; raises `CannotStart` when an account could not be searched."""
    async with running_hub(environment) as running:
        searches = [await _search(running, each, since=arguments.since) for each in await _accounts(running)]
    for payment in (payment for search in searches if search is not None for payment in search.lost):
        print(msgspec.json.encode(payment).decode())
    if None in searches:
        raise CannotStart("The list is incomplete: repeat the report when every account answers.")


async def begin_epoch(environment: Mapping[str, str], *, forgotten: Sequence[Path] = ()) -> Epoch:
    """Start the epoch above every epoch of log and NATS, and forget again the payments of the lists `forgotten`.

    Raises `CannotStart`, `InvalidVaultKey` and `UnusableForgottenList`.
    """
    given = await _read_lists(forgotten)
    async with running_hub(environment) as running:
        if not running.settings.nats_url:
            raise CannotStart("EXTRATO_NATS_URL must name the NATS server of this log.")
        await running.hub.vault.check_key()
        log = running.hub.log
        async with connect_without_logs(running.settings.nats_url, name="restored") as bus:
            try:
                seen = await StreamInspector(bus, log).report_losses()
            except ForeignStream as error:
                raise CannotStart(str(error)) from error
        epoch = max((await log.identity.read()).epoch, seen.epoch)
        identity = await log.identity.begin_epoch(epoch, last_common=seen.last_common, reason="restored")
        position, payment = await log.recorder.advance_sequences(position=seen.position, payment=seen.payment_id)
        if not seen.lost:
            # NATS was restored or lost too, and others may have seen newer events than it has.
            position, payment = await log.recorder.advance_sequences(
                position=position + UNSEEN, payment=payment + UNSEEN
            )
        return Epoch(
            forgotten=await _forget_again(running, given),
            number=identity.epoch,
            last_common=seen.last_common,
            lost=seen.lost,
            position=position,
            payment_id=payment,
        )


def tell_epoch(epoch: Epoch) -> None:
    """Print the epoch."""
    print(f"Epoch {epoch.number} of the log starts after position {epoch.last_common}.")
    print(f"The log has lost {epoch.lost} events that NATS still has.")
    numbers = f"a position above {epoch.position}, and the next payment an id above {epoch.payment_id}"
    print(f"The next event gets {numbers}.")
    if epoch.forgotten:
        print(f"{epoch.forgotten} payers were forgotten again: the backup still had their keys.")


async def _read_lists(files: Sequence[Path]) -> list[Listed]:
    """Return the lines of lists that the operator names; raises `CannotStart` when one is missing."""
    for file in files:
        if not await asyncio.to_thread(file.exists):
            raise CannotStart(f"{file}, a list of forgotten payments, does not exist.")
    return [listed for file in files for listed in await asyncio.to_thread(read_list, file)]


async def _forget_again(running: Running, given: Sequence[Listed]) -> int:
    """Apply the hub's own list and the given lines, and add these to the own list; return the number of payments."""
    own = running.hub.forgotten_list
    known = await own.read()
    missing = [each for each in dict.fromkeys(given) if each not in set(known)]
    if missing and running.settings.forgotten_file:
        await own.add(missing)
    return await apply_forgotten_list(running.hub, [*known, *missing])


async def _accounts(running: Running) -> list[ConnectedAccount]:
    return [each for each in await running.hub.vault.accounts() if each.provider in running.hub.providers.remote]


async def _search(running: Running, account: ConnectedAccount, *, since: datetime | None) -> AccountSearch | None:
    """Search an account and report the result on standard error; return None when the account does not answer."""
    since = since or await _restored_to(running)
    try:
        search = await find_lost_payments(running.hub, account, since=since, cause=running.cause)
    except (ProviderUnavailable, ProviderNotConnected, ProviderRefused, ProviderMisunderstood) as error:
        print(f"{_named(account)} does not answer; `extrato restored --report` tries again. {error}", file=sys.stderr)
        return None
    moved_and_lost = f"{search.moved_count} payments moved, {len(search.lost)} are lost"
    changes = f"{search.change_count} changes since {since.isoformat()}"
    print(f"{_named(account)} has {changes}: {moved_and_lost}.", file=sys.stderr)
    return search


async def _restored_to(running: Running) -> datetime:
    """Return the time of the newest event that the restore kept; raises `CannotStart` when there was no restore."""
    log = running.hub.log
    position = await log.identity.went_back_to(within=RECENT)
    if position is None:
        raise CannotStart(f"The log was not restored within {RECENT.days} days: add --since.")
    events = await log.read_positions([position])
    return events[0].recorded_at if events else running.hub.now() - SEARCHABLE


def _named(account: ConnectedAccount) -> str:
    return f"Account {account.account_id} of {account.provider} ({', '.join(account.merchants)})"
