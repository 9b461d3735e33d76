"""`extrato evidence`: lists the evidence of a payment, or shows the original bytes of one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extrato.domain.errors import Refused
from extrato.domain.payment.identifiers import stream_id
from extrato.use_cases.read_evidence import list_evidence, read_evidence
from services.cli.commands.running import running_hub

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping


def evidence_options(parser: ArgumentParser) -> None:
    """Add the payment's number and a digest."""
    parser.add_argument("--payment", type=int, required=True, metavar="NUMBER", help="the payment's number")
    parser.add_argument("--digest", metavar="HEX", help="show the bytes with this digest, as JSON")


async def evidence(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print one line per piece of evidence: digest, kind, time, stored bytes. With a digest, print it as JSON.

    The reading of one piece is logged on standard error.
    """
    async with running_hub(environment) as running:
        history = await running.hub.log.read_stream(stream_id(arguments.payment))
        if not history:
            raise Refused("payment_not_found", str(arguments.payment))
        if arguments.digest is None:
            for piece in await list_evidence(running.hub, history):
                stored_at = piece.stored_at.isoformat(timespec="seconds")
                print(f"{piece.digest.hex()}\t{piece.kind}\t{stored_at}\t{piece.stored_bytes}")
            return
        cause = running.cause
        shown = await read_evidence(running.hub, arguments.payment, history, arguments.digest, cause=cause)
    print(msgspec.json.format(msgspec.json.encode(shown)).decode())
