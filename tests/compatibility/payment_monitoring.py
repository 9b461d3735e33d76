"""What the interface offers that monitors Mercado Pago payment links."""

from __future__ import annotations

from typing import Final

from tests.compatibility.claim import Claim, Part, Section

LINK_SAMPLE: Final = "tests/e2e/test_reference_answers.py::test_a_generated_link_is_the_references_sample"
CHECK_SAMPLE: Final = "tests/e2e/test_reference_answers.py::test_a_checked_payment_is_the_references_sample"
LIST_SAMPLE: Final = "tests/e2e/test_reference_answers.py::test_a_list_is_the_references_sample"
SYNC_SAMPLE: Final = "tests/e2e/test_reference_answers.py::test_a_synchronisation_is_the_references_sample"
ERROR_SAMPLE: Final = "tests/e2e/test_reference_answers.py::test_an_error_is_the_references_sample_with_a_code"
TIMES: Final = (
    "tests/e2e/test_reference_answers.py"
    "::test_times_are_brasilias_on_the_references_routes_and_utc_where_events_are_told"
)
REFUSED_CHARGE: Final = (
    "tests/e2e/test_corrections.py::test_what_the_provider_refuses_is_told_with_its_reason_and_stays_listed"
)
COUNTED: Final = (
    "tests/e2e/test_reference_answers.py::test_a_synchronisation_counts_what_has_a_provider_to_ask_and_may_still_move"
)
IN_TIME: Final = (
    "tests/unit/gateway/test_sync_in_time.py"
    "::test_after_fifty_seconds_a_synchronisation_goes_on_without_those_who_did_not_answer"
)
LABELS: Final = "tests/e2e/test_reference_answers.py::test_every_status_has_the_references_label"
RETURN: Final = "tests/e2e/test_reference_answers.py::test_a_return_address_shows_what_is_true_whatever_status_it_names"
NOT_BELIEVED: Final = (
    "tests/browser/test_checkout_pages.py::test_what_the_return_address_says_of_the_payment_is_not_believed"
)
EVERY_PAGE: Final = "tests/browser/test_every_page.py::test_everybody_can_read_the_page"
MONITOR_ALONE: Final = (
    "tests/e2e/test_main_path.py::test_without_webhooks_the_monitor_alone_finds_the_payment_within_six_seconds"
)
WATCH_LOG: Final = "tests/integration/monitor/test_sweeps.py::test_the_log_tells_the_story_of_a_watch"
TWO_CARDS: Final = "tests/e2e/test_money_that_does_not_fit.py::test_two_cards_pay_one_charge_together"
TABLE: Final = "tests/unit/test_payment_money.py::test_status_detail_and_alerts_follow_from_the_money_that_is_held"
BOTH_CHECKS: Final = ("checkPayment", "checkPaymentByPost")
IN_PORTUGUESE: Final = ("error", "success")

GENERATE: Final = Section(
    title="POST /payments/api/generate-link/",
    claims=(
        Claim(
            says="Creates a payment link for an order of a padaria.",
            operations=("generateLink",),
            asks=("padaria_slug", "items", "items[].nome", "items[].quantidade", "items[].id"),
            statuses=(200,),
            here="The reference documents no body; it is the padaria's slug, and items by name and quantity. The "
            "reference's `id` of a product may stand beside its name, and is not read.",
            better="An order names products, whose prices the hub knows; one that makes no sense, or has a field that "
            "the hub does not know, is refused and leaves nothing behind.",
            tests=(
                LINK_SAMPLE,
                "tests/e2e/test_main_path.py::test_a_payment_on_the_providers_page_is_approved_everywhere",
                "tests/e2e/test_bad_input.py::test_an_order_that_makes_no_sense_is_refused",
                "tests/e2e/test_bad_input.py::test_an_unknown_field_of_an_order_is_named_with_the_nearest_known_one",
                "tests/e2e/test_bad_input.py::test_a_line_may_carry_the_references_number_of_its_product",
            ),
        ),
        Claim(
            says="Answers `success`, `payment_id`, `preference_id` and `external_reference`.",
            operations=("generateLink",),
            answers=("success", "payment_id", "preference_id", "external_reference"),
            differs="An `external_reference` is written `extrato_15_0123456789ab` and not `pandia_padaria_abc12345`, "
            "so that it carries the payment's number.",
            tests=(LINK_SAMPLE, "tests/unit/test_payment.py::test_identifiers_carry_the_payments_number"),
        ),
        Claim(
            says="`checkout_url` is Mercado Pago's own address.",
            operations=("generateLink",),
            answers=("checkout_url",),
            tests=(LINK_SAMPLE, "tests/conformance/test_providers.py::test_a_link_leads_to_a_page_that_can_be_paid"),
        ),
        Claim(
            says="`secure_checkout_url` is the address to hand to a payer: it looks first whether the link was paid.",
            operations=("generateLink",),
            answers=("secure_checkout_url",),
            better="Every address for a payer carries a token that opens this payment only; nobody walks through the "
            "payments of others by counting.",
            tests=(
                LINK_SAMPLE,
                "tests/e2e/test_main_path.py::test_the_safe_link_leads_to_the_checkout_until_it_is_paid",
                "tests/e2e/test_tenancy.py::test_a_payers_token_opens_its_own_payment_and_no_other",
            ),
        ),
        Claim(
            says="`status_check_url` is the address to ask for the status.",
            operations=("generateLink",),
            answers=("status_check_url",),
            here="It carries the payer's token too, so a page of the payer's can ask it without a key.",
            tests=(
                LINK_SAMPLE,
                "tests/e2e/test_tenancy.py::test_a_payers_token_opens_its_own_payment_and_no_other",
            ),
        ),
        Claim(
            says="`sandbox_url` is the address for trying it out.",
            operations=("generateLink",),
            answers=("sandbox_url",),
            here="It is null where Mercado Pago names none.",
            tests=(LINK_SAMPLE,),
        ),
        Claim(
            says="`title`, `total`, `items`, `description`, `status` “pending” and `created_at`.",
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
            differs="Times on the references' routes are written with Brasília's offset (`-03:00`) and microseconds, "
            "where the reference writes some in UTC; what tells events (a payment's `/events/`, `/ws` and Socket.IO) "
            "writes UTC, with `Z`.",
            tests=(
                LINK_SAMPLE,
                TIMES,
                "tests/e2e/test_socket_io.py::test_a_merchants_client_hears_of_every_payment_that_is_confirmed",
            ),
        ),
        Claim(
            says="The reference speaks of nothing more.",
            operations=("generateLink",),
            asks=(
                "items[].preco_unitario",
                "title",
                "description",
                "payer_email",
                "expires_in_minutes",
                "Idempotency-Key",
            ),
            here="Ours are: a price of its own for a line, texts, for whom and for how long (24 hours); and under an "
            "`Idempotency-Key` the same request makes one link, however often it is sent.",
            tests=(
                LINK_SAMPLE,
                "tests/e2e/test_pix.py::test_creations_with_one_key_at_once_make_one_payment",
            ),
        ),
    ),
)

