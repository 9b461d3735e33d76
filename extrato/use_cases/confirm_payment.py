"""Records that the merchant's bank received a Pix; the caller is authorised to confirm it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from contracts.providers import DIRECT_PIX
from extrato.domain.bank_message import payer_identifiers
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import ConfirmByBank
from extrato.domain.payment.decisions import is_possible_time
from extrato.domain.payment.identifiers import payment_id_in
from extrato.errors import NotFound
from extrato.store.appender import Attached
from extrato.use_cases.payments import LoadedPayment, change_payment, load_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub


class Confirmation(Struct, frozen=True, kw_only=True):
    """The result of a confirmation; `outcome` is the same for every repetition.

    For a refused confirmation, `refused` says whether it recorded an event (`traced`) or not (`untraced`).
    """

    outcome: Literal["confirmed", "wrong_amount", "late", "not_pix"]
    loaded: LoadedPayment
    refused: Literal["traced", "untraced"] | None = None


class Transfer(Struct, frozen=True, kw_only=True):
    """A Pix as the bank confirms it, and the body `raw`; `ConfirmByBank` describes the optional fields."""

    bank_payment_id: str
    amount_centavos: int
    end_to_end_id: str | None
    paid_at: datetime | None
    raw: bytes


async def confirm_payment(
    hub: Hub, transfer: Transfer, *, merchant: str | None, grace: timedelta, cause: Cause
) -> Confirmation:
    """Confirm a Pix of `merchant` (of any merchant when None).

    The time of payment decides; without it, the present less `grace`. Raises `NotFound` for an id without a payment,
    and `Refused` for an impossible time of payment.
    """
    not_found = NotFound(transfer.bank_payment_id[:64], why="transfer")
    bank_payment_id = transfer.bank_payment_id.lower()
    payment_id = payment_id_in(bank_payment_id)
    if payment_id is None:
        raise not_found
    try:
        loaded = await load_payment(hub, payment_id)
    except NotFound:
        raise not_found from None
    is_other = merchant is not None and loaded.merchant != merchant
    if is_other or loaded.payment.intent.bank_payment_id != bank_payment_id:
        raise not_found
    if loaded.payment.intent.provider != DIRECT_PIX:
        return Confirmation(outcome="not_pix", loaded=loaded)
    received_at, paid_at = hub.now(), transfer.paid_at
    if paid_at is not None and not is_possible_time(paid_at, opened_at=loaded.opened_at, now=received_at):
        raise Refused("invalid_paid_at", "paid_at")
    key = await hub.personal_data.keys.get_or_make(payment_id)
    proof = [key.seal_evidence("bank/confirmation", transfer.raw)] if key else []
    named = payer_identifiers(msgspec.json.decode(transfer.raw)) if key else ()
    tags = await hub.personal_data.tags(named)
    command = ConfirmByBank(
        amount_centavos=transfer.amount_centavos,
        end_to_end_id=transfer.end_to_end_id,
        received_at=received_at,
        paid_at=paid_at,
        grace=grace,
        evidence=proof[0].digest.hex() if proof else None,
    )
    decided = await change_payment(
        hub, payment_id, [command], cause=cause, attached=Attached(payment_id=payment_id, evidence=proof, tags=tags)
    )
    payment = decided.after.payment
    known = payment.attempts.get(payment.transfer(transfer.end_to_end_id or "") or payment.intent.bank_payment_id)
    amounts = {payment.intent.amount_centavos, known.amount_centavos if known else payment.intent.amount_centavos}
    if amounts != {transfer.amount_centavos}:
        is_held = known is not None and known.amount_centavos == transfer.amount_centavos
        refused: Literal["traced", "untraced"] = "traced" if decided.events else "untraced"
        return Confirmation(outcome="wrong_amount", loaded=decided.after, refused=None if is_held else refused)
    if not payment.is_settled or (known is not None and known.awaits_acceptance):
        return Confirmation(outcome="late", loaded=decided.after)
    return Confirmation(outcome="confirmed", loaded=decided.after)
