"""`extrato export-person`: what the hub holds of a payer, for the answer to the payer's request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from extrato.use_cases.export_person import export_person as held_of
from services.cli.commands.forget import payer_option, read_payer
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping


def export_options(parser: ArgumentParser) -> None:
    """Add payer and merchant."""
    payer_option(parser, required=True)
    parser.add_argument("--merchant", metavar="SLUG", help="the payments of one merchant; by default of all")


async def export_person(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print one JSON document, and nothing into a log."""
    async with running_hub(environment) as running:
        kept = timedelta(days=running.settings.keep.evidence_days)
        held = await held_of(running.hub, read_payer(arguments.payer), evidence_kept=kept, merchant=arguments.merchant)
    print(msgspec.json.format(msgspec.json.encode(held), indent=2).decode())
