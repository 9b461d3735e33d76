"""`extrato hold` and `extrato release`: a held payment keeps its payer's data and its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.events.payment_privacy import HOLD_REASONS
from extrato.use_cases.hold_payment import hold_payment, release_payment
from services.cli.commands.restored import a_time
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping


def hold_options(parser: ArgumentParser) -> None:
    """Add payment, reason and end."""
    release_options(parser)
    parser.add_argument("--reason", required=True, choices=HOLD_REASONS)
    parser.add_argument(
        "--until", type=a_time, metavar="TIME", help="such as 2027-01-31T00:00:00-03:00; without it there is no end"
    )


def release_options(parser: ArgumentParser) -> None:
    """Add the payment."""
    parser.add_argument("--payment", required=True, type=int, metavar="ID")


async def hold(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Hold a payment, or replace its hold."""
    async with running_hub(environment) as running:
        held = await hold_payment(
            running.hub, arguments.payment, reason=arguments.reason, until=arguments.until, cause=running.cause
        )
    end = f"until {held.until.isoformat()}" if held.until else "until you run `extrato release`"
    print(f"Payment {arguments.payment} is held {end}.")


async def release(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """End the hold of a payment."""
    async with running_hub(environment) as running:
        await release_payment(running.hub, arguments.payment, cause=running.cause)
    print(f"Payment {arguments.payment} is not held.")
