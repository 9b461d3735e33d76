"""`extrato vault rotate`: encrypts every secret with a new key while the hub runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from extrato.process import CannotStart
from extrato.store.vault import OFTEN_S
from extrato.store.vault_keys import KeyFile, new_key, read_keys
from extrato.store.vault_rotation import check_all_decrypt, reencrypt_all
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from services.cli.commands.running import Running

PROGRESS_EVERY_S: Final = 5.0


def rotate_options(parser: ArgumentParser) -> None:
    """Add the option that continues an interrupted rotation."""
    parser.add_argument(
        "--resume", action="store_true", help="continue an interrupted rotation with its key, without another new one"
    )


async def rotate(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Rotate the key; every secret can be decrypted at any moment, also after a crash.

    The new key first goes into the key file, whose changes every process of the machine sees within `OFTEN_S`. A
    process reads EXTRATO_SECRET_KEY only at its start. EXTRATO_NEW_SECRET_KEY must therefore be the first key there
    already: otherwise a running process would still encrypt with the old key.
    """
    async with running_hub(environment) as running:
        await check_all_decrypt(running.pool, running.hub.vault)
        if not (arguments.resume and isinstance(running.keys, KeyFile)):
            _use_new_key(running, environment.get("EXTRATO_NEW_SECRET_KEY", ""))
            # The other processes encrypt with the old key for this time.
            await asyncio.sleep(2 * OFTEN_S)
        print("Keep the old key until this command has ended. If it is interrupted, run it with --resume.", flush=True)
        count = await reencrypt_all(running.pool, running.hub.vault, on_progress=_ProgressLines())
    print(f"Re-encrypted {count} secrets. Keep the old key as long as backups made with it.")


def _use_new_key(running: Running, new_key_text: str) -> None:
    if isinstance(running.keys, KeyFile):
        running.keys.add_current(read_keys([new_key_text])[0] if new_key_text else new_key())
        return
    known = running.keys.current()
    if not new_key_text:
        raise CannotStart("EXTRATO_NEW_SECRET_KEY must name the key of EXTRATO_SECRET_KEY that encrypts from now on.")
    if read_keys([new_key_text])[0] != known[0]:
        raise CannotStart(
            "Add the new key after the old one, with a comma, to EXTRATO_SECRET_KEY of every process, and restart "
            "them. Then put the new key first, and restart them. Then rotate."
        )


class _ProgressLines:
    """Prints how far a table is, at most every `PROGRESS_EVERY_S`."""

    def __init__(self) -> None:
        self._printed_at_s = time.monotonic()

    def __call__(self, table: str, read: int, changed: int) -> None:
        if time.monotonic() - self._printed_at_s >= PROGRESS_EVERY_S:
            self._printed_at_s = time.monotonic()
            print(f"{table}: {read} rows read, {changed} of them re-encrypted.", flush=True)
