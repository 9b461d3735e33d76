"""Statements about the statuses of a payment and their labels."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

STATUSES: Final = Section(
    title="Statuses and their labels",
    statements=(
        Statement(
            id="status.pending",
            says="`pending` is Pendente: the payment waits for its payer.",
            label=("pending", "Pendente"),
        ),
        Statement(
            id="status.approved",
            says="`approved` is Aprovado: the payment is paid.",
            label=("approved", "Aprovado"),
        ),
        Statement(
            id="status.authorized",
            says="`authorized` is Autorizado: the provider has not captured the money yet.",
            label=("authorized", "Autorizado"),
        ),
        Statement(
            id="status.in-process",
            says="`in_process` is Em Processamento: the payment is under review.",
            label=("in_process", "Em Processamento"),
            better="An `in_process` payment stays open: pages update, and synchronisations and watches ask about it. "
            "It expires only after the review has ended.",
        ),
        Statement(
            id="status.rejected",
            says="`rejected` is Rejeitado: the payment is refused.",
            label=("rejected", "Rejeitado"),
            better="`rejected` is the result of one attempt and does not end the link: a later attempt can be "
            "approved.",
        ),
        Statement(
            id="status.cancelled",
            says="`cancelled` is Cancelado.",
            label=("cancelled", "Cancelado"),
            here="An expired payment is `cancelled` with `status_detail` “expired”.",
        ),
        Statement(
            id="status.refunded",
            says="`refunded` is Estornado: the money was refunded.",
            label=("refunded", "Estornado"),
            better="After `approved`, the hub also finds later refunds and disputes.",
        ),
        Statement(
            id="status.in-mediation",
            says="Mercado Pago's `in_mediation` has no label.",
            label=("in_mediation", "Em Mediação"),
            better="`in_mediation` is Em Mediação.",
        ),
        Statement(
            id="status.charged-back",
            says="Mercado Pago's `charged_back` has no label.",
            label=("charged_back", "Contestado"),
            better="`charged_back` is Contestado.",
        ),
        Statement(
            id="status.partially-paid",
            says="The reference does not describe a partially paid payment.",
            better="A partially paid payment stays `pending` with the `status_detail` “partially_paid”, and after its "
            "end is `cancelled` with the same detail. This lasts until the rest arrives, the part is refunded, or the "
            "merchant accepts the part. With money only in another currency, the `status_detail` is “other_currency”.",
        ),
        Statement(
            id="status.contradiction",
            says="The reference does not describe an approval that Mercado Pago takes back.",
            better="The hub always accepts a later status from Mercado Pago. A status by which approved money never "
            "arrived raises the alert `provider_contradicts`.",
        ),
        Statement(
            id="status.unknown",
            says="A status that Mercado Pago adds later has no label either.",
            better="The hub records an unknown status unchanged, labels it Em Análise, and accepts any later status.",
        ),
    ),
)
