"""What the Flask application offers that takes a Pix in real time."""

from __future__ import annotations

from typing import Final

from tests.compatibility.claim import Claim, Part, Section

CREATE: Final = Section(
    title="POST /payments/pix",
    claims=(
        Claim(
            says="The body holds `value`, in reais.",
            operations=("createPix",),
            asks=("value",),
            better="An amount is a whole number of centavos from end to end; one with a third decimal, zero, below "
            "zero or no number is refused with a code that says so.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_a_created_pix_is_the_references_sample_and_more",
                "tests/unit/test_money.py::test_every_amount_survives_the_journey_through_json",
                "tests/e2e/test_bad_input.py::test_a_pix_that_makes_no_sense_is_refused",
                "tests/e2e/test_bad_input.py::test_a_value_that_is_no_number_is_refused",
            ),
        ),
        Claim(
            says="The answer has `message` “The payment has been created.” and `payment`.",
            operations=("createPix",),
            answers=("message", "payment"),
            statuses=(201,),
            differs="A created Pix is answered with the status 201 and `Location`; the reference names no status.",
            tests=(
                "tests/e2e/test_pix.py::test_a_pix_is_created_in_the_references_shape",
                "tests/e2e/test_reference_answers.py::test_a_created_pix_is_the_references_sample_and_more",
            ),
        ),
        Claim(
            says="`payment.id` is a small number.",
            operations=("createPix",),
            answers=("payment.id",),
            tests=("tests/e2e/test_reference_answers.py::test_a_created_pix_is_the_references_sample_and_more",),
        ),
        Claim(
            says="`payment.value` is the value that was asked for.",
            operations=("createPix",),
            answers=("payment.value",),
            tests=("tests/e2e/test_reference_answers.py::test_a_created_pix_is_the_references_sample_and_more",),
        ),
        Claim(
            says="`payment.expiration_date` is when the charge expires.",
            operations=("createPix",),
            answers=("payment.expiration_date",),
            here="30 minutes later, unless another time is asked for.",
            better="Every time carries its offset (`-03:00`), where the reference's sample leaves open whose clock it "
            "is; after it, the charge is really closed.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_a_created_pix_is_the_references_sample_and_more",
                "tests/unit/test_payment.py::test_a_payment_expires_when_its_time_has_run_out",
            ),
        ),
        Claim(
            says="`payment.bank_payment_id` is the id by which the bank will speak of it.",
            operations=("createPix",),
            answers=("payment.bank_payment_id",),
            tests=("tests/e2e/test_pix.py::test_the_bank_confirms_and_repeating_it_changes_nothing",),
        ),
        Claim(
            says="`payment.qr_code` leads to the picture.",
            operations=("createPix",),
            answers=("payment.qr_code", "payment.qr_code_url"),
            here="`qr_code` is the name of the file, to be put after `/payments/pix/qr_code/`; `qr_code_url` is the "
            "whole address.",
            tests=("tests/e2e/test_qr.py::test_every_picture_of_a_pix_is_read_back_to_its_code",),
        ),
        Claim(
            says="A unique QR code that the payer can scan is generated.",
            operations=("createPix",),
            answers=("payload", "payment.payload"),
            better="A Pix's code is a BR Code by the manual (amount, key, receiver, city and txid in it), read back "
            "in tests by two parsers of others, and is answered as text too, to copy and paste.",
            tests=(
                "tests/e2e/test_qr.py::test_every_picture_of_a_pix_is_read_back_to_its_code",
                "tests/e2e/test_qr.py::test_every_kind_of_key_and_long_names_are_read_back",
                "tests/unit/test_brcode.py::test_pixcanvas_finds_every_written_code_valid_and_reads_the_same",
            ),
        ),
        Claim(
            says="The reference takes and answers nothing more.",
            operations=("createPix",),
            asks=(
                "padaria_slug",
                "description",
                "payer",
                "payer.email",
                "payer.name",
                "expires_in_minutes",
                "Idempotency-Key",
            ),
            answers=(
                "payment_url",
                "payment.status",
                "payment.payment_url",
                "payment.padaria_slug",
                "payment.description",
                "payment.created_at",
            ),
            here="Ours are: whose charge it is, what for, for whom and for how long; and under an `Idempotency-Key` "
            "the same request makes one charge, however often it is sent. Any other field is refused.",
            tests=(
                "tests/e2e/test_bad_input.py::test_what_is_wrong_with_a_pix_is_told_in_english",
                "tests/e2e/test_pix.py::test_the_same_key_and_body_give_the_same_answer",
                "tests/e2e/test_pix.py::test_the_same_key_with_another_body_is_refused",
                "tests/e2e/test_reference_answers.py::test_a_created_pix_is_the_references_sample_and_more",
            ),
        ),
        Claim(
            says="No error is documented.",
            operations=("createPix", "confirmPix"),
            answers=("message", "code"),
            statuses=(400, 401, 403, 413, 415, 503),
            here="Every error of these routes but the page's has an English `message`, as the reference's answers "
            "have, and a stable `code`; so has the 404 or 405 of any other address or method below `/payments/pix`.",
            tests=(
                "tests/e2e/test_bad_input.py::test_what_is_wrong_with_a_pix_is_told_in_english",
                "tests/e2e/test_bad_input.py::test_everything_below_pix_that_is_no_page_answers_in_its_shape",
                "tests/e2e/test_bad_input.py::test_a_wrong_idempotency_key_is_told_in_the_language_of_its_route",
                "tests/unit/gateway/test_sentences.py::test_what_both_kinds_of_routes_read_is_told_in_both_languages",
                "tests/e2e/test_bad_input.py::test_a_confirmation_of_nothing_is_refused",
                "tests/e2e/test_bad_input.py::test_a_pix_that_makes_no_sense_is_refused",
                "tests/e2e/test_bad_input.py::test_another_type_or_charset_is_refused",
                "tests/e2e/test_bad_input.py::test_without_a_key_nothing_is_told",
            ),
        ),
    ),
)