ADDRESSES: Final = Section(
    title="Addresses",
    claims=(
        Claim(
            says="They end in a slash.",
            here="They are answered without it as well, and without a redirection that would lose a body.",
            tests=("tests/e2e/test_reference_answers.py::test_an_address_is_answered_without_its_last_slash_too",),
        ),
        Claim(
            says="A frontend calls them from pages of its own.",
            better="Those pages may lie at any origin, for no cookie counts here: they show a key, or open an address "
            "that carries a payer's token. Without keys they must be pages of the same machine.",
            tests=(
                "tests/browser/test_frontends_elsewhere.py::test_a_shop_elsewhere_orders_and_follows_with_its_key",
                "tests/browser/test_frontends_elsewhere.py::test_in_open_mode_a_shop_of_this_machine_needs_no_key",
                "tests/e2e/test_cross_origin.py::test_a_page_elsewhere_is_told_what_it_may_ask_for",
            ),
        ),
    ),
)

CHECK: Final = Section(
    title="GET and POST /payments/api/check/{payment_id}/",
    claims=(
        Claim(
            says="Asks Mercado Pago, and answers the newest status, by either method.",
            operations=BOTH_CHECKS,
            statuses=(200,),
            better="In each gateway, all who ask about one payment at once share one question, and what a check "
            "verified less than three seconds ago is not asked again.",
            tests=(
                CHECK_SAMPLE,
                "tests/e2e/test_monitoring.py::test_a_hundred_callers_share_one_question",
                "tests/integration/monitor/test_money_paths.py::test_what_a_check_verified_is_asked_again_after_three_seconds_and_not_before",
                "tests/e2e/test_monitoring.py::test_what_a_webhook_brought_is_told_before_the_provider_is_asked_again",
            ),
        ),
        Claim(
            says="`success`, `payment_id`, `mp_payment_id`, `preference_id`, `external_reference`.",
            operations=BOTH_CHECKS,
            answers=("success", "payment_id", "mp_payment_id", "preference_id", "external_reference"),
            tests=(CHECK_SAMPLE,),
        ),
        Claim(
            says="`status`, `status_detail`, `status_label`.",
            operations=BOTH_CHECKS,
            answers=("status", "status_detail", "status_label"),
            tests=(CHECK_SAMPLE, LABELS),
        ),
        Claim(
            says="`amount`, `description`, `checkout_url`, `padaria_name`.",
            operations=BOTH_CHECKS,
            answers=("amount", "description", "checkout_url", "padaria_name"),
            better="An amount is exact to the centavo. Less than the charge does not approve a payment unless the "
            "merchant accepts it, and money in another currency never does; several attempts that add up to the "
            "charge do.",
            tests=(CHECK_SAMPLE, TWO_CARDS, TABLE),
        ),
        Claim(
            says="Nothing is said of what became of the money.",
            operations=BOTH_CHECKS,
            answers=("held_amount", "refunded_amount", "disputed_amount"),
            better="`held_amount`, `refunded_amount` and `disputed_amount` tell what became of the money in the "
            "charge's currency. A refund counts as soon as it is made.",
            tests=(
                TWO_CARDS,
                TABLE,
                "tests/unit/test_payment_money.py::test_a_refund_counts_from_the_providers_time_until_the_provider_tells_of_it",
            ),
        ),
        Claim(
            says="Nothing is said of several attempts to pay one link.",
            operations=BOTH_CHECKS,
            answers=(
                "attempts",
                "attempts[].mp_payment_id",
                "attempts[].status",
                "attempts[].status_detail",
                "attempts[].amount",
                "attempts[].held_amount",
                "attempts[].refunded_amount",
                "attempts[].currency",
            ),
            here="`attempts` lists each attempt, in the order in which the hub saw them, with amounts in its own "
            "currency.",
            tests=(
                TWO_CARDS,
                "tests/unit/projections/test_payment_details.py::test_two_cards_that_pay_together_are_shown_with_what_is_held_of_each",
                "tests/unit/projections/test_payment_details.py::test_money_in_another_currency_is_shown_and_not_summed",
            ),
        ),
        Claim(
            says="`payer_email`.",
            operations=BOTH_CHECKS,
            answers=("payer_email",),
            differs="Whoever checks with a payer's token instead of a key is shown null for `payer_email`: an address "
            "may be forwarded.",
            tests=(
                CHECK_SAMPLE,
                "tests/e2e/test_tenancy.py::test_a_payer_sees_no_e_mail_and_nothing_of_the_merchants",
            ),
        ),
        Claim(
            says="`paid_at`, `created_at`, `updated_at`, with offset.",
            operations=BOTH_CHECKS,
            answers=("paid_at", "created_at", "updated_at"),
            tests=(CHECK_SAMPLE, TIMES),
        ),
        Claim(
            says="`synced` and `synced_at`: whether and when Mercado Pago was asked.",
            operations=BOTH_CHECKS,
            answers=("synced", "synced_at"),
            here="Of a Pix to the merchant's own key there is nobody to ask: `synced` is false and `synced_at` null.",
            better="When Mercado Pago does not answer, what is known is told with `synced` false, and the status is "
            "never guessed.",
            tests=(
                CHECK_SAMPLE,
                "tests/e2e/test_reference_answers.py::test_a_provider_that_does_not_answer_is_told_as_not_synced",
                "tests/e2e/test_reference_answers.py::test_nobody_is_asked_about_a_pix_to_the_merchants_key",
            ),
        ),
        Claim(
            says="`status_changed`: whether this question moved the payment.",
            operations=BOTH_CHECKS,
            answers=("status_changed",),
            tests=(CHECK_SAMPLE,),
        ),
        Claim(
            says="Nothing is said of money that is not where it should be.",
            operations=BOTH_CHECKS,
            answers=("alerts",),
            better="`alerts` names what the merchant has to look into, also in lists: too little, too much, a second "
            "or late payment, another currency, an approval or a refund that Mercado Pago takes back. An alert ends "
            "when the money fits again, or when the merchant resolves it.",
            tests=(
                TABLE,
                "tests/e2e/test_money_that_does_not_fit.py::test_an_alert_is_resolved",
                "tests/unit/projections/test_payment_details.py::test_an_alert_that_ended_or_was_resolved_is_not_told",
                "tests/e2e/test_corrections.py::test_what_was_paid_twice_is_told_and_can_be_given_back",
                "tests/unit/test_payment_corrections.py::test_money_that_is_not_where_it_should_be_alerts_once",
            ),
        ),
        Claim(
            says="404 “Pagamento 999 não encontrado”.",
            operations=BOTH_CHECKS,
            answers=(*IN_PORTUGUESE, "code"),
            statuses=(404,),
            here="A payment of another merchant is told like one that does not exist.",
            tests=(
                ERROR_SAMPLE,
                "tests/e2e/test_bad_input.py::test_a_question_about_nothing_is_answered_clearly",
                "tests/e2e/test_tenancy.py::test_a_stranger_is_told_what_nobody_is_told",
            ),
        ),
    ),
)

