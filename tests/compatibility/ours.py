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
            tests=(
                READS,
                "tests/e2e/test_corrections.py::test_a_wrong_cart_is_refused_and_leaves_nothing",
                "tests/e2e/test_corrections.py::test_a_cart_may_be_paid_for_as_long_as_it_says_under_either_name",
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

MONEY: Final = "tests/e2e/test_money_that_does_not_fit.py"
RULES: Final = "tests/unit/test_payment_money.py"
ALL_BACK: Final = f"{MONEY}::test_all_is_given_back_of_every_attempt_and_only_when_it_is_said"
NOT_FOR_OTHERS: Final = f"{MONEY}::test_money_is_moved_for_no_page_of_another_origin"

RETURN: Final = Section(
    title="POST /payments/pix/{payment_id}/returned",
    claims=(
        Claim(
            says="Tells that the bank gave a Pix back to its payer: the whole or a part, under the bank's `return_id`.",
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
            here="The same `return_id` is recorded once.",
            tests=(
                f"{MONEY}::test_a_returned_pix_is_held_no_more",
                f"{RULES}::test_a_late_pix_that_the_bank_gave_back_is_held_no_more",
            ),
        ),
        Claim(
            says="Refuses a return that cannot have been.",
            operations=("returnPix",),
            answers=("message", "code"),
            statuses=(400, 409),
            here="More than is held is 409 `return_exceeds_held`, a `return_id` with other facts 409 "
            "`return_id_reused`; where the money of two transfers is held, one without `end_to_end_id` is 400 "
            "`choose_transfer`.",
            tests=(
                f"{MONEY}::test_a_returned_pix_is_held_no_more",
                f"{RULES}::test_of_two_transfers_the_one_that_was_given_back_has_to_be_named",
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
            says="Closes no payment that holds money.",
            operations=("cancelPayment",),
            statuses=(409,),
            here="A part of the amount, or money in another currency, is 409 `payment_holds_money`, and the error "
            "names what is held; a paid one is 409 `payment_already_paid`.",
            tests=(
                f"{MONEY}::test_a_payment_that_holds_money_is_not_cancelled",
                f"{RULES}::test_a_payment_that_holds_money_is_not_cancelled",
                "tests/e2e/test_corrections.py::test_a_paid_payment_is_not_cancelled",
            ),
        ),
        Claim(
            says='Gives `amount` back, or everything that is held with `{"all": true}`.',
            operations=("refundPayment",),
            asks=("amount", "all", "reason"),
            statuses=(400,),
            here="A body that says neither, or both, is 400 `amount_or_all`: nothing is ever taken for everything. "
            "`reason` is kept in the events.",
            tests=(
                ALL_BACK,
                "tests/e2e/test_corrections.py::test_a_wrong_refund_is_refused_and_moves_nothing",
                "tests/e2e/test_corrections.py::test_all_that_is_left_is_what_the_provider_says_though_a_part_went_back_unheard",
            ),
        ),
        Claim(
            says="Gives back of one attempt, or of each that holds money.",
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
            here="Where several attempts hold money, an amount without `mp_payment_id` is 400 `choose_attempt`, and "
            "the error lists them; all is given back of each attempt in the charge's currency.",
            tests=(
                ALL_BACK,
                f"{MONEY}::test_an_amount_of_several_attempts_has_to_name_one",
                f"{RULES}::test_giving_all_back_makes_a_refund_of_each_attempt_and_the_same_ones_when_asked_again",
                "tests/e2e/test_corrections.py::test_what_was_paid_twice_is_told_and_can_be_given_back",
            ),
        ),
        Claim(
            says="Waits for a refund that the provider has not made yet.",
            operations=("refundPayment",),
            statuses=(202, 409),
            here="It is answered with 202, and the monitor completes it. Another refund of the same amount is 409 "
            "`refund_in_progress` meanwhile.",
            tests=(
                f"{MONEY}::test_a_refund_that_waits_for_the_central_bank_is_accepted_and_completed_later",
                f"{RULES}::test_a_second_refund_like_one_in_process_is_refused_and_another_amount_is_not",
            ),
        ),
        Claim(
            says="Answers what was given back, and how the payment stands.",
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
            here="`refund_id` names all refunds of one request; under one `Idempotency-Key` they are made once.",
            tests=(
                ALL_BACK,
                "tests/e2e/test_corrections.py::test_refunds_in_parts_against_what_is_left",
                "tests/e2e/test_corrections.py::test_a_refund_asked_for_again_under_its_key_is_made_once",
            ),
        ),
    ),
)

DECISIONS: Final = Section(
    title="POST /payments/api/{payment_id}/accept/ and …/alerts/{alert}/resolve/",
    claims=(
        Claim(
            says="Takes late or short money as the payment.",
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
            here="The payment is approved with what is held. A second request answers the same; without money that is "
            "held it is 409 `nothing_to_accept`.",
            tests=(
                f"{MONEY}::test_a_late_pix_is_accepted",
                f"{RULES}::test_short_money_that_is_accepted_pays",
                f"{RULES}::test_there_has_to_be_money_to_accept",
                NOT_FOR_OTHERS,
            ),
        ),
        Claim(
            says="Closes an alert, with what the merchant did about it.",
            operations=("resolveAlert",),
            asks=("reason",),
            answers=("success", "payment_id", "alert", "alerts", "message"),
            statuses=(200, 400, 404),
            here="Another occurrence raises the alert again. A second request answers the same; an alert that the "
            "payment never had is 404 `alert_not_found`.",
            tests=(
                f"{MONEY}::test_an_alert_is_resolved",
                f"{RULES}::test_a_resolved_alert_is_raised_again_by_another_occurrence_only",
                NOT_FOR_OTHERS,
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
    sections=(CART, RETURN, EVENTS, CORRECTIONS, DECISIONS, ASSETS),
)