PICTURE: Final = Section(
    title="GET /payments/pix/qr_code/{file_name}",
    claims=(
        Claim(
            says="Gives the picture whose name the creation answered.",
            operations=("showPixPicture",),
            asks=("If-None-Match",),
            statuses=(200, 304),
            here="PNG, also with `.png` after the name; SVG with `.svg`.",
            better="A picture is drawn on the first request, once for all who ask, and may be kept for ever; creating "
            "a charge waits for none.",
            tests=(
                "tests/e2e/test_qr.py::test_every_picture_of_a_pix_is_read_back_to_its_code",
                "tests/e2e/test_qr.py::test_two_hundred_requests_at_once_draw_one_picture",
                "tests/e2e/test_qr.py::test_a_picture_that_the_caller_has_is_neither_sent_nor_drawn_again",
                "tests/e2e/test_qr.py::test_creating_a_charge_draws_nothing",
            ),
        ),
        Claim(
            says="The name is known to whoever created the charge.",
            operations=("showPixPicture",),
            statuses=(404,),
            better="The name of a picture cannot be guessed, and a part of it opens nothing.",
            tests=(
                "tests/e2e/test_pix.py::test_the_picture_is_drawn_once_and_may_be_kept",
                "tests/e2e/test_qr.py::test_no_other_name_than_the_whole_one_shows_a_picture",
            ),
        ),
    ),
)

