"""What the interface answers when a client creates a payment link."""

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
            here="The reference documents no body. Here it holds the padaria's slug, and items by name and quantity. "
            "An item may also have the reference's `id` of the product, which is not read.",
            better="An order names products, whose prices the hub knows. The hub refuses an order that makes no sense "
            "or has an unknown field, and stores nothing of it.",
        ),
        Statement(
            id="generate-link.ids",
            says="The answer has `success`, `payment_id`, `preference_id` and `external_reference`.",
            operations=("generateLink",),
            answers=("success", "payment_id", "preference_id", "external_reference"),
            differs="An `external_reference` is written `extrato_15_0123456789ab` and not `pandia_padaria_abc12345`, "
            "so that it carries the payment's number.",
        ),
        Statement(
            id="generate-link.checkout-url",
            says="`checkout_url` is Mercado Pago's own address.",
            operations=("generateLink",),
            answers=("checkout_url",),
        ),
        Statement(
            id="generate-link.secure-checkout-url",
            says="`secure_checkout_url` is the address for the payer: it first looks whether the link was paid.",
            operations=("generateLink",),
            answers=("secure_checkout_url",),
            better="Every address for a payer carries a token that opens this payment only. A client cannot reach "
            "other payments by counting.",
        ),
        Statement(
            id="generate-link.status-check-url",
            says="`status_check_url` is the address that answers the status.",
            operations=("generateLink",),
            answers=("status_check_url",),
            here="The address carries the payer's token too, so that a payer's page needs no key.",
        ),
        Statement(
            id="generate-link.sandbox-url",
            says="`sandbox_url` is the address for trials.",
            operations=("generateLink",),
            answers=("sandbox_url",),
            here="`sandbox_url` is null where Mercado Pago names none.",
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
            differs="Times on the references' routes have Brasília's offset (`-03:00`) and microseconds, where the "
            "reference writes some in UTC. Events (a payment's `/events/`, `/ws` and Socket.IO) have times in UTC, "
            "with `Z`.",
        ),
        Statement(
            id="generate-link.more",
            says="The reference describes nothing more.",
            operations=("generateLink",),
            asks=(
                "items[].preco_unitario",
                "title",
                "description",
                "payer_email",
                "expires_in_minutes",
                "Idempotency-Key",
            ),
            here="This hub also takes a price for a line, texts, the payer and the time to expire (24 hours by "
            "default). One `Idempotency-Key` makes one link, however often the client sends the request.",
        ),
    ),
)