STATUSES: Final = Section(
    title="Statuses and their labels",
    claims=(
        Claim(says="`pending` is Pendente: waits to be paid.", label=("pending", "Pendente"), tests=(LABELS,)),
        Claim(says="`approved` is Aprovado: paid.", label=("approved", "Aprovado"), tests=(LABELS,)),
        Claim(
            says="`authorized` is Autorizado: not captured yet.", label=("authorized", "Autorizado"), tests=(LABELS,)
        ),
        Claim(
            says="`in_process` is Em Processamento: is being looked into.",
            label=("in_process", "Em Processamento"),
            better="`in_process` is not abandoned: pages wait and turn, synchronisations and monitors ask about it, "
            "and it expires only when it ended.",
            tests=(
                LABELS,
                "tests/browser/test_checkout_pages.py::test_a_card_under_review_waits_and_then_turns",
                "tests/integration/monitor/test_jobs.py::test_a_payment_with_an_attempt_in_flight_waits_and_keeps_nobody_waiting",
                "tests/e2e/test_reference_answers.py::test_a_synchronisation_asks_about_what_is_in_process_or_was_rejected",
            ),
        ),
        Claim(
            says="`rejected` is Rejeitado: refused.",
            label=("rejected", "Rejeitado"),
            better="`rejected` is one attempt, and does not close the link: the payer may try again on it, and is "
            "then approved.",
            tests=(
                LABELS,
                "tests/e2e/test_main_path.py::test_a_rejected_attempt_leaves_the_link_payable",
                "tests/browser/test_checkout_pages.py::test_a_refused_card_does_not_close_the_link",
            ),
        ),
        Claim(
            says="`cancelled` is Cancelado.",
            label=("cancelled", "Cancelado"),
            here="An expired payment is `cancelled` with `status_detail` “expired”.",
            tests=(LABELS, "tests/unit/test_payment.py::test_a_payment_expires_when_its_time_has_run_out"),
        ),
        Claim(
            says="`refunded` is Estornado: given back.",
            label=("refunded", "Estornado"),
            better="`approved` is not the end: refunds and disputes that follow are found too.",
            tests=(LABELS, "tests/unit/test_payment.py::test_a_full_refund_ends_the_payment"),
        ),
        Claim(
            says="Mercado Pago's `in_mediation` has no label.",
            label=("in_mediation", "Em Mediação"),
            better="`in_mediation` is Em Mediação.",
            tests=(LABELS, "tests/unit/test_payment.py::test_a_dispute_may_be_won"),
        ),
        Claim(
            says="Mercado Pago's `charged_back` has no label.",
            label=("charged_back", "Contestado"),
            better="`charged_back` is Contestado.",
            tests=(LABELS,),
        ),
        Claim(
            says="Nothing is said of a payment of which only a part has come.",
            better="A payment of which only a part has come stays `pending` with the `status_detail` “partially_paid”, "
            "or is `cancelled` with it once its time is over, until the rest comes, the part is given back, or the "
            "merchant accepts it. With money in another currency only, the `status_detail` is “other_currency”.",
            tests=(
                TABLE,
                TWO_CARDS,
                "tests/unit/test_payment_money.py::test_a_part_that_is_held_when_the_time_is_over_closes_as_partially_paid",
                "tests/unit/test_payment_money.py::test_a_part_that_went_back_leaves_a_payment_as_if_it_had_never_come",
            ),
        ),
        Claim(
            says="Nothing is said of an approval that Mercado Pago takes back.",
            better="The later word of Mercado Pago is believed, whatever it is; one that takes money away raises the "
            "alert `provider_contradicts`.",
            tests=(
                "tests/unit/test_payment.py::test_a_later_status_that_takes_money_away_is_believed_and_alerts",
                "tests/unit/test_payment.py::test_a_later_status_of_an_attempt_is_always_believed",
            ),
        ),
        Claim(
            says="A status that Mercado Pago invents later has none either.",
            better="A status that nobody knows is kept as it is, is Em Análise, and may be followed by anything.",
            tests=(
                "tests/unit/gateway/test_views.py::test_a_status_that_nobody_knows_has_a_label",
                "tests/unit/test_payment.py::test_a_status_that_is_not_known_is_recorded_and_may_be_followed_by_anything",
            ),
        ),
    ),
)