CONFIRM: Final = Section(
    title="POST /payments/pix/confirmation",
    claims=(
        Claim(
            says="The body holds `bank_payment_id` and `value`.",
            operations=("confirmPix",),
            asks=("bank_payment_id", "value"),
            better="Only a key with the scope `confirm` may say that money arrived, only for its own merchant's "
            "charges. Another value than the charge's is answered with 400 and the code `wrong_amount`.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_only_a_key_that_may_confirm_does",
                "tests/e2e/test_pix.py::test_another_value_than_the_charges_is_refused_and_leaves_one_trace",
                "tests/e2e/test_tenancy.py::test_a_stranger_is_told_what_nobody_is_told",
                "tests/e2e/test_bad_input.py::test_a_confirmation_of_nothing_is_refused",
            ),
        ),
        Claim(
            says="The body holds nothing more.",
            operations=("confirmPix",),
            asks=("end_to_end_id", "paid_at", "horario"),
            here="With `end_to_end_id`, Pix's own name of a transfer, a code that was paid twice is told from a "
            "confirmation that is repeated, and the second payment is recorded. A transfer of another value is then "
            "held, and several that add up to the charge pay it. With `paid_at` (or `horario`) the confirmation counts "
            "by when the payer paid. Other fields are not read.",
            tests=(
                "tests/e2e/test_money_that_does_not_fit.py::test_a_short_pix_is_held_and_answered_as_before",
                "tests/unit/test_payment_money.py::test_a_transfer_of_another_value_is_held_once",
                "tests/e2e/test_pix.py::test_a_second_transfer_is_told_from_a_repeated_confirmation",
                "tests/e2e/test_pix.py::test_a_confirmation_tells_when_the_payer_paid",
                "tests/e2e/test_pix.py::test_a_time_of_payment_that_cannot_be_is_refused_and_confirms_nothing",
            ),
        ),
        Claim(
            says="The answer is `message` “The payment has been confirmed.”",
            operations=("confirmPix",),
            answers=("message",),
            statuses=(200,),
            better="Repeating a confirmation answers the same and changes nothing.",
            tests=("tests/e2e/test_pix.py::test_the_bank_confirms_and_repeating_it_changes_nothing",),
        ),
        Claim(
            says="The status in the database becomes paid.",
            operations=("confirmPix",),
            statuses=(409,),
            better="Money that was paid after the end of a charge is answered with 409 and the code `late_payment`. "
            "It is held, and pays once the merchant accepts it, or goes back to the payer. Money that was paid in time "
            "for a charge that the merchant has cancelled is taken, with an alert.",
            tests=(
                "tests/e2e/test_money_that_does_not_fit.py::test_a_late_pix_is_accepted",
                "tests/e2e/test_money_that_does_not_fit.py::test_a_returned_pix_is_held_no_more",
                "tests/unit/test_payment_money.py::test_a_late_pix_is_held_and_does_not_pay_until_it_is_accepted",
                "tests/e2e/test_pix.py::test_the_bank_confirms_and_repeating_it_changes_nothing",
                "tests/e2e/test_pix.py::test_a_pix_that_was_paid_in_time_is_approved_though_the_bank_tells_it_after_the_end",
                "tests/e2e/test_corrections.py::test_a_cancelled_direct_pix_that_was_paid_in_time_is_approved_and_alerts",
                "tests/unit/test_payment.py::test_a_late_confirmation_expires_the_payment_and_is_told",
            ),
        ),
    ),
)

PAGE: Final = Section(
    title="GET /payments/pix/{payment_id}",
    claims=(
        Claim(
            says="While it is not paid: a page with the payment and its QR code.",
            operations=("showPix",),
            statuses=(200,),
            here="With a countdown, the code as text and a button that copies it.",
            tests=(
                "tests/browser/test_pix_page.py::test_the_page_shows_what_is_to_be_paid_to_whom",
                "tests/browser/test_pix_page.py::test_a_camera_reads_the_code_from_the_screen",
            ),
        ),
        Claim(
            says="When it is paid: a page that says so.",
            operations=("showPix",),
            statuses=(200,),
            tests=(
                "tests/browser/test_pix_page.py::test_the_page_turns_by_itself_when_the_bank_confirms",
                "tests/browser/test_open_mode_pages.py::test_the_references_addresses_open_without_a_token_and_turn_by_themselves",
            ),
        ),
        Claim(
            says="The status on the page is updated in real time.",
            operations=("showPix",),
            better="Without a socket, without scripts and after the telephone slept the page of a Pix finds out all "
            "the same.",
            tests=(
                "tests/browser/test_pix_page.py::test_the_page_turns_by_itself_when_the_bank_confirms",
                "tests/browser/test_pix_page.py::test_without_a_socket_the_page_asks_and_turns_all_the_same",
                "tests/browser/test_pix_page.py::test_a_phone_that_slept_asks_the_server_how_much_time_is_left",
                "tests/browser/test_pix_page.py::test_without_scripts_the_page_is_whole_and_the_link_refreshes_it",
            ),
        ),
        Claim(
            says="The documentation is English, and names no text of the page.",
            operations=("showPix",),
            differs="The page of a Pix speaks Portuguese, for payers in Brazil read it; the other three routes answer "
            "in English.",
            tests=(
                "tests/browser/test_pix_page.py::test_the_page_shows_what_is_to_be_paid_to_whom",
                "tests/browser/test_every_page.py::test_everybody_can_read_the_page",
            ),
        ),
        Claim(
            says="Nothing is said of a payment that does not exist.",
            operations=("showPix",),
            statuses=(404,),
            better="The page of a missing payment has the status 404, and is the same for one that the caller may not "
            "see: the address needs the payer's token or a key.",
            tests=(
                "tests/e2e/test_pages.py::test_a_page_opens_for_its_token_only_and_denies_the_payment_otherwise",
                "tests/browser/test_every_page.py::test_everybody_can_read_the_page",
            ),
        ),
        Claim(
            says="Nothing is said of an expired charge.",
            operations=("showPix",),
            statuses=(410, 503),
            better="The page of an expired or cancelled charge shows no code any more, even where the network is away, "
            "and has the status 410.",
            tests=(
                "tests/browser/test_pix_page.py::test_at_zero_the_page_asks_the_server_and_turns",
                "tests/browser/test_pix_page.py::test_at_zero_the_code_is_gone_though_the_server_cannot_be_asked",
                "tests/browser/test_every_page.py::test_everybody_can_read_the_page",
            ),
        ),
    ),
)

