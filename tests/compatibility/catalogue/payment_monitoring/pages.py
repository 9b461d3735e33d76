"""Statements about the pages that a payer of a payment link sees."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

SECURE_LINK: Final = Section(
    title="GET /payments/mp/pay/{payment_id}/ (`secure_checkout_url`)",
    statements=(
        Statement(
            id="secure-link.looks",
            says="1. The route checks if the payment was made.",
            operations=("goToCheckout",),
            better="The hub asks the provider before it redirects to the checkout, so that a payer does not pay twice "
            "because of a late webhook. A provider that does not answer does not delay the page.",
        ),
        Statement(
            id="secure-link.paid",
            says="2. Paid: a page says that the payment is already made.",
            operations=("goToCheckout",),
            statuses=(200,),
            here="The page says “Pagamento já realizado”.",
        ),
        Statement(
            id="secure-link.closed",
            says="3. Expired or cancelled: a page says that the link expired.",
            operations=("goToCheckout",),
            statuses=(410,),
            here="The page says “Link expirado”, or “Link cancelado”, with the status 410. In the hour after the end, "
            "while the provider does not answer, the page says “Conferindo o pagamento”.",
        ),
        Statement(
            id="secure-link.pending",
            says="4. Pending: the route redirects to Mercado Pago's checkout.",
            operations=("goToCheckout",),
            statuses=(302,),
            better="The link also leads to the checkout after a rejected attempt, because the payer may try again. It "
            "does not lead to the checkout while the payment is under review or its cancellation is in progress, so "
            "that the payer does not pay twice.",
        ),
        Statement(
            id="secure-link.part",
            says="The reference does not describe a partially paid link.",
            operations=("goToCheckout",),
            statuses=(200,),
            better="The link of a payment with a part of its amount, or with disputed money, does not lead to the "
            "checkout. Its page shows how much has arrived and how much is missing.",
        ),
        Statement(
            id="secure-link.missing",
            says="The reference does not describe the link of a missing payment.",
            operations=("goToCheckout",),
            statuses=(404, 503),
            better="The link of a missing payment is answered 404, and so is a link without the payer's token.",
        ),
    ),
)

RETURN_PAGE: Final = Section(
    title="GET /payments/mp/return/",
    statements=(
        Statement(
            id="return-page.approved",
            says="`?status=approved&payment_id=X`: the payment was approved.",
            operations=("comeBack",),
            asks=("payment_id",),
            statuses=(200,),
            here="The page says “Pagamento aprovado”.",
        ),
        Statement(
            id="return-page.pending",
            says="`?status=pending&payment_id=X`: the payment is pending.",
            operations=("comeBack",),
            here="The page says “Aguardando a confirmação”, or “Pagamento em análise”.",
        ),
        Statement(
            id="return-page.rejected",
            says="`?status=rejected&payment_id=X`: the payment was rejected.",
            operations=("comeBack",),
            here="The page says “Pagamento não aprovado”, with a link to another attempt.",
        ),
        Statement(
            id="return-page.parameters",
            says="1. The route receives Mercado Pago's parameters.",
            operations=("comeBack",),
            asks=("external_reference", "t"),
            statuses=(404,),
            here="With an `external_reference`, `payment_id` is Mercado Pago's id of the attempt. Without one, "
            "`payment_id` is the hub's number, and the payer's token is required, except in open mode.",
        ),
        Statement(
            id="return-page.records",
            says="2. The route updates the status in the database.",
            operations=("comeBack",),
            better="The return page ignores the status in its address: the hub asks the provider and records the "
            "answer.",
        ),
        Statement(
            id="return-page.shows",
            says="3. The route shows the page for success, pending or failure.",
            operations=("comeBack",),
            statuses=(503,),
            better="While the provider is slow or unavailable, a payer who returns from the checkout sees that the hub "
            "checks the payment. The page does not offer to pay again.",
        ),
        Statement(
            id="return-page.refreshes",
            says="4. A pending page checks every 5 seconds.",
            operations=("comeBack",),
            better="A waiting page receives a change at once over a socket. The page also reloads its state, every 30 "
            "seconds with a socket and every 5 seconds without one. The server renders every state, so the page works "
            "without scripts.",
        ),
    ),
)