LIST: Final = Section(
    title="GET /payments/api/pending/",
    claims=(
        Claim(
            says="`padaria_slug` says whose payments.",
            operations=("listPayments",),
            asks=("padaria_slug",),
            statuses=(200, 400),
            tests=(LIST_SAMPLE, "tests/e2e/test_bad_input.py::test_a_question_about_nothing_is_answered_clearly"),
        ),
        Claim(
            says="`status` is `pending` (the default), `approved` or `all`.",
            operations=("listPayments",),
            asks=("status",),
            here="In small letters or capitals; an empty one is the default.",
            better="The payments of every status can be listed.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_the_status_of_a_list_may_be_written_in_capitals_or_left_empty",
                "tests/e2e/test_reference_answers.py::test_a_list_is_of_the_status_that_is_asked_for",
                "tests/e2e/test_reference_answers.py::test_a_list_holds_fifty_unless_another_limit_is_asked_for",
            ),
        ),
        Claim(
            says="`limit` is how many at most, 50 by default.",
            operations=("listPayments",),
            asks=("limit",),
            here="An empty one is the default.",
            differs="`limit` is a number from 1 to 1000, and anything else is refused with 400: every list has a "
            "bound.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_a_limit_of_a_thousand_is_taken",
                "tests/e2e/test_reference_answers.py::test_a_list_holds_fifty_unless_another_limit_is_asked_for",
                "tests/e2e/test_bad_input.py::test_a_question_about_nothing_is_answered_clearly",
            ),
        ),
        Claim(
            says="All payments of the padaria are listed.",
            operations=("listPayments",),
            here="Also those by Pix to the merchant's own key; `sync-pending` counts otherwise.",
            tests=(COUNTED,),
        ),
        Claim(
            says="`success`, `padaria`, `count`, `status_filter`, `payments`.",
            operations=("listPayments",),
            answers=("success", "padaria", "count", "status_filter", "payments"),
            here="The newest first.",
            differs="Lists, and the two routes that work on all open payments, go by what is made from the events and "
            "follows within a moment: a payment that was just created may be missing there, or have no "
            "`preference_id` yet. `check` is never behind.",
            tests=(
                LIST_SAMPLE,
                "tests/e2e/test_main_path.py::test_a_payment_on_the_providers_page_is_approved_everywhere",
            ),
        ),
        Claim(
            says="Each has `payment_id`, `mp_payment_id` (null before it is paid), `preference_id`, `status`, "
            "`status_label`, `amount`, `description`, `checkout_url`, `payer_email`, `paid_at` (null before it is "
            "paid) and `created_at`.",
            operations=("listPayments",),
            answers=(
                "payments[].payment_id",
                "payments[].mp_payment_id",
                "payments[].preference_id",
                "payments[].status",
                "payments[].status_label",
                "payments[].amount",
                "payments[].description",
                "payments[].checkout_url",
                "payments[].payer_email",
                "payments[].paid_at",
                "payments[].created_at",
                "payments[].alerts",
            ),
            tests=(
                LIST_SAMPLE,
                "tests/unit/projections/test_payment_details.py::test_an_opened_payment_is_pending_and_has_no_charge",
            ),
        ),
    ),
)

SYNC: Final = Section(
    title="POST /payments/api/sync-pending/",
    claims=(
        Claim(
            says="The body holds `padaria_slug`.",
            operations=("syncPending",),
            asks=("padaria_slug",),
            statuses=(200, 400),
            tests=(
                SYNC_SAMPLE,
                "tests/e2e/test_monitoring.py::test_what_does_not_exist_is_told_in_the_references_words",
            ),
        ),
        Claim(
            says="Asks Mercado Pago about all `pending` payments of a padaria.",
            operations=("syncPending",),
            better="A synchronisation asks about every payment that may still be paid or move, also one that is "
            "`in_process` or was `rejected`, and however many there are: there is no cap of 100.",
            tests=(
                "tests/e2e/test_monitoring.py::test_a_synchronisation_reaches_more_than_a_hundred_payments",
                "tests/e2e/test_reference_answers.py::test_a_synchronisation_asks_about_what_is_in_process_or_was_rejected",
            ),
        ),
        Claim(
            says="`success`, `padaria`, `synced_count`, `approved_count`, `total_pending`, `updated_payments`.",
            operations=("syncPending",),
            answers=("success", "padaria", "synced_count", "approved_count", "total_pending", "updated_payments"),
            here="`total_pending` counts what has a provider to ask and may still be paid or move: also what is "
            "`in_process` or was `rejected`, and no Pix to the merchant's own key.",
            better="`synced_count` counts what Mercado Pago really answered, within 50 seconds; the rest stays open "
            "and is asked about again.",
            tests=(
                SYNC_SAMPLE,
                COUNTED,
                IN_TIME,
                "tests/e2e/test_monitoring.py::test_a_provider_that_is_away_leaves_payments_unsynced_and_says_so",
            ),
        ),
        Claim(
            says="Each that moved has `payment_id`, `old_status`, `new_status`, `amount` and `description`.",
            operations=("syncPending",),
            answers=(
                "updated_payments[].payment_id",
                "updated_payments[].old_status",
                "updated_payments[].new_status",
                "updated_payments[].amount",
                "updated_payments[].description",
            ),
            tests=(
                SYNC_SAMPLE,
                "tests/e2e/test_monitoring.py::test_a_synchronisation_reaches_more_than_a_hundred_payments",
            ),
        ),
    ),
)

