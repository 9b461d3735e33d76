"""What the interface does with Mercado Pago's webhooks."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

WEBHOOK: Final = Section(
    title="POST /webhooks/mercadopago/",
    statements=(
        Statement(
            id="webhook.notification",
            says="Mercado Pago notifies of changes at this address.",
            operations=("receiveMercadoPago", "receiveMercadoPagoFor"),
            asks=("data.id", "type", "id", "topic"),
            answers=("success",),
            statuses=(200,),
            here="An address with a merchant's slug at its end belongs to that merchant. Without one, the account in "
            "the notification names the merchant.",
            better="The hub never believes the content of a webhook: it stores it, answers, and asks the provider. "
            "Repeated, shuffled and late webhooks change a status once.",
        ),
        Statement(
            id="webhook.signature",
            says="The reference does not say which callers may call it.",
            operations=("receiveMercadoPago", "receiveMercadoPagoFor"),
            asks=("x-signature", "x-request-id"),
            answers=("success", "error", "code"),
            statuses=(401,),
            better="A webhook must carry Mercado Pago's signature, at most a quarter of an hour old. The hub trusts "
            "only the id in the address, which the signature covers, and refuses a body with another id. An old format "
            "without a signature (`?topic=payment&id=…`) is answered like any other and moves nothing. With the slug "
            "in the address the hub stores it as unsigned; without, it drops it, because its merchant is unknown.",
        ),
        Statement(
            id="webhook.panel",
            says="The reference does not describe how Mercado Pago's panel tests it.",
            operations=("testMercadoPago", "testMercadoPagoFor"),
            answers=("success",),
            statuses=(200,),
            better="A GET from the panel, and a notification with only a body, are answered 200; the hub then asks "
            "nothing.",
        ),
        Statement(
            id="webhook.address",
            says="Generating a link configures the webhook, except on localhost.",
            operations=("generateLink",),
            differs="Each link names the address under `EXTRATO_PUBLIC_URL`, also on localhost: there the simulated "
            "Mercado Pago calls it.",
        ),
    ),
)
