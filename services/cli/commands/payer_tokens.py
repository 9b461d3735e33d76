"""`extrato payer-tokens rotate`: another secret makes payers' tokens, while the hub runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from extrato.store.payer_secrets import PayerSecrets
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

# Every gateway knows what has changed after this long; each looks once a second.
KNOWN_WITHIN_S: Final = 2.0


def rotate_options(parser: ArgumentParser) -> None:
    """Let the old secrets be dropped."""
    parser.add_argument(
        "--drop-old", action="store_true", help="make no secret, and let tokens of the older ones open nothing any more"
    )


async def rotate(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Rotate the secret, or drop the older ones; a rotation that breaks off is completed by the next run."""
    async with running_hub(environment) as running:
        secrets = PayerSecrets(running.pool, running.hub.vault)
        if arguments.drop_old:
            dropped = await secrets.drop_old()
            print(f"Tokens of {dropped} older secrets open nothing within seconds.")
            return
        await secrets.begin()
        await asyncio.sleep(KNOWN_WITHIN_S)
        older = await secrets.complete()
        # What is handed out after this command opens also when the older secrets are dropped.
        await asyncio.sleep(KNOWN_WITHIN_S)
    print(f"A new secret makes payers' tokens. Those of {older} older secrets open until you give --drop-old.")
