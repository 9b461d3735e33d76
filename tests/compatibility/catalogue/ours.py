"""Statements about routes of the same kind that neither reference has."""

from __future__ import annotations

from typing import Final

from tests.compatibility.statement import Part, Section, Statement

CART: Final = Section(
    title="POST /payments/api/cart/",
    statements=(
        Statement(
            id="cart.body",
            says="The route creates a Pix through Mercado Pago, for an order.",
            operations=("createCart",),
            asks=(
                "padaria_slug",
                "items",
                "items[].nome",
                "items[].quantidade",
                "items[].preco_unitario",
                "items[].id",
                "customer",
                "customer.email",
                "customer.name",
                "customer.phone",
                "customer.cpf",
                "customer.cnpj",
                "expires_in_minutes",
                "expiration_minutes",
                "title",
                "description",
                "Idempotency-Key",
            ),
            statuses=(201, 400),
        ),
        Statement(
            id="cart.payment",
            says="The answer describes the payment, in the fields of a payment link.",
            operations=("createCart",),
            answers=(
                "success",
                "payment_id",
                "mp_payment_id",
                "status",
                "status_label",
                "title",
                "total",
                "items",
                "items[].nome",
                "items[].quantidade",
                "items[].preco_unitario",
                "items[].subtotal",
                "description",
                "external_reference",
                "expires_at",
                "payment_url",
                "status_check_url",
                "created_at",
                "payment_page",
                "payment_page.url",
                "payment_page.token",
                "payment_page.socket_url",
            ),
        ),
        Statement(
            id="cart.code",
            says="The answer has the code as text, as a PNG in base64, and as a page of Mercado Pago.",
            operations=("createCart",),
            answers=("pix", "pix.qr_code", "pix.qr_code_base64", "pix.ticket_url"),
        ),
        Statement(
            id="cart.errors",
            says="An error has the body of the other routes; a refusal of Mercado Pago carries its sentence.",
            operations=("createCart",),
            answers=("success", "error", "code"),
            statuses=(400, 502),
        ),
    ),
)

RETURN: Final = Section(
    title="POST /payments/pix/{payment_id}/returned",
    statements=(
        Statement(
            id="pix-return.body",
            says="A client reports that the bank returned a Pix to the payer, the whole amount or a part. `return_id` "
            "is the bank's id of the return.",
            operations=("returnPix",),
            asks=("return_id", "amount", "returned_at", "end_to_end_id"),
            answers=(
                "message",
                "payment_id",
                "return_id",
                "end_to_end_id",
                "amount",
                "status",
                "held_amount",
                "refunded_amount",
            ),
            statuses=(200,),
            here="The hub records each `return_id` once.",
        ),
        Statement(
            id="pix-return.refusals",
            says="The route refuses an impossible return.",
            operations=("returnPix",),
            answers=("message", "code"),
            statuses=(400, 409),
            here="An amount above the held money is 409 `return_exceeds_held`, and a `return_id` with another amount "
            "or transfer 409 `return_id_reused`. If the payment holds money of several transfers, a return without "
            "`end_to_end_id` is 400 `choose_transfer`.",
        ),
    ),
)

EVENTS: Final = Section(
    title="GET /payments/api/{payment_id}/events/",
    statements=(
        Statement(
            id="events.answer",
            says="The answer lists every event of a payment, in order, with its cause.",
            operations=("showEvents",),
            answers=(
                "success",
                "payment_id",
                "count",
                "events",
                "events[].position",
                "events[].version",
                "events[].type",
                "events[].time",
                "events[].recorded_at",
                "events[].event_id",
                "events[].source",
                "events[].source_id",
                "events[].correlation_id",
                "events[].causation_id",
                "events[].data",
            ),
            statuses=(200, 404),
        ),
    ),
)

