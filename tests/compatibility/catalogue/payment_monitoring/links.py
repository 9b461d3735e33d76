"""Statements about the creation of payment links."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Section, Statement

GENERATE_LINK: Final = Section(
    title="POST /payments/api/generate-link/",
    statements=(
        Statement(
            id="generate-link.body",
            says="The route creates a payment link for an order of a padaria.",
            operations=("generateLink",),
            asks=("padaria_slug", "items", "items[].nome", "items[].quantidade", "items[].id"),
            statuses=(200,),
            here="The reference documents no body. This hub's body has the padaria's slug, and items with name and "
            "quantity. An item may also have the reference's `id` of the product, which the hub ignores.",
            better="An order names products, whose prices the hub knows. The hub refuses a malformed order or one with "
            "an unknown field, and does not store it.",
        ),
        Statement(
            id="generate-link.ids",
            says="The answer has `success`, `payment_id`, `preference_id` and `external_reference`.",
            operations=("generateLink",),
            answers=("success", "payment_id", "preference_id", "external_reference"),
            differs="An `external_reference` has the form `extrato_15_0123456789ab` instead of "
            "`pandia_padaria_abc12345`, so that it contains the payment's number.",
        ),
        Statement(
            id="generate-link.checkout-url",
            says="`checkout_url` is Mercado Pago's own address.",
            operations=("generateLink",),
            answers=("checkout_url",),
        ),
        Statement(
            id="generate-link.secure-checkout-url",
            says="`secure_checkout_url` is the address for the payer: it first checks if the link was paid.",
            operations=("generateLink",),
            answers=("secure_checkout_url",),
            better="Every payer link carries a token that opens only this payment. A client cannot open other payments "
            "by other numbers.",
        ),
        Statement(
            id="generate-link.status-check-url",
            says="`status_check_url` is the address that answers the status.",
            operations=("generateLink",),
            answers=("status_check_url",),
            here="The address also carries the payer's token, so a page for the payer needs no key.",
        ),
        Statement(
            id="generate-link.sandbox-url",
            says="`sandbox_url` is the address for tests.",
            operations=("generateLink",),
            answers=("sandbox_url",),
            here="`sandbox_url` is null if Mercado Pago sends none.",
        ),
        Statement(
            id="generate-link.order",
            says="The answer has `title`, `total`, `items`, `description`, `status` “pending” and `created_at`.",
            operations=("generateLink",),
            answers=(
                "title",
                "total",
                "items",
                "items[].nome",
                "items[].quantidade",
                "items[].preco_unitario",
                "items[].subtotal",
                "description",
                "status",
                "created_at",
            ),
            differs="Times on the references' routes have Brasília's offset (`-03:00`) and microseconds; the reference "
            "has some times in UTC. Events (a payment's `/events/`, `/ws` and Socket.IO) have times in UTC, with `Z`.",
        ),
        Statement(
            id="generate-link.more",
            says="The reference describes no other fields.",
            operations=("generateLink",),
            asks=(
                "items[].preco_unitario",
                "title",
                "description",
                "payer_email",
                "expires_in_minutes",
                "Idempotency-Key",
            ),
            answers=("payment_page", "payment_page.url", "payment_page.token", "payment_page.socket_url"),
            here="This hub also accepts a price for a line, texts, the payer and the time to expire (24 hours by "
            "default). Requests with one `Idempotency-Key` create one link. `payment_page` has the payer link, its "
            "token, and the socket that reports changes.",
        ),
    ),
)