WEBHOOK: Final = Section(
    title="POST /webhooks/mercadopago/",
    claims=(
        Claim(
            says="Mercado Pago notifies of changes at this address.",
            operations=("receiveMercadoPago", "receiveMercadoPagoFor"),
            asks=("data.id", "type", "id", "topic"),
            answers=("success",),
            statuses=(200,),
            here="With the merchant's slug after it, it is that merchant's; without, the account that the "
            "notification names says whose it is.",
            better="What a webhook says is never believed: it is stored, answered, and the provider is asked. "
            "Repeated, shuffled and late ones change a status once.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_a_signed_webhook_at_the_references_address_is_looked_into",
                "tests/e2e/test_main_path.py::test_duplicated_and_shuffled_webhooks_change_a_status_once",
            ),
        ),
        Claim(
            says="Nothing is said of who may call it.",
            operations=("receiveMercadoPago", "receiveMercadoPagoFor"),
            asks=("x-signature", "x-request-id"),
            answers=(*IN_PORTUGUESE, "code"),
            statuses=(401,),
            better="A webhook must carry Mercado Pago's signature, not older than a quarter of an hour. What the "
            "signature does not cover is not believed: the id stands in the address, and a body that names another is "
            "refused. One of the formats without a signature (`?topic=payment&id=…`) is answered like any and moves "
            "nothing: with the slug after the address it is stored as what it is, without it is forgotten, for nothing "
            "says whose it is.",
            tests=(
                "tests/e2e/test_main_path.py::test_webhooks_with_a_bad_signature_change_nothing",
                "tests/e2e/test_bad_input.py::test_a_webhook_that_is_none_is_refused",
                "tests/e2e/test_bad_input.py::test_an_old_style_notification_is_taken_and_believed_by_nobody",
                "tests/e2e/test_webhook_proof.py::test_what_the_signature_does_not_cover_is_not_believed",
                "tests/unit/test_mercado_pago_webhook.py::test_a_delivery_is_believed_for_a_quarter_of_an_hour",
            ),
        ),
        Claim(
            says="Nothing is said of how Mercado Pago's panel tests it.",
            operations=("testMercadoPago", "testMercadoPagoFor"),
            answers=("success",),
            statuses=(200,),
            better="A GET of the panel, and a notification that has only a body, are answered 200; nothing is asked.",
            tests=("tests/e2e/test_webhook_proof.py::test_a_test_of_the_panel_is_answered_and_nothing_is_asked",),
        ),
        Claim(
            says="It is configured by itself when a link is generated, except on localhost.",
            operations=("generateLink",),
            differs="Each link names the address under `EXTRATO_PUBLIC_URL`, also on localhost: there the simulated "
            "Mercado Pago calls it.",
            tests=(
                "tests/unit/test_mercado_pago.py::test_a_preference_asks_for_the_order_in_reais_and_tells_where_to_go_and_what_to_notify",
                "tests/e2e/test_main_path.py::test_a_payment_on_the_providers_page_is_approved_everywhere",
            ),
        ),
    ),
)

SECURE: Final = Section(
    title="GET /payments/mp/pay/{payment_id}/ (`secure_checkout_url`)",
    claims=(
        Claim(
            says="1. Looks whether the payment was made.",
            operations=("goToCheckout",),
            better="The provider itself is asked before a checkout is opened, so nobody pays twice because a webhook "
            "was late; one that does not answer keeps nobody waiting.",
            tests=(
                "tests/browser/test_checkout_pages.py::test_a_link_that_was_paid_unheard_asks_before_it_opens",
                "tests/browser/test_checkout_pages.py::test_a_provider_that_does_not_answer_keeps_nobody_waiting",
            ),
        ),
        Claim(
            says="2. Paid: a page says that the payment was made already.",
            operations=("goToCheckout",),
            statuses=(200,),
            here="“Pagamento já realizado”.",
            tests=(
                "tests/e2e/test_main_path.py::test_the_safe_link_leads_to_the_checkout_until_it_is_paid",
                "tests/browser/test_checkout_pages.py::test_a_paid_link_is_not_opened_again",
            ),
        ),
        Claim(
            says="3. Expired or cancelled: a page says that the link expired.",
            operations=("goToCheckout",),
            statuses=(410,),
            here="“Link expirado”, or “Link cancelado”, with the status 410; “Conferindo o pagamento” in the hour "
            "after its end as long as the provider does not answer.",
            tests=(
                "tests/browser/test_checkout_pages.py::test_an_expired_link_says_so",
                "tests/browser/test_checkout_pages.py::test_a_link_is_not_called_expired_before_the_provider_has_told",
                "tests/browser/test_checkout_pages.py::test_a_cancelled_link_says_so",
            ),
        ),
        Claim(
            says="4. Pending: redirects to Mercado Pago's checkout.",
            operations=("goToCheckout",),
            statuses=(302,),
            better="A safe link also leads to the checkout after an attempt was rejected, for it may be tried again; "
            "not while a payment is under review or the merchant is having the link cancelled, so nobody pays twice.",
            tests=(
                "tests/e2e/test_main_path.py::test_the_safe_link_leads_to_the_checkout_until_it_is_paid",
                "tests/browser/test_checkout_pages.py::test_a_refused_card_does_not_close_the_link",
                "tests/browser/test_checkout_pages.py::test_a_link_under_review_leads_nobody_to_pay_a_second_time",
                "tests/browser/test_checkout_pages.py::test_a_wish_to_cancel_leads_nobody_to_pay",
            ),
        ),
        Claim(
            says="Nothing is said of a link of which a part was paid.",
            operations=("goToCheckout",),
            statuses=(200,),
            better="A link that holds a part of its amount, or disputed money, leads nobody to pay: the page tells how "
            "much has arrived and how much is missing.",
            tests=(
                TWO_CARDS,
                "tests/unit/gateway/test_pages.py::test_money_that_does_not_pay_leads_nobody_to_pay_whether_open_or_closed",
                "tests/unit/gateway/test_pages.py::test_a_page_tells_how_much_has_arrived_and_how_much_is_missing",
            ),
        ),
        Claim(
            says="Nothing is said of a payment that does not exist.",
            operations=("goToCheckout",),
            statuses=(404, 503),
            better="The safe link of a missing payment has the status 404, and so has one without the payer's token.",
            tests=(
                "tests/e2e/test_pages.py::test_a_page_opens_for_its_token_only_and_denies_the_payment_otherwise",
                EVERY_PAGE,
            ),
        ),
    ),
)

