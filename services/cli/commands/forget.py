"""`extrato forget` and `extrato forgotten`: forgets payers, proves it, and exports the list of forgotten payments."""

from __future__ import annotations

import asyncio
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from contracts.events.payment_privacy import FORGETTING_REASONS
from extrato.process import CannotStart
from extrato.store.forgotten_list import Listed, append_lines, read_list
from extrato.use_cases.forget_payer import (
    STAYS_WITH_TEXT,
    STAYS_WITHOUT_TEXT,
    find_payments,
    forget_payers,
    plan_forgetting,
)
from extrato.use_cases.forgetting_proof import prove_forgettings
from services.cli.commands.restored import a_time
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence

    from extrato.use_cases.forget_payer import Planned

ALL: str = "all"


def forget_options(parser: ArgumentParser) -> None:
    """Add payer or payment, reason, `--yes` and the options of the proof."""
    who = parser.add_mutually_exclusive_group()
    payer_option(who)
    who.add_argument("--payment", type=int, metavar="ID", help="one payment")
    who.add_argument(
        "--proof",
        nargs="?",
        const=ALL,
        metavar="PAYMENT",
        help="forget nothing; print the proof of destruction as JSON",
    )
    parser.add_argument("--since", type=a_time, metavar="TIME", help="with --proof: every payment forgotten since")
    parser.add_argument("--reason", choices=FORGETTING_REASONS)
    parser.add_argument(
        "--text",
        action="store_true",
        help="also hide the merchant's text (title, description, items, return address, reasons); events keep it. Name "
        "payments that are forgotten already with --payment",
    )
    parser.add_argument("--yes", action="store_true", help="forget; without it the plan is printed")


def payer_option(parser: object, *, required: bool = False) -> None:
    """Add the payer; an identifier given as an argument stays in the history of the shell."""
    words = "e-mail address, CPF, CNPJ, or telephone number that begins with +; - reads it from standard input"
    options = {"required": True} if required else {}
    parser.add_argument("--payer", metavar="PAYER", help=words, **options)  # type: ignore[attr-defined]


def read_payer(text: str) -> str:
    """Return the payer, from standard input for a `-`."""
    return sys.stdin.readline().strip() if text == "-" else text


def forgotten_options(parser: ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument(
        "--export", required=True, type=Path, metavar="FILE", help="an existing list gets what it lacks"
    )


async def forget(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print the plan for each merchant, forget with `--yes`, or print the proof."""
    if arguments.proof is not None:
        await _prove(arguments, environment)
        return
    if (arguments.payer is None) == (arguments.payment is None):
        raise CannotStart("Name a payer with --payer, or a payment with --payment.")
    if arguments.reason is None:
        raise CannotStart(f"Give a --reason: {', '.join(FORGETTING_REASONS)}.")
    async with running_hub(environment) as running:
        hub = running.hub
        if arguments.payment is not None:
            payment_ids = [arguments.payment]
        else:
            payment_ids = await find_payments(hub, read_payer(arguments.payer))
        planned = await plan_forgetting(hub, payment_ids)
        if arguments.yes:
            planned = await forget_payers(
                hub, planned, reason=arguments.reason, with_text=arguments.text, cause=running.cause
            )
    _tell(planned, with_text=arguments.text, is_done=arguments.yes)


async def forgotten(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Write what the hub has forgotten into a list, for `extrato restored --forgotten`."""
    async with running_hub(environment) as running:
        log_id = (await running.hub.log.identity.read()).log_id
        listed = [
            Listed(log_id=log_id, payment_id=each.payment_id, at=each.begun_at, text=each.with_text)
            for each in await running.hub.forgettings.begun()
            if each.begun_at is not None
        ]
    exported = await asyncio.to_thread(read_list, arguments.export)
    known = {(each.log_id, each.payment_id, each.text) for each in exported}
    missing = [each for each in listed if (each.log_id, each.payment_id, each.text) not in known]
    await asyncio.to_thread(append_lines, arguments.export, missing)
    payments = {(each.log_id, each.payment_id) for each in (*exported, *missing)}
    print(f"{arguments.export} has {len(payments)} forgotten payments. It got {len(missing)} new lines.")


async def _prove(arguments: Namespace, environment: Mapping[str, str]) -> None:
    if arguments.proof != ALL and not arguments.proof.isdigit():
        raise CannotStart("--proof takes the number of a payment, or --since.")
    if (arguments.proof == ALL) == (arguments.since is None):
        raise CannotStart("Name one payment with --proof ID, or a time with --proof --since TIME.")
    async with running_hub(environment) as running:
        payment_id = None if arguments.proof == ALL else int(arguments.proof)
        proof = await prove_forgettings(running.hub, payment_id=payment_id, since=arguments.since)
    print(msgspec.json.format(msgspec.json.encode(proof), indent=2).decode())


def _tell(planned: Sequence[Planned], *, with_text: bool, is_done: bool) -> None:
    if not planned:
        print("No payment has this payer, or all of them are forgotten.")
        return
    for merchant, payments in groupby(sorted(planned, key=lambda each: each.merchant), key=lambda each: each.merchant):
        print(f"Merchant {merchant}:")
        for each in payments:
            print(f"  payment {each.payment_id}: {_line(each, with_text=with_text)}")
    print("What stays:")
    for what, why in (STAYS_WITHOUT_TEXT if with_text else STAYS_WITH_TEXT).items():
        print(f"  {what}: {why}")
    if not is_done:
        print("Nothing was forgotten. Repeat the command with --yes.")


def _line(planned: Planned, *, with_text: bool) -> str:
    data = planned.data
    goes = (
        f"{planned.emails} e-mail addresses and {planned.metadata} metadata in events, "
        f"{data.evidence} provider's answers, "
        f"{data.webhook_bodies} webhook bodies, {data.payer_details} details, {data.tags} tags"
    )
    if with_text:
        goes += ", and the merchant's text is hidden"
    match planned.state:
        case "ready":
            return f"can be forgotten: {goes}"
        case "waiting":
            return f"is forgotten after the end of: {', '.join(planned.waits_for)}. Until then it keeps {goes}"
        case "held":
            reason = planned.hold.reason if planned.hold else ""
            later = "" if planned.requested_at is None else ". A request is recorded, and is completed after the hold"
            return f"is held ({reason}) and is not forgotten{later}"
        case "not_sealed":
            return "has data of an older version in plain text: run `extrato seal-log` first"
        case _:
            if planned.is_text_hidden:
                return "is forgotten, and its text is hidden"
            return "is forgotten; its text can be hidden" if with_text else "is forgotten"
