"""What belongs to the same surfaces and neither reference has."""

from __future__ import annotations

from typing import Final

from tests.compatibility.claim import Claim, Part, Section

READS: Final = "tests/e2e/test_corrections.py::test_a_cart_is_answered_with_a_code_that_banks_can_read"

CART: Final = Section(
    title="POST /payments/api/cart/",
    claims=(
        Claim(
            says="Creates a Pix through Mercado Pago, for an order.",
            operations=("createCart",),
            asks=(
                "padaria_slug",
                "items",
                "items[].nome",
                "items[].quantidade",
                "items[].preco_unitario",
                "customer",
                "customer.email",
                "customer.name",
                "customer.phone",
                "customer.cpf",
                "customer.cnpj",
                "expiration_minutes",
                "title",
                "description",
                "Idempotency-Key",
            ),
            statuses=(201, 400),
            tests=(
                READS,
                "tests/e2e/test_corrections.py::test_a_wrong_cart_is_refused_and_leaves_nothing",
                "tests/e2e/test_corrections.py::test_a_cart_asked_for_twice_under_one_key_is_one_payment",
                "tests/e2e/test_corrections.py::test_who_pays_is_told_to_the_provider_and_stands_nowhere_in_the_log",
                "tests/unit/test_mercado_pago_payers.py::test_an_order_names_its_payer_with_the_telephone",
            ),
        ),
        Claim(
            says="Answers the payment, in the words of a payment link.",
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
            ),
            tests=(READS, "tests/e2e/test_corrections.py::test_a_paid_cart_is_approved_once_however_it_was_charged"),
        ),
        Claim(
            says="Answers the code: as text, as a PNG in base64, and as a page of Mercado Pago's.",
            operations=("createCart",),
            answers=("pix", "pix.qr_code", "pix.qr_code_base64", "pix.ticket_url"),
            tests=(READS, "tests/e2e/test_qr.py::test_the_picture_of_a_cart_is_read_back_to_its_code"),
        ),
        Claim(
            says="An error is told as on the other routes; a refusal of Mercado Pago's with its own sentence.",
            operations=("createCart",),
            answers=("success", "error", "code"),
            statuses=(400, 502),
            tests=(
                "tests/e2e/test_corrections.py::test_a_wrong_cart_is_refused_and_leaves_nothing",
                "tests/e2e/test_corrections.py::test_what_the_provider_refuses_is_told_with_its_reason_and_stays_listed",
            ),
        ),
    ),
)

EVENTS: Final = Section(
    title="GET /payments/api/{payment_id}/events/",
    claims=(
        Claim(
            says="Tells everything that happened to a payment, in order, and who or what caused it.",
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
            tests=("tests/e2e/test_main_path.py::test_a_payment_on_the_providers_page_is_approved_everywhere",),
        ),
    ),
)

CORRECTIONS: Final = Section(
    title="POST /payments/api/{payment_id}/cancel/ and …/refund/",
    claims=(
        Claim(
            says="Closes a payment that was not paid.",
            operations=("cancelPayment",),
            answers=("success", "payment_id", "status", "status_detail", "status_label", "message"),
            statuses=(200, 202, 409),
            tests=(
                "tests/e2e/test_corrections.py::test_a_cancelled_link_is_closed_at_the_provider",
                "tests/e2e/test_corrections.py::test_a_payer_who_was_faster_than_the_cancellation_wins",
            ),
        ),
        Claim(
            says="Gives money back, all that is left or a part.",
            operations=("refundPayment",),
            asks=("amount", "mp_payment_id", "Idempotency-Key"),
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
                "status",
                "status_detail",
                "status_label",
                "message",
            ),
            statuses=(200, 202, 409),
            tests=(
                "tests/e2e/test_corrections.py::test_refunds_in_parts_against_what_is_left",
                "tests/e2e/test_corrections.py::test_a_refund_asked_for_again_under_its_key_is_made_once",
                "tests/e2e/test_corrections.py::test_what_was_paid_twice_is_told_and_can_be_given_back",
            ),
        ),
    ),
)

ASSETS: Final = Section(
    title="GET /assets/{asset}",
    claims=(
        Claim(
            says="Gives the stylesheet, the scripts and the icon of the pages, to be kept under their digest.",
            operations=("showAsset",),
            asks=("v", "If-None-Match"),
            statuses=(200, 304, 404),
            tests=("tests/e2e/test_pages.py::test_files_of_the_pages_are_kept_under_their_digest_only",),
        ),
    ),
)

PART: Final = Part(
    title="What neither reference has",
    who="this hub",
    intro="Routes of the same kind that are this hub's own. `/ws`, the administration and the service's own routes "
    "are described in `contracts/openapi.json`.",
    sections=(CART, EVENTS, CORRECTIONS, ASSETS),
)