COME_BACK: Final = Section(
    title="GET /payments/mp/return/",
    claims=(
        Claim(
            says="`?status=approved&payment_id=X`: the payment was approved.",
            operations=("comeBack",),
            asks=("payment_id",),
            statuses=(200,),
            here="“Pagamento aprovado”.",
            tests=(
                RETURN,
                "tests/browser/test_checkout_pages.py::test_paying_at_the_checkout_leads_to_the_success_page",
            ),
        ),
        Claim(
            says="`?status=pending&payment_id=X`: it is pending.",
            operations=("comeBack",),
            here="“Aguardando a confirmação”, or “Pagamento em análise”.",
            tests=(
                RETURN,
                "tests/browser/test_checkout_pages.py::test_coming_back_pending_the_page_turns_when_it_is_paid",
            ),
        ),
        Claim(
            says="`?status=rejected&payment_id=X`: it was rejected.",
            operations=("comeBack",),
            here="“Pagamento não aprovado”, with the way to another try.",
            tests=(RETURN, "tests/browser/test_checkout_pages.py::test_a_refused_card_does_not_close_the_link"),
        ),
        Claim(
            says="1. Takes Mercado Pago's parameters.",
            operations=("comeBack",),
            asks=("external_reference", "t"),
            statuses=(404,),
            here="With an `external_reference`, `payment_id` is Mercado Pago's id of the attempt, as it sends it; "
            "without, it is the hub's own number, and needs the payer's token outside open mode.",
            tests=(
                "tests/browser/test_checkout_pages.py::test_paying_at_the_checkout_leads_to_the_success_page",
                "tests/browser/test_checkout_pages.py::test_the_return_page_is_found_by_number_and_token_too",
                "tests/e2e/test_pages.py::test_a_return_address_that_names_no_payment_is_answered_404",
            ),
        ),
        Claim(
            says="2. Updates the status in the database.",
            operations=("comeBack",),
            better="The return page never believes its address: it asks the provider and records the answer, whatever "
            "status the query claims.",
            tests=(
                "tests/e2e/test_main_path.py::test_the_return_page_asks_the_provider_and_not_its_address",
                NOT_BELIEVED,
                RETURN,
            ),
        ),
        Claim(
            says="3. Shows the page for success, pending or failure.",
            operations=("comeBack",),
            statuses=(503,),
            better="Whoever comes back from paying while the provider is slow or away is told that it is being looked "
            "into, and is not led to pay again.",
            tests=(
                EVERY_PAGE,
                RETURN,
                "tests/browser/test_checkout_pages.py::test_who_paid_and_comes_back_unheard_is_not_led_to_pay_again",
            ),
        ),
        Claim(
            says="4. A pending page asks every 5 seconds by itself.",
            operations=("comeBack",),
            better="A page that waits hears of the change at once over a socket, beside which it asks every 30 "
            "seconds, and every 5 seconds where there is none; the server writes every state, so it needs no script.",
            tests=(
                "tests/browser/test_checkout_pages.py::test_without_a_socket_the_page_asks_and_turns_all_the_same",
                "tests/browser/test_checkout_pages.py::test_beside_a_socket_the_page_asks_every_thirty_seconds",
                "tests/browser/test_checkout_pages.py::test_coming_back_pending_the_page_turns_when_it_is_paid",
                "tests/browser/test_checkout_pages.py::test_a_page_that_waits_needs_no_script_to_be_refreshed",
            ),
        ),
    ),
)

START: Final = Section(
    title="POST /payments/api/monitor/{payment_id}/start/",
    claims=(
        Claim(
            says="Starts the monitoring of a payment again, for example when the automatic one is over.",
            operations=("startMonitor",),
            statuses=(200, 404),
            tests=("tests/e2e/test_reference_answers.py::test_a_started_monitor_is_the_references_sample",),
        ),
        Claim(
            says="`success`, `payment_id`, `status`, `message` “Monitoramento iniciado”, `monitoring`.",
            operations=("startMonitor",),
            answers=("success", "payment_id", "status", "message", "monitoring"),
            better="A second start of a monitor that is on answers normally (“Monitoramento já estava ativo”), and a "
            "payment that needs none says so with `monitoring` false.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_a_started_monitor_is_the_references_sample",
                "tests/e2e/test_monitoring.py::test_a_second_start_of_a_watch_answers_normally",
                "tests/e2e/test_monitoring.py::test_a_paid_payment_is_not_watched",
            ),
        ),
    ),
)

MONITORS: Final = Section(
    title="GET /payments/api/monitors/",
    claims=(
        Claim(
            says="`success`, `active_count` and `payment_ids` of the payments that are being monitored.",
            operations=("listMonitors",),
            asks=("padaria_slug",),
            answers=("success", "active_count", "payment_ids"),
            statuses=(200,),
            better="The list of monitors tells of all processes and after a restart too, for a monitor is no thread "
            "but a fact in the log.",
            differs="A key sees its own merchant's monitors; `padaria_slug` narrows them down in open mode.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_the_active_monitors_are_the_references_sample",
                "tests/e2e/test_monitoring.py::test_a_second_start_of_a_watch_answers_normally",
                "tests/e2e/test_tenancy.py::test_a_list_holds_nothing_of_anothers",
                "tests/integration/monitor/test_process.py::test_a_new_monitor_takes_up_every_watch_of_a_killed_one",
            ),
        ),
    ),
)

