"""Record that the merchant's bank received a Pix; the caller is authorised to say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from extrato.domain.payment.commands import ConfirmByBank
from extrato.domain.payment.identifiers import payment_id_in
from extrato.errors import NotFound
from extrato.store.appender import Evidence
from extrato.use_cases.hub import Hub, LoadedPayment, change_payment, load_payment

if TYPE_CHECKING:
    from contracts.envelope import Cause


class Confirmation(Struct, frozen=True, kw_only=True):
    """What came of a confirmation; `outcome` is the same for every repetition of it."""

    outcome: Literal["confirmed", "wrong_amount", "late", "not_pix"]
    loaded: LoadedPayment


async def confirm_payment(
    hub: Hub,
    bank_payment_id: str,
    amount_centavos: int,
    *,
    merchant: str | None,
    end_to_end_id: str | None = None,
    raw: bytes,
    cause: Cause,
) -> Confirmation:
    """Confirm a Pix of `merchant` (of anybody when None); raises `NotFound` for an id that is no payment's."""
    nothing = NotFound("No payment has this bank_payment_id.", bank_payment_id[:64])
    bank_payment_id = bank_payment_id.lower()
    payment_id = payment_id_in(bank_payment_id)
    if payment_id is None:
        raise nothing
    try:
        loaded = await load_payment(hub, payment_id)
    except NotFound:
        raise nothing from None
    is_other = merchant is not None and loaded.merchant != merchant
    if is_other or loaded.payment.intent.bank_payment_id != bank_payment_id:
        raise nothing
    if loaded.payment.intent.provider != "pix":
        return Confirmation(outcome="not_pix", loaded=loaded)
    proof = Evidence("bank/confirmation", raw)
    digest = proof.digest.hex()
    command = ConfirmByBank(
        amount_centavos=amount_centavos, end_to_end_id=end_to_end_id, received_at=hub.now(), evidence=digest
    )
    decided = await change_payment(hub, payment_id, [command], cause=cause, evidence={digest: proof})
    payment = decided.after.payment
    if amount_centavos != payment.intent.amount_centavos:
        return Confirmation(outcome="wrong_amount", loaded=decided.after)
    if not payment.is_settled:
        return Confirmation(outcome="late", loaded=decided.after)
    return Confirmation(outcome="confirmed", loaded=decided.after)
