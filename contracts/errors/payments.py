"""Errors of payments: requests that the rules of payments refuse."""

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
        cause="No payment has this number, or the payment belongs to another merchant.",
        remedy="Check the number, and that the API key belongs to the payment's merchant.",
        unopened=("The payment does not exist.", "O pagamento não existe"),
    ),
    "payment_already_opened": entry(
        400,
        "Another payment has this number.",
        "Já existe outro pagamento com este número",
        cause="The sequence of payment numbers is behind the log; the hub corrects it and takes the next number.",
        remedy="Nothing: the hub repeats the creation automatically.",
    ),
    "reference_taken": entry(
        409,
        "Payment {payment_id} has this reference.",
        "O pagamento {payment_id} já tem esta referência",
        cause="The request has `unique_reference`, and so had another payment with this reference. That one is open "
        "or paid.",
        remedy="Use that payment. To charge the order by another one, cancel it first.",
    ),
    "return_url_not_allowed": entry(
        400,
        "The return address must begin with an origin that the merchant has registered.",
        "O endereço de retorno deve começar com uma origem que a loja registrou",
        cause="The address has another scheme than https, user information, blanks or backslashes. Or its origin is "
        "none of the merchant's `return_origins`.",
        remedy="Register the origin, such as https://shop.example, or correct the address.",
    ),
    "payer_forgotten": entry(
        409,
        "The payer of this payment was forgotten, so there is nothing to hold.",
        "Os dados do pagador foram apagados; não há o que reter",
        cause="The key of the payer's data is destroyed, or its destruction has begun.",
        remedy="Nothing: the data cannot come back. Amounts, ids and times stay anyway.",
    ),
    "payment_already_paid": entry(
        409,
        "The payment is already paid; refund it.",
        "O pagamento já foi pago; use o estorno",
        cause="A paid payment cannot be cancelled.",
        remedy="Refund the payment instead.",
        meanwhile=(
            "The payment was paid before the cancellation; refund it.",
            "O pagamento foi concluído antes do cancelamento; use o estorno",
        ),
    ),
    "payment_holds_money": entry(
        409,
        "This payment has received {amounts} and cannot be cancelled: refund the money, or accept it.",
        "Este pagamento já recebeu {amounts} e não pode ser cancelado: devolva o valor ou aceite-o",
        cause="This payment holds money that came late or is less than the charge.",
        remedy="Refund the money, or accept it as the payment.",
        picture=(
            "This payment already holds money: do not pay it again.",
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
        "The payment is already fully refunded.",
        "O pagamento já foi estornado por inteiro",
        cause="All money of the payment was refunded.",
        remedy="Nothing: there is no money left to refund.",
    ),
    "payment_cancelled": entry(
        409,
        "The payment was cancelled before its charge was created.",
        "O pagamento foi cancelado antes de ser cobrado",
        cause="The merchant cancelled the payment before the provider created its charge.",
        remedy="Create another payment.",
    ),
    "payment_expired": entry(
        409,
        "The payment expired before its charge was created.",
        "O pagamento expirou antes de ser cobrado",
        cause="The provider was unavailable until the payment expired.",
        remedy="Create another payment.",
    ),
    "refund_by_bank_only": entry(
        409,
        "Refund a direct Pix in the app of the merchant's bank.",
        "Um Pix direto é devolvido pelo aplicativo do banco da loja",
        cause="The money of a direct Pix is in the merchant's own account, which the hub cannot move.",
        remedy="Refund the money in the bank's app; the bank's system then reports it with `returnPix`.",
    ),
    "refund_exceeds_balance": entry(
        409,
        "At most {left} can still be refunded.",
        "Restam {left} a estornar",
        cause="The amount is more than the payment or the attempt still holds.",
        remedy="Refund at most the amount in the sentence.",
    ),
    "refund_in_progress": entry(
        409,
        "Refund {name}, of the same amount, is still in progress.",
        "O estorno {name}, do mesmo valor, ainda está em andamento",
        cause="The provider is still making a refund of the same amount. The hub could not distinguish a second one.",
        remedy="Wait until the first refund has ended.",
    ),
    "choose_attempt": entry(
        400,
        "Send {about}, one of: {listed}",
        "Informe {about}, um destes pagamentos: {listed}",
        cause="Several attempts of the payment hold money, and the refund does not name one.",
        remedy="Send the id of the attempt to refund: `attempt_id` in `/v1`, `mp_payment_id` elsewhere.",
    ),
    "unknown_attempt": entry(
        400,
        "This payment has no attempt with this {about}.",
        "Este pagamento não tem uma tentativa com este {about}",
        cause="The refund names an attempt that the payment does not have, also after the hub asked the provider.",
        remedy="Send the `id` of one of the payment's `attempts`.",
    ),
    "nothing_to_accept": entry(
        409,
        "This payment holds no money that could be accepted.",
        "Não há dinheiro recebido para aceitar neste pagamento",
        cause="The payment holds no money.",
        remedy="Check the payment's `held_amount` first.",
    ),
    "refund_not_found": entry(
        404,
        "This payment has no such refund.",
        "Este pagamento não tem esse estorno",
        cause="No refund of the payment has this id.",
        remedy="Use an `id` from the list of the payment's refunds.",
    ),
    "alert_not_found": entry(
        404,
        "This payment never had this alert.",
        "Este pagamento nunca teve esse alerta",
        cause="The alert was never raised on this payment.",
        remedy="Use one of the payment's `alerts`.",
    ),
    "evidence_not_found": entry(
        404,
        "This payment has no evidence {about}.",
        "Este pagamento não tem a prova {about}",
        cause="No event of the payment, and no webhook that caused one, has this digest.",
        remedy="Use the field `evidence` of one of the payment's events.",
    ),
    "evidence_unreadable": entry(
        500,
        "Evidence {about} is unreadable: it was changed after the hub stored it, or its key is lost.",
        "A prova {about} está ilegível: foi alterada depois de guardada, ou a chave se perdeu",
        cause="The stored bytes do not decrypt with the payment's key, or have another digest than their name. Or the "
        "key is lost: no row of `payment_keys` says that it was destroyed.",
        remedy="The operator compares the rows of `evidence` and `payment_keys` with a backup.",
    ),
    "erased": entry(
        410,
        "Evidence {about} was erased with the payer's personal data.",
        "A prova {about} foi apagada junto com os dados pessoais do pagador",
        cause="The payer was forgotten: the key of the payment's personal data was destroyed. Or the evidence is older "
        "than the hub keeps it.",
        remedy="Nothing: the evidence is unreadable from now on. The payment's events stay.",
        retention=(
            "Evidence {about} was deleted after the time for which the hub keeps it.",
            "A prova {about} foi apagada ao fim do prazo de guarda",
        ),
    ),
    "wrong_amount": entry(
        400,
        "The value differs from the charge; the payment was not confirmed.",
        "O valor não é o da cobrança; o pagamento não foi confirmado",
        cause="The value of the bank's confirmation differs from the charge.",
        remedy="Check the transfer. The hub has recorded the refusal on the payment.",
    ),
    "late_payment": entry(
        409,
        "The charge was already closed. The money was recorded as a late payment: refund it, or accept it.",
        "A cobrança já estava encerrada. O valor foi registrado como pagamento em atraso: devolva-o ou aceite-o",
        cause="The payer paid after the charge expired or was cancelled.",
        remedy="Refund the money, or accept it as the payment.",
    ),
    "not_a_pix": entry(
        400,
        "The payment is not a Pix to the merchant's key.",
        "O pagamento não é um Pix para a chave da padaria",
        cause="The bank's confirmation or return names a payment whose charge a provider holds.",
        remedy="Send confirmations and returns of direct Pix charges only.",
    ),
    "unknown_transfer": entry(
        400,
        "The hub knows no transfer with this end_to_end_id.",
        "Não há transferência conhecida com este end_to_end_id",
        cause="The return names a transfer that was not confirmed for this payment.",
        remedy="Check the `end_to_end_id`, and confirm the transfer first.",
    ),
    "choose_transfer": entry(
        400,
        "Send the end_to_end_id, one of {listed}.",
        "Informe a transferência, uma destas: {listed}",
        cause="Several transfers of the payment hold money, and the return does not name one.",
        remedy="Send the `end_to_end_id` of the transfer that the bank returned.",
    ),
    "return_id_reused": entry(
        409,
        "This return_id was used for another return.",
        "Este return_id já foi usado em outra devolução",
        cause="The hub has a return with this `return_id` and another amount or transfer.",
        remedy="Check the `return_id`. Repeat a return with the same content.",
    ),
    "return_exceeds_held": entry(
        409,
        "The payment holds only {held} of this transfer.",
        "Restam apenas {held} desta transferência",
        cause="The bank reports a return of more money than the payment holds.",
        remedy="Check the amount and the transfer.",
        nothing=("This payment holds no money.", "Este pagamento não tem dinheiro recebido"),
    ),
}