START_ALL: Final = Section(
    title="POST /payments/api/monitors/start-all/",
    claims=(
        Claim(
            says="The body holds `padaria_slug`; monitors are started for all its pending payments.",
            operations=("startAllMonitors",),
            asks=("padaria_slug",),
            statuses=(200, 400),
            better="`start-all` watches every open payment, however many there are: there is no cap of 20.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_monitors_that_are_started_at_once_are_the_references_sample_without_its_cap",
                "tests/e2e/test_monitoring.py::test_what_does_not_exist_is_told_in_the_references_words",
            ),
        ),
        Claim(
            says="`success`, `padaria_slug` and `monitors_started`.",
            operations=("startAllMonitors",),
            answers=("success", "padaria_slug", "monitors_started"),
            here="Those that were on already are not counted.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_monitors_that_are_started_at_once_are_the_references_sample_without_its_cap",
                "tests/e2e/test_monitoring.py::test_watches_that_are_on_are_not_started_again",
            ),
        ),
    ),
)

ERRORS: Final = Section(
    title="Errors",
    claims=(
        Claim(
            says="404 “Pagamento 999 não encontrado”.",
            operations=("checkPayment", "checkPaymentByPost", "startMonitor"),
            answers=IN_PORTUGUESE,
            statuses=(404,),
            tests=(
                ERROR_SAMPLE,
                "tests/e2e/test_monitoring.py::test_what_does_not_exist_is_told_in_the_references_words",
            ),
        ),
        Claim(
            says="400 “Padaria 'slug-invalido' não encontrada”.",
            operations=("generateLink", "listPayments", "syncPending", "startAllMonitors"),
            answers=IN_PORTUGUESE,
            statuses=(400,),
            tests=(
                ERROR_SAMPLE,
                "tests/e2e/test_monitoring.py::test_what_does_not_exist_is_told_in_the_references_words",
            ),
        ),
        Claim(
            says="400 “Mercado Pago não configurado para esta padaria”.",
            operations=("generateLink", "syncPending", "startAllMonitors"),
            answers=IN_PORTUGUESE,
            statuses=(400,),
            tests=(ERROR_SAMPLE,),
        ),
        Claim(
            says="A body has `success` false and `error`.",
            operations=("generateLink", "checkPayment", "listPayments", "syncPending", "startMonitor"),
            answers=(*IN_PORTUGUESE, "code"),
            statuses=(401, 403, 503),
            here="The sentence is Portuguese.",
            better="Every error has a stable `code` for programs beside the sentence for people; what will go well "
            "later says after how many seconds (`Retry-After`).",
            tests=(
                ERROR_SAMPLE,
                "tests/unit/gateway/test_sentences.py::test_every_error_from_far_away_has_a_portuguese_sentence",
                "tests/unit/gateway/test_sentences.py::test_every_wrong_amount_has_a_portuguese_sentence",
                "tests/e2e/test_corrections.py::test_a_wrong_refund_is_refused_and_moves_nothing",
                "tests/e2e/test_bad_input.py::test_a_wrong_idempotency_key_is_told_in_the_language_of_its_route",
                "tests/e2e/test_bad_input.py::test_a_question_about_nothing_is_answered_clearly",
                "tests/e2e/test_bad_input.py::test_without_a_key_nothing_is_told",
                "tests/e2e/test_crashes.py::test_while_the_database_is_away_everything_is_answered_503_and_goes_on_afterwards",
            ),
        ),
        Claim(
            says="Nothing is said of what Mercado Pago refuses.",
            operations=("generateLink",),
            answers=IN_PORTUGUESE,
            statuses=(502,),
            better="A charge that Mercado Pago refuses is answered with 502 and its own sentence, and its payment "
            "stays listed: it is `cancelled`, with the `status_detail` “charge_refused”.",
            tests=(REFUSED_CHARGE,),
        ),
        Claim(
            says="Nothing is said of how often one may ask.",
            operations=("generateLink", "checkPayment", "syncPending"),
            statuses=(429,),
            differs="Whoever asks too often is answered 429 with `Retry-After`; a page that asks every 5 seconds is "
            "far from it.",
            tests=("tests/e2e/test_limits.py::test_each_limit_is_told_with_when_to_come_again",),
        ),
        Claim(
            says="Nothing is said of who may ask.",
            differs="A key is needed, and opens its own merchant only; open mode is for one machine, and refuses the "
            "pages of others with the code `foreign_page`.",
            tests=(
                "tests/e2e/test_tenancy.py::test_without_a_key_there_is_nothing_either",
                "tests/e2e/test_open_mode.py::test_open_mode_answers_this_machine_and_no_foreign_page",
            ),
        ),
    ),
)

