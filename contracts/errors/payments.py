"""Errors of payments: what the rules refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.errors.entry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.errors.entry import Entry

ENTRIES: Final[Mapping[str, Entry]] = {
    "payment_not_found": entry(
        404,
        "Payment {about} does not exist.",
        "Pagamento {about} não encontrado",
        cause="There is no payment with this number, or it belongs to another merchant.",
        remedy="Check the number, and that the key is the merchant's.",
        unopened=("The payment does not exist.", "O pagamento não existe"),
    ),
    "payment_already_opened": entry(
        400,
        "A payment with this number exists, and it is another one.",
        "Já existe outro pagamento com este número",
        cause="The sequence of payment numbers is behind the log; the hub sets it right and takes the next number.",
        remedy="Nothing: the hub repeats the creation by itself.",
    ),
    "payment_already_paid": entry(
        409,
        "The payment is paid already; refund it.",
        "O pagamento já foi pago; use o estorno",
        cause="A paid payment cannot be cancelled.",
        remedy="Refund the payment instead.",
        meanwhile=(
            "The payment was paid before it was cancelled; refund it.",
            "O pagamento foi concluído antes do cancelamento; use o estorno",
        ),
    ),
    "payment_holds_money": entry(
        409,
        "This payment has received {amounts} and cannot be cancelled: give the money back, or accept it.",
        "Este pagamento já recebeu {amounts} e não pode ser cancelado: devolva o valor ou aceite-o",
        cause="Money that came late or short is held on this payment.",
        remedy="Refund the money, or accept it as the payment.",
        picture=(
            "Money of this payment is held already: it is not to be paid again.",
            "Este pagamento já recebeu dinheiro: não deve ser pago de novo",
        ),
    ),
    "payment_not_paid": entry(
        409,
        "Only an approved payment can be refunded.",
        "Só um pagamento aprovado pode ser estornado",
        cause="The payment, or the attempt that the refund names, holds no money that can be refunded.",
        remedy="Check the payment's status first.",
    ),
    "payment_already_refunded": entry(
        409,
        "The payment is wholly refunded already.",
        "O pagamento já foi estornado por inteiro",
        cause="All money of the payment was given back.",
        remedy="Nothing: there is no money left to refund.",
    ),
    "payment_cancelled": entry(
        409,
        "The payment was cancelled before it was charged.",
        "O pagamento foi cancelado antes de ser cobrado",
        cause="The merchant cancelled the payment while its charge was not made yet.",
        remedy="Create another payment.",
    ),
    "payment_expired": entry(
        409,
        "The payment expired before it was charged.",
        "O pagamento expirou antes de ser cobrado",
        cause="The provider was unavailable until the payment's time had ended.",
        remedy="Create another payment.",
    ),
    "refund_by_bank_only": entry(
        409,
        "A direct Pix is given back in the app of the merchant's bank.",
        "Um Pix direto é devolvido pelo aplicativo do banco da loja",
        cause="The money of a direct Pix is in the merchant's own account, which the hub cannot move.",
        remedy="Give the money back in the bank's app; the bank's system then reports it with `returnPix`.",
    ),
    "refund_exceeds_balance": entry(
        409,
        "{left} are left to refund.",
        "Restam {left} a estornar",
        cause="The amount is more than what the payment, or the attempt, still holds.",
        remedy="Refund at most what is left.",
    ),
    "refund_in_progress": entry(
        409,
        "Refund {name}, of the same amount, is still in progress.",
        "O estorno {name}, do mesmo valor, ainda está em andamento",
        cause="The provider is making a refund of the same amount, and the hub cannot tell a second one from it.",
        remedy="Wait until the first refund has ended.",
    ),
    "choose_attempt": entry(
        400,
        "Give mp_payment_id, one of these payments: {listed}",
        "Informe mp_payment_id, um destes pagamentos: {listed}",
        cause="Several attempts of the payment hold money, and the refund does not name one.",
        remedy="Send `mp_payment_id` of the attempt to refund.",
    ),
    "nothing_to_accept": entry(
        409,
        "No money is held on this payment that could be accepted.",
        "Não há dinheiro recebido para aceitar neste pagamento",
        cause="The payment holds no money.",
        remedy="Check the payment's `held_amount` first.",
    ),
    "alert_not_found": entry(
        404,
        "This payment never had this alert.",
        "Este pagamento nunca teve esse alerta",
        cause="The alert was never raised on this payment.",
        remedy="Use one of the payment's `alerts`.",
    ),
    "wrong_amount": entry(
        400,
        "The value is not the charge's; the payment was not confirmed.",
        "O valor não é o da cobrança; o pagamento não foi confirmado",
        cause="The bank confirms another value than the charge's.",
        remedy="Check the transfer; the refusal is recorded on the payment.",
    ),
    "late_payment": entry(
        409,
        "The charge was closed already. The money was recorded as a late payment: return it, or accept it.",
        "A cobrança já estava encerrada. O valor foi registrado como pagamento em atraso: devolva-o ou aceite-o",
        cause="The payer paid after the charge had expired or was cancelled.",
        remedy="Return the money, or accept it as the payment.",
    ),
    "not_a_pix": entry(
        400,
        "The payment is not a Pix to the merchant's key.",
        "O pagamento não é um Pix para a chave da padaria",
        cause="A bank's confirmation or return names a payment that a provider charges.",
        remedy="Use it for direct Pix charges only.",
    ),
    "unknown_transfer": entry(
        400,
        "No transfer with this end_to_end_id is known here.",
        "Não há transferência conhecida com este end_to_end_id",
        cause="The return names a transfer that was never confirmed for this payment.",
        remedy="Check the `end_to_end_id`, and confirm the transfer first.",
    ),
    "choose_transfer": entry(
        400,
        "Name the transfer, one of {listed}.",
        "Informe a transferência, uma destas: {listed}",
        cause="Several transfers of the payment hold money, and the return does not name one.",
        remedy="Send the `end_to_end_id` of the transfer that was given back.",
    ),
    "return_id_reused": entry(
        409,
        "This return_id was used for another return.",
        "Este return_id já foi usado em outra devolução",
        cause="The bank's name of the return is recorded with another amount or transfer.",
        remedy="Check the `return_id`; repeat a return with the same content.",
    ),
    "return_exceeds_held": entry(
        409,
        "Only {held} is held of this transfer.",
        "Restam apenas {held} desta transferência",
        cause="The bank reports a return of more money than the payment holds.",
        remedy="Check the amount and the transfer.",
        nothing=("No money of this payment is held.", "Este pagamento não tem dinheiro recebido"),
    ),
}
