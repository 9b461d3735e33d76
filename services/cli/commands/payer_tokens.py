"""`extrato payer-tokens rotate`: replaces the secret of payer tokens while the hub runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from extrato.store.payer_secrets import PayerSecrets
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

# Every gateway reads the secrets once a second.
KNOWN_WITHIN_S: Final = 2.0


def rotate_options(parser: ArgumentParser) -> None:
    """Add `--drop-old`."""
    parser.add_argument(
        "--drop-old", action="store_true", help="create no secret, but reject the tokens of the older secrets"
    )


async def rotate(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Rotate the secret, or drop the older ones; the next run completes an interrupted rotation."""
    async with running_hub(environment) as running:
        secrets = PayerSecrets(running.pool, running.hub.vault)
        if arguments.drop_old:
            dropped = await secrets.drop_old()
            print(f"Gateways reject the tokens of {dropped} older secrets within seconds.")
            return
        await secrets.begin()
        await asyncio.sleep(KNOWN_WITHIN_S)
        older = await secrets.complete()
        # Tokens issued after this command stay valid when the operator drops the older secrets.
        await asyncio.sleep(KNOWN_WITHIN_S)
    print(f"A new secret signs payer tokens. Tokens of {older} older secrets stay valid until you run --drop-old.")