AUTOMATIC: Final = Section(
    title="The automatic monitor",
    claims=(
        Claim(
            says="It starts by itself when a link is created.",
            operations=("generateLink",),
            here="A `WatchStarted` event, together with the charge.",
            tests=(
                "tests/e2e/test_reference_answers.py::test_a_link_is_watched_for_ten_minutes_from_its_creation",
                "tests/unit/test_payment.py::test_a_charge_is_recorded_and_watched",
            ),
        ),
        Claim(
            says="It asks every 5 seconds, with `GET /v1/payments/search?external_reference=…`.",
            better="One search of the monitor asks about all payments of an account, so a thousand links cost as many "
            "questions as one, and the provider's wish to slow down is obeyed, by everybody who asks.",
            tests=(
                "tests/conformance/test_providers.py::test_while_it_wants_to_be_left_alone_only_others_ask",
                MONITOR_ALONE,
                "tests/unit/monitor/test_schedule.py::test_the_beat_of_a_lane_counts_the_time_that_the_sweep_took",
                "tests/integration/monitor/test_sweeps.py::test_one_question_finds_every_payment_of_the_account",
                "tests/integration/monitor/test_sweeps.py::test_a_provider_that_says_slow_down_is_left_alone_for_so_long",
            ),
        ),
        Claim(
            says="When the payment is approved, its status is updated by itself.",
            tests=(
                MONITOR_ALONE,
                "tests/integration/monitor/test_monitor.py::test_a_payment_is_found_within_six_seconds_without_any_webhook",
            ),
        ),
        Claim(
            says="It stops after 10 minutes.",
            better="Whoever pays later is found all the same: after the ten minutes the account is asked every five "
            "minutes for as long as something can be paid.",
            tests=(
                "tests/integration/monitor/test_sweeps.py::test_a_watch_ends_after_ten_minutes_and_the_slow_lane_goes_on",
                "tests/unit/monitor/test_schedule.py::test_the_slow_lane_always_asks_for_the_whole_age",
            ),
        ),
        Claim(
            says="It stops at a final status: approved, rejected or cancelled.",
            differs="A monitor stops when the payment can be paid no more; after `rejected` it goes on, because the "
            "link can be tried again.",
            tests=(
                "tests/e2e/test_monitoring.py::test_a_paid_payment_is_not_watched",
                "tests/unit/test_payment.py::test_what_cannot_be_paid_any_more_is_not_watched",
                "tests/e2e/test_reference_answers.py::test_a_rejected_payment_is_still_watched",
            ),
        ),
        Claim(
            says="It stops when the payment does not exist any more.",
            differs="No payment ever goes away: it is a stream of events that is never deleted.",
            tests=("tests/e2e/test_crashes.py::test_a_process_that_is_killed_in_the_middle_loses_nothing",),
        ),
        Claim(
            says="It is a thread in the background.",
            better="A monitor outlives a process that is killed: its ticks are taken up by another process, or by the "
            "next.",
            tests=(
                "tests/integration/monitor/test_process.py::test_when_a_monitor_is_killed_the_other_one_takes_up_every_watch",
                "tests/integration/monitor/test_process.py::test_a_new_monitor_takes_up_every_watch_of_a_killed_one",
            ),
        ),
    ),
)

LOG_LINES: Final = Section(
    title="The monitor's log lines",
    claims=(
        Claim(
            says="INFO “Monitor iniciado para pagamento 15”.",
            here="`watch_started` with `payment_id`, when a monitor first asks about it; `watch_taken_over` where "
            "another process did before.",
            differs="Log lines are English facts with fields, one JSON object each, at the reference's levels. A "
            "payment whose end is known before the monitor's first question has none: its timeline tells all.",
            tests=(
                WATCH_LOG,
                "tests/integration/monitor/test_watch_log.py::test_a_watch_that_another_process_began_is_told_to_be_taken_over",
                "tests/integration/monitor/test_watch_log.py::test_a_payment_whose_end_is_known_before_the_first_question_has_no_lines",
            ),
        ),
        Claim(
            says="DEBUG “Monitor 15: verificação #1”.",
            here="`watch_check` with `payment_id` and `number`.",
            tests=(WATCH_LOG, "tests/unit/monitor/test_schedule.py::test_checks_are_counted_by_the_clock"),
        ),
        Claim(
            says="INFO “Monitor 15: status mudou pending -> approved”.",
            here="`status_changed` with `payment_id`, `previous` and `status`, of what the monitor itself found.",
            differs="What a webhook or a check found is no log line of the monitor's; who found it stands in the "
            "payment's timeline.",
            tests=(
                WATCH_LOG,
                "tests/integration/monitor/test_watch_log.py::test_a_change_that_somebody_else_found_is_told_by_the_timeline_and_not_by_the_log",
            ),
        ),
        Claim(
            says="INFO “Monitor 15: status final approved, parando”.",
            here="`watch_stops` with `payment_id` and `final_status`.",
            better="The log tells the end of a monitor also when somebody else brought it about, such as a webhook.",
            tests=(
                WATCH_LOG,
                "tests/integration/monitor/test_sweeps.py::test_the_log_tells_the_end_of_a_watch_that_somebody_else_brought_about",
            ),
        ),
        Claim(
            says="INFO “Monitor 15: finalizado após 3 verificações”.",
            here="`watch_finished` with `payment_id` and `checks`.",
            tests=(WATCH_LOG,),
        ),
    ),
)

FLOWS: Final = Section(
    title="The recommended flows of a frontend",
    claims=(
        Claim(
            says="Option 1: poll `check` every 5 seconds until `approved`, `rejected` or `cancelled`, for 10 minutes.",
            operations=("checkPayment",),
            here="The snippet runs as it stands. It stops at `rejected`, after which the link can still be paid here.",
            tests=("tests/browser/test_open_mode_pages.py::test_the_references_polling_snippet_sees_the_approval",),
        ),
        Claim(
            says="Option 2: call `sync-pending` every 30 seconds and look at `approved_count` and `updated_payments`.",
            operations=("syncPending",),
            here="The snippet runs as it stands. There as here, it is told only of what its own question moved; "
            "whoever wants to be told of everything listens to a socket.",
            tests=("tests/e2e/test_reference_answers.py::test_the_references_batch_snippet_notices_an_approval",),
        ),
        Claim(
            says="Four ways to monitor: automatic, by webhook, by polling, in bulk.",
            better="The four ways to monitor end in the same question to the provider, and a fact is recorded once, "
            "however many of them find it.",
            tests=(
                MONITOR_ALONE,
                "tests/e2e/test_main_path.py::test_duplicated_and_shuffled_webhooks_change_a_status_once",
                "tests/e2e/test_corrections.py::test_a_paid_cart_is_approved_once_however_it_was_charged",
            ),
        ),
    ),
)

PART: Final = Part(
    title="Monitoring of payment links",
    intro="Routes under `/payments/api/` and `/payments/mp/`, the webhook, and a monitor in the background. Its texts "
    "are Portuguese, and so are ours here.",
    sections=(
        ADDRESSES,
        GENERATE,
        CHECK,
        STATUSES,
        LIST,
        SYNC,
        WEBHOOK,
        SECURE,
        COME_BACK,
        START,
        MONITORS,
        START_ALL,
        ERRORS,
        AUTOMATIC,
        LOG_LINES,
        FLOWS,
    ),
)
