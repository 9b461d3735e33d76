"""Statements about Mercado Pago's webhooks."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

WEBHOOK: Final = Section(
    title="POST /webhooks/mercadopago/",
    statements=(
        Statement(
            id="webhook.notification",
            says="Mercado Pago sends notifications of changes to this address.",
            operations=("receiveMercadoPago", "receiveMercadoPagoFor"),
            asks=("data.id", "type", "id", "topic"),
            answers=("success",),
            statuses=(200,),
            here="An address that ends in a merchant's slug belongs to that merchant. Without a slug, the account in "
            "the notification identifies the merchant.",
            better="A webhook alone never changes a payment: the hub stores it, answers, and asks the provider. "
            "Repeated, reordered and late webhooks change a status once.",
        ),
        Statement(
            id="webhook.signature",
            says="The reference does not describe signatures.",
            operations=("receiveMercadoPago", "receiveMercadoPagoFor"),
            asks=("x-signature", "x-request-id"),
            answers=("success", "error", "code"),
            statuses=(401,),
            better="A webhook must have Mercado Pago's signature, at most a quarter of an hour old. The hub trusts "
            "only the id in the address, which the signature covers, and refuses a body with another id. A webhook in "
            "the old format without a signature (`?topic=payment&id=…`) gets the usual answer and has no effect. The "
            "hub stores it as unsigned if the address has a slug, and otherwise drops it, because its merchant is "
            "unknown.",
        ),
        Statement(
            id="webhook.panel",
            says="The reference does not describe the tests of Mercado Pago's panel.",
            operations=("testMercadoPago", "testMercadoPagoFor"),
            answers=("success",),
            statuses=(200,),
            better="A GET from the panel, and a notification with only a body, are answered 200 and have no effect.",
        ),
        Statement(
            id="webhook.address",
            says="Generating a link configures the webhook, except on localhost.",
            operations=("generateLink",),
            differs="Each link has the webhook's address under `EXTRATO_PUBLIC_URL`, also on localhost, where the "
            "simulated Mercado Pago calls it.",
        ),
    ),
)