SOCKET: Final = Section(
    title="Socket.IO",
    claims=(
        Claim(
            says="`connect` is triggered when a client connects.",
            here="Clients of version 3 and 4, by polling and WebSocket.",
            tests=(
                "tests/e2e/test_socket_io.py::test_the_client_of_npm_hears_by_polling_and_websocket",
                "tests/e2e/test_socket_io.py::test_clients_are_counted_and_forgotten",
            ),
        ),
        Claim(
            says="`disconnect` is triggered when a client disconnects.",
            tests=(
                "tests/e2e/test_socket_io.py::test_clients_are_counted_and_forgotten",
                "tests/e2e/test_socket_io.py::test_a_client_of_a_gateway_that_stops_comes_back_and_learns_what_it_missed",
            ),
        ),
        Claim(
            says="`payment-confirmed-{payment_id}` is emitted when a payment is confirmed.",
            operations=("payment-confirmed-{payment_id}",),
            answers=("payment_id", "status", "value", "paid_at"),
            here="It carries one argument, where the reference documents none, whose `paid_at` is in UTC; for payment "
            "links it is emitted too.",
            better="A payment is confirmed once, when what is held first reaches the charge: a part confirms nothing, "
            "and neither does a payment after a refund. A client that names its payment and connects too late is told "
            "at once, unless the money was given back since: a page that looks at nothing but the event does not come "
            "up as “paid” then. While a payment is disputed, `status` is `in_mediation`.",
            tests=(
                "tests/e2e/test_money_that_does_not_fit.py::test_a_payment_is_confirmed_once",
                "tests/unit/gateway/test_confirmations.py::test_a_payment_is_confirmed_once_when_it_first_becomes_approved",
                "tests/e2e/test_socket_io.py::test_a_merchants_client_hears_of_every_payment_that_is_confirmed",
                "tests/e2e/test_socket_io.py::test_a_repeated_confirmation_is_told_once",
                "tests/e2e/test_socket_io.py::test_who_connects_after_the_confirmation_is_told_at_once_and_once",
                "tests/e2e/test_socket_io.py::test_who_connects_after_a_refund_is_not_told_of_the_payment_that_is_gone",
                "tests/e2e/test_socket_io.py::test_who_connects_in_a_dispute_is_told_so",
                "tests/unit/gateway/test_confirmations.py::test_who_comes_late_is_told_only_while_the_money_is_there",
                "tests/e2e/test_socket_io.py::test_a_payment_link_that_is_paid_is_confirmed",
            ),
        ),
        Claim(
            says="Nothing is said of who hears it.",
            differs="A client of Socket.IO shows a key and hears of its merchant's payments, or a payer's token and "
            "hears of one; without either it is refused. In open mode it hears of all.",
            tests=(
                "tests/e2e/test_socket_io.py::test_another_merchant_hears_nothing_and_cannot_name_the_payment",
                "tests/e2e/test_socket_io.py::test_who_shows_nothing_or_nothing_good_is_refused",
                "tests/e2e/test_socket_io.py::test_in_open_mode_a_page_hears_without_a_key_and_foreign_pages_are_kept_out",
            ),
        ),
    ),
)

PART: Final = Part(
    title="Pix in real time",
    intro="Four routes, one of which is a page, and three events of Socket.IO. Its answers are English, and so are "
    "ours here.",
    sections=(CREATE, PICTURE, CONFIRM, PAGE, SOCKET),
)