CORRECTIONS: Final = Section(
    title="POST /payments/api/{payment_id}/cancel/ and …/refund/",
    statements=(
        Statement(
            id="cancel.closes",
            says="A cancellation ends an unpaid payment.",
            operations=("cancelPayment",),
            answers=("success", "payment_id", "status", "status_detail", "status_label", "message"),
            statuses=(200, 202, 409),
        ),
        Statement(
            id="cancel.holds-money",
            says="A cancellation of a payment that holds money is refused.",
            operations=("cancelPayment",),
            statuses=(409,),
            here="A payment with a part of its amount, or with money in another currency, is 409 "
            "`payment_holds_money`, and the error names the held money. A paid one is 409 `payment_already_paid`.",
        ),
        Statement(
            id="refund.amount",
            says='A refund is of `amount`, or of all held money with `{"all": true}`.',
            operations=("refundPayment",),
            asks=("amount", "all", "reason"),
            statuses=(400,),
            here="A body with neither or both is 400 `amount_or_all`, so an empty body never refunds everything. The "
            "events contain the `reason`.",
        ),
        Statement(
            id="refund.attempts",
            says="A refund is of one attempt, or of every attempt that holds money.",
            operations=("refundPayment",),
            asks=("mp_payment_id",),
            answers=(
                "refunds",
                "refunds[].refund_id",
                "refunds[].refund_status",
                "refunds[].mp_payment_id",
                "refunds[].amount",
                "refunds[].currency",
            ),
            statuses=(400,),
            here="If several attempts hold money, an amount without `mp_payment_id` is 400 `choose_attempt`, and the "
            "error lists the attempts. `all` refunds every attempt in the charge's currency.",
        ),
        Statement(
            id="refund.pending",
            says="A refund that the provider has not made yet is accepted.",
            operations=("refundPayment",),
            statuses=(202, 409),
            here="The route answers 202, and the monitor completes the refund. Until then, another refund of the same "
            "amount is 409 `refund_in_progress`.",
        ),
        Statement(
            id="refund.answer",
            says="The answer has the refunded money and the state of the payment.",
            operations=("refundPayment",),
            asks=("Idempotency-Key",),
            answers=(
                "success",
                "payment_id",
                "refund_id",
                "refund_status",
                "mp_payment_id",
                "pending_amount",
                "amount",
                "refunded_amount",
                "remaining_amount",
                "held_amount",
                "disputed_amount",
                "attempts",
                "status",
                "status_detail",
                "status_label",
                "message",
            ),
            statuses=(200, 409),
            here="`refund_id` is the id of all refunds of one request. Requests with one `Idempotency-Key` refund the "
            "money once.",
        ),
    ),
)

DECISIONS: Final = Section(
    title="POST /payments/api/{payment_id}/accept/ and …/alerts/{alert}/resolve/",
    statements=(
        Statement(
            id="accept.approves",
            says="The merchant accepts late or short money as the payment.",
            operations=("acceptMoney",),
            answers=(
                "success",
                "payment_id",
                "status",
                "status_detail",
                "status_label",
                "held_amount",
                "alerts",
                "message",
            ),
            statuses=(200, 409),
            here="The payment becomes approved with the held money. A repetition gets the same answer. Without held "
            "money the answer is 409 `nothing_to_accept`.",
        ),
        Statement(
            id="resolve-alert.closes",
            says="The merchant resolves an alert, with a reason.",
            operations=("resolveAlert",),
            asks=("reason",),
            answers=("success", "payment_id", "alert", "alerts", "message"),
            statuses=(200, 400, 404),
            here="Another occurrence raises the alert again. A repetition gets the same answer. An alert that the "
            "payment never had is 404 `alert_not_found`.",
        ),
    ),
)

ASSETS: Final = Section(
    title="GET /assets/{asset}",
    statements=(
        Statement(
            id="assets.digest",
            says="The route returns the stylesheet, the scripts and the icon of the pages. With their digest, a cache "
            "may keep them.",
            operations=("showAsset",),
            asks=("v", "If-None-Match"),
            statuses=(200, 304, 404),
        ),
    ),
)

LOGOS: Final = Section(
    title="GET /logos/{logo}",
    statements=(
        Statement(
            id="logos.digest",
            says="The route returns a merchant's logo as the hub has redrawn it. The address has the digest of the "
            "picture, so that a cache may keep it forever. No key is needed.",
            operations=("showLogo",),
            asks=("If-None-Match",),
            statuses=(200, 304, 404, 429),
        ),
    ),
)

ERRORS: Final = Section(
    title="GET /docs/errors",
    statements=(
        Statement(
            id="errors.catalogue",
            says="The route shows every error code with its status, cause, remedy and sentences. The `type` of each "
            "problem of `/v1` leads there. No key is needed.",
            operations=("showErrors",),
            asks=("If-None-Match",),
            statuses=(200, 304),
        ),
    ),
)

PART: Final = Part(
    title="Routes that only this hub has",
    who="this hub",
    intro="Routes of the same kind that neither reference has. `contracts/openapi.json` also describes `/ws`, the "
    "administration, health and metrics.",
    sections=(CART, RETURN, EVENTS, CORRECTIONS, DECISIONS, ASSETS, LOGOS, ERRORS),
)
